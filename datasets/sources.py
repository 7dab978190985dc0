"""Sources of pairs: BBQ, the embedded pairs, a file, or the authors' gated dataset."""

import dataclasses
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from misfire.datasets import bbq
from misfire.datasets.embedded.generate import generate_pairs
from misfire.datasets.hub import COMMIT, GatedError, HubError, dataset_rows
from misfire.datasets.pair_files import CONTROL_COLUMNS, parse_records, read_pairs
from misfire.datasets.pairs import Pair, pair_set_hash
from misfire.datasets.repaired import PER_SCENARIO, build_repaired_pairs
from misfire.datasets.sampling import match_categories, select_categories
from misfire.datasets.user_paths import user_path
from misfire.datasets.veto_pairs import build_pairs
from misfire.errors import InputError, Setting

__all__ = ["PairSet", "PairSettings", "load_pairs"]

Source = Literal["bbq", "embedded", "file", "hub"]
"""``bbq``: the benchmark, built from BBQ; ``embedded``: misfire's own pairs; ``file``: a pair file;
``hub``: the authors' dataset."""

SOURCES: tuple[Source, ...] = ("bbq", "embedded", "file", "hub")

Edition = Literal["published", "repaired"]
"""How pairs are built from BBQ. ``published``: the benchmark with its faults; ``repaired``: minimal pairs
with cleft questions."""

EDITIONS: tuple[Edition, ...] = ("published", "repaired")

AUTHORS_DATASET = "MichiganNLP/misfired-alignment"
"""The authors' dataset on the Hugging Face hub. Users must request access to it."""

WHERE_COMMITS_ARE = f"the 40 digits under 'Files and versions', 'History' on the page of {AUTHORS_DATASET}"
"""Where users find the commits of the authors' dataset, for messages."""

EMBEDDED_PAIRS = Path(__file__).parent / "embedded" / "pairs.jsonl"


@dataclass(frozen=True)
class PairSet:
    """Pairs and their provenance.

    Attributes:
        pairs: The pairs, in order.
        source: Kind of source.
        origin: The file, folder or dataset in words, without its location on this machine.
        unverified: Names of BBQ files that differ from the official ones.
        edition: How the pairs were built from BBQ; None for pairs from other sources.
    """

    pairs: tuple[Pair, ...]
    source: Source
    origin: str
    unverified: tuple[str, ...] = field(default=())
    edition: Edition | None = None

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all pairs. Equal hashes mean equal questions."""
        return pair_set_hash(self.pairs)

    def replace(self, pairs: Sequence[Pair]) -> "PairSet":
        """Return other pairs, for example a subset, with the same provenance."""
        return dataclasses.replace(self, pairs=tuple(pairs))


@dataclass(frozen=True)
class PairSettings:
    """Which pairs to load. The parameters of tasks and the options of ``misfire pairs`` have the same names.

    Attributes:
        source: Where pairs come from.
        categories: Load only these categories; empty for all.
        bbq_dir: Folder with BBQ's JSONL files (source ``bbq``). None to read them from the Hugging Face hub.
        path: Pair file (source ``file``).
        revision: Commit of the authors' dataset, in full, which pins the pairs (source ``hub``).
        allow_unverified: Accept BBQ files that differ from the official ones (source ``bbq``).
        edition: How pairs are built (source ``bbq``).
        per_scenario: Largest number of pairs from each scenario (edition ``repaired``); 20 if None.
        seed: Seed of the draw of pairs within scenarios (edition ``repaired``).
        controls: Load the controls of each pair (sources ``bbq`` and ``embedded``, and ``file`` if the file
            has them).

    Raises:
        InputError: A value is wrong, or a parameter does not belong to the source.
    """

    source: Source = "bbq"
    _: KW_ONLY
    categories: Sequence[str] = ()
    bbq_dir: str | None = None
    path: str | None = None
    revision: str | None = None
    allow_unverified: bool = False
    edition: Edition = "published"
    per_scenario: int | None = None
    seed: int = 1
    controls: bool = False

    def __post_init__(self) -> None:
        _check_source(self)
        _check_edition(self)
        _check_revision(self.source, self.revision)


def load_pairs(settings: PairSettings) -> PairSet:
    """Load the pairs of a source.

    Args:
        settings: Which pairs.

    Returns:
        The pairs and their provenance.

    Raises:
        InputError: The pairs cannot be read or used, or a category does not exist.
    """
    match settings.source:
        case "bbq":
            return _bbq_pairs(settings)
        case "embedded":
            pairs = _embedded_pairs(settings.controls)
            origin = "misfire's embedded pairs"
        case "file":
            file = user_path(settings.path or "")
            pairs, origin = _file_pairs(file, settings.controls), file.name
        case "hub":
            revision = str(settings.revision)
            pairs, origin = _authors_pairs(revision), f"{AUTHORS_DATASET} at {revision}"
    if settings.categories:
        pairs = select_categories(pairs, settings.categories)
    return PairSet(tuple(pairs), settings.source, origin)


@cache
def _embedded_pairs(controls: bool) -> tuple[Pair, ...]:
    """Return the embedded pairs. They are read or generated once, since an evaluation set has many tasks."""
    return tuple(generate_pairs(controls=True) if controls else read_pairs(EMBEDDED_PAIRS))


_BELONGS_TO: dict[str, Source] = {
    "bbq_dir": "bbq",
    "allow_unverified": "bbq",
    "path": "file",
    "revision": "hub",
}
"""The source that a parameter belongs to."""


# The checks below take values as objects, because the command line gives values of any type.


def _check_source(settings: PairSettings) -> None:
    source = settings.source
    if source not in SOURCES:
        raise InputError(f"source: '{source}' is not a source of pairs. Available: {', '.join(SOURCES)}.")
    _check_flag("allow_unverified", settings.allow_unverified)
    if source == "file" and settings.path is None:
        raise InputError(
            "source=file requires a file:",
            advice="{} (pairs as JSONL, Parquet, or the authors' JSON).",
            settings=[Setting("path", "FILE")],
        )
    _check_text(settings.revision)
    for name, fitting in _BELONGS_TO.items():
        value: object = getattr(settings, name)
        if value is not None and value is not False and source != fitting:
            raise InputError(f"{name} requires source={fitting}, {_not_for(source)}")


def _not_for(source: object) -> str:
    return f"but source={source} was given. Omit one of them."


def _check_edition(settings: PairSettings) -> None:
    source, edition, per_scenario = settings.source, settings.edition, settings.per_scenario
    if edition not in EDITIONS:
        known = ", ".join(EDITIONS)
        raise InputError(f"edition: '{edition}' is not an edition of the pairs. Available: {known}.")
    if edition == "repaired" and source != "bbq":
        raise InputError(f"edition=repaired requires source=bbq, {_not_for(source)}")
    if per_scenario is not None and edition != "repaired":
        problem = f"but edition={edition} was given. Omit per_scenario."
        raise InputError(f"per_scenario requires source=bbq and edition=repaired, {problem}")
    if per_scenario is not None and not (_is_whole(per_scenario) and per_scenario >= 1):
        raise InputError(f"per_scenario: {per_scenario!r} is not an integer of at least 1.")
    if not _is_whole(settings.seed):
        raise InputError(f"seed: {settings.seed!r} is not an integer.", parameter="seed")
    _check_flag("controls", settings.controls)
    if settings.controls and source == "hub":
        raise InputError(
            "the authors' dataset has no controls, and its pairs do not contain the other person's name.",
            parameter="controls",
            advice="Build the same pairs with controls from BBQ with {} {}.",
            settings=[Setting("source", "bbq"), Setting("controls", "true")],
        )


def _check_text(revision: object) -> None:
    if revision is not None and not isinstance(revision, str):
        raise InputError(
            f"revision: the command line reads {revision!r} as a number.",
            parameter="revision",
            advice="Put it in additional quotes: {}.",
            settings=[Setting("revision", f"'\"{revision}\"'")],
        )


def _check_revision(source: str, revision: object) -> None:
    if source == "hub" and not COMMIT.fullmatch(str(revision)):
        raise InputError(
            f"source=hub requires a pinned revision, so that the run can be repeated (got {revision!r}):",
            parameter="revision",
            advice="{}, " + WHERE_COMMITS_ARE + ".",
            settings=[Setting("revision", "COMMIT")],
        )


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InputError(f"{name}: {value!r} is neither true nor false.")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _bbq_pairs(settings: PairSettings) -> PairSet:
    names = match_categories(settings.categories, bbq.CATEGORIES) if settings.categories else bbq.CATEGORIES
    folder = None if settings.bbq_dir is None else user_path(settings.bbq_dir)
    files = bbq.read_bbq(names, bbq_dir=folder, allow_unverified=settings.allow_unverified)
    place = f"{bbq.HUB_DATASET}@{bbq.HUB_REVISION}" if folder is None else "a local folder"
    origin = f"BBQ from {place}"
    match settings.edition:
        case "published":
            pairs = build_pairs(files, controls=settings.controls)
        case "repaired":
            most, seed = settings.per_scenario or PER_SCENARIO, settings.seed
            pairs = build_repaired_pairs(files, per_scenario=most, seed=seed, controls=settings.controls)
            origin += f", repaired edition (at most {most} pairs a scenario, seed {seed})"
    unverified = tuple(file.category for file in files if not file.official)
    return PairSet(tuple(pairs), "bbq", origin, unverified, settings.edition)


def _file_pairs(file: Path, controls: bool) -> list[Pair]:
    """Read the pairs of a file, with controls only if they are requested."""
    pairs = read_pairs(file)
    if not controls:
        return [
            pair if pair.controls is None else pair.model_copy(update={"controls": None}) for pair in pairs
        ]
    if bare := [pair.id for pair in pairs if pair.controls is None]:
        raise InputError(
            f"{file}: controls were requested, but {len(bare)} of {len(pairs)} pairs have none (the first: "
            f"'{bare[0]}').",
            parameter="controls",
            advice=f"Add the columns {', '.join(CONTROL_COLUMNS)} to every record, or omit "
            "{}. `misfire pairs --controls` writes BBQ's or the embedded pairs with controls.",
            settings=[Setting("controls", "true")],
        )
    return pairs


def _authors_pairs(revision: str) -> list[Pair]:
    try:
        records = dataset_rows(AUTHORS_DATASET, revision)
    except GatedError as error:
        raise InputError(
            f"The authors' dataset {AUTHORS_DATASET} is gated, or this revision does not exist. Request "
            "access on its page on the Hugging Face Hub, create an access token there, log in with `hf "
            "auth login` (or set HF_TOKEN), and try again.",
            advice="Use {} to build the same pairs from BBQ, which needs no access.",
            settings=[Setting("source", "bbq")],
        ) from error
    except HubError as error:
        raise InputError(
            f"The authors' dataset {AUTHORS_DATASET} could not be loaded: {error}",
            advice="To work without a network, use {}, or {} {} with BBQ's JSONL files.",
            settings=[Setting("source", "embedded"), Setting("source", "bbq"), Setting("bbq_dir", "FOLDER")],
        ) from error
    return parse_records(AUTHORS_DATASET, iter(records))
