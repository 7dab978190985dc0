"""The figures of a report, drawn by matplotlib without a trace in its global state.

Every figure is laid out in inches from its number of rows, and room for labels is made by measuring them: nothing may overlap or be cut
off, whatever a model is called. Colours are Okabe and Ito's; whatever differs by colour differs by shape or brightness too.
"""

# matplotlib's own types leave keyword arguments open
# pyright: reportUnknownMemberType=false

import math
import re
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate, cycle, product
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from misfire.reports.forms import UNDEFINED, count, percent, plain, score
from misfire.reports.frames import ALL, Results
from misfire.reports.published_results import SOURCE
from misfire.reports.veto_tables import SHOWN_ROWS, SMALL
from misfire.scorers.priming import BASE
from misfire.scorers.statistics import NAN, Estimate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 160
"""Of the PNG files."""

LONGEST = 36
"""A longer label of a run is cut in the middle."""


@dataclass(frozen=True)
class Drawing:
    """A figure, and the words that go with it.

    Attributes:
        name: For file names, without ending.
        title: Its heading.
        caption: What is shown, what n is, how to read it.
        alt: The main numbers, for readers who do not see it.
        figure: The figure.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: "Figure"


def draw(results: Results, published: "pd.DataFrame | None" = None) -> list[Drawing]:
    """All figures that some results allow.

    Args:
        results: What the logs hold.
        published: The paper's rows, to stand beside the measured ones; columns ``model``, ``mar`` and ``br``, rates from 0 to 1.

    Returns:
        The figures, always in the same order. In each runs stand by falling MAR (in priming, that of the base).
    """
    summary = results.summary
    veto = _by_mar(_entries(results.overall("veto")))
    categories = _entries(summary[(summary["task"] == "veto") & (summary["category"] != ALL)])
    arms = _entries(results.overall("priming"))
    theirs = [] if published is None else list(zip(published["br"].tolist(), published["mar"].tolist(), strict=True))
    with _settings():
        drawn = (
            _interval_drawing(veto),
            _scatter_drawing(veto, theirs),
            _category_drawing(veto, categories),
            _priming_drawing(arms),
            _protocol_drawing(veto, results),
            _cell_drawing(veto),
            _scenario_drawing(veto, results),
            _control_drawing(results.controls),
        )
    return [drawing for drawing in drawn if drawing]


def svg(drawing: Drawing) -> bytes:
    """A figure as SVG; its texts are text, and the same figure has the same bytes.

    Args:
        drawing: The figure.

    Returns:
        The file's content.
    """
    return _encoded(drawing, "svg", {"Title": drawing.title, "Creator": "misfire", "Date": None})


def png(drawing: Drawing) -> bytes:
    """A figure as PNG; the same figure has the same bytes.

    Args:
        drawing: The figure.

    Returns:
        The file's content.
    """
    return _encoded(drawing, "png", {"Title": drawing.title, "Software": None})


def save(drawing: Drawing, folder: Path) -> tuple[Path, Path]:
    """Write a figure as ``<name>.svg`` and ``<name>.png``.

    Args:
        drawing: The figure.
        folder: Where to; it must be there.

    Returns:
        Both files.
    """
    vector, pixels = folder / f"{drawing.name}.svg", folder / f"{drawing.name}.png"
    vector.write_bytes(svg(drawing))
    pixels.write_bytes(png(drawing))
    return vector, pixels


def _encoded(drawing: Drawing, form: Literal["svg", "png"], metadata: Mapping[str, str | None]) -> bytes:
    with _settings(), BytesIO() as content:
        drawing.figure.savefig(content, format=form, dpi=DPI, metadata=dict(metadata))
        return content.getvalue()


@contextmanager
def _settings() -> Generator[None]:
    """Our settings of matplotlib over its defaults, whatever the user's own are; gone afterwards."""
    from matplotlib import style

    ours = {
        "font.family": "sans-serif",
        # SVG files name it; it comes with matplotlib and is wide, so that a reader's own sans-serif has room too
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": _POINTS,
        "axes.titlesize": 9,
        "axes.labelsize": 9,
        "xtick.labelsize": _POINTS,
        "ytick.labelsize": _POINTS,
        "legend.fontsize": _POINTS,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": _GREY,
        "hatch.linewidth": 0.7,
        # a label is text, even one with dollar signs in it
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "misfire",
    }
    with style.context(["default", ours]), warnings.catch_warnings():
        # in PNG files a box stands for such a letter; in SVG files the reader's own fonts have it
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield


# --- what is drawn ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """A row of the frame ``summary``; ``label`` is the run's name as figures show it."""

    run: str
    label: str
    protocol: str
    arm: str
    category: str
    a: int
    b: int
    c: int
    d: int
    mar: Estimate
    br: Estimate

    @property
    def pairs(self) -> int:
        return self.a + self.b + self.c + self.d


@dataclass(frozen=True)
class _Tile:
    """A cell of a heat map: a rate, and the pairs that it rests on."""

    rate: float
    n: int


_NO_TILE = _Tile(NAN, 0)

_MAR_MAP = "MAR (n: pairs with a right contrast half)"


def _entries(frame: "pd.DataFrame") -> list[_Entry]:
    records = cast("list[dict[str, float | str]]", frame.to_dict("records"))
    labels = short_labels([str(record["run"]) for record in records])

    def estimate(record: Mapping[str, float | str], name: str) -> Estimate:
        return Estimate(*(float(record[f"{name}{part}"]) for part in ("", "_stderr", "_ci_lower", "_ci_upper")))

    return [
        _Entry(
            run=str(record["run"]),
            label=labels[str(record["run"])],
            protocol=str(record["protocol"]),
            arm=str(record["arm"]),
            category=str(record["category"]),
            a=int(record["a_both_right"]),
            b=int(record["b_contrast_wrong_only"]),
            c=int(record["c_stereotyped_wrong_only"]),
            d=int(record["d_both_wrong"]),
            mar=estimate(record, "mar"),
            br=estimate(record, "br"),
        )
        for record in records
    ]


def _by_mar(entries: Iterable[_Entry]) -> list[_Entry]:
    """Entries by falling MAR, undefined ones last."""
    return sorted(entries, key=lambda entry: -1.0 if math.isnan(entry.mar.value) else entry.mar.value, reverse=True)


_UNPRINTABLE = re.compile("[\ufffe\uffff]")
"""What XML cannot hold, beyond control characters."""


def short_labels(labels: Iterable[str]) -> dict[str, str]:
    """Labels as figures show them.

    Args:
        labels: Any texts.

    Returns:
        For each its short form: on one line, without control characters, at most ``LONGEST`` characters (cut in the middle, where "…"
        stands), and numbered where two would be the same.
    """
    shown: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        draft = _shortened(" ".join(_UNPRINTABLE.sub("\ufffd", plain(label)).split()))
        number, name = 1, draft
        while name in shown.values():
            number += 1
            name = f"{draft} #{number}"
        shown[label] = name
    return shown


def _shortened(text: str) -> str:
    if sum(map(_columns, text)) <= LONGEST:
        return text
    head = _beginning(text, LONGEST // 2)
    return f"{head}…{_beginning(text[::-1], LONGEST - LONGEST // 2 - 1)[::-1]}"


def _beginning(text: str, columns: int) -> str:
    return text[: sum(reached <= columns for reached in accumulate(map(_columns, text)))]


def _columns(letter: str) -> int:
    """How many letters of the Latin script a letter is as wide as."""
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


# --- how it looks ----------------------------------------------------------------------------------------------------------------------

_POINTS = 8.0
"""Size of most text; there is none smaller."""

_MARGIN, _LINE, _ROW = 0.12, 0.18, 0.34
"""Inches: around a figure, a line of text, a row of a chart."""

_VERMILLION, _BLUE, _GREEN, _PURPLE, _ORANGE, _SKY = "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
_BLACK, _GREY, _PALE, _BAND = "#000000", "#595959", "#BDBDBD", "#F4F4F4"


@dataclass(frozen=True)
class _Look:
    """How the points of a series look; those that differ by colour differ by marker, filling or edge too."""

    marker: str
    colour: str
    size: float = 6
    face: str | None = None
    edge: str | None = None
    edge_width: float = 1

    def points(self, axes: "Axes", xs: Sequence[float], ys: Sequence[float], label: str = "") -> None:
        """Draws points, those on the very edge of the axes in full."""
        axes.plot(
            xs,
            ys,
            linestyle="none",
            marker=self.marker,
            color=self.colour,
            markersize=self.size,
            markerfacecolor=self.face or self.colour,
            markeredgecolor=self.edge or self.colour,
            markeredgewidth=self.edge_width,
            clip_on=False,
            zorder=3,
            label=label,
        )


_MAR = _Look("o", _VERMILLION)
_BR = _Look("D", _BLUE, size=5.5, face="white", edge_width=1.4)
_UNPRIMED = _Look("o", _GREY, face="white", edge_width=1.4)
_PROTOCOLS = {
    "direct": (_Look("o", _GREEN, edge=_BLACK, edge_width=0.6), "direct"),
    "cot": (_Look("s", _PURPLE, edge=_BLACK, edge_width=0.6), "chain of thought"),
}
_PAPER = _Look("^", _GREY, size=4.5, face="none", edge_width=0.8)
_LOOKS = tuple(
    zip(
        (_VERMILLION, _BLUE, _GREEN, _BLACK, _ORANGE, _PURPLE, _SKY),
        ("o", "s", "^", "D", "v", "P", "X"),
        ("-", "--", "-.", ":", "-", "--", "-."),
        strict=True,
    )
)
"""Colours, markers and lines of the models of a figure, in turn."""

_BARS = "Bars are 95 % intervals, clustered by scenario."


def _page(width: float, height: float) -> "tuple[Figure, Axes]":
    """An empty figure, and axes over all of it that are measured in inches from its top left corner."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, width), ylim=(height, 0))
    page.set_axis_off()
    return figure, page


def _axes(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Axes at a place in inches, measured from the figure's top left corner."""
    whole_width, whole_height = figure.get_size_inches()
    return figure.add_axes((left / whole_width, 1 - (top + height) / whole_height, width / whole_width, height / whole_height))


def _widest(texts: Iterable[str], *, bold: bool = False) -> float:
    """How wide the widest of some texts is, in inches; with room for fonts a little wider, and for letters that only the reader's have."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=_POINTS, weight="bold" if bold else "normal")

    def points(text: str) -> float:
        wide, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
        squares = sum(_columns(letter) == 2 for letter in text)
        return max(wide, _POINTS * (squares + 0.6 * (len(text) - squares))) if squares else wide

    return 1.03 * max(map(points, texts), default=0.0) / 72


def _share(rate: float) -> str:
    """A rate as an axis or a cell has it: percent without the sign."""
    return percent(rate).removesuffix(" %")


def _in_words(estimate: Estimate) -> str:
    """An estimate with its interval: "12.3 % (9.8 to 15.1)"."""
    if math.isnan(estimate.lower):
        return percent(estimate.value)
    return f"{percent(estimate.value)} ({_share(estimate.lower)} to {_share(estimate.upper)})"


def _limit(estimates: Iterable[Estimate]) -> float:
    """The end of an axis from 0 that holds some estimates and their bars, in percent: a multiple of 5."""
    ends = [100 * end for estimate in estimates for end in (estimate.value, estimate.upper) if not math.isnan(end)]
    return min(100.0, 5 * math.floor(max(ends, default=0.0) / 5 + 1))


def _percent_axis(axes: "Axes", which: Literal["x", "y"], limit: float, label: str, ticks: int = 7) -> None:
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


def _row_axes(axes: "Axes", names: Sequence[str] | None, rows: int) -> None:
    """Makes an axis of rows, the first on top."""
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks(range(rows), labels=names if names is not None else [""] * rows)
    axes.tick_params(axis="y", length=0, pad=6)
    axes.spines["left"].set_visible(False)


def _bands(axes: "Axes", rows: int) -> None:
    """Shades every second row, to lead the eye."""
    for row in range(1, rows, 2):
        axes.axhspan(row - 0.5, row + 0.5, color=_BAND, linewidth=0, zorder=0)


def _dots(axes: "Axes", estimates: Sequence[Estimate], rows: Sequence[float], look: _Look, label: str) -> None:
    """Estimates with their bars, one a row; a dash on the axis for each that is undefined."""
    known = [(estimate, row) for estimate, row in zip(estimates, rows, strict=True) if not math.isnan(estimate.value)]
    bars = [(estimate, row) for estimate, row in known if not math.isnan(estimate.lower)]
    axes.hlines(
        [row for _, row in bars], [100 * e.lower for e, _ in bars], [100 * e.upper for e, _ in bars], color=look.colour, linewidth=1.4
    )
    look.points(axes, [100 * e.value for e, _ in known], [row for _, row in known], label)
    for estimate, row in zip(estimates, rows, strict=True):
        if math.isnan(estimate.value):
            _dash(axes, row, look.colour)


def _dash(axes: "Axes", row: float, colour: str) -> None:
    """Stands in a row where there is nothing to draw."""
    axes.annotate(UNDEFINED, (0, row), xytext=(4, 0), textcoords="offset points", va="center", color=colour)


def _n(number: int) -> str:
    return f"n = {count(number)}"


def _beside(axes: "Axes", row: float, text: str) -> None:
    """A text right of a row."""
    where = axes.get_yaxis_transform()
    axes.annotate(text, (1, row), xycoords=where, xytext=(8, 0), textcoords="offset points", va="center_baseline", color=_GREY)


def _above(axes: "Axes", columns: int) -> None:
    """The key of a chart, above it."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, borderaxespad=0.2, handletextpad=0.4)


# --- MAR and BR of runs ----------------------------------------------------------------------------------------------------------------


def _interval_drawing(runs: Sequence[_Entry]) -> Drawing | None:
    """MAR and BR of each run as dots with bars."""
    if not runs:
        return None
    names = [entry.label for entry in runs]
    notes = [_n(entry.pairs) for entry in runs]
    left, beside, wide, high = _MARGIN + _widest(names) + 0.14, _widest(notes) + 0.25, 5.5, _ROW * len(runs)
    top, bottom = 0.4, 0.6
    figure, _ = _page(left + wide + beside, top + high + bottom)
    axes = _axes(figure, left, top, wide, high)
    _row_axes(axes, names, len(runs))
    _bands(axes, len(runs))
    _percent_axis(axes, "x", _limit(e for entry in runs for e in (entry.mar, entry.br)), "MAR, BR")
    rows = range(len(runs))
    _dots(axes, [entry.mar for entry in runs], [row - 0.17 for row in rows], _MAR, "MAR: stereotyped half fails")
    _dots(axes, [entry.br for entry in runs], [row + 0.17 for row in rows], _BR, "BR: contrast half fails")
    for row, note in zip(rows, notes, strict=True):
        _beside(axes, row, note)
    _above(axes, 2)
    caption = (
        "MAR (filled circles): of the pairs whose contrast half is right, the share whose stereotyped half is wrong. BR (hollow diamonds): "
        f"the reverse error. {_BARS} n: complete pairs, counted by epoch. Runs stand by falling MAR; one whose two bars lie apart fails "
        "one kind of half more often than the other."
    )
    return Drawing("mar_br_intervals", "MAR and BR of each run", caption, _rates_in_words(runs), figure)


def _rates_in_words(runs: Iterable[_Entry]) -> str:
    return "; ".join(f"{e.label}: MAR {_in_words(e.mar)}, BR {_in_words(e.br)}, {_n(e.pairs)}" for e in runs) + "."


def _scatter_drawing(runs: Sequence[_Entry], published: Sequence[tuple[float, float]]) -> Drawing | None:
    """MAR against BR, each point with a number that the key explains."""
    if not runs:
        return None
    known = [entry for entry in runs if not math.isnan(entry.mar.value + entry.br.value)]
    runs = [*known, *(entry for entry in runs if entry not in known)]
    names = [f"{entry.label} ({_n(entry.pairs)})" for entry in runs]
    looks = [look for protocol, look in _PROTOCOLS.items() if any(entry.protocol == protocol for entry in runs)]
    looks += [(_PAPER, _PAPER_KEY)] if published else []
    side, left, top, bottom = 5.5, 0.75, 0.2, 0.6
    key = left + side + 0.3
    width = key + 0.35 + _widest([*names, _PAPER_KEY, _DIAGONAL_KEY]) + _MARGIN
    figure, page = _page(width, top + max(side + bottom, _LINE * (len(looks) + 2 + len(runs)) + 0.1))

    axes = _axes(figure, left, top, side, side)
    theirs = [Estimate(rate, NAN, NAN, NAN) for point in published for rate in point]
    limit = _limit([*(e for entry in runs for e in (entry.mar, entry.br)), *theirs])
    _percent_axis(axes, "x", limit, "BR: contrast half fails")
    _percent_axis(axes, "y", limit, "MAR: stereotyped half fails")
    axes.plot([0, limit], [0, limit], linestyle=(0, (4, 3)), color=_GREY, linewidth=1, label=_DIAGONAL_KEY)
    _PAPER.points(axes, [100 * br for br, _ in published], [100 * mar for _, mar in published], _PAPER_KEY)
    for protocol, (look, name) in _PROTOCOLS.items():
        own = [entry for entry in known if entry.protocol == protocol]
        for e in own:
            axes.hlines(100 * e.mar.value, 100 * e.br.lower, 100 * e.br.upper, color=look.colour, linewidth=1)
            axes.vlines(100 * e.br.value, 100 * e.mar.lower, 100 * e.mar.upper, color=look.colour, linewidth=1)
        look.points(axes, [100 * e.br.value for e in own], [100 * e.mar.value for e in own], name)
    _number_points(axes, known, published, side, limit)

    for row, (look, text) in enumerate(looks):
        look.points(page, [key + 0.12], [top + _LINE * (row + 0.5)])
        page.text(key + 0.35, top + _LINE * (row + 0.5), text, va="center")
    height = top + _LINE * (len(looks) + 0.5)
    page.plot([key, key + 0.24], [height, height], linestyle=(0, (4, 3)), color=_GREY, linewidth=1)
    page.text(key + 0.35, height, _DIAGONAL_KEY, va="center")
    for row, (entry, name) in enumerate(zip(runs, names, strict=True)):
        height = top + _LINE * (len(looks) + row + 2.5)
        page.text(key + 0.22, height, str(row + 1) if entry in known else UNDEFINED, ha="right", va="center")
        page.text(key + 0.35, height, name, va="center")
    more = f" Triangles: the {len(published)} rows that the paper published, for context." if published else ""
    caption = (
        "Each run by its BR and its MAR, numbered by falling MAR. On the dashed line a model fails stereotyped and contrast halves alike; "
        f"above it, it misfires. {_BARS} n: complete pairs, counted by epoch.{more}"
    )
    above = sum(entry.mar.value > entry.br.value for entry in known)
    alt = f"{above} of {len(known)} runs lie above the diagonal. {_rates_in_words(runs)}"
    return Drawing("mar_br_scatter", "MAR against BR", caption, alt, figure)


def _number_points(axes: "Axes", entries: Sequence[_Entry], published: Sequence[tuple[float, float]], side: float, limit: float) -> None:
    """Writes a number beside each point of the scatter plot, from 1."""
    inch = limit / side

    def inches(br: float, mar: float) -> Point:
        return 100 * br / inch, 100 * mar / inch

    points = [inches(entry.br.value, entry.mar.value) for entry in entries]
    covered = [_box(inches(*point), _DOT, _DOT) for point in published]
    for entry in entries:
        covered.append((*inches(entry.br.lower, entry.mar.value), *inches(entry.br.upper, entry.mar.value)))
        covered.append((*inches(entry.br.value, entry.mar.lower), *inches(entry.br.value, entry.mar.upper)))
    halo = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for number, (point, (x, y)) in enumerate(zip(points, place_labels(points, covered, side), strict=True), start=1):
        if math.dist(point, (x, y)) > _FAR:
            axes.plot([point[0] * inch, x * inch], [point[1] * inch, y * inch], color=_GREY, linewidth=0.6)
        axes.text(x * inch, y * inch, str(number), ha="center", va="center", bbox=halo, zorder=4)


_PAPER_KEY = f"published ({SOURCE})"
_DIAGONAL_KEY = "MAR = BR: errs on both alike"

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right and top."""

LABEL = (0.2, 0.15)
"""Inches: width and height of a number beside a point."""

_DOT = 0.11
"""Inches: width and height of a point."""

_FAR = 0.3
"""Inches: from here on a line leads from a number to its point."""


def place_labels(points: Sequence[Point], covered: Sequence[Box], side: float) -> list[Point]:
    """Places for the numbers of points such that no number stands on another or on a point.

    Each takes the nearest free place; one that covers something else, as a bar, counts as further off.

    Args:
        points: Points, in inches.
        covered: What a number had better not stand on, in inches.
        side: The square from (0, 0) that numbers must stay in, in inches.

    Returns:
        The middle of each number; the point itself where the whole square is taken.
    """
    taken = [_box(point, _DOT, _DOT) for point in points]
    places: list[Point] = []
    for x, y in points:
        best, cost = (x, y), math.inf
        for radius in (0.15 + 0.05 * step for step in range(int(30 * side))):
            if radius >= cost:
                break
            for angle in (math.pi * (2 * part + 1) / 16 for part in range(16)):
                place = (x + radius * math.cos(angle), y + radius * math.sin(angle))
                box = _box(place, *LABEL)
                if min(box) < 0 or max(box) > side or any(_meet(box, other) for other in taken):
                    continue
                further = radius + 0.1 * sum(_meet(box, other) for other in covered)
                if further < cost:
                    best, cost = place, further
        places.append(best)
        taken.append(_box(best, *LABEL))
    return places


def _box(middle: Point, width: float, height: float) -> Box:
    x, y = middle
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# --- heat maps -------------------------------------------------------------------------------------------------------------------------

_CELL_HEIGHT = 0.4
"""Inches: of a cell of a heat map."""


def _category_drawing(runs: Sequence[_Entry], entries: Sequence[_Entry]) -> Drawing | None:
    """MAR and BR of each run and category, side by side."""
    if not entries:
        return None
    names, categories = [entry.label for entry in runs], list(dict.fromkeys(entry.category for entry in entries))
    found = {(entry.run, entry.category): entry for entry in entries}
    rows = [[found.get((run.run, category)) for category in categories] for run in runs]
    by_mar = [[_Tile(e.mar.value, e.a + e.c) if e else _NO_TILE for e in row] for row in rows]
    by_br = [[_Tile(e.br.value, e.a + e.b) if e else _NO_TILE for e in row] for row in rows]
    maps = {_MAR_MAP: by_mar, "BR (n: pairs with a right stereotyped half)": by_br}
    headings = list(short_labels(category.replace("_", " ") for category in categories).values())
    figure = _heat_maps(maps, names, headings, SMALL)
    caption = (
        "MAR and BR of each run in each category, in percent; darker is higher, on one scale. n: pairs that the rate divides by. "
        f"Hatched: n is below {SMALL}, so that the rate is a rough guide. {UNDEFINED}: no pairs to divide by."
    )
    alt = "; ".join(
        f"{run.label}: MAR {_range(dict(zip(headings, mars, strict=True)))}, BR {_range(dict(zip(headings, brs, strict=True)))}"
        for run, mars, brs in zip(runs, by_mar, by_br, strict=True)
    )
    return Drawing("category_heat_map", "MAR and BR by category", caption, f"{alt}.", figure)


def _range(tiles: Mapping[str, _Tile]) -> str:
    """Between which rates a row of a heat map lies: "1.2 % (Age) to 3.4 % (Religion)"."""
    known = sorted((tile.rate, name) for name, tile in tiles.items() if not math.isnan(tile.rate))
    return " to ".join(f"{percent(rate)} ({name})" for rate, name in (known[0], known[-1])) if known else UNDEFINED


def _scenario_drawing(runs: Sequence[_Entry], results: Results) -> Drawing | None:
    """MAR of each run in the scenarios that misfire in most runs."""
    scenarios = [
        (str(scenario), str(category), int(misfired), int(of))
        for scenario, category, misfired, of in results.scenarios[["scenario", "category", "runs_misfired", "runs"]].itertuples(index=False)
        if misfired > 0
    ][:SHOWN_ROWS]
    if len(runs) < 2 or not scenarios:
        return None
    cells: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for arm in results.arms:
        if arm.run.task == "veto":
            for pair in arm.joined.pairs:
                cells[arm.run.label, pair.scenario, pair.category][pair.cell] += 1

    def tile(run: str, scenario: str, category: str) -> _Tile:
        counts = cells[run, scenario, category]
        n = counts["a"] + counts["c"]
        return _Tile(counts["c"] / n, n) if n else _NO_TILE

    tiles = [[tile(run.run, scenario, category) for run in runs] for scenario, category, _, _ in scenarios]
    short = short_labels(scenario for scenario, _, _, _ in scenarios)
    names = [f"{short[scenario]} ({misfired} of {of} runs)" for scenario, _, misfired, of in scenarios]
    figure = _heat_maps({_MAR_MAP: tiles}, names, [run.label for run in runs], 0)
    caption = (
        f"The {len(scenarios)} scenarios that misfire in most runs; beside each, in how many. Cells: the share of misfired pairs in "
        f"percent; darker is higher. n: pairs of the scenario with a right contrast half, few as a rule. {UNDEFINED}: none. "
        "A scenario that misfires in every model may be a faulty question."
    )
    alt = "Runs that misfire, by scenario: " + "; ".join(names) + "."
    return Drawing("scenarios", "Scenarios that misfire in most runs", caption, alt, figure)


def _heat_maps(maps: Mapping[str, Sequence[Sequence[_Tile]]], names: Sequence[str], headings: Sequence[str], small: int) -> "Figure":
    """Heat maps side by side, with rows in common and one scale; cells with an n below ``small`` are hatched."""
    from matplotlib.patches import Rectangle

    tiles = [tile for rows in maps.values() for row in rows for tile in row if not math.isnan(tile.rate)]
    cell = max(0.42, _widest(f"n {count(tile.n)}" for tile in tiles) + 0.14)
    wide, high = cell * len(headings), _CELL_HEIGHT * len(names)
    slant, gap = _widest(headings) * math.sqrt(0.5) + 0.1, 0.25
    left, top = _MARGIN + _widest(names) + 0.14, _MARGIN + _LINE + slant + 0.1
    step = max(wide + gap, _widest(maps) + gap)
    right = left + (len(maps) - 1) * step + max(wide + max(slant - cell / 2, 0), _widest(maps))
    bar, note = 3.0, f"n below {small}"
    figure, page = _page(max(right, left + bar + 0.75 + _widest([note])) + _MARGIN, top + high + 0.65)
    scale = max((tile.rate for tile in tiles), default=0.0) or 0.01
    for number, (title, rows) in enumerate(maps.items()):
        start = left + number * step
        page.text(start, _MARGIN + _LINE / 2, title, va="center")
        for column, heading in enumerate(headings):
            page.text(start + (column + 0.5) * cell, top - 0.06, heading, rotation=45, rotation_mode="anchor", va="baseline")
        axes = _axes(figure, start, top, wide, high)
        _row_axes(axes, names if number == 0 else None, len(names))
        axes.set(xlim=(-0.5, len(headings) - 0.5), xticks=[])
        axes.set_frame_on(False)
        for (row, cells), column in product(enumerate(rows), range(len(headings))):
            _draw_tile(axes, row, column, cells[column], scale, small)

    under = top + high + 0.2
    for strip in range(_STRIPS):
        done = bar * strip / _STRIPS
        # each reaches to the end and the next covers it, so that no seams show
        page.add_patch(Rectangle((left + done, under), bar - done, 0.14, facecolor=_colour(strip / (_STRIPS - 1)), linewidth=0))
    for part in (0, 0.5, 1):
        page.text(left + part * bar, under + 0.17, percent(part * scale), ha="center", va="top")
    if any(tile.n < small for tile in tiles):
        page.add_patch(Rectangle((left + bar + 0.4, under), 0.25, 0.16, facecolor="white", edgecolor=_GREY, hatch=_HATCH, linewidth=0))
        page.text(left + bar + 0.72, under + 0.08, note, va="center")
    return figure


_HATCH, _STRIPS = "////", 40


def _draw_tile(axes: "Axes", row: int, column: int, tile: _Tile, scale: float, small: int) -> None:
    from matplotlib.patches import Rectangle

    if math.isnan(tile.rate):
        axes.text(column, row, UNDEFINED, ha="center", va="center", color=_GREY)
        return
    colour, ink = _colour(tile.rate / scale), _ink(tile.rate / scale)
    box = Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, facecolor=colour, linewidth=0, clip_on=False)
    patch = None
    if tile.n < small:
        box.set(hatch=_HATCH, edgecolor=ink)
        patch = {"boxstyle": "square,pad=0.12", "facecolor": colour, "edgecolor": "none"}
    axes.add_patch(box)
    axes.text(column, row - 0.2, _share(tile.rate), ha="center", va="center", color=ink, weight="bold", bbox=patch)
    axes.text(column, row + 0.23, f"n {count(tile.n)}", ha="center", va="center", color=ink, bbox=patch)


def _colour(part: float) -> str:
    """The colour of a value from 0 (light) to 1 (dark): one hue, so that the order is seen without colour too."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return to_hex(colormaps["Blues"](0.04 + 0.96 * part))


def _ink(part: float) -> str:
    """Black or white, whichever is easier to read on the colour of a value (relative luminance as in WCAG 2)."""
    from matplotlib.colors import to_rgb

    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in to_rgb(_colour(part))]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"


# --- pairs by outcome ------------------------------------------------------------------------------------------------------------------


def _cell_drawing(runs: Sequence[_Entry]) -> Drawing | None:
    """The 2 x 2 table of each run."""
    from matplotlib.patches import Rectangle

    if not runs:
        return None
    across = min(4, len(runs))
    wide, high, head = 1.2, 0.62, 3 * _LINE + 0.05
    left, step = _MARGIN + _widest(["stereotyped"]) + 0.15, max(2 * wide, _widest((entry.label for entry in runs), bold=True)) + 0.25
    panel = head + 2 * high + 0.25
    figure, page = _page(left + across * step, _MARGIN + math.ceil(len(runs) / across) * panel)
    for number, run in enumerate(runs):
        x, y = left + (number % across) * step, _MARGIN + (number // across) * panel
        page.text(x, y + _LINE / 2, run.label, va="center", weight="bold")
        page.text(x, y + 1.5 * _LINE, _n(run.pairs), va="center", color=_GREY)
        for column, heading in enumerate(("contrast right", "contrast wrong")):
            page.text(x + (column + 0.5) * wide, y + 2.5 * _LINE, heading, ha="center", va="center")
        for row, heading in enumerate(("right", "wrong") if number % across == 0 else ()):
            page.text(x - 0.08, y + head + (row + 0.5) * high, f"stereotyped\n{heading}", ha="right", va="center")
        cells = (run.a, "a: both right"), (run.b, "b: reverse error"), (run.c, _MISFIRED), (run.d, "d: both wrong")
        for (row, column), (cases, name) in zip(product(range(2), range(2)), cells, strict=True):
            share, weight = cases / run.pairs if run.pairs else NAN, "bold" if name == _MISFIRED else "normal"
            corner = (x + column * wide, y + head + row * high)
            page.add_patch(Rectangle(corner, wide, high, facecolor=_shade(share), edgecolor=_GREY, linewidth=0.8, zorder=1))
            if name == _MISFIRED:
                inner = (corner[0] + 0.03, corner[1] + 0.03)
                page.add_patch(Rectangle(inner, wide - 0.06, high - 0.06, fill=False, edgecolor=_VERMILLION, linewidth=2, zorder=2))
            page.text(corner[0] + wide / 2, corner[1] + 0.16, name, ha="center", va="center", weight=weight, zorder=3)
            numbers = f"{count(cases)}\n{percent(share)}"
            page.text(corner[0] + wide / 2, corner[1] + 0.4, numbers, ha="center", va="center", zorder=3)
    caption = (
        "Pairs of each run by the outcome of their halves, as counts and as shares of n; the darker, the more. n: complete pairs, counted "
        "by epoch. The framed cell holds the misfired pairs: contrast half right, stereotyped half wrong. MAR is its share of the left "
        "column, BR the share of the reverse errors in the upper row."
    )
    alt = "; ".join(
        f"{e.label}, {_n(e.pairs)}: both right {count(e.a)}, reverse error {count(e.b)}, misfired {count(e.c)}, both wrong {count(e.d)}"
        for e in runs
    )
    return Drawing("confusion", "Pairs by outcome of their halves", caption, f"{alt}.", figure)


_MISFIRED = "c: misfired"


def _shade(share: float) -> str:
    """A grey for a share of pairs, light enough for black text; white where there are none."""
    from matplotlib.colors import to_hex

    brightness = 1.0 if math.isnan(share) else 1 - 0.35 * math.sqrt(share)
    return to_hex((brightness, brightness, brightness))


# --- direct against chain of thought ---------------------------------------------------------------------------------------------------


def _protocol_drawing(runs: Sequence[_Entry], results: Results) -> Drawing | None:
    """MAR and BR of a model's direct run and of its run with chain of thought, joined by lines."""
    by_run = {entry.run: entry for entry in runs}
    couples = [(by_run[direct.label], by_run[cot.label]) for direct, cot in results.run_set.protocol_pairs()]
    if not couples:
        return None
    couples.sort(key=lambda couple: [entry.run for entry in runs].index(couple[0].run))
    wide, high, left, top, bottom, gap = 2.6, max(3.4, _LINE * len(couples)), 0.65, 0.4, 0.4, 0.75
    key = left + 2 * wide + gap + 0.3
    lines = [(direct.label, f"→ {cot.label} ({_change(_n(direct.pairs), count(cot.pairs))})") for direct, cot in couples]
    figure, page = _page(
        key + 0.75 + _widest(line for two in lines for line in two) + _MARGIN, top + max(high + bottom, (2 * _LINE + 0.1) * len(couples))
    )
    limit = _limit(e for couple in couples for entry in couple for e in (entry.mar, entry.br))
    for panel, title in enumerate(("MAR", "BR")):
        axes = _axes(figure, left + panel * (wide + gap), top, wide, high)
        page.text(left + panel * (wide + gap), top - 0.15, title, va="center", weight="bold")
        axes.set_xlim(-0.25, 1.4)
        axes.set_xticks([0, 1], labels=["direct", "chain of thought"])
        _percent_axis(axes, "y", limit, "")
        ends: list[tuple[float, float]] = []
        for number, (couple, (colour, marker, line)) in enumerate(zip(couples, cycle(_LOOKS), strict=False)):
            aside = min(0.05, 0.36 / len(couples)) * (number - (len(couples) - 1) / 2)
            estimates = [entry.mar if title == "MAR" else entry.br for entry in couple]
            places = [aside, 1 + aside]
            for x, estimate in zip(places, estimates, strict=True):
                axes.vlines(x, 100 * estimate.lower, 100 * estimate.upper, color=colour, linewidth=1.2)
            values = [100 * estimate.value for estimate in estimates]
            axes.plot(
                places,
                values,
                color=colour,
                marker=marker,
                linestyle=line,
                linewidth=1.4,
                markersize=5.5,
                clip_on=False,
                zorder=3,
                label=couple[1].label,
            )
            ends.append((places[1], values[1]))
        defined = [(number, x, y) for number, (x, y) in enumerate(ends) if not math.isnan(y)]
        heights = spread([y for _, _, y in defined], 0.16 * limit / high, limit)
        for (number, x, y), height in zip(defined, heights, strict=True):
            axes.plot([x + 0.03, 1.29], [y, height], color=_GREY, linewidth=0.6)
            axes.text(1.3, height, str(number + 1), va="center")
    for number, ((first, second), (colour, marker, line)) in enumerate(zip(lines, cycle(_LOOKS), strict=False)):
        y = top + number * (2 * _LINE + 0.1) + _LINE / 2
        page.text(key + 0.2, y, str(number + 1), ha="right", va="center")
        page.plot([key + 0.3, key + 0.65], [y, y], color=colour, linestyle=line, linewidth=1.4)
        page.plot([key + 0.475], [y], color=colour, marker=marker, markersize=5.5)
        page.text(key + 0.75, y, first, va="center")
        page.text(key + 0.75, y + _LINE, second, va="center", color=_GREY)
    caption = (
        "MAR and BR without and with chain of thought: each line leads from a model's direct run to its run with chain of thought, on the "
        f"same pairs. {_BARS} n: complete pairs, counted by epoch; two numbers where the runs differ. A line that falls on the left and "
        "not on the right: reasoning makes the model misfire less."
    )
    alt = "; ".join(
        f"{cot.label} against {direct.label}: MAR {_in_words(direct.mar)} to {_in_words(cot.mar)}, "
        f"BR {_in_words(direct.br)} to {_in_words(cot.br)}"
        for direct, cot in couples
    )
    return Drawing("protocol_slopes", "Direct against chain of thought", caption, f"{alt}.", figure)


def _change(first: str, second: str) -> str:
    """A number that may change: "n = 500", or "n = 500 → 498"."""
    return first if first.endswith(f" {second}") else f"{first} → {second}"


def spread(heights: Sequence[float], gap: float, limit: float) -> list[float]:
    """Heights for labels that stand at least a gap apart, near where they should be.

    Args:
        heights: Where each should stand.
        gap: The least distance.
        limit: The greatest height that may be taken, where there is room for all below it.

    Returns:
        One height a label, in the same order from below.
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


# --- priming ---------------------------------------------------------------------------------------------------------------------------


def _priming_drawing(entries: Sequence[_Entry]) -> Drawing | None:
    """MAR of each run's base and of each primed arm, a panel an arm."""
    bases = _by_mar(entry for entry in entries if entry.arm == BASE)
    primed = {(entry.run, entry.arm): entry for entry in entries if entry.arm != BASE}
    arms = list(dict.fromkeys(arm for _, arm in primed))
    if not arms:
        return None
    names = [entry.label for entry in bases]
    notes = {
        key: _change(_n(base.pairs), count(primed[key].pairs))
        for base in bases
        for key in ((base.run, arm) for arm in arms)
        if key in primed
    }
    titles = short_labels(arms)
    across, wide, high = min(3, len(arms)), 2.35, _ROW * len(bases)
    left, beside = _MARGIN + _widest(names) + 0.14, max(_widest(notes.values()) + 0.3, _widest(titles.values(), bold=True) - wide + 0.2)
    top, head, foot = 0.3, 0.3, 0.6
    figure, page = _page(left + across * (wide + beside), top + math.ceil(len(arms) / across) * (head + high + foot))
    limit = _limit(entry.mar for entry in entries)
    for number, arm in enumerate(arms):
        x, y = left + (number % across) * (wide + beside), top + (number // across) * (head + high + foot)
        page.text(x, y + head - 0.12, titles[arm], va="center", weight="bold")
        axes = _axes(figure, x, y + head, wide, high)
        _row_axes(axes, names if number % across == 0 else None, len(bases))
        _bands(axes, len(bases))
        _percent_axis(axes, "x", limit, "MAR", ticks=5)
        own = [(row, base, primed[base.run, arm]) for row, base in enumerate(bases) if (base.run, arm) in primed]
        for row, base, entry in own:
            ends = [100 * base.mar.value, 100 * entry.mar.value]
            axes.plot(ends, [row - 0.15, row + 0.15], color=_PALE, linewidth=4, solid_capstyle="round", zorder=1)
            _beside(axes, row, notes[base.run, arm])
        _dots(axes, [base.mar for _, base, _ in own], [row - 0.15 for row, _, _ in own], _UNPRIMED, "base")
        _dots(axes, [entry.mar for _, _, entry in own], [row + 0.15 for row, _, _ in own], _MAR, "primed")
        for row in set(range(len(bases))) - {row for row, _, _ in own}:
            _dash(axes, row, _GREY)
    for place, (look, text) in enumerate(((_UNPRIMED, "base"), (_MAR, "primed"))):
        look.points(page, [left + 0.08 + place * 0.7], [0.17])
        page.text(left + 0.2 + place * 0.7, 0.17, text, va="center")
    caption = (
        "What each cue does to MAR, a panel an arm: from the run's base (hollow circle) to the primed arm (filled circle); runs by falling "
        f"MAR of the base. {_BARS} n: complete pairs, counted by epoch; two numbers where base and arm differ. "
        f"{UNDEFINED}: the run has no such arm, or no MAR."
    )
    alt = "; ".join(
        f"{base.label}, {titles[arm]}: MAR {_in_words(base.mar)} to {_in_words(primed[base.run, arm].mar)}"
        for arm in arms
        for base in bases
        if (base.run, arm) in primed
    )
    return Drawing("priming_dumbbell", "What each cue does to MAR", caption, f"{alt}.", figure)


# --- controls --------------------------------------------------------------------------------------------------------------------------


def _control_drawing(controls: "pd.DataFrame") -> Drawing | None:
    """By how much criterion and sensitivity differ between stereotyped and contrast contexts, a row a run."""
    if controls.empty:
        return None
    records = cast("list[dict[str, float | str]]", controls.to_dict("records"))
    labels = short_labels([str(record["run"]) for record in records])
    names = [labels[str(record["run"])] for record in records]
    panels = {name: [_difference(record, name) for record in records] for name in _DIFFERENCES}
    left, wide, high, gap, top, bottom = _MARGIN + _widest(names) + 0.14, 3.0, _ROW * len(records), 0.3, 0.35, 0.6
    figure, _ = _page(left + 2 * wide + gap + _MARGIN, top + high + bottom)
    for place, ((name, estimates), (heading, words)) in enumerate(zip(panels.items(), _DIFFERENCES.values(), strict=True)):
        axes = _axes(figure, left + place * (wide + gap), top, wide, high)
        _row_axes(axes, names if place == 0 else None, len(records))
        _bands(axes, len(records))
        ends = [abs(end) for e in estimates for end in (e.value, e.lower, e.upper) if not math.isnan(end)]
        limit = math.ceil(10 * max(ends, default=1.0) + 0.5) / 10
        axes.set_xlim(-limit, limit)
        axes.set_xlabel(words)
        axes.set_title(heading, loc="left", fontweight="bold")
        axes.axvline(0, color=_GREY, linewidth=1, linestyle=(0, (4, 3)))
        _dots(
            axes, [_percented(estimate) for estimate in estimates], range(len(records)), _MAR if name == "criterion_difference" else _BR, ""
        )
    caption = (
        "Stereotyped minus contrast contexts. Left: the criterion; right of 0 the model leans towards “no” where the evidence points at "
        f"the stereotyped person. Right: sensitivity d′; left of 0 it reads the evidence less there. {_BARS}"
    )
    alt = "; ".join(f"{label}: criterion {_signed(c)}, d′ {_signed(d)}" for label, c, d in zip(names, *panels.values(), strict=True))
    return Drawing("control_differences", "Misfiring, or saying no", caption, f"{alt}.", figure)


_DIFFERENCES = {
    "criterion_difference": ("criterion", "Δc (right: leans towards “no”)"),
    "d_prime_difference": ("sensitivity", "Δd′ (left: reads less)"),
}


def _difference(record: Mapping[str, float | str], name: str) -> Estimate:
    return Estimate(float(record[name]), NAN, float(record[f"{name}_ci_lower"]), float(record[f"{name}_ci_upper"]))


def _signed(estimate: Estimate) -> str:
    return f"{score(estimate.value)} ({score(estimate.lower)} to {score(estimate.upper)})"


def _percented(estimate: Estimate) -> Estimate:
    """For ``_dots``, which draws rates in percent."""
    return Estimate(estimate.value / 100, NAN, estimate.lower / 100, estimate.upper / 100)
