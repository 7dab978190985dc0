"""Figures about Mis-Align Bench.

They show the Coverage-FFR plane, domains, dimensions flagged together, dimensions asked alone and together,
and answers.
"""

import math

from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.style import our_settings
from misfire.reports.misalign.figures.domains import domain_drawing
from misfire.reports.misalign.figures.entries import entries_of
from misfire.reports.misalign.figures.overlap import overlap_drawing
from misfire.reports.misalign.figures.plane import plane_drawing
from misfire.reports.misalign.figures.scores import answer_drawing, condition_drawing
from misfire.reports.misalign.frames import MisalignResults


def draw_misalign(results: MisalignResults) -> list[Drawing]:
    """Draw all figures about Mis-Align Bench for which there are data.

    Args:
        results: The results of the logs.

    Returns:
        The figures, always in the same order. In each figure, runs are sorted by joint Alignment Score in
        descending order.
    """
    entries = entries_of(results.alignment)
    joint = sorted(
        (entry for entry in entries if entry.level == "joint"),
        key=lambda entry: -1.0 if math.isnan(entry.score.value) else entry.score.value,
    )
    joint.reverse()
    with our_settings():
        drawn = (
            plane_drawing(joint),
            domain_drawing(joint, entries),
            overlap_drawing(joint, results.overlap),
            condition_drawing(entries, results.conditions),
            answer_drawing(results.answers),
        )
    return [drawing for drawing in drawn if drawing]
