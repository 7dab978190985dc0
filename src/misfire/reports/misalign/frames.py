"""Frames of Mis-Align Bench: verdicts, and rates by run, dimension and domain.

``misfire.reports.logs.samples`` reads the samples. ``misfire.scorers`` joins them and computes rates and
tests, so frames agree with the metrics in the logs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, cast

from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.reports.columns import Column, frame_of, row_values
from misfire.reports.logs.log_files import read_header
from misfire.reports.logs.samples import (
    Content,
    Reading,
    Sample,
    content_of,
    each_once,
    error_of,
    is_shortened,
    key_of,
    read_samples,
    score_of,
)
from misfire.reports.logs.secrets import hidden_values, without_secrets
from misfire.reports.misalign import columns
from misfire.reports.misalign.runs import MisalignRun, MisalignRunSet
from misfire.scorers.alignment import (
    Decisions,
    Flag,
    by_domain,
    decide,
    dimension_flag,
    dimension_of,
    instance_index,
    joint_flag,
    macro,
    of_dimension,
    score_difference,
)
from misfire.scorers.generated_metrics import Answer, generate_metrics
from misfire.scorers.judgments import Judged, Judgment, any_flag, join_verdicts
from misfire.scorers.misalign_metrics import any_verdict, asked_dimensions, detect_metrics
from misfire.scorers.misalign_records import SampleNote, ScoreNote, asked_response, graded_answer, noted
from misfire.scorers.statistics import NAN, benjamini_hochberg

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"


@dataclass(frozen=True)
class VerdictRecord:
    """One sample of a log.

    Attributes:
        sample_id: Id of the sample.
        epoch: The epoch, starting at 1.
        note: Its metadata.
        score: What the scorer recorded, or None without a score.
        value: Value of the score, or None without a score.
        reason: The judge's reason in its own words, or why there is no verdict.
        error: Error message, or None if the sample did not end in an error.
    """

    sample_id: str
    epoch: int
    note: SampleNote
    score: ScoreNote | None
    value: str | None
    reason: str | None
    error: str | None


@dataclass(frozen=True)
class MisalignResults:
    """The results of logs of Mis-Align Bench as frames.

    ``misfire.reports.misalign.columns`` lists the columns.

    Attributes:
        run_set: The runs.
        records: The samples of each run, in the order of the runs.
        contents: Counts of the samples of each log, by location.
    """

    run_set: MisalignRunSet
    records: tuple[tuple[VerdictRecord, ...], ...] = field(repr=False)
    contents: Mapping[str, Content] = field(default_factory=dict[str, Content], repr=False)

    @cached_property
    def judged(self) -> tuple[Judged, ...]:
        """The responses of each run whose label is known. In generate mode, they measure the grader."""
        return tuple(map(judged_of, self.records))

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """One row per run."""
        counts = (
            self.contents[run.log].invalidated if run.log in self.contents else 0 for run in self.run_set.runs
        )
        parts = zip(self.run_set.runs, self.records, self.judged, counts, strict=True)
        rows = (
            _run_row(replace(run, grader=self.grader_of(run)), own, judged, invalidated)
            for run, own, judged, invalidated in parts
        )
        return frame_of(rows, columns.MISALIGN_RUNS)

    @cached_property
    def verdicts(self) -> "pd.DataFrame":
        """One row per sample, with the judge's own reason."""
        rows = (
            (*_run_values(run), *_verdict_values(record))
            for run, own in zip(self.run_set.runs, self.records, strict=True)
            for record in own
        )
        return frame_of(rows, columns.VERDICTS)

    @cached_property
    def alignment(self) -> "pd.DataFrame":
        """Joint, dimension and domain rates. One row per (detect run, level, name)."""
        return frame_of(
            (row for run, judged in self._detect() for row in _alignment_rows(run, judged.judgments)),
            columns.ALIGNMENT,
        )

    @cached_property
    def checks(self) -> "pd.DataFrame":
        """Invalid verdicts, cost of jointness, consistency and effect of length. One row per detect run."""
        rows = [
            row_values(
                columns.CHECKS,
                _run_fields(run)
                | {"responses": len(judged.judgments)}
                | _with_missing(columns.CHECKS, detect_metrics(judged)),
            )
            for run, judged in self._detect()
        ]
        return frame_of(rows, columns.CHECKS)

    @cached_property
    def overlap(self) -> "pd.DataFrame":
        """One row per (detect run, response, set of dimensions flagged together)."""
        rows: list[Sequence[object]] = []
        for run, judged in self._detect():
            found = Counter(
                (judgment.response, judgment.pattern)
                for judgment in judged.judgments
                if judgment.pattern is not None
            )
            for (response, pattern), count in sorted(
                found.items(), key=lambda item: (item[0][0] != "misaligned", -item[1])
            ):
                rows.append(
                    (*_run_values(run), response, *(name in (pattern or ()) for name in DIMENSIONS), count)
                )
        return frame_of(rows, columns.OVERLAP)

    @cached_property
    def conditions(self) -> "pd.DataFrame":
        """One row per (model, dimension) with runs that asked alone and together, on shared responses."""
        judged = dict(self._detect())
        found = [
            {"joint": joint.label, "alone": alone.label} | row
            for joint, alone in self.run_set.condition_pairs()
            for row in _condition_rows(judged[joint].judgments, judged[alone].judgments)
        ]
        q_values = benjamini_hochberg([float(cast("float", row["delta_p"])) for row in found])
        rows = [
            row_values(columns.CONDITIONS, row | {"delta_q": q})
            for row, q in zip(found, q_values, strict=True)
        ]
        return frame_of(rows, columns.CONDITIONS)

    @cached_property
    def answers(self) -> "pd.DataFrame":
        """How often answers are aligned, and how reliable the grader is. One row per generate run."""
        rows: list[Sequence[object]] = []
        for run, own, judged in zip(self.run_set.runs, self.records, self.judged, strict=True):
            if run.mode == "generate":
                metrics = generate_metrics(answers_of(own), judged)
                more = {"grader": self.grader_of(run), "aligned_rate_stderr": metrics["stderr"]}
                rows.append(
                    row_values(
                        columns.ANSWERS, _run_fields(run) | _with_missing(columns.ANSWERS, metrics) | more
                    )
                )
        return frame_of(rows, columns.ANSWERS)

    def grader_of(self, run: MisalignRun) -> str | None:
        """Return the model that judged the answers of a run.

        The scores take precedence over the header, which still names the first grader if the log was graded
        again.
        """
        content = self.contents.get(run.log)
        return content.readings[0][0] if content and len(content.readings) == 1 else run.grader

    def _detect(self) -> list[tuple[MisalignRun, Judged]]:
        return [
            (run, judged)
            for run, judged in zip(self.run_set.runs, self.judged, strict=True)
            if run.mode == "detect"
        ]


def judged_of(records: Iterable[VerdictRecord]) -> Judged:
    """Join the responses that a set of samples is about.

    The epoch is taken from the sample, since an edit of the score may have removed it there.
    """
    found = ((asked_response(record.note, record.score, record.value), record.epoch) for record in records)
    return join_verdicts(replace(asked, epoch=epoch) for asked, epoch in found if asked)


def answers_of(records: Iterable[VerdictRecord]) -> list[Answer]:
    """Return the graded answers among a set of samples."""
    return [
        answer for record in records if (answer := graded_answer(record.note, record.score, record.value))
    ]


def read_verdicts(run: MisalignRun) -> Reading[VerdictRecord]:
    """Read the samples of a run from their summaries.

    Args:
        run: The run.

    Returns:
        One record per sample and epoch, without invalidated and duplicate samples.

    Raises:
        InputError: The samples cannot be read.
    """
    samples, invalid, unlisted = read_samples(
        run.log, lambda sample: _needs_whole(sample, run.scoring.column)
    )
    asked = [
        (sample, note) for sample in samples if key_of(sample) not in invalid and (note := _note(sample))
    ]

    def question(one: tuple[Sample, SampleNote]) -> tuple[object, ...]:
        sample, note = one
        return note.instance_id, note.kind, note.response, note.asked, sample.epoch

    own, repeated, contradicted = each_once(asked, question, lambda one: _outcome(one[0], run.scoring.column))
    names = [
        "/".join(str(part) for part in cast("tuple[object, ...]", key)[:3] if part) for key in contradicted
    ]
    hidden = (
        hidden_values(read_header(run.log))
        if any(error_of(sample) for sample, _ in own)
        else frozenset[str]()
    )
    records = tuple(_record(sample, note, run.scoring.column, hidden) for sample, note in own)
    return Reading(records, content_of(samples, invalid, unlisted, run.scoring.column, repeated, names))


def _needs_whole(sample: Sample, column: str) -> bool:
    """Whether a summary is incomplete.

    This happens if an instance has dozens of domains, or if the score was edited and the summary lacks what
    the scorer recorded.
    """
    if any(map(is_shortened, sample.metadata.values())):
        return True
    score = score_of(sample, column)
    return score is not None and isinstance(score.value, str) and noted(score) is None


def _note(sample: Sample) -> SampleNote | None:
    return SampleNote.of(sample.metadata)


def _outcome(sample: Sample, column: str) -> tuple[str, dict[str, bool | None]] | None:
    """Return the outcome and the flags of a sample's score, or None if there is no outcome."""
    score = score_of(sample, column)
    if score is None or not isinstance(score.value, str):
        return None
    note = noted(score)
    return score.value, {str(name): flag for name, flag in note.flags.items()} if note else {}


def _record(sample: Sample, note: SampleNote, column: str, hidden: frozenset[str]) -> VerdictRecord:
    score = score_of(sample, column)
    return VerdictRecord(
        sample_id=str(sample.id),
        epoch=sample.epoch,
        note=note,
        score=noted(score) if score else None,
        value=score.value if score and isinstance(score.value, str) else None,
        reason=score.explanation if score else None,
        error=without_secrets(error_of(sample), hidden) or None,
    )


def _alignment_rows(run: MisalignRun, judgments: Sequence[Judgment]) -> Iterable[Sequence[object]]:
    dimensions = asked_dimensions(judgments)
    groups = by_domain(judgments, dimensions)
    measured = any_verdict(judgments)
    yield _alignment_row(run, "joint", ALL, judgments, joint_flag, groups, measured)
    for name in dimensions:
        own = {domain: members for domain, members in groups.items() if dimension_of(domain) == name}
        yield _alignment_row(
            run, "dimension", name, of_dimension(judgments, name), dimension_flag(name), own, measured
        )
    for domain, members in groups.items():
        yield _alignment_row(
            run, "domain", domain, members, dimension_flag(dimension_of(domain)), {}, measured
        )


def _alignment_row(
    run: MisalignRun,
    level: str,
    name: str,
    judgments: Sequence[Judgment],
    flag: Flag,
    groups: Mapping[str, Sequence[Judgment]],
    measured: bool,
) -> Sequence[object]:
    strict, valid, averages = (
        decide(judgments, flag),
        decide(judgments, flag, "valid"),
        macro(groups, lambda _: flag),
    )
    caught, misaligned, false, aligned = strict.totals
    fields: dict[str, object] = {
        "level": level,
        "name": name,
        **strict.alignment_score().flat("alignment_score"),
        **strict.coverage().flat("coverage"),
        **strict.ffr().flat("ffr"),
        "alignment_score_valid": valid.alignment_score().value,
        "coverage_valid": valid.coverage().value,
        "ffr_valid": valid.ffr().value,
        "alignment_score_macro": averages.alignment_score,
        "coverage_macro": averages.coverage,
        "ffr_macro": averages.ffr,
        "domains": averages.domains,
        "misaligned_responses": misaligned,
        "misaligned_judged": valid.totals[1],
        "misaligned_flagged": caught,
        "aligned_responses": aligned,
        "aligned_judged": valid.totals[3],
        "aligned_flagged": false,
        "instances": strict.instances,
    }
    if not measured:
        fields |= {column.name: NAN for column in columns.ALIGNMENT if column.kind == "rate"}
    return row_values(columns.ALIGNMENT, _run_fields(run) | fields)


def _condition_rows(joint: Sequence[Judgment], alone: Sequence[Judgment]) -> Iterable[dict[str, object]]:
    shared = {_key(judgment) for judgment in joint} & {_key(judgment) for judgment in alone}
    together = [judgment for judgment in joint if _key(judgment) in shared]
    apart = [judgment for judgment in alone if _key(judgment) in shared]
    index = instance_index(together)

    def row(name: str, flag: Flag, one: Sequence[Judgment], other: Sequence[Judgment]) -> dict[str, object]:
        first, second = decide(one, flag, index=index), decide(other, flag, index=index)
        delta, p = score_difference(first, second)
        return {
            "name": name,
            "instances": first.instances,
            "joint_alignment_score": second.alignment_score().value,
            "alone_alignment_score": first.alignment_score().value,
            **delta.flat("delta_alignment_score"),
            "delta_p": p,
            "delta_coverage": _rate_change(first, second, "coverage"),
            "delta_ffr": _rate_change(first, second, "ffr"),
        }

    yield row(ALL, joint_flag, apart, together)
    for name in asked_dimensions(together):
        yield row(name, dimension_flag(name), of_dimension(apart, name), of_dimension(together, name))


def _rate_change(first: Decisions, second: Decisions, rate: str) -> float:
    return getattr(first, rate)().value - getattr(second, rate)().value


def _key(judgment: Judgment) -> tuple[str, str, int]:
    return judgment.instance_id, judgment.response, judgment.epoch


def done_of(run: MisalignRun, records: Sequence[VerdictRecord], judged: Judged) -> int:
    """Return how many of the planned responses or answers (``run.planned``) have an outcome.

    Args:
        run: The run.
        records: Its samples.
        judged: Its responses whose label is known.

    Returns:
        The number of responses with a complete verdict (detect) or of answers with an outcome (generate),
        counted per epoch.
    """
    answers = sum(record.note.kind == "answer" and record.value is not None for record in records)
    return len(judged.judgments) if run.mode == "detect" else answers


def _run_row(
    run: MisalignRun, records: Sequence[VerdictRecord], judged: Judged, invalidated: int
) -> Sequence[object]:
    done = done_of(run, records, judged)
    more: dict[str, object] = {
        "dimensions": ", ".join(run.dimensions),
        "grader": run.grader,
        "status": run.status,
        "complete": run.status == "success" and done == run.planned and judged.incomplete == 0,
        "planned": run.planned,
        "epochs": run.epochs,
        "errors": sum(record.error is not None for record in records),
        "invalidated": invalidated,
        "instance_source": run.instance_source,
        "instance_origin": run.instance_origin,
        "instance_set_sha256": run.instance_set,
        "rows_skipped": run.rows_skipped,
        "suite_version": run.suite_version,
        "task_id": run.task_id,
        "created": run.created,
        "log": run.log,
    }
    return row_values(columns.MISALIGN_RUNS, _run_fields(run) | more)


def _verdict_values(record: VerdictRecord) -> tuple[object, ...]:
    note, flags = record.note, record.score.flags if record.score else {}
    flagged = (
        None
        if any_flag(flags.values()) is None or not flags
        else " ".join(name for name in DIMENSIONS if flags.get(name))
    )
    return (
        note.kind,
        note.instance_id,
        note.response,
        record.epoch,
        " ".join(note.asked),
        record.value,
        flagged,
        record.reason,
        *(" ".join(note.domains[name]) for name in DIMENSIONS),
        note.split,
        record.error,
        record.sample_id,
    )


def _run_fields(run: MisalignRun) -> dict[str, object]:
    return {"run": run.label, "model": run.model, "mode": run.mode, "condition": run.condition}


def _run_values(run: MisalignRun) -> tuple[object, ...]:
    return tuple(_run_fields(run).values())


def _with_missing(wanted: Sequence[Column], metrics: Mapping[str, float]) -> dict[str, object]:
    """Add NaN for rates that a run does not have.

    Examples are a dimension that it did not ask about, and the model's own joint verdict.
    """
    missing: dict[str, object] = {column.name: NAN for column in wanted if column.kind in {"rate", "change"}}
    return missing | dict(metrics)
