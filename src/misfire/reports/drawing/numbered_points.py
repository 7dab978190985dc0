"""Square charts of two rates, whose points have numbers that a key beside the chart explains."""

# matplotlib's own types leave keyword arguments open
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from typing import TYPE_CHECKING

from misfire.reports.drawing.labels import Point, widest
from misfire.reports.drawing.pages import LINE, MARGIN, new_axes, new_page
from misfire.reports.drawing.palettes import GRAY, Look
from misfire.reports.number_format import UNDEFINED
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 5.5
"""Side of the chart, in inches."""

_LEFT, _TOP, _BOTTOM = 0.75, 0.2, 0.6
"""Space around the chart, in inches."""

_KEY = _LEFT + SIDE + 0.3
"""Left end of the key, in inches."""

_KEY_TEXT = _KEY + 0.35
"""Left end of the texts in the key, in inches."""


def square_chart(texts: Sequence[str], lines: int) -> "tuple[Figure, Axes, Axes]":
    """Create a figure with a square chart and room for a key.

    Args:
        texts: The texts in the key.
        lines: Number of lines in the key.

    Returns:
        The figure, its page in inches, and the axes of the chart.
    """
    width = _KEY_TEXT + widest(texts) + MARGIN
    figure, page = new_page(width, _TOP + max(SIDE + _BOTTOM, LINE * lines + 0.1))
    return figure, page, new_axes(figure, _LEFT, _TOP, SIDE, SIDE)


def crosses(axes: "Axes", xs: Sequence[Estimate], ys: Sequence[Estimate], look: Look, label: str) -> None:
    """Draw points with the intervals of both rates.

    Args:
        axes: Axes to draw on, in percent.
        xs: Horizontal rates from 0 to 1, none of them undefined.
        ys: Vertical rates, likewise.
        look: Appearance of the points.
        label: Name of the series.
    """
    for x, y in zip(xs, ys, strict=True):
        axes.hlines(100 * y.value, 100 * x.lower, 100 * x.upper, color=look.color, linewidth=1)
        axes.vlines(100 * x.value, 100 * y.lower, 100 * y.upper, color=look.color, linewidth=1)
    look.points(axes, [100 * x.value for x in xs], [100 * y.value for y in ys], label)


def write_numbers(axes: "Axes", places: Sequence[Point], inch: float) -> None:
    """Write the numbers of points, starting at 1.

    Args:
        axes: Axes to write on, in percent.
        places: The center of each number, in inches from the lower left corner.
        inch: Length of an inch, in percent.
    """
    halo = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for number, (x, y) in enumerate(places, start=1):
        axes.text(x * inch, y * inch, str(number), ha="center", va="center", bbox=halo, zorder=4)


def key_of_looks(page: "Axes", looks: Sequence[tuple[Look, str]]) -> None:
    """Write the first lines of the key: what each kind of point means."""
    for line, (look, text) in enumerate(looks):
        look.points(page, [_KEY + 0.12], [_height(line)])
        page.text(_KEY_TEXT, _height(line), text, va="center")


def key_of_diagonal(page: "Axes", line: int, text: str) -> None:
    """Write the line of the key that explains the dashed diagonal."""
    height = _height(line)
    page.plot([_KEY, _KEY + 0.24], [height, height], linestyle=(0, (4, 3)), color=GRAY, linewidth=1)
    page.text(_KEY_TEXT, height, text, va="center")


def key_of_numbers(page: "Axes", line: int, names: Sequence[str], known: int) -> None:
    """Write the names of all points into the key.

    Args:
        page: The page, in inches.
        line: Line of the first name, counted from 0.
        names: The names in the order of the numbers.
        known: Number of points in the chart. The other names get a dash instead of a number.
    """
    for row, name in enumerate(names):
        height = _height(line + row)
        number = str(row + 1) if row < known else UNDEFINED
        page.text(_KEY + 0.22, height, number, ha="right", va="center")
        page.text(_KEY_TEXT, height, name, va="center")


def _height(line: int) -> float:
    """Return the middle of a line of the key, in inches from the top."""
    return _TOP + LINE * (line + 0.5)


def draw_diagonal(axes: "Axes", limit: float, label: str = "") -> None:
    """Draw a dashed line through all points with two equal rates."""
    axes.plot([0, limit], [0, limit], linestyle=(0, (4, 3)), color=GRAY, linewidth=1, label=label)
