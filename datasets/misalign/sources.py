"""Where the instances of a run come from: our own embedded ones, a file, or a data set of the Hugging Face hub."""

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
"""``embedded``: our own instances; ``file``: the user's; ``hub``: a data set at a pinned revision."""

INSTANCE_SOURCES: tuple[InstanceSource, ...] = ("embedded", "file", "hub")

EMBEDDED_INSTANCES = Path(__file__).parent / "embedded" / "instances.jsonl"


@dataclass(frozen=True)
class InstanceSet:
    """Instances, and where they are from.

    Attributes:
        instances: The instances, in order.
        source: Which kind of source.
        origin: The file or data set in words, without its place on this machine.
        skipped: The bad rows that were left out, as the user wished.
    """

    instances: tuple[Instance, ...]
    source: InstanceSource
    origin: str
    skipped: Skipped = field(default_factory=Skipped)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all instances: the same hash, the same instances."""
        return instance_set_hash(self.instances)

    def replace(self, instances: Sequence[Instance]) -> "InstanceSet":
        """The same provenance for other instances, for example a subset."""
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
    """The instances of a source.

    Args:
        source: Which source.
        path: The file (source ``file``).
        dataset: Name of the data set on the hub, with its owner (source ``hub``).
        revision: Commit of that data set, in full, so that the same instances come another day (source ``hub``).
        columns: Columns whose names do not tell what they hold, for example "prompt=question,aligned=good" (not for ``embedded``).
        split: Only this split.
        dimensions: Only instances that touch one of these dimensions; none for all.
        domains: Only instances with one of these domains (ids, names or aliases); none for all.
        skip_invalid: Whether bad rows are left out and counted; otherwise they are refused, all together (not for ``embedded``).

    Returns:
        The instances, their provenance, and what was left out.

    Raises:
        InputError: A parameter does not fit the source, the instances cannot be had or used, or none is left.
    """
    _check_parameters(source, path=path, dataset=dataset, revision=revision, columns=columns, skip_invalid=skip_invalid)
    if split is not None and split not in SPLITS:
        raise InputError(f"split: '{split}' is not a split. There are: {', '.join(SPLITS)}.")
    selection = make_selection(split, dimensions, domains)
    mapping = parse_columns(columns)
    match source:
        case "embedded":
            parsed, origin = read_instances(EMBEDDED_INSTANCES, keep=selection), "misfire's embedded instances"
        case "file":
            file = user_path(path or "")
            parsed, origin = read_instances(file, columns=mapping, skip_invalid=skip_invalid, keep=selection), file.name
        case "hub":
            origin = f"{dataset} at {revision}"
            parsed = _hub_instances(str(dataset), str(revision), mapping, skip_invalid, selection)
    if not parsed.instances:
        raise InputError(f"{origin}: none of its {parsed.valid} instances fits {selection}. Ask for less.")
    return InstanceSet(tuple(parsed.instances), source, origin, parsed.skipped)


def _check_parameters(
    source: str, *, path: str | None, dataset: str | None, revision: str | None, columns: object, skip_invalid: bool
) -> None:
    if source not in INSTANCE_SOURCES:
        raise InputError(f"source: '{source}' is not a source of instances. There are: {', '.join(INSTANCE_SOURCES)}.")
    if not isinstance(skip_invalid, bool):  # pyright: ignore[reportUnnecessaryIsInstance] (the command line gives any type)
        raise InputError(f"skip_invalid: {skip_invalid!r} is neither true nor false.")
    belongs = {"path": ("file",), "dataset": ("hub",), "revision": ("hub",), "columns": ("file", "hub"), "skip_invalid": ("file", "hub")}
    given = {"path": path, "dataset": dataset, "revision": revision, "columns": columns, "skip_invalid": skip_invalid or None}
    for name, value in given.items():
        if value is not None and source not in belongs[name]:
            fitting = " or ".join(f"source={fit}" for fit in belongs[name])
            raise InputError(f"{name} goes with {fitting}, but source={source} was asked for. Leave one of them out.")
    if source == "file" and path is None:
        raise InputError(
            "source=file needs the file:", advice="{} (instances as JSONL, Parquet or CSV).", settings=[Setting("path", "FILE")]
        )
    if source == "hub" and dataset is None:
        raise InputError("source=hub needs the data set:", advice="{}.", settings=[Setting("dataset", "OWNER/NAME")])
    if source == "hub" and not COMMIT.fullmatch(str(revision)):
        raise InputError(
            f"source=hub needs a pinned revision, so that the run can be repeated (got {revision!r}):",
            parameter="revision",
            advice="{}, the 40 digits that the data set's page shows under 'Files and versions', 'History'.",
            settings=[Setting("revision", "COMMIT")],
        )


def _hub_instances(dataset: str, revision: str, columns: Mapping[str, str], skip_invalid: bool, keep: Selection) -> ParsedRows:
    origin = f"{dataset} at {revision}"
    try:
        splits = dataset_splits(dataset, revision)
    except GatedError as error:
        raise InputError(
            f"The data set {origin} is gated, hidden or not there, or has no such revision. If it is gated, ask for access on its page, "
            "log in with `hf auth login` (or set HF_TOKEN), and run again."
        ) from error
    except HubError as error:
        raise InputError(
            f"The data set {origin} could not be loaded: {error}",
            advice="Without a network, use {} or {}.",
            settings=[Setting("source", "embedded"), Setting("source", "file")],
        ) from error

    def rows() -> Iterator[RawRow]:
        for name, records in splits.items():
            for number, record in enumerate(records, start=1):
                yield RawRow(f"split {name}, row {number}", record, f"{name}_{number}", split_of(name))

    return parse_rows(origin, rows(), provenance=origin, columns=columns, skip_invalid=skip_invalid, keep=keep)
