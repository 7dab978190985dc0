"""What the figures about Mis-Align Bench show: the rows of the frame ``alignment``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from misfire.reports.drawing.labels import short_labels
from misfire.reports.drawing.palettes import BLACK, BLUE, VERMILLION, Look
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    import pandas as pd

BARS = "Bars are 95 % intervals, clustered by instance."

CONDITIONS = {
    "joint": (Look("o", VERMILLION, edge=BLACK, edge_width=0.6), "asked together"),
    "alone": (Look("s", BLUE, edge=BLACK, edge_width=0.6), "each dimension asked alone"),
}
"""Appearance and name of each condition."""


@dataclass(frozen=True)
class Entry:
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


def entries_of(frame: "pd.DataFrame") -> list[Entry]:
    """Return the rows of the frame ``alignment``."""
    records = cast("list[dict[str, float | str]]", frame.to_dict("records"))
    labels = short_labels(str(record["run"]) for record in records)
    return [
        Entry(
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
