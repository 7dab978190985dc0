"""Conditions on the results that make `misfire report` fail, for continuous integration."""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from misfire.errors import InputError
from misfire.reports.columns import OVERALL
from misfire.reports.forms import percent
from misfire.reports.frames import Results
from misfire.reports.runs import TaskName
from misfire.scorers.priming import BASE

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


def violations(results: Results, conditions: Sequence[Condition], end: End = "estimate") -> list[str]:
    """Why a pipeline should stop.

    Each condition is checked on every run that has its metric: MAR and its like on VETO runs and on the base arm of priming runs (primed
    arms are experiments), Alignment Score and its like on the joint verdict of detect runs, the aligned rate on generate runs.

    Args:
        results: What the logs hold.
        conditions: Of which none may be met.
        end: Which number is compared.

    Returns:
        One line for each run that meets a condition, for which the number is undefined, or that did not end, and for each condition that
        no run has the metric of; empty if all is well.
    """
    checked = list(_checked(results))
    lines: list[str] = []
    for one in checked:
        own = [condition for condition in conditions if condition.metric in one.metrics]
        if one.status != "success":
            lines.append(f"{one.name}: the run did not end (status {one.status}), so its numbers say nothing yet")
            continue
        for condition in own:
            key = condition.metric if end == "estimate" else f"{condition.metric}_{end}"
            value = cast("float", one.row[key])
            words = f"{one.name}: {key} is"
            if math.isnan(value):
                lines.append(f"{words} undefined")
            elif _SIGNS[condition.sign](value, condition.limit):
                lines.append(f"{words} {percent(value)}, {condition.sign} {percent(condition.limit)}")
    unchecked = (condition.metric for condition in conditions if not any(condition.metric in one.metrics for one in checked))
    return lines + [f"no run has the metric {metric}, so that nothing was checked by it" for metric in unchecked]


@dataclass(frozen=True)
class _Checked:
    """A run with its numbers, and the metrics that conditions on it may be about."""

    name: str
    status: str
    row: Mapping[str, object]
    metrics: tuple[str, ...]


def _checked(results: Results) -> Iterable[_Checked]:
    summary, misalign = results.summary, results.misalign
    status = {(run.label, run.task): run.status for run in results.run_set.runs}
    for row in _rows(summary[(summary["scope"] == OVERALL) & (summary["arm"] == BASE)]):
        run, task = str(row["run"]), cast("TaskName", row["task"])
        yield _Checked(f"{run} ({task})", status[run, task], row, PAIR_METRICS)
    ended = {(run.label, run.mode): run.status for run in misalign.run_set.runs}
    for row in _rows(misalign.alignment[misalign.alignment["level"] == "joint"]):
        yield _Checked(f"{row['run']} (detect)", ended[str(row["run"]), "detect"], row, ALIGNMENT_METRICS)
    for row in _rows(misalign.answers):
        yield _Checked(f"{row['run']} (generate)", ended[str(row["run"]), "generate"], row, ANSWER_METRICS)


def _rows(frame: "pd.DataFrame") -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", frame.to_dict("records"))
