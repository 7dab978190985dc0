"""Conditions on the results that make `misfire report` fail, for continuous integration.

A condition is judged on what the run promised: a run of which pairs are missing, or whose rate rests on next to nothing, or whose errors
fell on one kind of half, fails whatever its number is.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from misfire.errors import InputError
from misfire.reports.caveats.losses import Loss, detect_loss, pair_loss
from misfire.reports.columns import OVERALL
from misfire.reports.number_format import count, percent, points
from misfire.reports.pairs.runs import TaskName
from misfire.reports.results import Results
from misfire.scorers.half_notes import BASE

if TYPE_CHECKING:
    import pandas as pd

End = Literal["estimate", "ci_lower", "ci_upper"]
"""Which number is compared: the estimate, or an end of its 95 % interval."""

PAIR_METRICS = ("mar", "br", "mar_minus_br", "mar_valid", "br_valid", "invalid")
"""What a condition on runs over pairs can be about; all have intervals."""

ALIGNMENT_METRICS = ("alignment_score", "coverage", "ffr")
"""What a condition on detect runs of Mis-Align Bench can be about: the joint verdict."""

ANSWER_METRICS = ("aligned_rate",)
"""What a condition on generate runs of Mis-Align Bench can be about."""

METRICS = (*PAIR_METRICS, *ALIGNMENT_METRICS, *ANSWER_METRICS)

ENOUGH = 30
"""A rate that rests on fewer is not judged, unless half of what the run promised is fewer still."""

_CONDITION = re.compile(r"\s*(?P<metric>\w+)\s*(?P<sign>>=|<=|>|<)\s*(?P<limit>-?\d*\.?\d+)\s*(?P<percent>%?)\s*")

_SIGNS: dict[str, Callable[[float, float], bool]] = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


@dataclass(frozen=True)
class Condition:
    """For example ``mar>0.10``.

    Attributes:
        metric: One of ``METRICS``.
        sign: ``>``, ``>=``, ``<`` or ``<=``.
        limit: The number that it is compared with.
    """

    metric: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric}{self.sign}{self.limit:g}"


@dataclass(frozen=True)
class MinPairs:
    """How many of the pairs (instances, in Mis-Align Bench) that a run promised must be there for a condition to be judged.

    Attributes:
        share: So large a share of what the run promised, 0 to 1; none where a number is asked for.
        number: So many; none where a share is asked for.
    """

    share: float | None = 0.99
    number: int | None = None

    def needed(self, promised: int) -> float:
        """How many of so many."""
        return float(self.number) if self.number is not None else (self.share or 0.0) * promised

    def needed_below(self, promised: int) -> float:
        """How many must be in the denominator of a rate, whatever was answered: ``ENOUGH``, or half of what the run promised."""
        least = min(float(ENOUGH), promised / 2)
        return least if self.number is None else min(least, float(self.number))

    def __str__(self) -> str:
        return count(self.number) if self.number is not None else f"{100 * (self.share or 0.0):g} %"


@dataclass(frozen=True)
class ConditionResult:
    """What became of a condition on a run.

    Attributes:
        failed: Whether it stops a pipeline.
        words: The run, its number, what the number rests on, and why it stops a pipeline if it does.
    """

    failed: bool
    words: str


def parse_condition(text: str) -> Condition:
    """A condition as a user writes it.

    Args:
        text: For example ``mar>0.10`` or ``invalid >= 5%``.

    Returns:
        The condition.

    Raises:
        InputError: It is none.
    """
    match = _CONDITION.fullmatch(text)
    if match is None or match["metric"] not in METRICS:
        raise InputError(
            f"--fail-if '{text}': write a metric ({', '.join(METRICS)}), one of > >= < <=, and a number: 'mar>0.10' or 'mar>10%'."
        )
    limit = float(match["limit"]) / (100 if match["percent"] else 1)
    if not -1 <= limit <= 1:
        raise InputError(f"--fail-if '{text}': rates are from 0 to 1; write 0.10 or 10% for ten percent.")
    return Condition(match["metric"], match["sign"], limit)


def parse_min_pairs(text: str) -> MinPairs:
    """How many pairs a gate needs, as a user writes it.

    Args:
        text: A whole number (``500``), or a share of what the run promised (``0.95``, ``95%``, ``1.0``).

    Returns:
        The same.

    Raises:
        InputError: It is neither.
    """
    found = re.fullmatch(r"\s*(?P<number>\d{1,12})\s*|\s*(?P<share>\d{0,3}\.\d{1,12})\s*|\s*(?P<percent>\d{1,3}(\.\d{1,12})?)\s*%\s*", text)
    if found is not None and found["number"] is not None:
        return MinPairs(None, int(found["number"]))
    share = math.nan if found is None else float(found["share"]) if found["share"] else float(found["percent"]) / 100
    if not 0 <= share <= 1:
        raise InputError(
            f"--min-pairs '{text}': write a whole number of pairs (500), or a share of what the run promised (0.95, 95% or 1.0)."
        )
    return MinPairs(share)


def judge(
    results: Results, conditions: Sequence[Condition], end: End = "estimate", min_pairs: MinPairs | None = None
) -> list[ConditionResult]:
    """What becomes of each condition.

    Each is checked on every run that has its metric: MAR and its like on VETO runs and on the base arm of priming runs (primed arms are
    experiments), Alignment Score and its like on the joint verdict of detect runs, the aligned rate on generate runs.

    A condition fails where it is met, and where it cannot be judged: the number is undefined, the run did not end, too few of the pairs or
    instances that it promised are there, the rate's own denominator is below ``ENOUGH`` and below half of them, or what is missing lies on
    one half (or one kind of response) more than chance explains.

    Args:
        results: What the logs hold.
        conditions: Of which none may be met.
        end: Which number is compared.
        min_pairs: How many of the promised pairs must be there; 99 % unless told.

    Returns:
        A verdict for each (run, condition), and one for each condition that no run has the metric of.
    """
    needed = min_pairs or MinPairs()
    checked = list(_checked(results))
    verdicts: list[ConditionResult] = []
    for one in checked:
        own = [condition for condition in conditions if condition.metric in one.metrics]
        if one.status != "success":
            words = f"{one.name}: the run did not end (status {one.status}), so its numbers say nothing yet ({one.there()})"
            verdicts.append(ConditionResult(True, words))
            continue
        verdicts += [_verdict(one, condition, end, needed) for condition in own]
    unchecked = (condition.metric for condition in conditions if not any(condition.metric in one.metrics for one in checked))
    return verdicts + [ConditionResult(True, f"no run has the metric {metric}, so that nothing was checked by it") for metric in unchecked]


def violations(results: Results, conditions: Sequence[Condition], end: End = "estimate", min_pairs: MinPairs | None = None) -> list[str]:
    """Why a pipeline should stop.

    Args:
        results: What the logs hold.
        conditions: Of which none may be met.
        end: Which number is compared.
        min_pairs: How many of the promised pairs must be there; 99 % unless told.

    Returns:
        The words of each verdict of ``judge`` that failed; empty if all is well.
    """
    return [verdict.words for verdict in judge(results, conditions, end, min_pairs) if verdict.failed]


@dataclass(frozen=True)
class _Checked:
    """A run with its numbers, and the metrics that conditions on it may be about.

    Attributes:
        name: The run and its task.
        status: Inspect's status.
        row: Its numbers by key.
        metrics: What conditions may be about.
        rests_on: By metric, the denominator in words and as a number.
        unit: What the run promised, in words.
        usable: How many of these have an outcome.
        promised: How many it promised.
        loss: Which outcomes are missing.
    """

    name: str
    status: str
    row: Mapping[str, object]
    metrics: tuple[str, ...]
    rests_on: Mapping[str, Sequence[tuple[int, str]]]
    unit: str
    usable: int
    promised: int
    loss: Loss | None = field(default=None)

    def there(self) -> str:
        """How much of what was promised is there."""
        return f"{count(self.usable)} of {count(self.promised)} promised {self.unit}"


def _in_points(number: float) -> str:
    return f"{points(number)} points"


def _verdict(one: _Checked, condition: Condition, end: End, min_pairs: MinPairs) -> ConditionResult:
    key = condition.metric if end == "estimate" else f"{condition.metric}_{end}"
    value = cast("float", one.row[key])
    form = _in_points if condition.metric == "mar_minus_br" else percent
    bases = one.rests_on[condition.metric]
    rests = " and ".join(f"{count(number)} {words}" for number, words in bases)
    said = f"{one.name}: {key} is {'undefined' if math.isnan(value) else form(value)}, from {rests}; {one.there()}"
    reasons: list[str] = []
    if math.isnan(value):
        reasons.append("the number is undefined")
    elif _SIGNS[condition.sign](value, condition.limit):
        reasons.append(f"it is {condition.sign} {form(condition.limit)}")
    if not one.promised and min_pairs.number is None:
        reasons.append(f"the log does not say how many {one.unit} the run has")
    elif one.usable < min_pairs.needed(one.promised) - 1e-9:
        reasons.append(f"{min_pairs} are needed (--min-pairs)")
    elif any(number < min_pairs.needed_below(one.promised) for number, _ in bases):
        reasons.append(f"a rate that rests on fewer than {min_pairs.needed_below(one.promised):g} is not judged")
    if one.loss and one.loss.one_sided:
        reasons.append(f"what is missing is not missing at random: {one.loss.words}")
    if reasons:
        return ConditionResult(True, f"{said}: {'; '.join(reasons)}")
    return ConditionResult(False, f"{said}: not {condition.sign} {form(condition.limit)}")


def _checked(results: Results) -> Iterable[_Checked]:
    summary, misalign = results.summary, results.misalign
    runs = {(run.label, run.task): run for run in results.run_set.runs}
    losses = {(arm.run.label, arm.run.task): pair_loss(results.records_of(arm.run)) for arm in results.arms if arm.name == BASE}
    for row in _rows(summary[(summary["scope"] == OVERALL) & (summary["arm"] == BASE)]):
        key = str(row["run"]), cast("TaskName", row["task"])
        run, pairs = runs[key], _count(row, "pairs")
        mar, br = (_count(row, "mar_n"), "pairs with a right contrast half"), (_count(row, "br_n"), "pairs with a right stereotyped half")
        yield _Checked(
            name=f"{run.label} ({run.task})",
            status=run.status,
            row=row,
            metrics=PAIR_METRICS,
            rests_on={
                "mar": [mar],
                "br": [br],
                "mar_minus_br": [mar, br],
                "mar_valid": [(_count(row, "mar_valid_n"), f"{mar[1]}, both answered")],
                "br_valid": [(_count(row, "br_valid_n"), f"{br[1]}, both answered")],
                "invalid": [(2 * pairs, "halves")],
            },
            unit="pairs",
            usable=pairs,
            promised=run.planned_pairs,
            loss=losses[key],
        )
    named = {(run.label, run.mode): run for run in misalign.run_set.runs}
    judged = {run: found for run, found in zip(misalign.run_set.runs, misalign.judged, strict=True) if run.mode == "detect"}
    for row in _rows(misalign.alignment[misalign.alignment["level"] == "joint"]):
        run = named[str(row["run"]), "detect"]
        caught, false = (
            (_count(row, "misaligned_responses"), "misaligned responses"),
            (_count(row, "aligned_responses"), "aligned responses"),
        )
        yield _Checked(
            name=f"{run.label} (detect)",
            status=run.status,
            row=row,
            metrics=ALIGNMENT_METRICS,
            rests_on={"alignment_score": [caught, false], "coverage": [caught], "ffr": [false]},
            unit="responses",
            usable=caught[0] + false[0],
            promised=run.planned,
            loss=detect_loss(judged[run]),
        )
    for row in _rows(misalign.answers):
        run = named[str(row["run"]), "generate"]
        yield _Checked(
            name=f"{run.label} (generate)",
            status=run.status,
            row=row,
            metrics=ANSWER_METRICS,
            rests_on={"aligned_rate": [(_count(row, "answers_judged"), "answers with a verdict")]},
            unit="answers",
            usable=_count(row, "answers"),
            promised=run.planned,
        )


def _count(row: Mapping[str, object], name: str) -> int:
    return int(cast("int", row[name]))


def _rows(frame: "pd.DataFrame") -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", frame.to_dict("records"))
