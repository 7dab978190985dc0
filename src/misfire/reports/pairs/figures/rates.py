"""MAR and BR of runs: rows with intervals, and a chart of one against the other."""

# the types of matplotlib do not cover all keyword arguments
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from misfire.reports.drawing.charts import BARS, axis_limit, percent_axis
from misfire.reports.drawing.dot_plots import Series, dot_plot
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.labels import (
    DOT,
    FAR,
    Box,
    Point,
    box_around,
    in_words,
    n_text,
    place_labels,
)
from misfire.reports.drawing.numbered_points import (
    SIDE,
    crosses,
    draw_diagonal,
    key_of_diagonal,
    key_of_looks,
    key_of_numbers,
    square_chart,
    write_numbers,
)
from misfire.reports.drawing.palettes import BLACK, GRAY, GREEN, PURPLE, Look
from misfire.reports.number_format import count
from misfire.reports.pairs.figures.entries import BR, MAR, Entry
from misfire.reports.pairs.published_results import SOURCE
from misfire.scorers.statistics import NAN, Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PROTOCOLS = {
    "direct": (Look("o", GREEN, edge=BLACK, edge_width=0.6), "direct"),
    "cot": (Look("s", PURPLE, edge=BLACK, edge_width=0.6), "chain of thought"),
}
_PAPER = Look("^", GRAY, size=4.5, face="none", edge_width=0.8)
_PAPER_KEY = f"published ({SOURCE})"
_DIAGONAL_KEY = "MAR = BR: both errors equally frequent"


def interval_drawing(runs: Sequence[Entry]) -> Drawing | None:
    """Draw MAR and BR of each run as dots with error bars."""
    if not runs:
        return None
    figure = dot_plot(
        [entry.label for entry in runs],
        [f"{n_text(e.pairs)}, a + c = {count(e.a + e.c)}, a + b = {count(e.a + e.b)}" for e in runs],
        Series("MAR: stereotyped half fails", MAR, [entry.mar for entry in runs]),
        Series("BR: contrast half fails", BR, [entry.br for entry in runs]),
        axis_limit(e for entry in runs for e in (entry.mar, entry.br)),
        "MAR, BR",
    )
    caption = (
        "MAR (filled circles): among the pairs with a right contrast half, the share with a wrong "
        f"stereotyped half. BR (hollow diamonds): the reverse error. {BARS} n: complete pairs, counted per "
        "epoch. MAR is divided by a + c, and BR by a + b. Runs are sorted by MAR in descending order. If "
        "the two bars of a run do not overlap, it fails on one kind of half more often than on the other."
    )
    return Drawing("mar_br_intervals", "MAR and BR of each run", caption, _rates_in_words(runs), figure)


def _rates_in_words(runs: Iterable[Entry]) -> str:
    return (
        "; ".join(f"{e.label}: MAR {in_words(e.mar)}, BR {in_words(e.br)}, {n_text(e.pairs)}" for e in runs)
        + "."
    )


def scatter_drawing(runs: Sequence[Entry], published: Sequence[tuple[float, float]]) -> Drawing | None:
    """Draw MAR against BR. Each point has a number, which the key explains.

    Args:
        runs: The runs, sorted by MAR in descending order.
        published: BR and MAR of the paper's models, from 0 to 1.
    """
    if not runs:
        return None
    known = [entry for entry in runs if not math.isnan(entry.mar.value + entry.br.value)]
    runs = [*known, *(entry for entry in runs if entry not in known)]
    names = [f"{entry.label} ({n_text(entry.pairs)})" for entry in runs]
    looks = [
        look for protocol, look in _PROTOCOLS.items() if any(entry.protocol == protocol for entry in runs)
    ]
    looks += [(_PAPER, _PAPER_KEY)] if published else []
    figure, page, axes = square_chart([*names, _PAPER_KEY, _DIAGONAL_KEY], lines=len(looks) + 2 + len(runs))
    _draw_points(axes, runs, known, published)
    key_of_looks(page, looks)
    key_of_diagonal(page, len(looks), _DIAGONAL_KEY)
    key_of_numbers(page, len(looks) + 2, names, len(known))
    above = sum(entry.mar.value > entry.br.value for entry in known)
    alt = f"{above} of {len(known)} runs lie above the diagonal. {_rates_in_words(runs)}"
    return Drawing("mar_br_scatter", "MAR against BR", _scatter_caption(len(published)), alt, figure)


def _scatter_caption(published: int) -> str:
    more = f" Triangles: the {published} rows that the paper published, for context." if published else ""
    return (
        "BR and MAR of each run. Runs are numbered by MAR in descending order. On the dashed line, a model "
        f"fails on stereotyped and contrast halves equally often. Above the line, it misfires. {BARS} n: "
        f"complete pairs, counted per epoch.{more}"
    )


def _draw_points(
    axes: "Axes", runs: Sequence[Entry], known: Sequence[Entry], published: Sequence[tuple[float, float]]
) -> None:
    """Draw the chart of MAR against BR: its axes, all points with their intervals, and their numbers."""
    theirs = [Estimate(rate, NAN, NAN, NAN) for point in published for rate in point]
    limit = axis_limit([*(e for entry in runs for e in (entry.mar, entry.br)), *theirs])
    percent_axis(axes, "x", limit, "BR: contrast half fails")
    percent_axis(axes, "y", limit, "MAR: stereotyped half fails")
    draw_diagonal(axes, limit, _DIAGONAL_KEY)
    _PAPER.points(axes, [100 * br for br, _ in published], [100 * mar for _, mar in published], _PAPER_KEY)
    for protocol, (look, name) in _PROTOCOLS.items():
        own = [entry for entry in known if entry.protocol == protocol]
        crosses(axes, [entry.br for entry in own], [entry.mar for entry in own], look, name)
    _number_points(axes, known, published, limit)


def _number_points(
    axes: "Axes", entries: Sequence[Entry], published: Sequence[tuple[float, float]], limit: float
) -> None:
    """Write a number next to each point, connected to it by a line if it is far away."""
    inch = limit / SIDE

    def inches(br: float, mar: float) -> Point:
        return 100 * br / inch, 100 * mar / inch

    points = [inches(entry.br.value, entry.mar.value) for entry in entries]
    covered: list[Box] = [box_around(inches(*point), DOT, DOT) for point in published]
    for entry in entries:
        covered.append((*inches(entry.br.lower, entry.mar.value), *inches(entry.br.upper, entry.mar.value)))
        covered.append((*inches(entry.br.value, entry.mar.lower), *inches(entry.br.value, entry.mar.upper)))
    places = place_labels(points, covered, SIDE)
    for point, (x, y) in zip(points, places, strict=True):
        if math.dist(point, (x, y)) > FAR:
            axes.plot([point[0] * inch, x * inch], [point[1] * inch, y * inch], color=GRAY, linewidth=0.6)
    write_numbers(axes, places, inch)
