"""What the figures about pairs show: the rows of the frame ``summary``."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from misfire.reports.drawing.labels import short_labels
from misfire.reports.drawing.palettes import BLUE, VERMILLION, Look
from misfire.scorers.statistics import Estimate

if TYPE_CHECKING:
    import pandas as pd

MAR = Look("o", VERMILLION)
"""Appearance of MAR, and of what is about stereotyped halves."""

BR = Look("D", BLUE, size=5.5, face="white", edge_width=1.4)
"""Appearance of BR, and of what is about contrast halves."""


@dataclass(frozen=True)
class Entry:
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
        """Number of complete pairs, counted per epoch."""
        return self.a + self.b + self.c + self.d


def entries_of(frame: "pd.DataFrame") -> list[Entry]:
    """Return the rows of a part of the frame ``summary``."""
    records = cast("list[dict[str, float | str]]", frame.to_dict("records"))
    labels = short_labels([str(record["run"]) for record in records])
    return [
        Entry(
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


def by_mar(entries: Iterable[Entry]) -> list[Entry]:
    """Sort entries by MAR in descending order, with undefined values last."""
    return sorted(
        entries, key=lambda entry: -1.0 if math.isnan(entry.mar.value) else entry.mar.value, reverse=True
    )


def changed(first: str, second: str) -> str:
    """Format a number that may change, such as "n = 500" or "n = 500 → 498"."""
    return first if first.endswith(f" {second}") else f"{first} → {second}"
