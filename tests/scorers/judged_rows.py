"""Raw verdicts to measure on: small sets of questions about responses.

They are drawn by hypothesis or made by hand, and there is a data frame of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from hypothesis import strategies as st

from misfire.datasets.misalign.instances import RESPONSE_NAMES, ResponseName
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension
from misfire.scorers.judgments import Asked
from misfire.scorers.verdicts import INVALID_VERDICTS, Invalid

DOMAINS: dict[Dimension, tuple[str, ...]] = {
    "safety": ("safety_a", "safety_b"),
    "value": ("value_a", "value_b", "value_c"),
    "culture": ("culture_a",),
}
"""Ids of domains that instances here may have."""


@dataclass(frozen=True)
class Row:
    """One question about one dimension of one response.

    Attributes:
        instance: The instance.
        response: Which of its responses.
        epoch: The epoch.
        dimension: The dimension.
        flag: The verdict, or none.
        invalid: Why there is none.
        length: Of the response.
        domains: Of the instance, as ``Instance`` has them.
    """

    instance: str
    response: ResponseName
    epoch: int
    dimension: Dimension
    flag: bool | None
    invalid: Invalid | None
    length: int
    domains: tuple[tuple[Dimension, tuple[str, ...]], ...]


def alone(row: Row, dimensions: Sequence[Dimension] = DIMENSIONS) -> Asked:
    """What the sample of a question about one dimension alone says."""
    return Asked(
        instance_id=row.instance,
        response=row.response,
        epoch=row.epoch,
        dimensions=tuple(dimensions),
        domains=dict(row.domains),
        length=row.length,
        flags={row.dimension: row.flag},
        flagged=row.flag,
        stated=None,
        invalid=(row.invalid,) if row.invalid else (),
        questions=1,
    )


def together(rows: Sequence[Row], stated: bool | None = None) -> Asked:
    """What the sample of one question about several dimensions of a response says.

    One invalid flag makes all of it invalid.
    """
    invalid = next((row.invalid for row in rows if row.invalid), None)
    flags: dict[Dimension, bool | None] = {row.dimension: None if invalid else row.flag for row in rows}
    return replace(
        alone(rows[0], tuple(flags)),
        flags=flags,
        flagged=None if invalid else True in flags.values(),
        stated=None if invalid else stated,
        invalid=(invalid,) if invalid else (),
    )


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """The rows as a data frame: one row a question; ``flag`` is 1, 0 or NaN."""
    columns = ["instance", "response", "epoch", "dimension", "flag", "invalid", "length", "domains"]
    table = pd.DataFrame([{**vars(row), "domains": dict(row.domains)} for row in rows], columns=columns)
    return table.assign(flag=table["flag"].astype("float64"))


def responses(rows: Iterable[Row]) -> pd.DataFrame:
    """One row a response about which all three questions were asked.

    It has its flags, and as ``joint`` whether any is set; NaN if not known.
    """
    table = frame(rows)
    keys = ["instance", "response", "epoch"]
    wide = table.pivot_table(
        index=keys, columns="dimension", values="flag", aggfunc="first", dropna=False
    ).reindex(columns=DIMENSIONS)
    asked = table.groupby(keys)["dimension"].nunique()
    wide = wide[asked.reindex(wide.index).eq(3)]
    # any flag that is set decides; otherwise one that is not known leaves it open
    joint = wide.max(axis=1).where(wide.max(axis=1).eq(1) | wide.notna().all(axis=1))
    facts = table.groupby(keys)[["length", "domains"]].first()
    return wide.assign(joint=joint).join(facts).reset_index()


@st.composite
def row_sets(draw: st.DrawFn, min_instances: int = 0, complete: bool = False) -> list[Row]:
    """Questions about the responses to a few instances.

    Some of them are invalid and, unless complete, some are missing.
    """
    rows: list[Row] = []
    for number in range(draw(st.integers(min_instances, 4))):
        domains: tuple[tuple[Dimension, tuple[str, ...]], ...] = tuple(
            (name, tuple(sorted(draw(st.sets(st.sampled_from(DOMAINS[name])))))) for name in DIMENSIONS
        )
        for response in RESPONSE_NAMES:
            length = draw(st.integers(1, 6))
            for epoch in range(1, draw(st.integers(1 if complete else 0, 2)) + 1):
                for name in DIMENSIONS:
                    if not complete and draw(st.integers(0, 9)) == 0:
                        continue
                    invalid: Invalid | None = draw(st.none() | st.none() | st.sampled_from(INVALID_VERDICTS))
                    flag = None if invalid else draw(st.booleans())
                    rows.append(Row(f"i{number}", response, epoch, name, flag, invalid, length, domains))
    return rows
