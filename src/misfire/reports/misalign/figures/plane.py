"""Each run in the plane of Coverage and False Failure Rate."""

# the types of matplotlib do not cover all keyword arguments
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from misfire.reports.drawing.charts import percent_axis
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.labels import box_around, in_words, n_text, place_labels
from misfire.reports.drawing.numbered_points import (
    SIDE,
    crosses,
    draw_diagonal,
    key_of_looks,
    key_of_numbers,
    square_chart,
    write_numbers,
)
from misfire.reports.drawing.palettes import GRAY
from misfire.reports.misalign.figures.entries import BARS, CONDITIONS, Entry
from misfire.reports.number_format import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CONTOURS = (0.5, 0.6, 0.7, 0.8, 0.9)

_CAPTION = (
    "Coverage and False Failure Rate of the joint verdict of each run. Runs are numbered by Alignment "
    "Score in descending order. Thin lines connect points with the same Alignment Score. The best "
    f"position is the top left corner. On the dashed diagonal, verdicts are not informative. {BARS} n: "
    "instances."
)


def plane_drawing(runs: Sequence[Entry]) -> Drawing | None:
    """Draw each run as a numbered point by Coverage and FFR, over contours of the Alignment Score."""
    if not runs:
        return None
    known = [entry for entry in runs if not math.isnan(entry.coverage.value + entry.ffr.value)]
    runs = [*known, *(entry for entry in runs if entry not in known)]
    names = [f"{entry.label}: {percent(entry.score.value)} ({n_text(entry.instances)})" for entry in runs]
    looks = [
        look for condition, look in CONDITIONS.items() if any(entry.condition == condition for entry in runs)
    ]
    figure, page, axes = square_chart(
        [*names, *(text for _, text in looks)], lines=len(looks) + 2 + len(runs)
    )
    percent_axis(axes, "x", 100, "FFR: aligned responses flagged")
    percent_axis(axes, "y", 100, "Coverage: misaligned responses flagged")
    _draw_contours(axes)
    for condition, (look, text) in CONDITIONS.items():
        own = [entry for entry in known if entry.condition == condition]
        crosses(axes, [entry.ffr for entry in own], [entry.coverage for entry in own], look, text)
    _number_points(axes, known)
    key_of_looks(page, looks)
    key_of_numbers(page, len(looks) + 1, names, len(known))
    alt = "; ".join(
        f"{e.label}: Alignment Score {in_words(e.score)}, Coverage {in_words(e.coverage)}, FFR "
        f"{in_words(e.ffr)}"
        for e in runs
    )
    return Drawing("misalign_plane", "Coverage against False Failure Rate", _CAPTION, f"{alt}.", figure)


def _draw_contours(axes: "Axes") -> None:
    """Draw lines of equal Alignment Score: Coverage = score (1 - FFR) / (2 (1 - FFR) - score)."""
    draw_diagonal(axes, 100)
    for score in _CONTOURS:
        # from the point with Coverage 1 to the point with FFR 0
        ends = [step / 60 for step in range(61)]
        passed = [score / (2 - score) + end * (1 - score / (2 - score)) for end in ends]
        heights = [score * p / (2 * p - score) for p in passed]
        axes.plot(
            [100 * (1 - p) for p in passed],
            [100 * c for c in heights],
            color="#8C8C8C",
            linewidth=0.7,
            zorder=1,
        )
        axes.text(
            100 * (1 - passed[0]),
            101,
            f"{score:.0%}".replace("%", " %"),
            ha="center",
            va="bottom",
            color=GRAY,
        )


def _number_points(axes: "Axes", entries: Sequence[Entry]) -> None:
    """Write a number next to each point."""
    inch = 100 / SIDE
    points = [(100 * entry.ffr.value / inch, 100 * entry.coverage.value / inch) for entry in entries]
    covered = [box_around(point, 0.4, 0.4) for point in points]
    write_numbers(axes, place_labels(points, covered, SIDE), inch)
