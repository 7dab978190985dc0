"""Pairs by the outcomes of their halves: one 2 x 2 table for each run."""

# the types of matplotlib do not cover all keyword arguments
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.labels import Point, n_text, widest
from misfire.reports.drawing.pages import LINE, MARGIN, new_page
from misfire.reports.drawing.palettes import GRAY, VERMILLION
from misfire.reports.number_format import count, percent
from misfire.reports.pairs.figures.entries import Entry
from misfire.scorers.statistics import NAN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE, _HIGH = 1.2, 0.62
"""Width and height of a cell, in inches."""

_HEAD = 3 * LINE + 0.05
"""Height of the lines above the cells, in inches."""

_MISFIRED = "c: misfired"

_CAPTION = (
    "Pairs of each run by the outcomes of their halves, as counts and as shares of n. Darker cells "
    "have more pairs. n: complete pairs, counted per epoch. The framed cell contains the misfired "
    "pairs: contrast half right, stereotyped half wrong. MAR is this cell's share of the left column, "
    "and BR is the share of the reverse errors in the upper row."
)


def cell_drawing(runs: Sequence[Entry]) -> Drawing | None:
    """Draw the 2 x 2 table of each run."""
    if not runs:
        return None
    across = min(4, len(runs))
    left = MARGIN + widest(["stereotyped"]) + 0.15
    step = max(2 * _WIDE, widest((entry.label for entry in runs), bold=True)) + 0.25
    panel = _HEAD + 2 * _HIGH + 0.25
    figure, page = new_page(left + across * step, MARGIN + math.ceil(len(runs) / across) * panel)
    for number, run in enumerate(runs):
        corner = left + (number % across) * step, MARGIN + (number // across) * panel
        _write_headings(page, corner, run, rows=number % across == 0)
        _draw_cells(page, corner, run)
    alt = "; ".join(
        f"{e.label}, {n_text(e.pairs)}: both right {count(e.a)}, reverse error {count(e.b)}, misfired "
        f"{count(e.c)}, both wrong {count(e.d)}"
        for e in runs
    )
    return Drawing("confusion", "Pairs by outcome of their halves", _CAPTION, f"{alt}.", figure)


def _write_headings(page: "Axes", corner: Point, run: Entry, *, rows: bool) -> None:
    """Write the name of a run, and the headings of its columns and, if requested, of its rows."""
    x, y = corner
    page.text(x, y + LINE / 2, run.label, va="center", weight="bold")
    page.text(x, y + 1.5 * LINE, n_text(run.pairs), va="center", color=GRAY)
    for column, heading in enumerate(("contrast right", "contrast wrong")):
        page.text(x + (column + 0.5) * _WIDE, y + 2.5 * LINE, heading, ha="center", va="center")
    for row, heading in enumerate(("right", "wrong") if rows else ()):
        text = f"stereotyped\n{heading}"
        page.text(x - 0.08, y + _HEAD + (row + 0.5) * _HIGH, text, ha="right", va="center")


def _draw_cells(page: "Axes", corner: Point, run: Entry) -> None:
    """Draw the four cells of a run. Rows: stereotyped half right, wrong. Columns: contrast half, likewise."""
    x, y = corner
    cells = (
        (run.a, "a: both right"),
        (run.b, "b: reverse error"),
        (run.c, _MISFIRED),
        (run.d, "d: both wrong"),
    )
    for (row, column), (cases, name) in zip(product(range(2), range(2)), cells, strict=True):
        _draw_cell(page, (x + column * _WIDE, y + _HEAD + row * _HIGH), name, cases, run.pairs)


def _draw_cell(page: "Axes", corner: Point, name: str, cases: int, pairs: int) -> None:
    """Draw a cell with its number of pairs and their share of all pairs."""
    from matplotlib.patches import Rectangle

    x, y = corner
    share = cases / pairs if pairs else NAN
    shade = _shade(share)
    page.add_patch(Rectangle(corner, _WIDE, _HIGH, facecolor=shade, edgecolor=GRAY, linewidth=0.8, zorder=1))
    if name == _MISFIRED:
        inner, wide, high = (x + 0.03, y + 0.03), _WIDE - 0.06, _HIGH - 0.06
        frame = Rectangle(inner, wide, high, fill=False, edgecolor=VERMILLION, linewidth=2, zorder=2)
        page.add_patch(frame)
    weight = "bold" if name == _MISFIRED else "normal"
    page.text(x + _WIDE / 2, y + 0.16, name, ha="center", va="center", weight=weight, zorder=3)
    numbers = f"{count(cases)}\n{percent(share)}"
    page.text(x + _WIDE / 2, y + 0.4, numbers, ha="center", va="center", zorder=3)


def _shade(share: float) -> str:
    """Return a gray for a share of pairs, light enough for black text. White if there are no pairs."""
    from matplotlib.colors import to_hex

    brightness = 1.0 if math.isnan(share) else 1 - 0.35 * math.sqrt(share)
    return to_hex((brightness, brightness, brightness))
