"""A map of the Alignment Score in all domains."""

# the types of matplotlib do not cover all keyword arguments
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, domain_of_id
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.labels import Point, share_text, widest
from misfire.reports.drawing.pages import LINE, MARGIN, new_page
from misfire.reports.drawing.palettes import GRAY, ink_on, shade_of
from misfire.reports.misalign.figures.entries import Entry
from misfire.reports.misalign.tables import SMALL
from misfire.reports.number_format import UNDEFINED, count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE, _HIGH = 0.44, 0.21
"""Width and height of a cell, in inches."""

_FOOTNOTE = f"* fewer than {SMALL} instances: not reliable"

_CAPTION = (
    "Alignment Score of each run in each domain, in percent, by the verdict of the domain's dimension. "
    "Darker cells are higher, from 0 to 100. Domains are sorted by their mean over the runs in "
    f"ascending order. *: fewer than {SMALL} instances. {UNDEFINED}: undefined."
)

_ByDomain = Mapping[tuple[str, str], Entry]
"""The row of each run and domain."""


def domain_drawing(runs: Sequence[Entry], entries: Sequence[Entry]) -> Drawing | None:
    """Draw the Alignment Score of each domain and run, with one panel per dimension.

    Args:
        runs: The joint verdict of each run, which are the columns in this order.
        entries: All rows of the frame ``alignment``.
    """
    found = {(entry.run, entry.name): entry for entry in entries if entry.level == "domain"}
    panels = _panels(runs, found)
    if not panels or not runs:
        return None
    headings = [run.label for run in runs]
    slant = widest(headings) * math.sqrt(0.5) + 0.1
    top = MARGIN + LINE + slant + 0.1
    starts, right = _starts(panels, len(runs), slant)
    tallest = _HIGH * max(map(len, panels.values()))
    figure, page = new_page(right + MARGIN, top + tallest + 0.5)
    for (dimension, names), start in zip(panels.items(), starts, strict=True):
        page.text(start, MARGIN + LINE / 2, f"{dimension} ({len(names)})", va="center", weight="bold")
        _write_headings(page, headings, start, top)
        for line, name in enumerate(names):
            _draw_row(page, name, [found.get((run.run, name)) for run in runs], (start, top + line * _HIGH))
    page.text(MARGIN, top + tallest + 0.25, _FOOTNOTE, va="center", color=GRAY)
    alt = "; ".join(
        f"{dimension}: lowest {_label(names[0])}, highest {_label(names[-1])}, {count(len(names))} domains"
        for dimension, names in panels.items()
    )
    return Drawing("misalign_domains", "Alignment Score by domain", _CAPTION, f"{alt}.", figure)


def _panels(runs: Sequence[Entry], found: _ByDomain) -> dict[Dimension, list[str]]:
    """Return the domains of each dimension that has any, sorted by mean score in ascending order."""
    domains = list(dict.fromkeys(name for _, name in found))

    def mean_score(name: str) -> float:
        return _mean_score(found[run.run, name] for run in runs if (run.run, name) in found)

    panels: dict[Dimension, list[str]] = {
        dimension: sorted((name for name in domains if name.startswith(f"{dimension}_")), key=mean_score)
        for dimension in DIMENSIONS
    }
    return {dimension: names for dimension, names in panels.items() if names}


def _mean_score(entries: Iterable[Entry]) -> float:
    """Return the mean of all defined scores. If there is none, it is higher than any score."""
    scores = [entry.score.value for entry in entries if not math.isnan(entry.score.value)]
    return sum(scores) / len(scores) if scores else 2.0


def _label(name: str) -> str:
    return domain_of_id(name).name


def _starts(
    panels: Mapping[Dimension, Sequence[str]], columns: int, slant: float
) -> tuple[list[float], float]:
    """Place the panels side by side.

    Args:
        panels: The domains of each panel.
        columns: Number of columns in each panel.
        slant: Width of the slanted headings, which reach beyond the last column, in inches.

    Returns:
        The left end of the cells of each panel, and the right end of the last panel, in inches.
    """
    starts: list[float] = []
    left = MARGIN
    for names in panels.values():
        left += widest(map(_label, names)) + 0.14
        starts.append(left)
        left += _WIDE * columns + max(slant - _WIDE / 2, 0) + 0.25
    return starts, left


def _write_headings(page: "Axes", headings: Sequence[str], start: float, top: float) -> None:
    """Write slanted headings above the columns of a panel."""
    for column, heading in enumerate(headings):
        x = start + (column + 0.5) * _WIDE
        page.text(x, top - 0.06, heading, rotation=45, rotation_mode="anchor", va="baseline")


def _draw_row(page: "Axes", name: str, entries: Sequence[Entry | None], corner: Point) -> None:
    """Draw the label and the cells of a domain. ``corner`` is the top left corner of the first cell."""
    start, height = corner
    page.text(start - 0.08, height + _HIGH / 2, _label(name), ha="right", va="center")
    for column, entry in enumerate(entries):
        middle = start + (column + 0.5) * _WIDE, height + _HIGH / 2
        if entry is None or math.isnan(entry.score.value):
            page.text(*middle, UNDEFINED, ha="center", va="center", color=GRAY)
        else:
            _draw_cell(page, entry, (start + column * _WIDE, height), middle)


def _draw_cell(page: "Axes", entry: Entry, corner: Point, middle: Point) -> None:
    """Draw a shaded cell with its score. A star marks a score of few instances."""
    from matplotlib.patches import Rectangle

    x, y = corner
    score = entry.score.value
    box = (x + 0.01, y + 0.01), _WIDE - 0.02, _HIGH - 0.02
    page.add_patch(Rectangle(*box, facecolor=shade_of(score), linewidth=0))
    mark = "*" if entry.instances < SMALL else ""
    page.text(*middle, f"{share_text(score)}{mark}", ha="center", va="center", color=ink_on(score))
