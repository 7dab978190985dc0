"""The runs of Mis-Align Bench in a report: their labels, and checks that they may be compared."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from misfire.datasets.misalign.taxonomy import Dimension, in_order
from misfire.reports.logs.log_files import (
    FoundLog,
    FoundLogs,
    Scoring,
    conflicts_of,
    difference,
    noted_count,
    noted_texts,
    refuse_mixed,
    start_order,
    stored_metrics,
)
from misfire.reports.logs.run_labels import labels, settings_of, short_names

Mode = Literal["detect", "generate"]

_MODES: tuple[Mode, ...] = ("detect", "generate")

Condition = Literal["joint", "alone"]
"""Whether one question asked about all dimensions, or one question about each dimension."""


@dataclass(frozen=True)
class MisalignRun:
    """One run of Mis-Align Bench, as described by the header of its log.

    Attributes:
        label: Short name, unique among the runs of its mode.
        model: The model under test, as Inspect names it.
        mode: ``detect`` or ``generate``.
        condition: ``joint`` or ``alone``.
        dimensions: The dimensions of the questions.
        grader: The model that judged the answers, after re-grading if there was any. None in detect mode.
        scoring: The scoring whose scores are read.
        other_scorings: Other scorings by misfire in the log, which are not read.
        settings: Other settings that distinguish runs of one model, by name.
        status: Inspect's status.
        epochs: Number of times that each sample was asked.
        instance_count: Number of instances.
        instance_source: Type of source of the instances.
        instance_origin: Description of the source.
        instance_set: SHA-256 over the instances.
        rows_skipped: Number of invalid rows of the source that were skipped.
        suite_version: Version of misfire that wrote the log.
        task_id: Inspect's id of the task, which a retried run keeps.
        created: Time at which the run started, in ISO 8601.
        log: Location of the log.
        stored: The metrics that the log stores for this scoring, by key. Empty if it has none.
    """

    label: str
    model: str
    mode: Mode
    condition: Condition
    dimensions: tuple[Dimension, ...]
    grader: str | None
    scoring: Scoring
    other_scorings: tuple[Scoring, ...]
    settings: tuple[tuple[str, str], ...]
    status: str
    epochs: int
    instance_count: int
    instance_source: str
    instance_origin: str
    instance_set: str
    rows_skipped: int
    suite_version: str
    task_id: str
    created: str
    log: str
    stored: tuple[tuple[str, float], ...] = field(repr=False)

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
        pairs: list[tuple[MisalignRun, MisalignRun]] = []
        for alone in self.of("detect"):
            same = [
                run
                for run in self.of("detect")
                if (run.model, run.instance_set, run.condition) == (alone.model, alone.instance_set, "joint")
            ]
            if alone.condition == "alone" and same:
                pairs.append((max(same, key=lambda run: len(set(run.settings) & set(alone.settings))), alone))
        return pairs


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
    logs = sorted((log for log in found.logs if log.family in _MODES), key=_order)
    runs = [
        _run(log, log.family, log.location in found.in_conflict)
        for log in logs
        if log.family in ("detect", "generate")
    ]
    names = short_names({run.model for run in runs})
    named: list[MisalignRun] = []
    for mode in _MODES:
        members = [run for run in runs if run.mode == mode]
        labeled = labels(members, names, [("asked", "together")])
        named += [replace(run, label=label) for run, label in zip(members, labeled, strict=True)]
    mixed = [*conflicts_of(found, _MODES), *_differences(named)]
    if not allow_mixed:
        refuse_mixed(mixed)
    return MisalignRunSet(tuple(named), tuple(mixed))


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


def _order(log: FoundLog) -> tuple[str, str, tuple[str, str, str], str, str]:
    return log.family, log.header.eval.model, start_order(log), log.scoring.words, log.location


def _run(log: FoundLog, mode: Mode, in_conflict: bool) -> MisalignRun:
    spec, metadata = log.header.eval, log.header.eval.metadata or {}
    alone, grader = (
        metadata.get("joint") is False,
        dict(log.scoring.options).get("grader") if mode == "generate" else None,
    )
    dimensions = in_order(noted_texts(log.header, "dimensions"))
    shown = {"asked": "each alone" if alone else "together", "dimensions": ", ".join(dimensions)}
    shown |= ({"grader": grader} if grader else {}) | ({"log": log.name} if in_conflict else {})
    return MisalignRun(
        label=spec.model,
        model=spec.model,
        mode=mode,
        condition="alone" if alone else "joint",
        dimensions=dimensions,
        grader=grader,
        scoring=log.scoring,
        other_scorings=log.scorings[1:],
        settings=settings_of(log.header, _NOT_SETTINGS, shown),
        status=log.header.status,
        epochs=spec.config.epochs or 1,
        instance_count=noted_count(log.header, "instance_count"),
        instance_source=str(metadata.get("instance_source", "")),
        instance_origin=str(metadata.get("instance_origin", "")),
        instance_set=str(metadata.get("instance_set_sha256", "")),
        rows_skipped=noted_count(log.header, "rows_skipped"),
        suite_version=str(metadata.get("suite_version", "")),
        task_id=spec.task_id,
        created=spec.created,
        log=log.location,
        stored=tuple(stored_metrics(log.header, log.scoring.column).items()),
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
    return lines + difference(
        runs,
        "suite versions of Mis-Align runs",
        lambda run: run.suite_version,
        lambda run: run.suite_version or "unknown",
    )


def _instance_words(run: MisalignRun) -> str:
    return f"{run.instance_count} instances, {run.instance_origin} (sha256 {run.instance_set[:12]})"
