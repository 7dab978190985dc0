"""Direct answers compared with chain of thought: a line from one run of a model to the other."""

# the types of matplotlib do not cover all keyword arguments
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from misfire.reports.drawing.charts import BARS, axis_limit, percent_axis
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.labels import Point, in_words, n_text, widest
from misfire.reports.drawing.pages import LINE, MARGIN, new_axes, new_page
from misfire.reports.drawing.palettes import GRAY, LOOKS
from misfire.reports.number_format import count
from misfire.reports.pairs.figures.entries import Entry, changed
from misfire.reports.pairs.frames import PairFrames
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE, _GAP = 2.6, 0.75
"""Width of a panel and of the space between both panels, in inches."""

_LEFT, _TOP, _BOTTOM = 0.65, 0.4, 0.4
"""Space around the panels, in inches."""

_KEY = _LEFT + 2 * _WIDE + _GAP + 0.3
"""Left end of the key, in inches."""

_KEY_TEXT = _KEY + 0.75
"""Left end of the texts in the key, in inches."""

_STEP = 2 * LINE + 0.1
"""Height of a model in the key, in inches."""

_CAPTION = (
    "MAR and BR without and with chain of thought. Each line connects a model's direct run with its "
    f"chain-of-thought run on the same pairs. {BARS} n: complete pairs, counted per epoch, with two "
    "numbers if the runs differ. If the line falls on the left but not on the right, reasoning makes "
    "the model misfire less."
)

_Couple = tuple[Entry, Entry]
"""A model's direct run and its run with chain of thought."""


def protocol_drawing(runs: Sequence[Entry], results: PairFrames) -> Drawing | None:
    """Draw MAR and BR of a model's direct run and of its chain-of-thought run, connected by lines."""
    couples = _couples(runs, results)
    if not couples:
        return None
    lines = [
        (direct.label, f"→ {cot.label} ({changed(n_text(direct.pairs), count(cot.pairs))})")
        for direct, cot in couples
    ]
    high = max(3.4, LINE * len(couples))
    figure, page = new_page(
        _KEY_TEXT + widest(line for two in lines for line in two) + MARGIN,
        _TOP + max(high + _BOTTOM, _STEP * len(couples)),
    )
    limit = axis_limit(e for couple in couples for entry in couple for e in (entry.mar, entry.br))
    panels = {
        "MAR": [(direct.mar, cot.mar) for direct, cot in couples],
        "BR": [(direct.br, cot.br) for direct, cot in couples],
    }
    for place, (title, slopes) in enumerate(panels.items()):
        left = _LEFT + place * (_WIDE + _GAP)
        page.text(left, _TOP - 0.15, title, va="center", weight="bold")
        axes = new_axes(figure, left, _TOP, _WIDE, high)
        ends = _draw_slopes(axes, slopes, [cot.label for _, cot in couples], limit)
        _number_ends(axes, ends, limit, high)
    _draw_key(page, lines)
    alt = "; ".join(
        f"{cot.label} compared with {direct.label}: MAR {in_words(direct.mar)} to {in_words(cot.mar)}, BR "
        f"{in_words(direct.br)} to {in_words(cot.br)}"
        for direct, cot in couples
    )
    return Drawing(
        "protocol_slopes", "Direct answers compared with chain of thought", _CAPTION, f"{alt}.", figure
    )


def _couples(runs: Sequence[Entry], results: PairFrames) -> list[_Couple]:
    """Return the runs that differ only by protocol, in the order of the direct runs."""
    by_run = {entry.run: entry for entry in runs}
    couples = [(by_run[direct.label], by_run[cot.label]) for direct, cot in results.run_set.protocol_pairs()]
    order = [entry.run for entry in runs]
    return sorted(couples, key=lambda couple: order.index(couple[0].run))


def _draw_slopes(
    axes: "Axes", slopes: Sequence[tuple[Estimate, Estimate]], labels: Sequence[str], limit: float
) -> list[Point]:
    """Draw a line from each first estimate to the second, with both intervals.

    Args:
        axes: Axes of the panel.
        slopes: The estimates of each model, from 0 to 1.
        labels: Names of the lines.
        limit: End of the vertical axis, in percent.

    Returns:
        The right end of each line. Its height is NaN if the second estimate is undefined.
    """
    axes.set_xlim(-0.25, 1.4)
    axes.set_xticks([0, 1], labels=["direct", "chain of thought"])
    percent_axis(axes, "y", limit, "")
    ends: list[Point] = []
    for number, (estimates, label, (color, marker, line)) in enumerate(
        zip(slopes, labels, cycle(LOOKS), strict=False)
    ):
        # lines of different models are side by side, so that their intervals do not cover each other
        aside = min(0.05, 0.36 / len(slopes)) * (number - (len(slopes) - 1) / 2)
        places = [aside, 1 + aside]
        for x, estimate in zip(places, estimates, strict=True):
            axes.vlines(x, 100 * estimate.lower, 100 * estimate.upper, color=color, linewidth=1.2)
        values = [100 * estimate.value for estimate in estimates]
        axes.plot(
            places,
            values,
            color=color,
            marker=marker,
            linestyle=line,
            linewidth=1.4,
            markersize=5.5,
            clip_on=False,
            zorder=3,
            label=label,
        )
        ends.append((places[1], values[1]))
    return ends


def _number_ends(axes: "Axes", ends: Sequence[Point], limit: float, high: float) -> None:
    """Write the number of each line to the right of its end, at heights that do not overlap."""
    defined = [(number, x, y) for number, (x, y) in enumerate(ends) if not math.isnan(y)]
    heights = spread([y for _, _, y in defined], 0.16 * limit / high, limit)
    for (number, x, y), height in zip(defined, heights, strict=True):
        axes.plot([x + 0.03, 1.29], [y, height], color=GRAY, linewidth=0.6)
        axes.text(1.3, height, str(number + 1), va="center")


def _draw_key(page: "Axes", lines: Sequence[tuple[str, str]]) -> None:
    """Draw the key: number, line and marker of each model, and its two lines of text."""
    for number, ((first, second), (color, marker, line)) in enumerate(zip(lines, cycle(LOOKS), strict=False)):
        y = _TOP + number * _STEP + LINE / 2
        page.text(_KEY + 0.2, y, str(number + 1), ha="right", va="center")
        page.plot([_KEY + 0.3, _KEY + 0.65], [y, y], color=color, linestyle=line, linewidth=1.4)
        page.plot([_KEY + 0.475], [y], color=color, marker=marker, markersize=5.5)
        page.text(_KEY_TEXT, y, first, va="center")
        page.text(_KEY_TEXT, y + LINE, second, va="center", color=GRAY)


def spread(heights: Sequence[float], gap: float, limit: float) -> list[float]:
    """Move labels vertically so that they are at least a gap apart.

    Args:
        heights: Preferred height of each label.
        gap: Minimum distance.
        limit: Maximum height, if there is enough room for all labels below it.

    Returns:
        One height per label, in the order of the labels. Their vertical order is preserved.
    """
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    placed: list[float] = []
    for index in order:
        placed.append(max(heights[index], placed[-1] + gap) if placed else heights[index])
    ceiling = limit
    for position in reversed(range(len(placed))):
        placed[position] = min(placed[position], ceiling)
        ceiling = placed[position] - gap
    return [height for _, height in sorted(zip(order, placed, strict=True))]
