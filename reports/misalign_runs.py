"""The runs of Mis-Align Bench that a report rests on: their names, and refusing to mix what differs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from inspect_ai.log import EvalLog

from misfire.datasets.misalign.taxonomy import Dimension, in_order
from misfire.reports.logs import FoundLogs, difference, labels, noted_count, noted_texts, refuse_mixed, settings_of, short_names
from misfire.scorers.misalign import GRADER

Mode = Literal["detect", "generate"]

Condition = Literal["joint", "alone"]
"""Whether all dimensions were asked about in one question, or each alone."""


@dataclass(frozen=True)
class MisalignRun:
    """One run of Mis-Align Bench, as its log's header tells it.

    Attributes:
        label: Short name, unique among the runs of its mode.
        model: The model under test, as Inspect names it.
        mode: ``detect`` or ``generate``.
        condition: ``joint`` or ``alone``.
        dimensions: The dimensions asked about.
        grader: The model that judged answers, after re-grading if there was one; none in detect mode.
        settings: What else sets runs of one model apart, by name.
        status: Inspect's status.
        epochs: How often each sample was asked.
        instance_count: Instances of the run.
        instance_source: Kind of source of the instances.
        instance_origin: The same in words.
        instance_set: SHA-256 over the instances.
        rows_skipped: Bad rows of the source that were left out.
        suite_version: Version of misfire that made the log.
        task_id: Inspect's id of the task, which a retried run keeps.
        created: When the run began, ISO 8601.
        log: Where the log lies.
    """

    label: str
    model: str
    mode: Mode
    condition: Condition
    dimensions: tuple[Dimension, ...]
    grader: str | None
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

    @property
    def planned(self) -> int:
        """What the run is about, times epochs: responses in detect mode, answers in generate mode."""
        return self.instance_count * self.epochs * (2 if self.mode == "detect" else 1)


@dataclass(frozen=True)
class MisalignRunSet:
    """The runs of Mis-Align Bench of a report.

    Attributes:
        runs: The runs, detect before generate, then by model and time.
        mixed: What differs between the runs though it should not, in words; empty unless mixing was asked for.
    """

    runs: tuple[MisalignRun, ...]
    mixed: tuple[str, ...]

    def of(self, mode: Mode) -> tuple[MisalignRun, ...]:
        """The runs of one mode."""
        return tuple(run for run in self.runs if run.mode == mode)

    def condition_pairs(self) -> list[tuple[MisalignRun, MisalignRun]]:
        """Runs of one model that asked each dimension alone, and jointly, on the same instances.

        Returns:
            For every run that asked each alone the joint one that shares most of its settings, as (joint, alone).
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
    """The runs of Mis-Align Bench among some logs.

    Args:
        found: The logs.
        allow_mixed: Whether runs may differ in instances or suite version.

    Returns:
        The runs, named; there may be none.

    Raises:
        InputError: Runs differ that may not.
    """
    runs = [_run(log, family) for family, log in found.headers if family in ("detect", "generate")]
    runs.sort(key=lambda run: (run.mode, run.model, run.created, run.condition, run.log))
    names = short_names({run.model for run in runs})
    named: list[MisalignRun] = []
    for mode in ("detect", "generate"):
        members = [run for run in runs if run.mode == mode]
        labelled = labels(members, names, [("asked", "together")])
        named += [replace(run, label=label) for run, label in zip(members, labelled, strict=True)]
    mixed = _differences(named)
    if not allow_mixed:
        refuse_mixed(mixed)
    return MisalignRunSet(tuple(named), tuple(mixed))


_NOT_SETTINGS = frozenset(
    {"mode", "source", "split", "domains", "per_domain", "per_dimension", "seed", "path", "dataset", "revision", "columns"}
    | {"skip_invalid", "grader_sample", "dimensions", "joint"}
)
"""Task parameters that say which instances and how they are asked about; those are compared by hash, or told otherwise."""


def _run(log: EvalLog, mode: Mode) -> MisalignRun:
    spec, metadata = log.eval, log.eval.metadata or {}
    alone, grader = metadata.get("joint") is False, _grader(log) if mode == "generate" else None
    dimensions = in_order(noted_texts(log, "dimensions"))
    told = {"asked": "each alone" if alone else "together", "dimensions": ", ".join(dimensions)} | ({"grader": grader} if grader else {})
    return MisalignRun(
        label=spec.model,
        model=spec.model,
        mode=mode,
        condition="alone" if alone else "joint",
        dimensions=dimensions,
        grader=grader,
        settings=settings_of(log, _NOT_SETTINGS, told),
        status=log.status,
        epochs=spec.config.epochs or 1,
        instance_count=noted_count(log, "instance_count"),
        instance_source=str(metadata.get("instance_source", "")),
        instance_origin=str(metadata.get("instance_origin", "")),
        instance_set=str(metadata.get("instance_set_sha256", "")),
        rows_skipped=noted_count(log, "rows_skipped"),
        suite_version=str(metadata.get("suite_version", "")),
        task_id=spec.task_id,
        created=spec.created,
        log=log.location,
    )


def _grader(log: EvalLog) -> str | None:
    roles = log.eval.model_roles or {}
    role = roles.get(GRADER)
    first = role[0] if isinstance(role, list) else role
    return first.model if first else None


def _differences(runs: Sequence[MisalignRun]) -> list[str]:
    # the two modes are never compared with each other
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
        runs, "suite versions of Mis-Align runs", lambda run: run.suite_version, lambda run: run.suite_version or "unknown"
    )


def _instance_words(run: MisalignRun) -> str:
    return f"{run.instance_count} instances, {run.instance_origin} (sha256 {run.instance_set[:12]})"
