"""Figures about pairs: MAR and BR, categories, outcomes, protocols, priming, scenarios and controls.

The size of every figure, in inches, follows from its number of rows and the measured size of its labels. No
text overlaps or is cut off, however long the name of a model is.
"""

# the types of matplotlib do not cover all keyword arguments
# pyright: reportUnknownMemberType=false

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, product
from typing import TYPE_CHECKING, cast

from misfire.reports.drawing.charts import (
    BARS,
    axis_limit,
    bands,
    dash,
    dots,
    key_above,
    note_beside,
    percent_axis,
    row_axes,
)
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.heat_maps import NO_TILE, Tile, heat_maps
from misfire.reports.drawing.labels import (
    DOT,
    FAR,
    Point,
    box_around,
    in_words,
    n_text,
    place_labels,
    short_labels,
    widest,
)
from misfire.reports.drawing.pages import LINE, MARGIN, ROW, new_axes, new_page
from misfire.reports.drawing.palettes import BLACK, BLUE, GRAY, GREEN, LOOKS, PALE, PURPLE, VERMILLION, Look
from misfire.reports.drawing.style import our_settings
from misfire.reports.number_format import UNDEFINED, count, percent, points, score
from misfire.reports.pairs.frames import PairFrames
from misfire.reports.pairs.published_results import SOURCE
from misfire.reports.pairs.veto_tables import SHOWN_ROWS, SMALL
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.scorers.half_notes import BASE
from misfire.scorers.statistics import NAN, Estimate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_LEVEL = 0.05
"""Maximum q-value that is marked with a star."""


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
    veto = _by_mar(_entries(results.overall("veto")))
    categories = _entries(results.by_category("veto"))
    arms = _entries(results.overall("priming"))
    theirs = (
        []
        if published is None
        else list(zip(published["br"].tolist(), published["mar"].tolist(), strict=True))
    )
    with our_settings():
        drawn = (
            _interval_drawing(veto),
            _scatter_drawing(veto, theirs),
            _category_drawing(veto, categories),
            _priming_drawing(arms, results.effects),
            _protocol_drawing(veto, results),
            _cell_drawing(veto),
            _scenario_drawing(veto, results),
            _control_drawing(results.controls),
        )
    return [drawing for drawing in drawn if drawing]


# --- what is drawn
# ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """A row of the frame ``summary``. ``label`` is the name of the run in figures."""

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


_MAR_MAP = "MAR (n: pairs with a right contrast half)"


def _entries(frame: "pd.DataFrame") -> list[_Entry]:
    records = cast("list[dict[str, float | str]]", frame.to_dict("records"))
    labels = short_labels([str(record["run"]) for record in records])

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
            mar=Estimate.of(record, "mar"),
            br=Estimate.of(record, "br"),
        )
        for record in records
    ]


def _by_mar(entries: Iterable[_Entry]) -> list[_Entry]:
    """Sort entries by MAR in descending order, with undefined values last."""
    return sorted(
        entries, key=lambda entry: -1.0 if math.isnan(entry.mar.value) else entry.mar.value, reverse=True
    )


_MAR = Look("o", VERMILLION)
_BR = Look("D", BLUE, size=5.5, face="white", edge_width=1.4)
_UNPRIMED = Look("o", GRAY, face="white", edge_width=1.4)
_PROTOCOLS = {
    "direct": (Look("o", GREEN, edge=BLACK, edge_width=0.6), "direct"),
    "cot": (Look("s", PURPLE, edge=BLACK, edge_width=0.6), "chain of thought"),
}
_PAPER = Look("^", GRAY, size=4.5, face="none", edge_width=0.8)
# --- MAR and BR of runs
# ------------------------------------------------------------------------------------------------------------


def _interval_drawing(runs: Sequence[_Entry]) -> Drawing | None:
    """Draw MAR and BR of each run as dots with error bars."""
    if not runs:
        return None
    names = [entry.label for entry in runs]
    notes = [f"{n_text(e.pairs)}, a + c = {count(e.a + e.c)}, a + b = {count(e.a + e.b)}" for e in runs]
    left, beside, wide, high = MARGIN + widest(names) + 0.14, widest(notes) + 0.25, 5.5, ROW * len(runs)
    top, bottom = 0.4, 0.6
    figure, _ = new_page(left + wide + beside, top + high + bottom)
    axes = new_axes(figure, left, top, wide, high)
    row_axes(axes, names, len(runs))
    bands(axes, len(runs))
    percent_axis(axes, "x", axis_limit(e for entry in runs for e in (entry.mar, entry.br)), "MAR, BR")
    rows = range(len(runs))
    dots(
        axes, [entry.mar for entry in runs], [row - 0.17 for row in rows], _MAR, "MAR: stereotyped half fails"
    )
    dots(axes, [entry.br for entry in runs], [row + 0.17 for row in rows], _BR, "BR: contrast half fails")
    for row, note in zip(rows, notes, strict=True):
        note_beside(axes, row, note)
    key_above(axes, 2)
    caption = (
        "MAR (filled circles): among the pairs with a right contrast half, the share with a wrong "
        f"stereotyped half. BR (hollow diamonds): the reverse error. {BARS} n: complete pairs, counted per "
        "epoch. MAR is divided by a + c, and BR by a + b. Runs are sorted by MAR in descending order. If "
        "the two bars of a run do not overlap, it fails on one kind of half more often than on the other."
    )
    return Drawing("mar_br_intervals", "MAR and BR of each run", caption, _rates_in_words(runs), figure)


def _rates_in_words(runs: Iterable[_Entry]) -> str:
    return (
        "; ".join(f"{e.label}: MAR {in_words(e.mar)}, BR {in_words(e.br)}, {n_text(e.pairs)}" for e in runs)
        + "."
    )


def _scatter_drawing(runs: Sequence[_Entry], published: Sequence[tuple[float, float]]) -> Drawing | None:
    """Draw MAR against BR. Each point has a number, which the key explains."""
    if not runs:
        return None
    known = [entry for entry in runs if not math.isnan(entry.mar.value + entry.br.value)]
    runs = [*known, *(entry for entry in runs if entry not in known)]
    names = [f"{entry.label} ({n_text(entry.pairs)})" for entry in runs]
    looks = [
        look for protocol, look in _PROTOCOLS.items() if any(entry.protocol == protocol for entry in runs)
    ]
    looks += [(_PAPER, _PAPER_KEY)] if published else []
    side, left, top, bottom = 5.5, 0.75, 0.2, 0.6
    key = left + side + 0.3
    width = key + 0.35 + widest([*names, _PAPER_KEY, _DIAGONAL_KEY]) + MARGIN
    figure, page = new_page(width, top + max(side + bottom, LINE * (len(looks) + 2 + len(runs)) + 0.1))

    axes = new_axes(figure, left, top, side, side)
    theirs = [Estimate(rate, NAN, NAN, NAN) for point in published for rate in point]
    limit = axis_limit([*(e for entry in runs for e in (entry.mar, entry.br)), *theirs])
    percent_axis(axes, "x", limit, "BR: contrast half fails")
    percent_axis(axes, "y", limit, "MAR: stereotyped half fails")
    axes.plot([0, limit], [0, limit], linestyle=(0, (4, 3)), color=GRAY, linewidth=1, label=_DIAGONAL_KEY)
    _PAPER.points(axes, [100 * br for br, _ in published], [100 * mar for _, mar in published], _PAPER_KEY)
    for protocol, (look, name) in _PROTOCOLS.items():
        own = [entry for entry in known if entry.protocol == protocol]
        for e in own:
            axes.hlines(100 * e.mar.value, 100 * e.br.lower, 100 * e.br.upper, color=look.color, linewidth=1)
            axes.vlines(100 * e.br.value, 100 * e.mar.lower, 100 * e.mar.upper, color=look.color, linewidth=1)
        look.points(axes, [100 * e.br.value for e in own], [100 * e.mar.value for e in own], name)
    _number_points(axes, known, published, side, limit)

    for row, (look, text) in enumerate(looks):
        look.points(page, [key + 0.12], [top + LINE * (row + 0.5)])
        page.text(key + 0.35, top + LINE * (row + 0.5), text, va="center")
    height = top + LINE * (len(looks) + 0.5)
    page.plot([key, key + 0.24], [height, height], linestyle=(0, (4, 3)), color=GRAY, linewidth=1)
    page.text(key + 0.35, height, _DIAGONAL_KEY, va="center")
    for row, (entry, name) in enumerate(zip(runs, names, strict=True)):
        height = top + LINE * (len(looks) + row + 2.5)
        page.text(key + 0.22, height, str(row + 1) if entry in known else UNDEFINED, ha="right", va="center")
        page.text(key + 0.35, height, name, va="center")
    more = (
        f" Triangles: the {len(published)} rows that the paper published, for context." if published else ""
    )
    caption = (
        "BR and MAR of each run. Runs are numbered by MAR in descending order. On the dashed line, a model "
        f"fails on stereotyped and contrast halves equally often. Above the line, it misfires. {BARS} n: "
        f"complete pairs, counted per epoch.{more}"
    )
    above = sum(entry.mar.value > entry.br.value for entry in known)
    alt = f"{above} of {len(known)} runs lie above the diagonal. {_rates_in_words(runs)}"
    return Drawing("mar_br_scatter", "MAR against BR", caption, alt, figure)


def _number_points(
    axes: "Axes",
    entries: Sequence[_Entry],
    published: Sequence[tuple[float, float]],
    side: float,
    limit: float,
) -> None:
    """Write a number next to each point of the scatter plot, starting at 1."""
    inch = limit / side

    def inches(br: float, mar: float) -> Point:
        return 100 * br / inch, 100 * mar / inch

    points = [inches(entry.br.value, entry.mar.value) for entry in entries]
    covered = [box_around(inches(*point), DOT, DOT) for point in published]
    for entry in entries:
        covered.append((*inches(entry.br.lower, entry.mar.value), *inches(entry.br.upper, entry.mar.value)))
        covered.append((*inches(entry.br.value, entry.mar.lower), *inches(entry.br.value, entry.mar.upper)))
    halo = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for number, (point, (x, y)) in enumerate(
        zip(points, place_labels(points, covered, side), strict=True), start=1
    ):
        if math.dist(point, (x, y)) > FAR:
            axes.plot([point[0] * inch, x * inch], [point[1] * inch, y * inch], color=GRAY, linewidth=0.6)
        axes.text(x * inch, y * inch, str(number), ha="center", va="center", bbox=halo, zorder=4)


_PAPER_KEY = f"published ({SOURCE})"
_DIAGONAL_KEY = "MAR = BR: both errors equally frequent"


def _category_drawing(runs: Sequence[_Entry], entries: Sequence[_Entry]) -> Drawing | None:
    """Draw two heat maps, of MAR and of BR, by run and category."""
    if not entries:
        return None
    names, categories = (
        [entry.label for entry in runs],
        list(dict.fromkeys(entry.category for entry in entries)),
    )
    found = {(entry.run, entry.category): entry for entry in entries}
    rows = [[found.get((run.run, category)) for category in categories] for run in runs]
    by_mar = [[Tile(e.mar.value, e.a + e.c) if e else NO_TILE for e in row] for row in rows]
    by_br = [[Tile(e.br.value, e.a + e.b) if e else NO_TILE for e in row] for row in rows]
    maps = {_MAR_MAP: by_mar, "BR (n: pairs with a right stereotyped half)": by_br}
    headings = _headings(categories)
    figure = heat_maps(maps, names, headings, SMALL)
    caption = (
        "MAR and BR of each run in each category, in percent. Darker cells are higher, on the same scale. "
        f"n: number of pairs by which the rate is divided. Hatched: n is below {SMALL}, so the rate is only "
        f"a rough guide. {UNDEFINED}: the denominator is 0."
    )
    alt = "; ".join(
        f"{run.label}: MAR {_range(dict(zip(headings, mars, strict=True)))}, BR "
        f"{_range(dict(zip(headings, brs, strict=True)))}"
        for run, mars, brs in zip(runs, by_mar, by_br, strict=True)
    )
    return Drawing("category_heat_map", "MAR and BR by category", caption, f"{alt}.", figure)


def _headings(categories: Sequence[str]) -> list[str]:
    """Return a heading for each category, with spaces for underscores unless this makes two of them equal."""
    spaced = [category.replace("_", " ") for category in categories]
    return list(short_labels(spaced if len(set(spaced)) == len(spaced) else categories).values())


def _range(tiles: Mapping[str, Tile]) -> str:
    """Return the range of rates in a row of a heat map, such as "1.2 % (Age) to 3.4 % (Religion)"."""
    known = sorted((tile.rate, name) for name, tile in tiles.items() if not math.isnan(tile.rate))
    return (
        " to ".join(f"{percent(rate)} ({name})" for rate, name in (known[0], known[-1]))
        if known
        else UNDEFINED
    )


def _scenario_drawing(runs: Sequence[_Entry], results: PairFrames) -> Drawing | None:
    """Draw the MAR of each run in the scenarios that misfire in most runs."""
    scenarios = [
        (str(scenario), str(category), int(misfired), int(of))
        for scenario, category, misfired, of in results.scenarios[
            ["scenario", "category", "runs_misfired", "runs"]
        ].itertuples(index=False)
        if misfired > 0
    ][:SHOWN_ROWS]
    if len(runs) < 2 or not scenarios:
        return None
    cells: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for arm in results.arms:
        if arm.run.task == "veto":
            for pair in arm.joined.pairs:
                cells[arm.run.label, pair.scenario, pair.category][pair.cell] += 1

    def tile(run: str, scenario: str, category: str) -> Tile:
        counts = cells[run, scenario, category]
        n = counts["a"] + counts["c"]
        return Tile(counts["c"] / n, n) if n else NO_TILE

    tiles = [[tile(run.run, scenario, category) for run in runs] for scenario, category, _, _ in scenarios]
    short = short_labels(scenario for scenario, _, _, _ in scenarios)
    names = [f"{short[scenario]} ({misfired} of {of} runs)" for scenario, _, misfired, of in scenarios]
    figure = heat_maps({_MAR_MAP: tiles}, names, [run.label for run in runs], 0)
    caption = (
        f"The {len(scenarios)} scenarios that misfire in most runs, with the number of these runs. Cells: "
        "share of misfired pairs, in percent. Darker cells are higher. n: pairs of the scenario with a "
        f"right contrast half, usually few. {UNDEFINED}: no such pairs. A scenario that misfires in every "
        "model may have a flawed question."
    )
    alt = "Runs that misfire, by scenario: " + "; ".join(names) + "."
    return Drawing("scenarios", "Scenarios that misfire in most runs", caption, alt, figure)


# --- pairs by outcome
# ------------------------------------------------------------------------------------------------------------


def _cell_drawing(runs: Sequence[_Entry]) -> Drawing | None:
    """Draw the 2 x 2 table of each run."""
    from matplotlib.patches import Rectangle

    if not runs:
        return None
    across = min(4, len(runs))
    wide, high, head = 1.2, 0.62, 3 * LINE + 0.05
    left, step = (
        MARGIN + widest(["stereotyped"]) + 0.15,
        max(2 * wide, widest((entry.label for entry in runs), bold=True)) + 0.25,
    )
    panel = head + 2 * high + 0.25
    figure, page = new_page(left + across * step, MARGIN + math.ceil(len(runs) / across) * panel)
    for number, run in enumerate(runs):
        x, y = left + (number % across) * step, MARGIN + (number // across) * panel
        page.text(x, y + LINE / 2, run.label, va="center", weight="bold")
        page.text(x, y + 1.5 * LINE, n_text(run.pairs), va="center", color=GRAY)
        for column, heading in enumerate(("contrast right", "contrast wrong")):
            page.text(x + (column + 0.5) * wide, y + 2.5 * LINE, heading, ha="center", va="center")
        for row, heading in enumerate(("right", "wrong") if number % across == 0 else ()):
            page.text(
                x - 0.08, y + head + (row + 0.5) * high, f"stereotyped\n{heading}", ha="right", va="center"
            )
        cells = (
            (run.a, "a: both right"),
            (run.b, "b: reverse error"),
            (run.c, _MISFIRED),
            (run.d, "d: both wrong"),
        )
        for (row, column), (cases, name) in zip(product(range(2), range(2)), cells, strict=True):
            share, weight = cases / run.pairs if run.pairs else NAN, "bold" if name == _MISFIRED else "normal"
            corner = (x + column * wide, y + head + row * high)
            page.add_patch(
                Rectangle(
                    corner, wide, high, facecolor=_shade(share), edgecolor=GRAY, linewidth=0.8, zorder=1
                )
            )
            if name == _MISFIRED:
                inner = (corner[0] + 0.03, corner[1] + 0.03)
                page.add_patch(
                    Rectangle(
                        inner,
                        wide - 0.06,
                        high - 0.06,
                        fill=False,
                        edgecolor=VERMILLION,
                        linewidth=2,
                        zorder=2,
                    )
                )
            page.text(
                corner[0] + wide / 2,
                corner[1] + 0.16,
                name,
                ha="center",
                va="center",
                weight=weight,
                zorder=3,
            )
            numbers = f"{count(cases)}\n{percent(share)}"
            page.text(corner[0] + wide / 2, corner[1] + 0.4, numbers, ha="center", va="center", zorder=3)
    caption = (
        "Pairs of each run by the outcomes of their halves, as counts and as shares of n. Darker cells "
        "have more pairs. n: complete pairs, counted per epoch. The framed cell contains the misfired "
        "pairs: contrast half right, stereotyped half wrong. MAR is this cell's share of the left column, "
        "and BR is the share of the reverse errors in the upper row."
    )
    alt = "; ".join(
        f"{e.label}, {n_text(e.pairs)}: both right {count(e.a)}, reverse error {count(e.b)}, misfired "
        f"{count(e.c)}, both wrong {count(e.d)}"
        for e in runs
    )
    return Drawing("confusion", "Pairs by outcome of their halves", caption, f"{alt}.", figure)


_MISFIRED = "c: misfired"


def _shade(share: float) -> str:
    """Return a gray for a share of pairs, light enough for black text. White if there are no pairs."""
    from matplotlib.colors import to_hex

    brightness = 1.0 if math.isnan(share) else 1 - 0.35 * math.sqrt(share)
    return to_hex((brightness, brightness, brightness))


# --- direct against chain of thought
# ---------------------------------------------------------------------------------------------------


def _protocol_drawing(runs: Sequence[_Entry], results: PairFrames) -> Drawing | None:
    """Draw MAR and BR of a model's direct run and of its chain-of-thought run, connected by lines."""
    by_run = {entry.run: entry for entry in runs}
    couples = [(by_run[direct.label], by_run[cot.label]) for direct, cot in results.run_set.protocol_pairs()]
    if not couples:
        return None
    couples.sort(key=lambda couple: [entry.run for entry in runs].index(couple[0].run))
    wide, high, left, top, bottom, gap = 2.6, max(3.4, LINE * len(couples)), 0.65, 0.4, 0.4, 0.75
    key = left + 2 * wide + gap + 0.3
    lines = [
        (direct.label, f"→ {cot.label} ({_change(n_text(direct.pairs), count(cot.pairs))})")
        for direct, cot in couples
    ]
    figure, page = new_page(
        key + 0.75 + widest(line for two in lines for line in two) + MARGIN,
        top + max(high + bottom, (2 * LINE + 0.1) * len(couples)),
    )
    limit = axis_limit(e for couple in couples for entry in couple for e in (entry.mar, entry.br))
    for panel, title in enumerate(("MAR", "BR")):
        axes = new_axes(figure, left + panel * (wide + gap), top, wide, high)
        page.text(left + panel * (wide + gap), top - 0.15, title, va="center", weight="bold")
        axes.set_xlim(-0.25, 1.4)
        axes.set_xticks([0, 1], labels=["direct", "chain of thought"])
        percent_axis(axes, "y", limit, "")
        ends: list[tuple[float, float]] = []
        for number, (couple, (color, marker, line)) in enumerate(zip(couples, cycle(LOOKS), strict=False)):
            aside = min(0.05, 0.36 / len(couples)) * (number - (len(couples) - 1) / 2)
            estimates = [entry.mar if title == "MAR" else entry.br for entry in couple]
            places = [aside, 1 + aside]
            for x, estimate in zip(places, estimates, strict=True):
                axes.vlines(x, 100 * estimate.lower, 100 * estimate.upper, color=color, linewidth=1.2)
            values = [100 * estimate.value for estimate in estimates]
            axes.plot(
                places,
                values,
                color=color,
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
            axes.plot([x + 0.03, 1.29], [y, height], color=GRAY, linewidth=0.6)
            axes.text(1.3, height, str(number + 1), va="center")
    for number, ((first, second), (color, marker, line)) in enumerate(zip(lines, cycle(LOOKS), strict=False)):
        y = top + number * (2 * LINE + 0.1) + LINE / 2
        page.text(key + 0.2, y, str(number + 1), ha="right", va="center")
        page.plot([key + 0.3, key + 0.65], [y, y], color=color, linestyle=line, linewidth=1.4)
        page.plot([key + 0.475], [y], color=color, marker=marker, markersize=5.5)
        page.text(key + 0.75, y, first, va="center")
        page.text(key + 0.75, y + LINE, second, va="center", color=GRAY)
    caption = (
        "MAR and BR without and with chain of thought. Each line connects a model's direct run with its "
        f"chain-of-thought run on the same pairs. {BARS} n: complete pairs, counted per epoch, with two "
        "numbers if the runs differ. If the line falls on the left but not on the right, reasoning makes "
        "the model misfire less."
    )
    alt = "; ".join(
        f"{cot.label} compared with {direct.label}: MAR {in_words(direct.mar)} to {in_words(cot.mar)}, BR "
        f"{in_words(direct.br)} to {in_words(cot.br)}"
        for direct, cot in couples
    )
    return Drawing(
        "protocol_slopes", "Direct answers compared with chain of thought", caption, f"{alt}.", figure
    )


def _change(first: str, second: str) -> str:
    """Format a number that may change, such as "n = 500" or "n = 500 → 498"."""
    return first if first.endswith(f" {second}") else f"{first} → {second}"


def spread(heights: Sequence[float], gap: float, limit: float) -> list[float]:
    """Move labels vertically so that they are at least a gap apart.

    Args:
        heights: Preferred height of each label.
        gap: Minimum distance.
        limit: Maximum height, if there is enough room for all labels below it.

    Returns:
        One height per label, in the order of the labels. Their vertical order is preserved.
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


# --- priming
# ------------------------------------------------------------------------------------------------------------


def _priming_drawing(entries: Sequence[_Entry], effects: "pd.DataFrame") -> Drawing | None:
    """Draw the MAR of each run's base arm and of each primed arm, one panel per arm, with the DiD."""
    bases = _by_mar(entry for entry in entries if entry.arm == BASE)
    primed = {(entry.run, entry.arm): entry for entry in entries if entry.arm != BASE}
    arms = list(dict.fromkeys(arm for _, arm in primed))
    if not arms:
        return None
    names = [entry.label for entry in bases]
    headlines = {
        (
            str(row["run"]),
            str(row["arm"]),
        ): f"DiD {points(row['did'])}{'*' if row['selective_q'] <= _LEVEL else ''}"
        for row in cast(
            "list[dict[str, float]]", effects[["run", "arm", "did", "selective_q"]].to_dict("records")
        )
    }
    notes = {
        key: f"{headlines[key]}, {_change(n_text(base.pairs), count(primed[key].pairs))}"
        for base in bases
        for key in ((base.run, arm) for arm in arms)
        if key in primed
    }
    titles = short_labels(arms)
    across, wide, high = min(3, len(arms)), 2.35, ROW * len(bases)
    left, beside = (
        MARGIN + widest(names) + 0.14,
        max(widest(notes.values()) + 0.3, widest(titles.values(), bold=True) - wide + 0.2),
    )
    top, head, foot = 0.3, 0.3, 0.6
    figure, page = new_page(
        left + across * (wide + beside), top + math.ceil(len(arms) / across) * (head + high + foot)
    )
    limit = axis_limit(entry.mar for entry in entries)
    for number, arm in enumerate(arms):
        x, y = left + (number % across) * (wide + beside), top + (number // across) * (head + high + foot)
        page.text(x, y + head - 0.12, titles[arm], va="center", weight="bold")
        axes = new_axes(figure, x, y + head, wide, high)
        row_axes(axes, names if number % across == 0 else None, len(bases))
        bands(axes, len(bases))
        percent_axis(axes, "x", limit, "MAR", ticks=5)
        own = [
            (row, base, primed[base.run, arm]) for row, base in enumerate(bases) if (base.run, arm) in primed
        ]
        for row, base, entry in own:
            ends = [100 * base.mar.value, 100 * entry.mar.value]
            axes.plot(
                ends, [row - 0.15, row + 0.15], color=PALE, linewidth=4, solid_capstyle="round", zorder=1
            )
            note_beside(axes, row, notes[base.run, arm])
        dots(axes, [base.mar for _, base, _ in own], [row - 0.15 for row, _, _ in own], _UNPRIMED, "base")
        dots(axes, [entry.mar for _, _, entry in own], [row + 0.15 for row, _, _ in own], _MAR, "primed")
        for row in set(range(len(bases))) - {row for row, _, _ in own}:
            dash(axes, row, GRAY)
    for place, (look, text) in enumerate(((_UNPRIMED, "base"), (_MAR, "primed"))):
        look.points(page, [left + 0.08 + place * 0.7], [0.17])
        page.text(left + 0.2 + place * 0.7, 0.17, text, va="center")
    caption = (
        "Each panel shows one arm. Lines lead from the MAR of the run's base arm (hollow circle) to that of "
        "the primed arm (filled circle). Runs are sorted by the MAR of the base arm in descending order. "
        f"{DELTA_MAR_CAVEAT} DiD: change in stereotyped accuracy minus change in contrast accuracy, in "
        f"percentage points. *: q selective is at most {_LEVEL}. {BARS} n: complete pairs, counted per "
        f"epoch, with two numbers if the arms differ. {UNDEFINED}: the run does not have this arm, or its "
        "MAR is undefined."
    )
    alt = "; ".join(
        f"{base.label}, {titles[arm]}: {headlines[base.run, arm]}, MAR {in_words(base.mar)} to "
        f"{in_words(primed[base.run, arm].mar)}"
        for arm in arms
        for base in bases
        if (base.run, arm) in primed
    )
    return Drawing("priming_dumbbell", "Effect of each cue on MAR", caption, f"{alt}.", figure)


# --- controls
# ------------------------------------------------------------------------------------------------------------


def _control_drawing(controls: "pd.DataFrame") -> Drawing | None:
    """Draw the differences in criterion and sensitivity between contexts, one row per run."""
    if controls.empty:
        return None
    records = cast("list[dict[str, float | str]]", controls.to_dict("records"))
    labels = short_labels([str(record["run"]) for record in records])
    names = [labels[str(record["run"])] for record in records]
    panels = {name: [Estimate.of(record, name) for record in records] for name in _DIFFERENCES}
    left, wide, high, gap, top, bottom = (
        MARGIN + widest(names) + 0.14,
        3.0,
        ROW * len(records),
        0.3,
        0.35,
        0.6,
    )
    figure, _ = new_page(left + 2 * wide + gap + MARGIN, top + high + bottom)
    for place, ((name, estimates), (heading, words)) in enumerate(
        zip(panels.items(), _DIFFERENCES.values(), strict=True)
    ):
        axes = new_axes(figure, left + place * (wide + gap), top, wide, high)
        row_axes(axes, names if place == 0 else None, len(records))
        bands(axes, len(records))
        ends = [abs(end) for e in estimates for end in (e.value, e.lower, e.upper) if not math.isnan(end)]
        limit = math.ceil(10 * max(ends, default=1.0) + 0.5) / 10
        axes.set_xlim(-limit, limit)
        axes.set_xlabel(words)
        axes.set_title(heading, loc="left", fontweight="bold")
        axes.axvline(0, color=GRAY, linewidth=1, linestyle=(0, (4, 3)))
        dots(
            axes,
            [_in_percent(estimate) for estimate in estimates],
            range(len(records)),
            _MAR if name == "criterion_difference" else _BR,
            "",
        )
    caption = (
        "Stereotyped minus contrast contexts. Left: the criterion. To the right of 0, the model tends "
        "toward “no” if the evidence points to the stereotyped person. Right: sensitivity d′. To the left "
        f"of 0, the model uses this evidence less. {BARS}"
    )
    alt = "; ".join(
        f"{label}: criterion {_signed(c)}, d′ {_signed(d)}"
        for label, c, d in zip(names, *panels.values(), strict=True)
    )
    return Drawing("control_differences", "Misfiring or a tendency to say no", caption, f"{alt}.", figure)


_DIFFERENCES = {
    "criterion_difference": ("criterion", "Δc (right: tends toward “no”)"),
    "d_prime_difference": ("sensitivity", "Δd′ (left: uses evidence less)"),
}


def _signed(estimate: Estimate) -> str:
    return f"{score(estimate.value)} ({score(estimate.lower)} to {score(estimate.upper)})"


def _in_percent(estimate: Estimate) -> Estimate:
    """Convert an estimate for ``dots``, which draws rates in percent."""
    return Estimate(estimate.value / 100, NAN, estimate.lower / 100, estimate.upper / 100)
