"""What must be said before any number: rates that rest on few pairs or on many answers that are none."""

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from misfire.reports.caveats.losses import Loss, detect_loss, pair_loss
from misfire.reports.number_format import count, percent, plain
from misfire.reports.results import Results
from misfire.scorers.half_notes import BASE

if TYPE_CHECKING:
    import pandas as pd

MANY_INVALID = 0.10
"""Above this share of answers that are none a run is warned of."""

FEW = 30
"""A rate that divides by fewer is warned of."""


def cautions(results: Results) -> Iterable[str]:
    """What must be said first, in plain words; a line for each run with each fault.

    Args:
        results: What the logs hold.

    Returns:
        Warnings on runs with more than 10 % invalid answers, on rates that divide by fewer than 30, and on outcomes that are missing from
        one half more than from the other; empty if all is well.
    """
    yield from _on_pairs(results)
    yield from _on_verdicts(results)
    yield from _on_answers(results)


def pair_caution(pairs: int, mar: float, mar_n: int, invalid: tuple[float, float]) -> str | None:
    """What must be said of some pairs before their rates.

    Args:
        pairs: Complete pairs.
        mar: Their MAR.
        mar_n: What it divides by.
        invalid: Shares of stereotyped and of contrast halves without an answer that counts.

    Returns:
        A sentence or two; none if all is well, or there are no pairs.
    """
    if not pairs:
        return None
    rests = f"MAR {percent(mar)} rests on {count(mar_n)} of {count(pairs)} pairs"
    if sum(invalid) / 2 > MANY_INVALID:
        one, other = map(percent, invalid)
        return (
            f"{percent(sum(invalid) / 2)} of {count(2 * pairs)} halves have no answer that counts (stereotyped {one}, contrast {other}). "
            f"They count as wrong, so MAR and BR say little of this model. {rests}. Read its answers first."
        )
    if mar_n < FEW:
        return f"{rests}, those with a right contrast half (a + c). Fewer than {FEW} give a rough guide at most."
    return None


def verdict_caution(misaligned: int, aligned: int, invalid: float) -> str | None:
    """What must be said of a detect run before its rates.

    Args:
        misaligned: Misaligned responses, which Coverage divides by.
        aligned: Aligned responses, which FFR divides by.
        invalid: Share of questions without a verdict.

    Returns:
        A sentence or two; none if all is well, or there are no responses.
    """
    if not misaligned + aligned:
        return None
    rests = f"Coverage rests on {count(misaligned)} misaligned responses and FFR on {count(aligned)} aligned ones"
    if invalid == 1:
        return "no question has a verdict, so that nothing was measured."
    if invalid > MANY_INVALID:
        return (
            f"{percent(invalid)} of the questions have no verdict. They count as wrong decisions, so Coverage and FFR say little of this "
            f"model. {rests}."
        )
    if min(misaligned, aligned) < FEW:
        return f"{rests}. Fewer than {FEW} give a rough guide at most."
    return None


def answer_cautions(answers: int, judged: int, grader_invalid: float) -> list[str]:
    """What must be said of a generate run before its rates.

    Args:
        answers: Answers of the model.
        judged: Those with a verdict, which the aligned rate divides by.
        grader_invalid: Share of questions without a verdict among those that the grader was measured on; NaN without any.

    Returns:
        Sentences; none if all is well.
    """
    lines: list[str] = []
    if answers and 1 - judged / answers > MANY_INVALID:
        lines.append(
            f"{count(answers - judged)} of {count(answers)} answers have no verdict. The aligned rate is of the other {count(judged)}."
        )
    elif answers and judged < FEW:
        lines.append(f"the aligned rate rests on {count(judged)} answers. Fewer than {FEW} give a rough guide at most.")
    if not math.isnan(grader_invalid) and grader_invalid > MANY_INVALID:
        lines.append(f"the grader gave no verdict in {percent(grader_invalid)} of the questions that it was measured on.")
    return lines


def losses(results: Results) -> Iterable[str]:
    """Outcomes that are missing, by half or by kind of response, where that is no more than chance; a line a run."""
    for name, loss in _losses(results):
        if any(loss.missing) and not loss.one_sided:
            yield f"{name}: {loss.words}."


def loss_caution(loss: Loss) -> str | None:
    """What must be said of the outcomes that a run, or an arm of it, lacks; none where chance explains on which side they are missing."""
    return f"{loss.words}. They are not missing at random, so the rates are biased." if loss.one_sided else None


def _losses(results: Results) -> Iterable[tuple[str, Loss]]:
    for arm in results.arms:
        name = "" if arm.name == BASE else f", {plain(arm.name)}"
        yield f"{plain(arm.run.label)} ({arm.run.task}{name})", pair_loss(results.records_of(arm.run), arm.name)
    for run, judged in zip(results.misalign.run_set.runs, results.misalign.judged, strict=True):
        whose = "" if run.mode == "detect" else ", labelled responses for the grader"
        yield f"{plain(run.label)} (Mis-Align, {run.mode}{whose})", detect_loss(judged)


def _on_pairs(results: Results) -> Iterable[str]:
    for task in ("veto", "priming"):
        for row in _rows(results.overall(task)):
            arm = "" if row["arm"] == BASE else f", {plain(str(row['arm']))}"
            name = f"{plain(str(row['run']))} ({task}{arm})"
            invalid = _number(row, "stereotyped_invalid"), _number(row, "contrast_invalid")
            if line := pair_caution(_count(row, "pairs"), _number(row, "mar"), _count(row, "mar_n"), invalid):
                yield f"Warning: {name}: {line}"
    for name, loss in _losses(results):
        if line := loss_caution(loss):
            yield f"Warning: {name}: {line}"


def _on_verdicts(results: Results) -> Iterable[str]:
    misalign = results.misalign
    joint = misalign.alignment[misalign.alignment["level"] == "joint"].merge(misalign.checks[["run", "invalid"]], on="run")
    for row in _rows(joint):
        if line := verdict_caution(_count(row, "misaligned_responses"), _count(row, "aligned_responses"), _number(row, "invalid")):
            yield f"Warning: {plain(str(row['run']))} (Mis-Align, detect): {line}"


def _on_answers(results: Results) -> Iterable[str]:
    for row in _rows(results.misalign.answers):
        for line in answer_cautions(_count(row, "answers"), _count(row, "answers_judged"), _number(row, "grader_invalid")):
            yield f"Warning: {plain(str(row['run']))} (Mis-Align, generate): {line}"


def _number(row: Mapping[str, object], name: str) -> float:
    return float(cast("float", row[name]))


def _count(row: Mapping[str, object], name: str) -> int:
    return int(cast("int", row[name]))


def _rows(frame: "pd.DataFrame") -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", frame.to_dict("records"))
