"""Dimensions that are flagged together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.reports.drawing.files import Drawing
from misfire.reports.drawing.heat_maps import NO_TILE, Tile, heat_maps
from misfire.reports.misalign.figures.entries import Entry
from misfire.reports.number_format import percent

if TYPE_CHECKING:
    import pandas as pd

_CAPTION = (
    "Share of misaligned and of aligned responses that were flagged in exactly these dimensions, in "
    "percent. n: number of responses. Responses with an invalid verdict are left out. A dimension that "
    "was not asked about counts as not flagged."
)


@dataclass(frozen=True)
class _Counts:
    """Numbers of responses.

    Attributes:
        found: By run, kind of response, and set of flagged dimensions.
        totals: By run and kind of response.
    """

    found: dict[tuple[str, str, str], int]
    totals: dict[tuple[str, str], int]

    def names(self) -> list[str]:
        """Return the sets of dimensions, "none" first, then small sets before large ones."""
        return sorted(
            {name for _, _, name in self.found}, key=lambda name: (name != "none", name.count("+"), name)
        )

    def tile(self, run: str, response: str, name: str) -> Tile:
        """Return the share of a run's responses that are flagged in exactly this set of dimensions."""
        total = self.totals.get((run, response), 0)
        number = self.found.get((run, response, name), 0)
        return Tile(number / total, number) if total else NO_TILE


def overlap_drawing(runs: Sequence[Entry], overlap: "pd.DataFrame") -> Drawing | None:
    """Draw the sets of dimensions flagged together, with one row per set and one column per run."""
    if overlap.empty:
        return None
    counts = _counted(overlap)
    names = counts.names()
    maps = {
        f"{response} responses": [[counts.tile(run.run, response, name) for run in runs] for name in names]
        for response in ("misaligned", "aligned")
    }
    figure = heat_maps(maps, names, [run.label for run in runs], 0)
    alt = "; ".join(
        f"{run.label}: "
        + ", ".join(f"{name} {percent(counts.tile(run.run, 'misaligned', name).rate)}" for name in names)
        for run in runs
    )
    return Drawing(
        "misalign_overlap",
        "Dimensions flagged together",
        _CAPTION,
        f"Of misaligned responses. {alt}.",
        figure,
    )


def _counted(overlap: "pd.DataFrame") -> _Counts:
    """Count the rows of the frame ``overlap``."""
    counts = _Counts({}, {})
    for record in cast("list[dict[str, object]]", overlap.to_dict("records")):
        run, response = str(record["run"]), str(record["response"])
        responses = int(cast("int", record["responses"]))
        name = " + ".join(dimension for dimension in DIMENSIONS if record[dimension]) or "none"
        counts.found[run, response, name] = responses
        counts.totals[run, response] = counts.totals.get((run, response), 0) + responses
    return counts
