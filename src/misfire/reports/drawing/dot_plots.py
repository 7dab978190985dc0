"""Charts with two estimates in each row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from misfire.reports.drawing.charts import bands, dots, key_above, note_beside, percent_axis, row_axes
from misfire.reports.drawing.labels import widest
from misfire.reports.drawing.pages import MARGIN, ROW, new_axes, new_page
from misfire.reports.drawing.palettes import Look
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 5.5
"""Width of the axes, in inches."""

_TOP, _BOTTOM = 0.4, 0.6
"""Space for the legend above the axes and for the labels below, in inches."""

_ASIDE = 0.17
"""Distance of each estimate from the middle of its row, in rows."""


@dataclass(frozen=True)
class Series:
    """A series of estimates, one for each row.

    Attributes:
        name: Its name in the legend.
        look: Appearance of its points.
        estimates: Rates from 0 to 1.
    """

    name: str
    look: Look
    estimates: Sequence[Estimate]


def dot_plot(
    names: Sequence[str], notes: Sequence[str], upper: Series, lower: Series, limit: float, label: str
) -> "Figure":
    """Draw two series as dots with error bars, one above the other in each row.

    Args:
        names: Labels of the rows.
        notes: Texts to the right of the rows.
        upper: The series that is above the middle of the rows.
        lower: The series that is below.
        limit: End of the horizontal axis, in percent.
        label: Label of this axis.

    Returns:
        The figure, with a legend above the axes.
    """
    left, beside, high = MARGIN + widest(names) + 0.14, widest(notes) + 0.25, ROW * len(names)
    figure, _ = new_page(left + _WIDTH + beside, _TOP + high + _BOTTOM)
    axes = new_axes(figure, left, _TOP, _WIDTH, high)
    row_axes(axes, names, len(names))
    bands(axes, len(names))
    percent_axis(axes, "x", limit, label)
    for series, aside in ((upper, -_ASIDE), (lower, _ASIDE)):
        dots(axes, series.estimates, [row + aside for row in range(len(names))], series.look, series.name)
    for row, note in enumerate(notes):
        note_beside(axes, row, note)
    key_above(axes, 2)
    return figure
