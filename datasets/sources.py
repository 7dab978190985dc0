"""Load the pairs of a run: from BBQ, the embedded pairs, a file, or the authors' gated dataset."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
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

__all__ = ["PairSet", "load_pairs"]

Source = Literal["bbq", "embedded", "file", "hub"]
"""``bbq``: the benchmark, built from BBQ. ``embedded``: our own pairs. ``file``: the user's file. ``hub``:
the authors' dataset."""

SOURCES: tuple[Source, ...] = ("bbq", "embedded", "file", "hub")

Edition = Literal["published", "repaired"]
"""How pairs are built from BBQ. ``published``: the benchmark with its errors. ``repaired``: minimal pairs
with cleft questions."""

EDITIONS: tuple[Edition, ...] = ("published", "repaired")

AUTHORS_DATASET = "MichiganNLP/misfired-alignment"
"""The authors' dataset on the Hugging Face Hub. Users must request access."""

EMBEDDED_PAIRS = Path(__file__).parent / "embedded" / "pairs.jsonl"


@dataclass(frozen=True)
class PairSet:
    """Pairs with their provenance.

    Attributes:
        pairs: The pairs, in order.
        source: The type of source.
        origin: Description of the file, folder or dataset, without local paths.
        unverified: Names of BBQ files that are not the official ones.
        edition: How the pairs were built from BBQ, or None for other sources.
    """

    pairs: tuple[Pair, ...]
    source: Source
    origin: str
    unverified: tuple[str, ...] = field(default=())
    edition: Edition | None = None

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all pairs. Equal hashes mean equal questions."""
        return pair_set_hash(self.pairs)

    def replace(self, pairs: Sequence[Pair]) -> "PairSet":
        """Return a copy with other pairs, for example a subset, and the same provenance."""
        return dataclasses.replace(self, pairs=tuple(pairs))


def load_pairs(
    source: Source = "bbq",
    *,
    categories: Sequence[str] = (),
    bbq_dir: str | None = None,
    path: str | None = None,
    revision: str | None = None,
    allow_unverified: bool = False,
    edition: Edition = "published",
    per_scenario: int | None = None,
    seed: int = 1,
    controls: bool = False,
) -> PairSet:
    """Load the pairs of a source.

    Args:
        source: The source.
        categories: Only these categories. Empty selects all.
        bbq_dir: Folder with BBQ's JSONL files (source ``bbq``). None downloads them from the Hugging Face
            Hub.
        path: The file (source ``file``).
        revision: Full commit hash of the authors' dataset, so that later runs get the same pairs (source
            ``hub``).
        allow_unverified: Whether BBQ files may differ from the official ones (source ``bbq``).
        edition: The construction of the pairs (source ``bbq``).
        per_scenario: Maximum number of pairs per scenario (edition ``repaired``). None means the default, 20.
        seed: Random seed for drawing these pairs.
        controls: Whether to include the controls (sources ``bbq``, ``embedded``, and ``file`` if the file has
            them).

    Returns:
        The pairs with their provenance.

    Raises:
        InputError: A parameter does not match the source, or the pairs cannot be loaded.
    """
    _check_parameters(source, bbq_dir=bbq_dir, path=path, revision=revision, allow_unverified=allow_unverified)
    _check_edition(source, edition, per_scenario, controls)
    _check_revision(source, revision)
    match source:
        case "bbq":
            return _bbq_pairs(categories, bbq_dir, allow_unverified, edition, per_scenario or PER_SCENARIO, seed, controls)
        case "embedded":
            pairs, origin = generate_pairs(controls=True) if controls else read_pairs(EMBEDDED_PAIRS), "misfire's embedded pairs"
        case "file":
            file = user_path(path or "")
            pairs, origin = _file_pairs(file, controls), file.name
        case "hub":
            pairs, origin = _authors_pairs(str(revision)), f"{AUTHORS_DATASET} at {revision}"
    return PairSet(tuple(select_categories(pairs, categories) if categories else pairs), source, origin)


def _check_parameters(source: str, *, bbq_dir: str | None, path: str | None, revision: str | None, allow_unverified: bool) -> None:
    if source not in SOURCES:
        raise InputError(f"source: '{source}' is not a source of pairs. Available: {', '.join(SOURCES)}.")
    if not isinstance(allow_unverified, bool):  # pyright: ignore[reportUnnecessaryIsInstance] (the command line passes any type)
        raise InputError(f"allow_unverified: {allow_unverified!r} is neither true nor false.")
    if source == "file" and path is None:
        raise InputError(
            "source=file requires a file:",
            advice="{} (pairs as JSONL, Parquet, or the authors' JSON).",
            settings=[Setting("path", "FILE")],
        )
    if revision is not None and not isinstance(revision, str):  # pyright: ignore[reportUnnecessaryIsInstance] (see above)
        raise InputError(
            f"revision: the command line reads {revision!r} as a number.",
            parameter="revision",
            advice="Put it in additional quotes: {}.",
            settings=[Setting("revision", f"'\"{revision}\"'")],
        )
    belongs = {"bbq_dir": "bbq", "allow_unverified": "bbq", "path": "file", "revision": "hub"}
    given = {"bbq_dir": bbq_dir, "allow_unverified": allow_unverified or None, "path": path, "revision": revision}
    for name, value in given.items():
        if value is not None and source != belongs[name]:
            raise InputError(f"{name} requires source={belongs[name]}, but source={source} was given. Omit one of them.")


def _check_edition(source: str, edition: str, per_scenario: object, controls: object) -> None:
    """Validate the values, which may have any type if they come from the command line."""
    if edition not in EDITIONS:
        raise InputError(f"edition: '{edition}' is not an edition of the pairs. Available: {', '.join(EDITIONS)}.")
    if edition == "repaired" and source != "bbq":
        raise InputError(f"edition=repaired requires source=bbq, but source={source} was given. Omit one of them.")
    if per_scenario is not None and edition != "repaired":
        raise InputError(f"per_scenario requires source=bbq and edition=repaired, but edition={edition} was given. Omit per_scenario.")
    if per_scenario is not None and (not isinstance(per_scenario, int) or isinstance(per_scenario, bool) or per_scenario < 1):
        raise InputError(f"per_scenario: {per_scenario!r} is not an integer of at least 1.")
    if not isinstance(controls, bool):
        raise InputError(f"controls: {controls!r} is neither true nor false.")
    if controls and source == "hub":
        raise InputError(
            "the authors' dataset has no controls, and its pairs do not contain the other person's name.",
            parameter="controls",
            advice="Build the same pairs with controls from BBQ with {} {}.",
            settings=[Setting("source", "bbq"), Setting("controls", "true")],
        )


def _check_revision(source: str, revision: object) -> None:
    if source == "hub" and not COMMIT.fullmatch(str(revision)):
        raise InputError(
            f"source=hub requires a pinned revision, so that the run can be repeated (got {revision!r}):",
            parameter="revision",
            advice="{}, the 40 digits that the page of " + AUTHORS_DATASET + " shows under 'Files and versions', 'History'.",
            settings=[Setting("revision", "COMMIT")],
        )


def _bbq_pairs(
    categories: Sequence[str],
    bbq_dir: str | None,
    allow_unverified: bool,
    edition: Edition,
    per_scenario: int,
    seed: int,
    controls: bool,
) -> PairSet:
    names = match_categories(categories, bbq.CATEGORIES) if categories else bbq.CATEGORIES
    folder = None if bbq_dir is None else user_path(bbq_dir)
    files = bbq.read_bbq(names, bbq_dir=folder, allow_unverified=allow_unverified)
    origin = f"BBQ from {f'{bbq.HUB_DATASET}@{bbq.HUB_REVISION}' if folder is None else 'a local folder'}"
    match edition:
        case "published":
            pairs = build_pairs(files, controls=controls)
        case "repaired":
            pairs = build_repaired_pairs(files, per_scenario=per_scenario, seed=seed, controls=controls)
            origin += f", repaired edition (at most {per_scenario} pairs a scenario, seed {seed})"
    return PairSet(tuple(pairs), "bbq", origin, tuple(f.category for f in files if not f.official), edition)


def _file_pairs(file: Path, controls: bool) -> list[Pair]:
    """Read the pairs of a file, with controls only if they are requested."""
    pairs = read_pairs(file)
    if not controls:
        return [pair if pair.controls is None else pair.model_copy(update={"controls": None}) for pair in pairs]
    if bare := [pair.id for pair in pairs if pair.controls is None]:
        raise InputError(
            f"{file}: controls were requested, but {len(bare)} of {len(pairs)} pairs have none (the first: '{bare[0]}').",
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
            f"The authors' dataset {AUTHORS_DATASET} is gated, or this revision does not exist. Request access on its page on the "
            "Hugging Face Hub, create an access token there, log in with `hf auth login` (or set HF_TOKEN), and try again.",
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
