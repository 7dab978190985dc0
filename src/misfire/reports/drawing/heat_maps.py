"""Heat maps of rates."""

# matplotlib's own types leave keyword arguments open
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from misfire.reports.drawing.charts import row_axes
from misfire.reports.drawing.labels import share_text, widest
from misfire.reports.drawing.pages import LINE, MARGIN, new_axes, new_page
from misfire.reports.drawing.palettes import GRAY, ink_on, shade_of
from misfire.reports.number_format import UNDEFINED, count, percent
from misfire.scorers.statistics import NAN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Tile:
    """A cell of a heat map.

    Attributes:
        rate: A rate from 0 to 1; NaN where it is undefined.
        n: Number of pairs that the rate divides by.
    """

    rate: float
    n: int


NO_TILE = Tile(NAN, 0)
"""A cell without a rate."""

_CELL_HEIGHT = 0.4
"""Height of a cell, in inches."""

_HATCH = "////"
"""Pattern of cells with a small n."""

_STRIPS = 40
"""Number of shades in the color bar."""


def heat_maps(
    maps: Mapping[str, Sequence[Sequence[Tile]]],
    names: Sequence[str],
    headings: Sequence[str],
    small: int,
) -> "Figure":
    """Draw heat maps side by side. They have the same rows, columns and color scale.

    Args:
        maps: The cells of each map by its title, row by row.
        names: Labels of the rows.
        headings: Labels of the columns.
        small: Cells with an n below this number are hatched.

    Returns:
        The figure, with a color bar and, if any cell is hatched, the meaning of the hatching.
    """
    tiles = [tile for rows in maps.values() for row in rows for tile in row if not math.isnan(tile.rate)]
    cell = max(0.42, widest(f"n {count(tile.n)}" for tile in tiles) + 0.14)
    wide, high = cell * len(headings), _CELL_HEIGHT * len(names)
    slant, gap = widest(headings) * math.sqrt(0.5) + 0.1, 0.25
    left, top = MARGIN + widest(names) + 0.14, MARGIN + LINE + slant + 0.1
    step = max(wide + gap, widest(maps) + gap)
    right = left + (len(maps) - 1) * step + max(wide + max(slant - cell / 2, 0), widest(maps))
    bar, note = 3.0, f"n below {small}"
    figure, page = new_page(max(right, left + bar + 0.75 + widest([note])) + MARGIN, top + high + 0.65)
    scale = max((tile.rate for tile in tiles), default=0.0) or 0.01
    for number, (title, rows) in enumerate(maps.items()):
        start = left + number * step
        page.text(start, MARGIN + LINE / 2, title, va="center")
        for column, heading in enumerate(headings):
            x = start + (column + 0.5) * cell
            page.text(x, top - 0.06, heading, rotation=45, rotation_mode="anchor", va="baseline")
        axes = new_axes(figure, start, top, wide, high)
        row_axes(axes, names if number == 0 else None, len(names))
        axes.set(xlim=(-0.5, len(headings) - 0.5), xticks=[])
        axes.set_frame_on(False)
        for (row, cells), column in product(enumerate(rows), range(len(headings))):
            _draw_tile(axes, row, column, cells[column], scale, small)

    under = top + high + 0.2
    _draw_color_bar(page, left, under, bar, scale)
    if any(tile.n < small for tile in tiles):
        _draw_hatch_key(page, left + bar + 0.4, under, note)
    return figure


def _draw_tile(axes: "Axes", row: int, column: int, tile: Tile, scale: float, small: int) -> None:
    from matplotlib.patches import Rectangle

    if math.isnan(tile.rate):
        axes.text(column, row, UNDEFINED, ha="center", va="center", color=GRAY)
        return
    color, ink = shade_of(tile.rate / scale), ink_on(tile.rate / scale)
    box = Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, facecolor=color, linewidth=0, clip_on=False)
    patch = None
    if tile.n < small:
        box.set(hatch=_HATCH, edgecolor=ink)
        patch = {"boxstyle": "square,pad=0.12", "facecolor": color, "edgecolor": "none"}
    axes.add_patch(box)
    rate, n = share_text(tile.rate), f"n {count(tile.n)}"
    axes.text(column, row - 0.2, rate, ha="center", va="center", color=ink, weight="bold", bbox=patch)
    axes.text(column, row + 0.23, n, ha="center", va="center", color=ink, bbox=patch)


def _draw_color_bar(page: "Axes", left: float, top: float, width: float, scale: float) -> None:
    """Draw the color scale from 0 to ``scale``, with the rates at its ends and in the middle."""
    from matplotlib.patches import Rectangle

    for strip in range(_STRIPS):
        done = width * strip / _STRIPS
        shade = shade_of(strip / (_STRIPS - 1))
        # each strip extends to the end and is covered by the next, so that no gaps show between strips
        page.add_patch(Rectangle((left + done, top), width - done, 0.14, facecolor=shade, linewidth=0))
    for part in (0, 0.5, 1):
        page.text(left + part * width, top + 0.17, percent(part * scale), ha="center", va="top")


def _draw_hatch_key(page: "Axes", left: float, top: float, note: str) -> None:
    from matplotlib.patches import Rectangle

    box = Rectangle((left, top), 0.25, 0.16, facecolor="white", edgecolor=GRAY, hatch=_HATCH, linewidth=0)
    page.add_patch(box)
    page.text(left + 0.32, top + 0.08, note, va="center")
