"""Labels of figures: short names of runs, numbers as text, widths of text, and positions without overlaps."""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate

from misfire.reports.drawing.style import POINTS
from misfire.reports.number_format import count, percent, plain
from misfire.scorers.statistics import Estimate

LONGEST = 36
"""Longest label of a run, in columns. Longer labels are cut in the middle."""

_UNPRINTABLE = re.compile("[\ufffe\uffff]")
"""Characters that XML cannot hold, besides control characters."""


def short_labels(labels: Iterable[str]) -> dict[str, str]:
    """Shorten labels so that they fit on a figure.

    Args:
        labels: Any texts.

    Returns:
        The short form of each label: one line without control characters, at most ``LONGEST`` columns wide
        (a longer label is cut in the middle, marked by "…"), with a number appended where two short forms
        would be equal.
    """
    shown: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        draft = _shortened(" ".join(_UNPRINTABLE.sub("\ufffd", plain(label)).split()))
        number, name = 1, draft
        while name in shown.values():
            number += 1
            name = f"{draft} #{number}"
        shown[label] = name
    return shown


def _shortened(text: str) -> str:
    if sum(map(_columns, text)) <= LONGEST:
        return text
    head = _beginning(text, LONGEST // 2)
    return f"{head}…{_beginning(text[::-1], LONGEST - LONGEST // 2 - 1)[::-1]}"


def _beginning(text: str, columns: int) -> str:
    return text[: sum(reached <= columns for reached in accumulate(map(_columns, text)))]


def _columns(character: str) -> int:
    """Width of a character: 2 for wide East Asian characters, else 1."""
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def share_text(rate: float) -> str:
    """Format a rate for an axis or a cell: percent without the sign, such as "12.3"."""
    return percent(rate).removesuffix(" %")


def in_words(estimate: Estimate) -> str:
    """Format an estimate with its interval, such as "12.3 % (9.8 to 15.1)"."""
    if math.isnan(estimate.lower):
        return percent(estimate.value)
    return f"{percent(estimate.value)} ({share_text(estimate.lower)} to {share_text(estimate.upper)})"


def n_text(number: int) -> str:
    """Format the number of pairs behind a rate, such as "n = 2,028"."""
    return f"n = {count(number)}"


def widest(texts: Iterable[str], *, bold: bool = False) -> float:
    """Return the width of the widest text, in inches; 0 if there is none.

    The width includes a reserve of 3 % for readers' fonts that are wider, and an estimate for characters that
    only readers' fonts have.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=POINTS, weight="bold" if bold else "normal")

    def points(text: str) -> float:
        wide, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
        squares = sum(_columns(character) == 2 for character in text)
        return max(wide, POINTS * (squares + 0.6 * (len(text) - squares))) if squares else wide

    return 1.03 * max(map(points, texts), default=0.0) / 72


Point = tuple[float, float]
"""Horizontal and vertical position."""

Box = tuple[float, float, float, float]
"""Left, bottom, right and top."""

LABEL = (0.2, 0.15)
"""Width and height of a number beside a point, in inches."""

DOT = 0.11
"""Width and height of a point, in inches."""

FAR = 0.3
"""Distance from which a line connects a number to its point, in inches."""


def place_labels(points: Sequence[Point], covered: Sequence[Box], side: float) -> list[Point]:
    """Find positions for the numbers of points so that no number overlaps another number or a point.

    Points are labeled in turn, each at the nearest free position. Positions that overlap a covered box count
    as 0.1 inches farther away for each such box.

    Args:
        points: The points, in inches.
        covered: Boxes that numbers should avoid if possible, such as intervals, in inches.
        side: Side of the square from (0, 0) that numbers must stay in, in inches.

    Returns:
        The center of each number; the point itself where no position in the square is free.
    """
    taken = [box_around(point, DOT, DOT) for point in points]
    places: list[Point] = []
    for x, y in points:
        best, cost = (x, y), math.inf
        for radius in (0.15 + 0.05 * step for step in range(int(30 * side))):
            if radius >= cost:
                break
            for angle in (math.pi * (2 * part + 1) / 16 for part in range(16)):
                place = (x + radius * math.cos(angle), y + radius * math.sin(angle))
                box = box_around(place, *LABEL)
                if min(box) < 0 or max(box) > side or any(_overlap(box, other) for other in taken):
                    continue
                farther = radius + 0.1 * sum(_overlap(box, other) for other in covered)
                if farther < cost:
                    best, cost = place, farther
        places.append(best)
        taken.append(box_around(best, *LABEL))
    return places


def box_around(center: Point, width: float, height: float) -> Box:
    """Return the box of a given size around a point."""
    x, y = center
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
