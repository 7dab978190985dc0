"""Load the instances of a run: the embedded instances, a file, or a dataset from the Hugging Face Hub."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from misfire.datasets.hub import COMMIT, GatedError, HubError, dataset_splits
from misfire.datasets.misalign.columns import parse_columns
from misfire.datasets.misalign.instance_files import read_instances
from misfire.datasets.misalign.instance_rows import ParsedRows, RawRow, Skipped, parse_rows, split_of
from misfire.datasets.misalign.instances import SPLITS, Instance, Split, instance_set_hash
from misfire.datasets.misalign.sampling import Selection, make_selection
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError, Setting

__all__ = ["load_instances"]

InstanceSource = Literal["embedded", "file", "hub"]
"""``embedded``: our own instances; ``file``: the user's file; ``hub``: a dataset at a pinned revision."""

INSTANCE_SOURCES: tuple[InstanceSource, ...] = ("embedded", "file", "hub")

EMBEDDED_INSTANCES = Path(__file__).parent / "embedded" / "instances.jsonl"


@dataclass(frozen=True)
class InstanceSet:
    """Instances with their provenance.

    Attributes:
        instances: The instances, in order.
        source: The type of source.
        origin: Description of the file or dataset, without local paths.
        skipped: The invalid rows that were left out at the user's request.
    """

    instances: tuple[Instance, ...]
    source: InstanceSource
    origin: str
    skipped: Skipped = field(default_factory=Skipped)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all instances. Equal hashes mean equal instances."""
        return instance_set_hash(self.instances)

    def replace(self, instances: Sequence[Instance]) -> "InstanceSet":
        """Return a copy with other instances, for example a subset, and the same provenance."""
        return dataclasses.replace(self, instances=tuple(instances))


def load_instances(
    source: InstanceSource = "embedded",
    *,
    path: str | None = None,
    dataset: str | None = None,
    revision: str | None = None,
    columns: str | Sequence[str] | Mapping[str, str] | None = None,
    split: Split | None = None,
    dimensions: Sequence[str] = (),
    domains: Sequence[str] = (),
    skip_invalid: bool = False,
) -> InstanceSet:
    """Load the instances of a source.

    Args:
        source: The source.
        path: The file (source ``file``).
        dataset: Name of the dataset on the Hub, with its owner (source ``hub``).
        revision: Full commit hash of that dataset, so that later runs get the same instances (source
            ``hub``).
        columns: Assignment of columns whose names are not recognized, for example
            "prompt=question,aligned=good" (not for ``embedded``).
        split: Only this split.
        dimensions: Only instances with a domain in one of these dimensions. Empty selects all.
        domains: Only instances with one of these domains (IDs, names or aliases). Empty selects all.
        skip_invalid: Whether to leave out and count invalid rows. Otherwise one error reports them all (not
            for ``embedded``).

    Returns:
        The instances, their provenance, and what was left out.

    Raises:
        InputError: A parameter does not match the source, the instances cannot be loaded, or none is
            selected.
    """
    _check_parameters(
        source, path=path, dataset=dataset, revision=revision, columns=columns, skip_invalid=skip_invalid
    )
    if split is not None and split not in SPLITS:
        raise InputError(f"split: '{split}' is not a split. Available: {', '.join(SPLITS)}.")
    selection = make_selection(split, dimensions, domains)
    mapping = parse_columns(columns)
    match source:
        case "embedded":
            parsed, origin = (
                read_instances(EMBEDDED_INSTANCES, keep=selection),
                "misfire's embedded instances",
            )
        case "file":
            file = user_path(path or "")
            parsed, origin = (
                read_instances(file, columns=mapping, skip_invalid=skip_invalid, keep=selection),
                file.name,
            )
        case "hub":
            origin = f"{dataset} at {revision}"
            parsed = _hub_instances(str(dataset), str(revision), mapping, skip_invalid, selection)
    if not parsed.instances:
        raise InputError(
            f"{origin}: none of its {parsed.valid} instances matches {selection}. Use a less restrictive "
            "selection."
        )
    return InstanceSet(tuple(parsed.instances), source, origin, parsed.skipped)


def _check_parameters(
    source: str,
    *,
    path: str | None,
    dataset: str | None,
    revision: str | None,
    columns: object,
    skip_invalid: bool,
) -> None:
    if source not in INSTANCE_SOURCES:
        raise InputError(
            f"source: '{source}' is not a source of instances. Available: {', '.join(INSTANCE_SOURCES)}."
        )
    if not isinstance(skip_invalid, bool):  # pyright: ignore[reportUnnecessaryIsInstance] (the command line passes any type)
        raise InputError(f"skip_invalid: {skip_invalid!r} is neither true nor false.")
    given = {
        "path": path,
        "dataset": dataset,
        "revision": revision,
        "columns": columns,
        "skip_invalid": skip_invalid or None,
    }
    for name, value in given.items():
        if value is not None and source not in _SOURCES_OF[name]:
            fitting = " or ".join(f"source={fit}" for fit in _SOURCES_OF[name])
            raise InputError(f"{name} requires {fitting}, but source={source} was given. Omit one of them.")
    if source == "file" and path is None:
        raise InputError(
            "source=file requires a file:",
            advice="{} (instances as JSONL, Parquet or CSV).",
            settings=[Setting("path", "FILE")],
        )
    if source == "hub":
        _check_dataset(dataset, revision)


_SOURCES_OF = {
    "path": ("file",),
    "dataset": ("hub",),
    "revision": ("hub",),
    "columns": ("file", "hub"),
    "skip_invalid": ("file", "hub"),
}
"""The sources that each parameter applies to."""


def _check_dataset(dataset: str | None, revision: str | None) -> None:
    if dataset is None:
        raise InputError(
            "source=hub requires a dataset:", advice="{}.", settings=[Setting("dataset", "OWNER/NAME")]
        )
    if not COMMIT.fullmatch(str(revision)):
        raise InputError(
            f"source=hub requires a pinned revision, so that the run can be repeated (got {revision!r}):",
            parameter="revision",
            advice="{}, the 40 digits that the dataset's page shows under 'Files and versions', 'History'.",
            settings=[Setting("revision", "COMMIT")],
        )


def _hub_instances(
    dataset: str, revision: str, columns: Mapping[str, str], skip_invalid: bool, keep: Selection
) -> ParsedRows:
    origin = f"{dataset} at {revision}"
    try:
        splits = dataset_splits(dataset, revision)
    except GatedError as error:
        raise InputError(
            f"The dataset {origin} is gated, private or missing, or has no such revision. If it is gated, "
            "request access on its page, log in with `hf auth login` (or set HF_TOKEN), and try again."
        ) from error
    except HubError as error:
        raise InputError(
            f"The dataset {origin} could not be loaded: {error}",
            advice="Without a network, use {} or {}.",
            settings=[Setting("source", "embedded"), Setting("source", "file")],
        ) from error

    def rows() -> Iterator[RawRow]:
        for name, records in splits.items():
            for number, record in enumerate(records, start=1):
                yield RawRow(f"split {name}, row {number}", record, f"{name}_{number}", split_of(name))

    return parse_rows(
        origin, rows(), provenance=origin, columns=columns, skip_invalid=skip_invalid, keep=keep
    )
