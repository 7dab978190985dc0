"""The runs of Mis-Align Bench in a report: their labels, and checks that they may be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from misfire.datasets.misalign.taxonomy import Dimension, in_order
from misfire.reports.logs.log_files import FoundLog, FoundLogs, noted_count, noted_texts
from misfire.reports.logs.runs import (
    LoggedRun,
    check_comparable,
    conflict_setting,
    difference,
    labeled_runs,
    likest,
    logged_fields,
    version_difference,
)

Mode = Literal["detect", "generate"]

_MODES: tuple[Mode, ...] = ("detect", "generate")

Condition = Literal["joint", "alone"]
"""Whether one question asked about all dimensions, or one question about each dimension."""


@dataclass(frozen=True, kw_only=True)
class MisalignRun(LoggedRun):
    """One run of Mis-Align Bench, as described by the header of its log.

    Attributes:
        mode: ``detect`` or ``generate``.
        condition: ``joint`` or ``alone``.
        dimensions: The dimensions of the questions.
        grader: The model that judged the answers, after re-grading if there was any. None in detect mode.
        instance_count: Number of instances.
        instance_source: Type of source of the instances.
        instance_origin: Description of the source.
        instance_set: SHA-256 over the instances.
        rows_skipped: Number of invalid rows of the source that were skipped.
    """

    mode: Mode
    condition: Condition
    dimensions: tuple[Dimension, ...]
    grader: str | None
    instance_count: int
    instance_source: str
    instance_origin: str
    instance_set: str
    rows_skipped: int

    @property
    def planned(self) -> int:
        """Number of planned responses (detect mode) or answers (generate mode), times epochs."""
        return self.instance_count * self.epochs * (2 if self.mode == "detect" else 1)


@dataclass(frozen=True)
class MisalignRunSet:
    """The runs of Mis-Align Bench in a report.

    Attributes:
        runs: The runs, detect before generate, then by model and time.
        mixed: Descriptions of differences between the runs that should not exist. Empty unless mixing was
            allowed.
    """

    runs: tuple[MisalignRun, ...]
    mixed: tuple[str, ...]

    def of(self, mode: Mode) -> tuple[MisalignRun, ...]:
        """Return the runs of one mode."""
        return tuple(run for run in self.runs if run.mode == mode)

    def condition_pairs(self) -> list[tuple[MisalignRun, MisalignRun]]:
        """Return runs of one model that asked about each dimension alone and jointly, on the same instances.

        Returns:
            For every run that asked alone, the joint run that shares most of its settings, as (joint, alone).
        """
        runs = self.of("detect")
        return likest(
            [run for run in runs if run.condition == "alone"],
            [run for run in runs if run.condition == "joint"],
            lambda run: (run.model, run.instance_set),
        )


def misalign_runs_of(found: FoundLogs, *, allow_mixed: bool = False) -> MisalignRunSet:
    """Return the runs of Mis-Align Bench among a set of logs.

    Args:
        found: The logs.
        allow_mixed: Whether runs may differ in instances or suite version.

    Returns:
        The labeled runs. There may be none.

    Raises:
        InputError: Runs differ in a way that is not allowed.
    """
    runs = labeled_runs(
        found, _MODES, lambda log, mode: _run(log, mode, conflict_setting(log, found)), ("asked", "together")
    )
    mixed = check_comparable(found, _MODES, _differences(runs), allow_mixed=allow_mixed)
    return MisalignRunSet(runs, mixed)


_NOT_SETTINGS = frozenset(
    {
        "mode",
        "source",
        "split",
        "domains",
        "per_domain",
        "per_dimension",
        "seed",
        "path",
        "dataset",
        "revision",
        "columns",
    }
    | {"skip_invalid", "grader_sample", "dimensions", "joint"}
)
"""Task parameters that are not settings, because they select the instances or are reported elsewhere.

Instances are compared by hash.
"""


def _run(log: FoundLog, mode: Mode, more: Mapping[str, object]) -> MisalignRun:
    metadata = log.header.eval.metadata or {}
    alone = metadata.get("joint") is False
    grader = dict(log.scoring.options).get("grader") if mode == "generate" else None
    dimensions = in_order(noted_texts(log.header, "dimensions"))
    settings = {
        "asked": "each alone" if alone else "together",
        "dimensions": ", ".join(dimensions),
        **({"grader": grader} if grader else {}),
        **more,
    }
    return MisalignRun(
        **logged_fields(log, _NOT_SETTINGS, settings),
        mode=mode,
        condition="alone" if alone else "joint",
        dimensions=dimensions,
        grader=grader,
        instance_count=noted_count(log.header, "instance_count"),
        instance_source=str(metadata.get("instance_source", "")),
        instance_origin=str(metadata.get("instance_origin", "")),
        instance_set=str(metadata.get("instance_set_sha256", "")),
        rows_skipped=noted_count(log.header, "rows_skipped"),
    )


def _differences(runs: Sequence[MisalignRun]) -> list[str]:
    # runs of the two modes are never compared with each other
    lines = [
        line
        for mode in ("detect", "generate")
        for line in difference(
            [run for run in runs if run.mode == mode],
            f"instances of Mis-Align runs ({mode})",
            lambda run: run.instance_set,
            _instance_words,
        )
    ]
    return lines + version_difference(runs, "Mis-Align runs")


def _instance_words(run: MisalignRun) -> str:
    return f"{run.instance_count} instances, {run.instance_origin} (sha256 {run.instance_set[:12]})"
