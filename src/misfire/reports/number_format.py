"""Number formats for tables and text, the same in every output format.

Rates are in percent, changes in percentage points, and undefined values are dashes.
"""

import math
import re
from collections.abc import Callable

from misfire.reports.columns import Kind

UNDEFINED = "–"
"""Replaces undefined numbers."""

NO_INTERVAL = "no interval"
"""Replaces intervals that do not exist, for example of data from one scenario."""

# control characters of terminals and lines, marks that change the text direction, and lone surrogates, which
# no file can contain
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


def percent(rate: float) -> str:
    """Format a rate, such as "12.3 %", or "–" if it is undefined."""
    return UNDEFINED if math.isnan(rate) else f"{100 * rate:.1f} %"


def points(change: float) -> str:
    """Format a change of a rate in percentage points with its sign, or "–" if it is undefined."""
    return UNDEFINED if math.isnan(change) else f"{100 * change:+.1f}"


def times(ratio: float) -> str:
    """Format a ratio, such as "3.1" or "∞", or "–" if it is undefined."""
    return UNDEFINED if math.isnan(ratio) else "∞" if math.isinf(ratio) else f"{ratio:.1f}"


def score(value: float) -> str:
    """Format standard deviations or log odds with their sign, such as "+0.42", or "–" if undefined."""
    return UNDEFINED if math.isnan(value) else f"{value:+.2f}"


def p_value(p: float) -> str:
    """Format a p- or q-value, such as "0.031" or "< 0.001", or "–" if no test was possible."""
    return UNDEFINED if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def count(number: float) -> str:
    """Format a whole number with separators, such as "2,028", or "∞" if it is infinite."""
    return UNDEFINED if math.isnan(number) else "∞" if math.isinf(number) else f"{number:,.0f}"


def plain(text: str) -> str:
    """Return a text on one line, without control characters that could affect a terminal or an editor."""
    return _CONTROL.sub(" ", text).strip()


def flag(value: bool) -> str:
    """Format a Boolean as "yes" or "no"."""
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
"""The formatter for each kind of number."""


def between(lower: float, upper: float, form: Callable[[float], str]) -> str:
    """Format an interval, such as "9.8 % to 14.6 %"; "no interval" if an end is undefined."""
    return NO_INTERVAL if math.isnan(lower) or math.isnan(upper) else f"{form(lower)} to {form(upper)}"


def bracket(lower: float, upper: float, kind: Kind) -> str:
    """Format an interval to follow its estimate, such as "[9.8, 14.6]". Empty if it is undefined."""
    if math.isnan(lower) and math.isnan(upper):
        return ""
    form = NUMBERS[kind]
    return f"[{form(lower).removesuffix(' %')}, {form(upper).removesuffix(' %')}]"
