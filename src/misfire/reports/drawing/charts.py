"""Charts: axes of rates, and rows of estimates with their intervals."""

# matplotlib's own types leave keyword arguments open
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from misfire.reports.drawing.palettes import BAND, GRAY, Look
from misfire.reports.number_format import UNDEFINED
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS = "Bars are 95 % intervals, clustered by scenario."


def axis_limit(estimates: Iterable[Estimate]) -> float:
    """Return the end of an axis that starts at 0 and shows all estimates with their intervals.

    Args:
        estimates: Rates from 0 to 1; undefined values are ignored.

    Returns:
        A multiple of 5, at most 100, in percent.
    """
    ends = [
        100 * end
        for estimate in estimates
        for end in (estimate.value, estimate.upper)
        if not math.isnan(end)
    ]  # fmt: skip
    return min(100.0, 5 * math.floor(max(ends, default=0.0) / 5 + 1))


def percent_axis(axes: "Axes", which: Literal["x", "y"], limit: float, label: str, ticks: int = 7) -> None:
    """Set up an axis of rates with a grid.

    Args:
        axes: Axes to change.
        which: Which of the two axes.
        limit: End of the axis, in percent; it starts at 0.
        label: Label of the axis.
        ticks: Largest number of intervals between ticks.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def tick(value: float, _: object) -> str:
        return f"{value:g} %"

    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xlim if which == "x" else axes.set_ylim)(0, limit)
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(tick))
    axis.set_label_text(label)
    axes.grid(axis=which, color="#E0E0E0", linewidth=0.6)
    axes.set_axisbelow(True)


def row_axes(axes: "Axes", names: Sequence[str] | None, rows: int) -> None:
    """Set up a vertical axis of rows, the first row at the top. If ``names`` is None, rows have no labels."""
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks(range(rows), labels=names if names is not None else [""] * rows)
    axes.tick_params(axis="y", length=0, pad=6)
    axes.spines["left"].set_visible(False)


def bands(axes: "Axes", rows: int) -> None:
    """Shade every second row to guide the eye."""
    for row in range(1, rows, 2):
        axes.axhspan(row - 0.5, row + 0.5, color=BAND, linewidth=0, zorder=0)


def dots(axes: "Axes", estimates: Sequence[Estimate], rows: Sequence[float], look: Look, label: str) -> None:
    """Draw estimates with their intervals, one in each row, and a dash for each undefined estimate.

    Args:
        axes: Axes to draw on, in percent.
        estimates: Rates from 0 to 1.
        rows: Vertical position of each estimate.
        look: Appearance of the points.
        label: Name of the series in the legend.
    """
    known = [pair for pair in zip(estimates, rows, strict=True) if not math.isnan(pair[0].value)]
    bars = [(estimate, row) for estimate, row in known if not math.isnan(estimate.lower)]
    axes.hlines(
        [row for _, row in bars],
        [100 * estimate.lower for estimate, _ in bars],
        [100 * estimate.upper for estimate, _ in bars],
        color=look.color,
        linewidth=1.4,
    )
    look.points(axes, [100 * estimate.value for estimate, _ in known], [row for _, row in known], label)
    for estimate, row in zip(estimates, rows, strict=True):
        if math.isnan(estimate.value):
            dash(axes, row, look.color)


def dash(axes: "Axes", row: float, color: str) -> None:
    """Draw a dash in a row that has no value."""
    axes.annotate(UNDEFINED, (0, row), xytext=(4, 0), textcoords="offset points", va="center", color=color)


def note_beside(axes: "Axes", row: float, text: str) -> None:
    """Write a text to the right of a row."""
    axes.annotate(
        text,
        (1, row),
        xycoords=axes.get_yaxis_transform(),
        xytext=(8, 0),
        textcoords="offset points",
        va="center_baseline",
        color=GRAY,
    )


def key_above(axes: "Axes", columns: int) -> None:
    """Draw the legend above a chart, with the given number of columns."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        frameon=False,
        borderaxespad=0.2,
        handletextpad=0.4,
    )
