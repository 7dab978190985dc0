"""The effect of each cue: the MAR of each run's base arm and of its primed arms."""

# the types of matplotlib do not cover all keyword arguments
# pyright: reportUnknownMemberType=false

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from misfire.reports.drawing.charts import (
    BARS,
    axis_limit,
    bands,
    dash,
    dots,
    note_beside,
    percent_axis,
    row_axes,
)
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.labels import in_words, n_text, short_labels, widest
from misfire.reports.drawing.pages import MARGIN, ROW, new_axes, new_page
from misfire.reports.drawing.palettes import GRAY, PALE, Look
from misfire.reports.number_format import UNDEFINED, count, points
from misfire.reports.pairs.figures.entries import MAR, Entry, by_mar, changed
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.scorers.half_notes import BASE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_UNPRIMED = Look("o", GRAY, face="white", edge_width=1.4)

_LEVEL = 0.05
"""Maximum q-value that is marked with a star."""

_WIDE = 2.35
"""Width of a panel, in inches."""

_TOP, _HEAD, _FOOT = 0.3, 0.3, 0.6
"""Space above all panels, and above and below each panel, in inches."""

_CAPTION = (
    "Each panel shows one arm. Lines lead from the MAR of the run's base arm (hollow circle) to that of "
    "the primed arm (filled circle). Runs are sorted by the MAR of the base arm in descending order. "
    f"{DELTA_MAR_CAVEAT} DiD: change in stereotyped accuracy minus change in contrast accuracy, in "
    f"percentage points. *: q selective is at most {_LEVEL}. {BARS} n: complete pairs, counted per "
    f"epoch, with two numbers if the arms differ. {UNDEFINED}: the run does not have this arm, or its "
    "MAR is undefined."
)

_Key = tuple[str, str]
"""A run and an arm."""


def priming_drawing(entries: Sequence[Entry], effects: "pd.DataFrame") -> Drawing | None:
    """Draw the MAR of each run's base arm and of each primed arm, one panel per arm, with the DiD."""
    bases = by_mar(entry for entry in entries if entry.arm == BASE)
    primed = {(entry.run, entry.arm): entry for entry in entries if entry.arm != BASE}
    arms = list(dict.fromkeys(arm for _, arm in primed))
    if not arms:
        return None
    headlines = _headlines(effects)
    notes = {
        key: f"{headlines[key]}, {changed(n_text(base.pairs), count(primed[key].pairs))}"
        for base in bases
        for key in ((base.run, arm) for arm in arms)
        if key in primed
    }
    titles = short_labels(arms)
    names = [entry.label for entry in bases]
    across, high = min(3, len(arms)), ROW * len(bases)
    left = MARGIN + widest(names) + 0.14
    step = _WIDE + max(widest(notes.values()) + 0.3, widest(titles.values(), bold=True) - _WIDE + 0.2)
    panel = _HEAD + high + _FOOT
    figure, page = new_page(left + across * step, _TOP + math.ceil(len(arms) / across) * panel)
    limit = axis_limit(entry.mar for entry in entries)
    for number, arm in enumerate(arms):
        x, y = left + (number % across) * step, _TOP + (number // across) * panel
        page.text(x, y + _HEAD - 0.12, titles[arm], va="center", weight="bold")
        axes = new_axes(figure, x, y + _HEAD, _WIDE, high)
        row_axes(axes, names if number % across == 0 else None, len(bases))
        bands(axes, len(bases))
        percent_axis(axes, "x", limit, "MAR", ticks=5)
        _draw_arm(axes, arm, bases, primed, notes)
    _draw_key(page, left)
    alt = "; ".join(
        f"{base.label}, {titles[arm]}: {headlines[base.run, arm]}, MAR {in_words(base.mar)} to "
        f"{in_words(primed[base.run, arm].mar)}"
        for arm in arms
        for base in bases
        if (base.run, arm) in primed
    )
    return Drawing("priming_dumbbell", "Effect of each cue on MAR", _CAPTION, f"{alt}.", figure)


def _headlines(effects: "pd.DataFrame") -> dict[_Key, str]:
    """Return the DiD of each run and arm as text, with a star if the cue is selective."""
    rows = cast("list[dict[str, float]]", effects[["run", "arm", "did", "selective_q"]].to_dict("records"))
    return {
        (str(row["run"]), str(row["arm"])): (
            f"DiD {points(row['did'])}{'*' if row['selective_q'] <= _LEVEL else ''}"
        )
        for row in rows
    }


def _draw_arm(
    axes: "Axes",
    arm: str,
    bases: Sequence[Entry],
    primed: Mapping[_Key, Entry],
    notes: Mapping[_Key, str],
) -> None:
    """Draw the rows of an arm: two dots for each run that has it, and a dash for each other run."""
    own = [(row, base, primed[base.run, arm]) for row, base in enumerate(bases) if (base.run, arm) in primed]
    for row, base, entry in own:
        ends = [100 * base.mar.value, 100 * entry.mar.value]
        axes.plot(ends, [row - 0.15, row + 0.15], color=PALE, linewidth=4, solid_capstyle="round", zorder=1)
        note_beside(axes, row, notes[base.run, arm])
    dots(axes, [base.mar for _, base, _ in own], [row - 0.15 for row, _, _ in own], _UNPRIMED, "base")
    dots(axes, [entry.mar for _, _, entry in own], [row + 0.15 for row, _, _ in own], MAR, "primed")
    for row in set(range(len(bases))) - {row for row, _, _ in own}:
        dash(axes, row, GRAY)


def _draw_key(page: "Axes", left: float) -> None:
    """Draw the key above the panels."""
    for place, (look, text) in enumerate(((_UNPRIMED, "base"), (MAR, "primed"))):
        look.points(page, [left + 0.08 + place * 0.7], [0.17])
        page.text(left + 0.2 + place * 0.7, 0.17, text, va="center")
