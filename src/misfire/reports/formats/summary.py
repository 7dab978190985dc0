"""The summary as JSON for pipelines, and its schema."""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from misfire import __version__
from misfire.reports.columns import Column, Kind
from misfire.reports.pairs.failures import failure_frame
from misfire.reports.pairs.published_results import published_results
from misfire.reports.results import Results
from misfire.reports.schema import FRAMES

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2
"""Increases when a key is removed or changes its meaning. New keys do not increase it."""

INFINITE = "Infinity"
"""Represents an infinite number, because JSON cannot express one."""

_PAIRS = (
    "runs",
    "summary",
    "effects",
    "comparisons",
    "power",
    "editions",
    "flags",
    "exchange",
    "controls",
    "scenarios",
    "failures",
)

_MISALIGN = {"misalign_runs": "runs", "alignment": "alignment", "checks": "checks", "overlap": "overlap"}
_MISALIGN.update({"conditions": "conditions", "answers": "answers"})
"""Attribute of ``Results.misalign`` for each name in the summary."""

_FRAMES = (*_PAIRS, *_MISALIGN)


def render(results: Results, caveats: tuple[str, ...], *, published: bool = False) -> str:
    """Return the summary as JSON.

    Args:
        results: The results of the logs.
        caveats: Facts that a reader must know before the numbers.
        published: Whether to include the rows that the paper published, as ``published``.

    Returns:
        JSON that conforms to ``schema()``. An undefined number is null.
    """
    frames: dict[str, pd.DataFrame] = {name: getattr(results, name) for name in _PAIRS if name != "failures"}
    frames |= {name: getattr(results.misalign, attribute) for name, attribute in _MISALIGN.items()}
    frames["failures"] = failure_frame(results)
    if published:
        frames["published"] = published_results()
    tables = {name: _rows(frame) for name, frame in frames.items()}
    return json.dumps(
        {"schema_version": SCHEMA_VERSION, "misfire": __version__, "caveats": list(caveats)} | tables,
        ensure_ascii=False,
        indent=1,
        allow_nan=False,
    )


def schema() -> dict[str, object]:
    """Return the JSON schema (draft 2020-12) of the ``summary.json`` that ``misfire report`` writes."""
    tables = {name: {"type": "array", "items": _row_schema(FRAMES[name])} for name in (*_FRAMES, "published")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Summary of misfire runs",
        "description": (
            "Written by `misfire report`. Rates range from 0 to 1. A value is null if nothing was measured."
        ),
        "type": "object",
        "properties": {
            "schema_version": {"const": SCHEMA_VERSION},
            "misfire": {"type": "string", "description": "version of misfire that wrote the summary"},
            "caveats": {
                "type": "array",
                "items": {"type": "string"},
                "description": "facts that a reader must know before the numbers",
            },
            **tables,
        },
        "required": ["schema_version", "misfire", "caveats", *_FRAMES],
        "additionalProperties": False,
    }


_TYPES: dict[Kind, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "flag": {"type": "boolean"},
    "count": {"type": "integer", "minimum": 0},
    "rate": {"type": ["number", "null"]},
    "change": {"type": ["number", "null"], "minimum": -1, "maximum": 1},
    "score": {"type": ["number", "null"]},
    "logit": {"type": ["number", "null"]},
    "p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "ratio": {"anyOf": [{"type": ["number", "null"], "minimum": 0}, {"const": INFINITE}]},
}


def _row_schema(columns: tuple[Column, ...]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": {
            column.name: {**_TYPES[column.kind], "description": column.meaning} for column in columns
        },
        "required": [column.name for column in columns],
        "additionalProperties": False,
    }


def _rows(frame: "pd.DataFrame") -> list[Mapping[str, object]]:
    rows = cast("list[dict[str, object]]", frame.astype(object).where(frame.notna(), None).to_dict("records"))
    return [{name: _value(value) for name, value in row.items()} for row in rows]


def _value(value: object) -> object:
    return INFINITE if isinstance(value, float) and math.isinf(value) else value
