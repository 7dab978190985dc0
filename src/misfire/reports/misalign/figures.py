"""Figures about Mis-Align Bench.

They show the Coverage-FFR plane, domains, dimensions flagged together, dimensions asked alone and together,
and answers.
"""

# the types of matplotlib do not cover all keyword arguments
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, domain_of_id
from misfire.reports.drawing.charts import bands, dots, key_above, note_beside, percent_axis, row_axes
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.heat_maps import NO_TILE, Tile, heat_maps
from misfire.reports.drawing.labels import (
    box_around,
    in_words,
    n_text,
    place_labels,
    share_text,
    short_labels,
    widest,
)
from misfire.reports.drawing.pages import LINE, MARGIN, ROW, new_axes, new_page
from misfire.reports.drawing.palettes import BLACK, BLUE, GRAY, GREEN, VERMILLION, Look, ink_on, shade_of
from misfire.reports.drawing.style import our_settings
from misfire.reports.misalign.frames import ALL, MisalignResults
from misfire.reports.misalign.tables import SMALL
from misfire.reports.number_format import UNDEFINED, count, percent
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

BARS = "Bars are 95 % intervals, clustered by instance."

_CONDITIONS = {
    "joint": (Look("o", VERMILLION, edge=BLACK, edge_width=0.6), "asked together"),
    "alone": (Look("s", BLUE, edge=BLACK, edge_width=0.6), "each dimension asked alone"),
}
_RAW = Look("o", GRAY, face="white", edge_width=1.4)
_CORRECTED = Look("D", GREEN, size=5.5)
_CONTOURS = (0.5, 0.6, 0.7, 0.8, 0.9)
_CELL = (0.44, 0.21)
"""Width and height of a cell of the domain map, in inches."""


@dataclass(frozen=True)
class _Row:
    """A row of the frame ``alignment``. ``label`` is the name of the run in figures."""

    run: str
    label: str
    condition: str
    level: str
    name: str
    score: Estimate
    coverage: Estimate
    ffr: Estimate
    instances: int


def draw_misalign(results: MisalignResults) -> list[Drawing]:
    """Draw all figures about Mis-Align Bench for which there are data.

    Args:
        results: The results of the logs.

    Returns:
        The figures, always in the same order. In each figure, runs are sorted by joint Alignment Score in
        descending order.
    """
    rows = _rows(results.alignment)
    joint = sorted(
        (row for row in rows if row.level == "joint"),
        key=lambda row: -1.0 if math.isnan(row.score.value) else row.score.value,
    )
    joint.reverse()
    with our_settings():
        drawn = (
            _plane_drawing(joint),
            _domain_drawing(joint, rows),
            _overlap_drawing(joint, results.overlap),
            _condition_drawing(rows, results.conditions),
            _answer_drawing(results.answers),
        )
    return [drawing for drawing in drawn if drawing]


def _rows(frame: "pd.DataFrame") -> list[_Row]:
    records = cast("list[dict[str, float | str]]", frame.to_dict("records"))
    labels = short_labels(str(record["run"]) for record in records)
    return [
        _Row(
            run=str(record["run"]),
            label=labels[str(record["run"])],
            condition=str(record["condition"]),
            level=str(record["level"]),
            name=str(record["name"]),
            score=Estimate.of(record, "alignment_score"),
            coverage=Estimate.of(record, "coverage"),
            ffr=Estimate.of(record, "ffr"),
            instances=int(record["instances"]),
        )
        for record in records
    ]


def _plane_drawing(runs: Sequence[_Row]) -> Drawing | None:
    """Draw each run as a numbered point by Coverage and FFR, over contours of the Alignment Score."""
    if not runs:
        return None
    known = [row for row in runs if not math.isnan(row.coverage.value + row.ffr.value)]
    runs = [*known, *(row for row in runs if row not in known)]
    names = [f"{row.label}: {percent(row.score.value)} ({n_text(row.instances)})" for row in runs]
    looks = [
        look for condition, look in _CONDITIONS.items() if any(row.condition == condition for row in runs)
    ]
    side, left, top, bottom = 5.5, 0.75, 0.2, 0.6
    key = left + side + 0.3
    width = key + 0.35 + widest([*names, *(text for _, text in looks)]) + MARGIN
    figure, page = new_page(width, top + max(side + bottom, LINE * (len(looks) + 2 + len(runs)) + 0.1))
    axes = new_axes(figure, left, top, side, side)
    percent_axis(axes, "x", 100, "FFR: aligned responses flagged")
    percent_axis(axes, "y", 100, "Coverage: misaligned responses flagged")
    _draw_contours(axes)
    for condition, (look, text) in _CONDITIONS.items():
        own = [row for row in known if row.condition == condition]
        for row in own:
            axes.hlines(
                100 * row.coverage.value,
                100 * row.ffr.lower,
                100 * row.ffr.upper,
                color=look.color,
                linewidth=1,
            )
            axes.vlines(
                100 * row.ffr.value,
                100 * row.coverage.lower,
                100 * row.coverage.upper,
                color=look.color,
                linewidth=1,
            )
        look.points(
            axes, [100 * row.ffr.value for row in own], [100 * row.coverage.value for row in own], text
        )
    scale = side / 100
    points = [(100 * row.ffr.value * scale, 100 * row.coverage.value * scale) for row in known]
    covered = [box_around(point, 0.4, 0.4) for point in points]
    halo = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for number, (x, y) in enumerate(place_labels(points, covered, side), start=1):
        axes.text(x / scale, y / scale, str(number), ha="center", va="center", bbox=halo, zorder=4)
    for row, (look, text) in enumerate(looks):
        look.points(page, [key + 0.12], [top + LINE * (row + 0.5)])
        page.text(key + 0.35, top + LINE * (row + 0.5), text, va="center")
    for row, (entry, name) in enumerate(zip(runs, names, strict=True)):
        height = top + LINE * (len(looks) + row + 1.5)
        page.text(key + 0.22, height, str(row + 1) if entry in known else UNDEFINED, ha="right", va="center")
        page.text(key + 0.35, height, name, va="center")
    caption = (
        "Coverage and False Failure Rate of the joint verdict of each run. Runs are numbered by Alignment "
        "Score in descending order. Thin lines connect points with the same Alignment Score. The best "
        f"position is the top left corner. On the dashed diagonal, verdicts are not informative. {BARS} n: "
        "instances."
    )
    alt = "; ".join(
        f"{e.label}: Alignment Score {in_words(e.score)}, Coverage {in_words(e.coverage)}, FFR "
        f"{in_words(e.ffr)}"
        for e in runs
    )
    return Drawing("misalign_plane", "Coverage against False Failure Rate", caption, f"{alt}.", figure)


def _draw_contours(axes: "Axes") -> None:
    """Draw lines of equal Alignment Score: Coverage = score (1 - FFR) / (2 (1 - FFR) - score)."""
    axes.plot([0, 100], [0, 100], linestyle=(0, (4, 3)), color=GRAY, linewidth=1)
    for score in _CONTOURS:
        # from the point with Coverage 1 to the point with FFR 0
        ends = [step / 60 for step in range(61)]
        passed = [score / (2 - score) + end * (1 - score / (2 - score)) for end in ends]
        heights = [score * p / (2 * p - score) for p in passed]
        axes.plot(
            [100 * (1 - p) for p in passed],
            [100 * c for c in heights],
            color="#8C8C8C",
            linewidth=0.7,
            zorder=1,
        )
        axes.text(
            100 * (1 - passed[0]),
            101,
            f"{score:.0%}".replace("%", " %"),
            ha="center",
            va="bottom",
            color=GRAY,
        )


def _domain_drawing(runs: Sequence[_Row], rows: Sequence[_Row]) -> Drawing | None:
    """Draw the Alignment Score of each domain and run, with one panel per dimension."""
    from matplotlib.patches import Rectangle

    found = {(row.run, row.name): row for row in rows if row.level == "domain"}
    panels: dict[Dimension, list[str]] = {}
    for dimension in DIMENSIONS:
        names = list(
            dict.fromkeys(
                row.name for row in rows if row.level == "domain" and row.name.startswith(f"{dimension}_")
            )
        )
        if names:
            panels[dimension] = sorted(
                names,
                key=lambda name: _mean_score(
                    found[run.run, name] for run in runs if (run.run, name) in found
                ),
            )
    if not panels or not runs:
        return None
    labels = {name: domain_of_id(name).name for names in panels.values() for name in names}
    headings = [run.label for run in runs]
    wide, high = _CELL
    slant = widest(headings) * math.sqrt(0.5) + 0.1
    left, top = MARGIN, MARGIN + LINE + slant + 0.1
    starts: dict[Dimension, float] = {}
    for dimension, names in panels.items():
        left += widest(labels[name] for name in names) + 0.14
        starts[dimension] = left
        left += wide * len(runs) + max(slant - wide / 2, 0) + 0.25
    tallest = high * max(map(len, panels.values()))
    figure, page = new_page(left + MARGIN, top + tallest + 0.5)
    for dimension, names in panels.items():
        start = starts[dimension]
        page.text(start, MARGIN + LINE / 2, f"{dimension} ({len(names)})", va="center", weight="bold")
        for column, heading in enumerate(headings):
            page.text(
                start + (column + 0.5) * wide,
                top - 0.06,
                heading,
                rotation=45,
                rotation_mode="anchor",
                va="baseline",
            )
        for line, name in enumerate(names):
            height = top + line * high
            page.text(start - 0.08, height + high / 2, labels[name], ha="right", va="center")
            for column, run in enumerate(runs):
                tile = found.get((run.run, name))
                middle = start + (column + 0.5) * wide
                if tile is None or math.isnan(tile.score.value):
                    page.text(middle, height + high / 2, UNDEFINED, ha="center", va="center", color=GRAY)
                    continue
                color, ink = shade_of(tile.score.value), ink_on(tile.score.value)
                box = Rectangle(
                    (start + column * wide + 0.01, height + 0.01),
                    wide - 0.02,
                    high - 0.02,
                    facecolor=color,
                    linewidth=0,
                )
                page.add_patch(box)
                mark = "*" if tile.instances < SMALL else ""
                page.text(
                    middle,
                    height + high / 2,
                    f"{share_text(tile.score.value)}{mark}",
                    ha="center",
                    va="center",
                    color=ink,
                )
    page.text(
        MARGIN, top + tallest + 0.25, f"* fewer than {SMALL} instances: not reliable", va="center", color=GRAY
    )
    caption = (
        "Alignment Score of each run in each domain, in percent, by the verdict of the domain's dimension. "
        "Darker cells are higher, from 0 to 100. Domains are sorted by their mean over the runs in "
        f"ascending order. *: fewer than {SMALL} instances. {UNDEFINED}: undefined."
    )
    alt = "; ".join(
        f"{dimension}: lowest {labels[names[0]]}, highest {labels[names[-1]]}, {count(len(names))} domains"
        for dimension, names in panels.items()
    )
    return Drawing("misalign_domains", "Alignment Score by domain", caption, f"{alt}.", figure)


def _mean_score(rows: Iterable[_Row]) -> float:
    scores = [row.score.value for row in rows if not math.isnan(row.score.value)]
    return sum(scores) / len(scores) if scores else 2.0


def _overlap_drawing(runs: Sequence[_Row], overlap: "pd.DataFrame") -> Drawing | None:
    """Draw the sets of dimensions flagged together, with one row per set and one column per run."""
    if overlap.empty:
        return None
    found: dict[tuple[str, str, str], int] = {}
    totals: dict[tuple[str, str], int] = {}
    for record in cast("list[dict[str, object]]", overlap.to_dict("records")):
        run, response, responses = (
            str(record["run"]),
            str(record["response"]),
            int(cast("int", record["responses"])),
        )
        name = " + ".join(dimension for dimension in DIMENSIONS if record[dimension]) or "none"
        found[run, response, name] = responses
        totals[run, response] = totals.get((run, response), 0) + responses
    names = sorted({name for _, _, name in found}, key=lambda name: (name != "none", name.count("+"), name))

    def tile(run: str, response: str, name: str) -> Tile:
        total = totals.get((run, response), 0)
        return (
            Tile(found.get((run, response, name), 0) / total, found.get((run, response, name), 0))
            if total
            else NO_TILE
        )

    maps = {
        f"{response} responses": [[tile(run.run, response, name) for run in runs] for name in names]
        for response in ("misaligned", "aligned")
    }
    figure = heat_maps(maps, names, [run.label for run in runs], 0)
    caption = (
        "Share of misaligned and of aligned responses that were flagged in exactly these dimensions, in "
        "percent. n: number of responses. Responses with an invalid verdict are left out. A dimension that "
        "was not asked about counts as not flagged."
    )
    alt = "; ".join(
        f"{run.label}: "
        + ", ".join(f"{name} {percent(tile(run.run, 'misaligned', name).rate)}" for name in names)
        for run in runs
    )
    return Drawing(
        "misalign_overlap", "Dimensions flagged together", caption, f"Of misaligned responses. {alt}.", figure
    )


def _condition_drawing(rows: Sequence[_Row], conditions: "pd.DataFrame") -> Drawing | None:
    """Draw the Alignment Score of each dimension asked alone and asked together."""
    if conditions.empty:
        return None
    found = {(row.run, row.name): row for row in rows if row.level != "domain"}
    lines = [
        (found[str(joint), str(name)], found[str(alone), str(name)], str(name))
        for joint, alone, name in conditions[["joint", "alone", "name"]].itertuples(index=False)
        if (str(joint), str(name)) in found and (str(alone), str(name)) in found
    ]
    names = [f"{together.label}, {'all dimensions' if name == ALL else name}" for together, _, name in lines]
    notes = [n_text(together.instances) for together, _, _ in lines]
    left, beside, wide, high = MARGIN + widest(names) + 0.14, widest(notes) + 0.25, 5.5, ROW * len(lines)
    top, bottom = 0.4, 0.6
    figure, _ = new_page(left + wide + beside, top + high + bottom)
    axes = new_axes(figure, left, top, wide, high)
    row_axes(axes, names, len(lines))
    bands(axes, len(lines))
    percent_axis(axes, "x", 100, "Alignment Score")
    (together_look, together_text), (alone_look, alone_text) = _CONDITIONS["joint"], _CONDITIONS["alone"]
    dots(
        axes,
        [together.score for together, _, _ in lines],
        [row - 0.17 for row in range(len(lines))],
        together_look,
        together_text,
    )
    dots(
        axes,
        [alone.score for _, alone, _ in lines],
        [row + 0.17 for row in range(len(lines))],
        alone_look,
        alone_text,
    )
    for row, note in enumerate(notes):
        note_beside(axes, row, note)
    key_above(axes, 2)
    caption = (
        "Alignment Score of the same model on the same instances, with all dimensions in one question "
        "(circles) and with one question for each dimension (squares). If the square is to the right of "
        f"the circle, asking jointly has a cost. {BARS} n: instances of the joint run."
    )
    alt = "; ".join(
        f"{name}: together {in_words(together.score)}, alone {in_words(alone.score)}"
        for name, (together, alone, _) in zip(names, lines, strict=True)
    )
    return Drawing("misalign_conditions", "Asked alone and asked together", caption, f"{alt}.", figure)


def _answer_drawing(answers: "pd.DataFrame") -> Drawing | None:
    """Draw the share of aligned answers, as judged and corrected for the grader's errors."""
    if answers.empty:
        return None
    records = cast("list[dict[str, float | str]]", answers.to_dict("records"))
    labels = short_labels(str(record["run"]) for record in records)
    names = [labels[str(record["run"])] for record in records]
    notes = [n_text(int(record["answers_judged"])) for record in records]
    left, beside, wide, high = MARGIN + widest(names) + 0.14, widest(notes) + 0.25, 5.5, ROW * len(names)
    figure, _ = new_page(left + wide + beside, 0.4 + high + 0.6)
    axes = new_axes(figure, left, 0.4, wide, high)
    row_axes(axes, names, len(names))
    bands(axes, len(names))
    percent_axis(axes, "x", 100, "aligned answers")
    raw = [Estimate.of(record, "aligned_rate") for record in records]
    corrected = [Estimate.of(record, "aligned_rate_corrected") for record in records]
    dots(axes, raw, [row - 0.17 for row in range(len(names))], _RAW, "as judged by the grader")
    dots(
        axes,
        corrected,
        [row + 0.17 for row in range(len(names))],
        _CORRECTED,
        "corrected for the grader's errors",
    )
    for row, note in enumerate(notes):
        note_beside(axes, row, note)
    key_above(axes, 2)
    caption = (
        "Share of answers that the grader flags in no dimension (circles), and the same share corrected "
        "for the grader's errors on labeled responses (diamonds). A dash means that the grader's Coverage "
        f"is not above its FFR. {BARS} n: answers with a verdict."
    )
    alt = "; ".join(
        f"{name}: {in_words(one)}, corrected {in_words(other)}"
        for name, one, other in zip(names, raw, corrected, strict=True)
    )
    return Drawing("misalign_answers", "Aligned answers", caption, f"{alt}.", figure)
