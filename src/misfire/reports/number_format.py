"""How numbers are written for people, the same in every format: rates in percent, changes in points, dashes where nothing was measured."""

import math
import re
from collections.abc import Callable

from misfire.reports.columns import Kind

UNDEFINED = "–"
"""Stands where nothing was measured."""

# controls of terminals and lines, marks that turn the direction of writing, half characters that no file can hold
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def percent(rate: float) -> str:
    """A rate as people read it: "12.3 %", or "–" where it is undefined."""
    return UNDEFINED if math.isnan(rate) else f"{100 * rate:.1f} %"


def points(change: float) -> str:
    """A change of a rate in percentage points, with its sign, or "–" where it is undefined."""
    return UNDEFINED if math.isnan(change) else f"{100 * change:+.1f}"


def times(ratio: float) -> str:
    """A ratio: "3.1", "∞", or "–" where it is undefined."""
    return UNDEFINED if math.isnan(ratio) else "∞" if math.isinf(ratio) else f"{ratio:.1f}"


def score(value: float) -> str:
    """A number of standard deviations or log odds, with its sign: "+0.42", or "–" where it is undefined."""
    return UNDEFINED if math.isnan(value) else f"{value:+.2f}"


def p_value(p: float) -> str:
    """A p- or q-value: "0.031", "< 0.001", or "–" where no test could be made."""
    return UNDEFINED if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def count(number: float) -> str:
    """A whole number with separators: "2,028"; "∞" for an infinite one."""
    return UNDEFINED if math.isnan(number) else "∞" if math.isinf(number) else f"{number:,.0f}"


def plain(text: str) -> str:
    """A text on one line, without control characters that a terminal or an editor would act on."""
    return _CONTROL.sub(" ", text).strip()


def flag(value: bool) -> str:
    """A yes or no in a table."""
    return "yes" if value else "no"


NUMBERS: dict[Kind, Callable[[float], str]] = {
    "rate": percent,
    "change": points,
    "ratio": times,
    "score": score,
    "logit": score,
    "p": p_value,
    "count": count,
}
"""How to write each kind of number."""


def between(lower: float, upper: float, form: Callable[[float], str]) -> str:
    """An interval: "9.8 % to 14.6 %"."""
    return f"{form(lower)} to {form(upper)}"


def bracket(lower: float, upper: float, kind: Kind) -> str:
    """An interval behind its estimate: "[9.8, 14.6]"; empty where it is undefined."""
    if math.isnan(lower) and math.isnan(upper):
        return ""
    form = NUMBERS[kind]
    return f"[{form(lower).removesuffix(' %')}, {form(upper).removesuffix(' %')}]"
