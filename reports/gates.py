"""Conditions on the results that make `misfire report` fail, for continuous integration."""

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from misfire.errors import InputError
from misfire.reports.forms import percent
from misfire.reports.frames import ALL, Results
from misfire.scorers.priming import BASE

End = Literal["estimate", "ci_lower", "ci_upper"]
"""Which number is compared: the estimate, or an end of its 95 % interval."""

METRICS = ("mar", "br", "mar_minus_br", "mar_valid", "br_valid", "invalid")
"""What a condition can be about; all have intervals."""

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

    Each condition is checked on every VETO run and on the base arm of every priming run; primed arms are experiments.

    Args:
        results: What the logs hold.
        conditions: Of which none may be met.
        end: Which number is compared.

    Returns:
        One line for each run that meets a condition, for which the number is undefined, or that did not end; empty if all is well.
    """
    summary, lines = results.summary, list[str]()
    checked = summary[(summary["category"] == ALL) & (summary["arm"] == BASE)]
    status = {(run.label, run.task): run.status for run in results.run_set.runs}
    for row in checked.to_dict("records"):
        name = f"{row['run']} ({row['task']})"
        if status[row["run"], row["task"]] != "success":
            lines.append(f"{name}: the run did not end (status {status[row['run'], row['task']]}), so its numbers say nothing yet")
            continue
        for condition in conditions:
            key = condition.metric if end == "estimate" else f"{condition.metric}_{end}"
            value = cast("float", row[key])
            words = f"{name}: {key} is"
            if math.isnan(value):
                lines.append(f"{words} undefined")
            elif _SIGNS[condition.sign](value, condition.limit):
                lines.append(f"{words} {percent(value)}, {condition.sign} {percent(condition.limit)}")
    return lines
