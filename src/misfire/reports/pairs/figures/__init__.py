"""Figures about pairs: MAR and BR, categories, outcomes, protocols, priming, scenarios and controls.

The size of every figure, in inches, follows from its number of rows and the measured size of its labels. No
text overlaps or is cut off, however long the name of a model is.
"""

from typing import TYPE_CHECKING

from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.style import our_settings
from misfire.reports.pairs.figures.cells import cell_drawing
from misfire.reports.pairs.figures.controls import control_drawing
from misfire.reports.pairs.figures.entries import by_mar, entries_of
from misfire.reports.pairs.figures.heat_maps import category_drawing, scenario_drawing
from misfire.reports.pairs.figures.priming import priming_drawing
from misfire.reports.pairs.figures.protocols import protocol_drawing
from misfire.reports.pairs.figures.rates import interval_drawing, scatter_drawing
from misfire.reports.pairs.frames import PairFrames

if TYPE_CHECKING:
    import pandas as pd


def draw(results: PairFrames, published: "pd.DataFrame | None" = None) -> list[Drawing]:
    """Draw all figures for which there are data.

    Args:
        results: The results of the logs.
        published: The rows that the paper published, to show with the measured ones. Columns ``model``,
            ``mar`` and ``br``, with rates from 0 to 1.

    Returns:
        The figures, always in the same order. In each figure, runs are sorted by MAR in descending order (for
        priming, by the MAR of the base arm).
    """
    veto = by_mar(entries_of(results.overall("veto")))
    categories = entries_of(results.by_category("veto"))
    arms = entries_of(results.overall("priming"))
    theirs = (
        []
        if published is None
        else list(zip(published["br"].tolist(), published["mar"].tolist(), strict=True))
    )
    with our_settings():
        drawn = (
            interval_drawing(veto),
            scatter_drawing(veto, theirs),
            category_drawing(veto, categories),
            priming_drawing(arms, results.effects),
            protocol_drawing(veto, results),
            cell_drawing(veto),
            scenario_drawing(veto, results),
            control_drawing(results.controls),
        )
    return [drawing for drawing in drawn if drawing]
