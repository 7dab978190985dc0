"""What all figures are drawn with: pages laid out in inches, palettes, labels that never overlap, heat maps, and files.

Colours are Okabe and Ito's; whatever differs by colour differs by shape or brightness too. Nothing here leaves a trace in matplotlib's
global state.
"""

# matplotlib's own types leave keyword arguments open
# pyright: reportUnknownMemberType=false

import math
import re
import unicodedata
import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate, product
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from misfire.datasets.writing import replaced_file
from misfire.reports.number_format import UNDEFINED, count, percent, plain
from misfire.scorers.statistics import NAN, Estimate

if TYPE_CHECKING:
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
    for path, content in ((vector, svg(drawing)), (pixels, png(drawing))):
        with replaced_file(path) as temporary:
            temporary.write_bytes(content)
    return vector, pixels


def _encoded(drawing: Drawing, form: Literal["svg", "png"], metadata: Mapping[str, str | None]) -> bytes:
    with our_settings(), BytesIO() as content:
        drawing.figure.savefig(content, format=form, dpi=DPI, metadata=dict(metadata))
        return content.getvalue()


@contextmanager
def our_settings() -> Generator[None]:
    """Our settings of matplotlib over its defaults, whatever the user's own are; gone afterwards."""
    from matplotlib import style

    ours = {
        "font.family": "sans-serif",
        # SVG files name it; it comes with matplotlib and is wide, so that a reader's own sans-serif has room too
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": POINTS,
        "axes.titlesize": 9,
        "axes.labelsize": 9,
        "xtick.labelsize": POINTS,
        "ytick.labelsize": POINTS,
        "legend.fontsize": POINTS,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
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


@dataclass(frozen=True)
class Tile:
    """A cell of a heat map: a rate, and the pairs that it rests on."""

    rate: float
    n: int


NO_TILE = Tile(NAN, 0)

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

POINTS = 8.0
"""Size of most text; there is none smaller."""

MARGIN, LINE, ROW = 0.12, 0.18, 0.34
"""Inches: around a figure, a line of text, a row of a chart."""

VERMILLION, BLUE, GREEN, PURPLE, ORANGE, SKY = "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
BLACK, GREY, PALE, _BAND = "#000000", "#595959", "#BDBDBD", "#F4F4F4"


@dataclass(frozen=True)
class Look:
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


LOOKS = tuple(
    zip(
        (VERMILLION, BLUE, GREEN, BLACK, ORANGE, PURPLE, SKY),
        ("o", "s", "^", "D", "v", "P", "X"),
        ("-", "--", "-.", ":", "-", "--", "-."),
        strict=True,
    )
)
"""Colours, markers and lines of the models of a figure, in turn."""

BARS = "Bars are 95 % intervals, clustered by scenario."


def new_page(width: float, height: float) -> "tuple[Figure, Axes]":
    """An empty figure, and axes over all of it that are measured in inches from its top left corner."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, width), ylim=(height, 0))
    page.set_axis_off()
    return figure, page


def new_axes(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Axes at a place in inches, measured from the figure's top left corner."""
    whole_width, whole_height = figure.get_size_inches()
    return figure.add_axes((left / whole_width, 1 - (top + height) / whole_height, width / whole_width, height / whole_height))


def widest(texts: Iterable[str], *, bold: bool = False) -> float:
    """How wide the widest of some texts is, in inches; with room for fonts a little wider, and for letters that only the reader's have."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=POINTS, weight="bold" if bold else "normal")

    def points(text: str) -> float:
        wide, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
        squares = sum(_columns(letter) == 2 for letter in text)
        return max(wide, POINTS * (squares + 0.6 * (len(text) - squares))) if squares else wide

    return 1.03 * max(map(points, texts), default=0.0) / 72


def share_text(rate: float) -> str:
    """A rate as an axis or a cell has it: percent without the sign."""
    return percent(rate).removesuffix(" %")


def in_words(estimate: Estimate) -> str:
    """An estimate with its interval: "12.3 % (9.8 to 15.1)"."""
    if math.isnan(estimate.lower):
        return percent(estimate.value)
    return f"{percent(estimate.value)} ({share_text(estimate.lower)} to {share_text(estimate.upper)})"


def axis_limit(estimates: Iterable[Estimate]) -> float:
    """The end of an axis from 0 that holds some estimates and their bars, in percent: a multiple of 5."""
    ends = [100 * end for estimate in estimates for end in (estimate.value, estimate.upper) if not math.isnan(end)]
    return min(100.0, 5 * math.floor(max(ends, default=0.0) / 5 + 1))


def percent_axis(axes: "Axes", which: Literal["x", "y"], limit: float, label: str, ticks: int = 7) -> None:
    """Makes an axis of rates from 0 to a limit, in percent, with a grid."""
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


def row_axes(axes: "Axes", names: Sequence[str] | None, rows: int) -> None:
    """Makes an axis of rows, the first on top."""
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_yticks(range(rows), labels=names if names is not None else [""] * rows)
    axes.tick_params(axis="y", length=0, pad=6)
    axes.spines["left"].set_visible(False)


def bands(axes: "Axes", rows: int) -> None:
    """Shades every second row, to lead the eye."""
    for row in range(1, rows, 2):
        axes.axhspan(row - 0.5, row + 0.5, color=_BAND, linewidth=0, zorder=0)


def dots(axes: "Axes", estimates: Sequence[Estimate], rows: Sequence[float], look: Look, label: str) -> None:
    """Estimates with their bars, one a row; a dash on the axis for each that is undefined."""
    known = [(estimate, row) for estimate, row in zip(estimates, rows, strict=True) if not math.isnan(estimate.value)]
    bars = [(estimate, row) for estimate, row in known if not math.isnan(estimate.lower)]
    axes.hlines(
        [row for _, row in bars], [100 * e.lower for e, _ in bars], [100 * e.upper for e, _ in bars], color=look.colour, linewidth=1.4
    )
    look.points(axes, [100 * e.value for e, _ in known], [row for _, row in known], label)
    for estimate, row in zip(estimates, rows, strict=True):
        if math.isnan(estimate.value):
            dash(axes, row, look.colour)


def dash(axes: "Axes", row: float, colour: str) -> None:
    """Stands in a row where there is nothing to draw."""
    axes.annotate(UNDEFINED, (0, row), xytext=(4, 0), textcoords="offset points", va="center", color=colour)


def n_text(number: int) -> str:
    """What a rate rests on, as a note beside it."""
    return f"n = {count(number)}"


def note_beside(axes: "Axes", row: float, text: str) -> None:
    """A text right of a row."""
    where = axes.get_yaxis_transform()
    axes.annotate(text, (1, row), xycoords=where, xytext=(8, 0), textcoords="offset points", va="center_baseline", color=GREY)


def key_above(axes: "Axes", columns: int) -> None:
    """The key of a chart, above it."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, borderaxespad=0.2, handletextpad=0.4)


Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, bottom, right and top."""

LABEL = (0.2, 0.15)
"""Inches: width and height of a number beside a point."""

DOT = 0.11
"""Inches: width and height of a point."""

FAR = 0.3
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
    taken = [box_around(point, DOT, DOT) for point in points]
    places: list[Point] = []
    for x, y in points:
        best, cost = (x, y), math.inf
        for radius in (0.15 + 0.05 * step for step in range(int(30 * side))):
            if radius >= cost:
                break
            for angle in (math.pi * (2 * part + 1) / 16 for part in range(16)):
                place = (x + radius * math.cos(angle), y + radius * math.sin(angle))
                box = box_around(place, *LABEL)
                if min(box) < 0 or max(box) > side or any(_meet(box, other) for other in taken):
                    continue
                further = radius + 0.1 * sum(_meet(box, other) for other in covered)
                if further < cost:
                    best, cost = place, further
        places.append(best)
        taken.append(box_around(best, *LABEL))
    return places


def box_around(middle: Point, width: float, height: float) -> Box:
    """The box around a point."""
    x, y = middle
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# --- heat maps -------------------------------------------------------------------------------------------------------------------------

_CELL_HEIGHT = 0.4
"""Inches: of a cell of a heat map."""


def heat_maps(maps: Mapping[str, Sequence[Sequence[Tile]]], names: Sequence[str], headings: Sequence[str], small: int) -> "Figure":
    """Heat maps side by side, with rows in common and one scale; cells with an n below ``small`` are hatched."""
    from matplotlib.patches import Rectangle

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
            page.text(start + (column + 0.5) * cell, top - 0.06, heading, rotation=45, rotation_mode="anchor", va="baseline")
        axes = new_axes(figure, start, top, wide, high)
        row_axes(axes, names if number == 0 else None, len(names))
        axes.set(xlim=(-0.5, len(headings) - 0.5), xticks=[])
        axes.set_frame_on(False)
        for (row, cells), column in product(enumerate(rows), range(len(headings))):
            _draw_tile(axes, row, column, cells[column], scale, small)

    under = top + high + 0.2
    for strip in range(_STRIPS):
        done = bar * strip / _STRIPS
        # each reaches to the end and the next covers it, so that no seams show
        page.add_patch(Rectangle((left + done, under), bar - done, 0.14, facecolor=shade_of(strip / (_STRIPS - 1)), linewidth=0))
    for part in (0, 0.5, 1):
        page.text(left + part * bar, under + 0.17, percent(part * scale), ha="center", va="top")
    if any(tile.n < small for tile in tiles):
        page.add_patch(Rectangle((left + bar + 0.4, under), 0.25, 0.16, facecolor="white", edgecolor=GREY, hatch=_HATCH, linewidth=0))
        page.text(left + bar + 0.72, under + 0.08, note, va="center")
    return figure


_HATCH, _STRIPS = "////", 40


def _draw_tile(axes: "Axes", row: int, column: int, tile: Tile, scale: float, small: int) -> None:
    from matplotlib.patches import Rectangle

    if math.isnan(tile.rate):
        axes.text(column, row, UNDEFINED, ha="center", va="center", color=GREY)
        return
    colour, ink = shade_of(tile.rate / scale), ink_on(tile.rate / scale)
    box = Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, facecolor=colour, linewidth=0, clip_on=False)
    patch = None
    if tile.n < small:
        box.set(hatch=_HATCH, edgecolor=ink)
        patch = {"boxstyle": "square,pad=0.12", "facecolor": colour, "edgecolor": "none"}
    axes.add_patch(box)
    axes.text(column, row - 0.2, share_text(tile.rate), ha="center", va="center", color=ink, weight="bold", bbox=patch)
    axes.text(column, row + 0.23, f"n {count(tile.n)}", ha="center", va="center", color=ink, bbox=patch)


def shade_of(part: float) -> str:
    """The colour of a value from 0 (light) to 1 (dark): one hue, so that the order is seen without colour too."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return to_hex(colormaps["Blues"](0.04 + 0.96 * part))


def ink_on(part: float) -> str:
    """Black or white, whichever is easier to read on the colour of a value (relative luminance as in WCAG 2)."""
    from matplotlib.colors import to_rgb

    linear = [channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in to_rgb(shade_of(part))]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"
