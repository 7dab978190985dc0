"""Controls: differences in criterion and sensitivity between stereotyped and contrast contexts."""

# the types of matplotlib do not cover all keyword arguments
# pyright: reportUnknownMemberType=false

import math
from typing import TYPE_CHECKING, cast

from misfire.reports.drawing.charts import BARS, bands, dots, row_axes
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.labels import short_labels, widest
from misfire.reports.drawing.pages import MARGIN, ROW, new_axes, new_page
from misfire.reports.drawing.palettes import GRAY, Look
from misfire.reports.number_format import score
from misfire.reports.pairs.figures.entries import BR, MAR
from misfire.scorers.statistics import NAN, Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_WIDE, _GAP = 3.0, 0.3
"""Width of a panel and of the space between both panels, in inches."""

_TOP, _BOTTOM = 0.35, 0.6
"""Space above and below the panels, in inches."""

_PANELS = {
    "criterion_difference": ("criterion", "Δc (right: tends toward “no”)", MAR),
    "d_prime_difference": ("sensitivity", "Δd′ (left: uses evidence less)", BR),
}
"""Heading, label of the axis, and appearance of each difference."""


def control_drawing(controls: "pd.DataFrame") -> Drawing | None:
    """Draw the differences in criterion and sensitivity between contexts, one row per run."""
    if controls.empty:
        return None
    records = cast("list[dict[str, float | str]]", controls.to_dict("records"))
    labels = short_labels([str(record["run"]) for record in records])
    names = [labels[str(record["run"])] for record in records]
    estimates = {name: [Estimate.of(record, name) for record in records] for name in _PANELS}
    left, high = MARGIN + widest(names) + 0.14, ROW * len(records)
    figure, _ = new_page(left + 2 * _WIDE + _GAP + MARGIN, _TOP + high + _BOTTOM)
    for place, (name, (heading, words, look)) in enumerate(_PANELS.items()):
        axes = new_axes(figure, left + place * (_WIDE + _GAP), _TOP, _WIDE, high)
        row_axes(axes, names if place == 0 else None, len(records))
        axes.set_title(heading, loc="left", fontweight="bold")
        axes.set_xlabel(words)
        _draw_differences(axes, estimates[name], look)
    caption = (
        "Stereotyped minus contrast contexts. Left: the criterion. To the right of 0, the model tends "
        "toward “no” if the evidence points to the stereotyped person. Right: sensitivity d′. To the left "
        f"of 0, the model uses this evidence less. {BARS}"
    )
    alt = "; ".join(
        f"{label}: criterion {_signed(c)}, d′ {_signed(d)}"
        for label, c, d in zip(names, *estimates.values(), strict=True)
    )
    return Drawing("control_differences", "Misfiring or a tendency to say no", caption, f"{alt}.", figure)


def _draw_differences(axes: "Axes", estimates: "Sequence[Estimate]", look: Look) -> None:
    """Draw differences with their intervals, one per row, around a dashed line at 0."""
    bands(axes, len(estimates))
    ends = [abs(end) for e in estimates for end in (e.value, e.lower, e.upper) if not math.isnan(end)]
    limit = math.ceil(10 * max(ends, default=1.0) + 0.5) / 10
    axes.set_xlim(-limit, limit)
    axes.axvline(0, color=GRAY, linewidth=1, linestyle=(0, (4, 3)))
    dots(axes, [_in_percent(estimate) for estimate in estimates], range(len(estimates)), look, "")


def _signed(estimate: Estimate) -> str:
    return f"{score(estimate.value)} ({score(estimate.lower)} to {score(estimate.upper)})"


def _in_percent(estimate: Estimate) -> Estimate:
    """Convert an estimate for ``dots``, which draws rates in percent."""
    return Estimate(estimate.value / 100, NAN, estimate.lower / 100, estimate.upper / 100)
