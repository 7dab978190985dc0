"""Convert raw rows to instances. Every invalid row is reported with its location and fields."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from misfire.datasets.json_rows import Fault
from misfire.datasets.misalign.columns import ColumnError, match_columns
from misfire.datasets.misalign.instances import SPLITS, Instance, Split
from misfire.datasets.misalign.taxonomy import Dimension, Domain, resolve
from misfire.datasets.record_errors import MOST, SHOWN, field_problems, raise_problems, shorten
from misfire.errors import InputError

ADVICE = (
    "Every row needs a prompt, an aligned response and a misaligned response; labels are names or IDs of "
    "domains, separated by ';'. Correct these rows, specify the columns (columns=prompt=COLUMN,…), or leave "
    "out invalid rows with skip_invalid=true."
)

_SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "validation": "validation",
    "test": "test",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
}

_LONGEST_LABEL = 200


class RawRow(NamedTuple):
    """A row as it was read.

    Attributes:
        place: Location of the row, for example "line 3".
        record: The columns of the row, or a fault if the row cannot be parsed.
        id: ID for the instance if the row has none.
        split: Split of the instance if the row has none.
    """

    place: str
    record: dict[str, Any] | Fault
    id: str
    split: Split | None = None


@dataclass(frozen=True)
class Skipped:
    """Invalid rows that were left out.

    Attributes:
        count: Number of invalid rows.
        fields: Number of rows that are invalid in each field ("row" for a row that cannot be parsed). A row
            can be invalid in several fields.
        examples: The first invalid rows, with location, field and fault.
    """

    count: int = 0
    fields: tuple[tuple[str, int], ...] = ()
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class ParsedRows:
    """The result of parsing rows.

    Attributes:
        instances: The instances that were kept, in order.
        valid: Number of valid instances, whether kept or not.
        skipped: The invalid rows.
    """

    instances: list[Instance]
    valid: int
    skipped: Skipped


def parse_rows(
    origin: Path | str,
    rows: Iterable[RawRow],
    *,
    provenance: str,
    columns: Mapping[str, str] | None = None,
    skip_invalid: bool = False,
    keep: Callable[[Instance], bool] | None = None,
) -> ParsedRows:
    """Convert raw rows to instances in a single pass. Instances that are not kept take no memory.

    Args:
        origin: The file or dataset that the rows come from, for the error.
        rows: The rows.
        provenance: Provenance for instances that do not have their own.
        columns: Columns that the user specified, by field.
        skip_invalid: Whether to leave out and count invalid rows. Otherwise one error reports them all.
        keep: Selects the instances to return. None returns all. The others are validated too.

    Returns:
        The instances, and what was left out.

    Raises:
        InputError: A row is invalid and ``skip_invalid`` is false, or there is no valid row.
    """
    matched: dict[tuple[str, ...], dict[str, str] | ColumnError] = {}
    instances: list[Instance] = []
    places: dict[str, str] = {}
    messages: list[str] = []
    bad = 0
    fields: Counter[str] = Counter()
    for row in rows:
        parsed = _instance(row, matched, columns or {}, provenance)
        if isinstance(parsed, Instance) and parsed.id in places:
            parsed = [("id", f"'{parsed.id}' is already used at {places[parsed.id]}")]
        if isinstance(parsed, Instance):
            places[parsed.id] = row.place
            if keep is None or keep(parsed):
                instances.append(parsed)
            continue
        bad += 1
        if bad > MOST and not skip_invalid:
            break
        fields.update({field or "row" for field, _ in parsed})
        if bad > MOST:
            continue
        faults = [(field, text.rstrip(".")) for field, text in parsed]
        messages.append(
            f"{row.place}, "
            + "; ".join(f"field '{field}': {text}" if field else text for field, text in faults)
        )
    if not skip_invalid:
        raise_problems(origin, messages, ADVICE)
    if not places:
        all_bad = f" All {bad} rows are invalid, for example {messages[0]}." if messages else ""
        raise InputError(f"{origin}: contains no instances.{all_bad} {ADVICE}")
    return ParsedRows(
        instances, len(places), Skipped(bad, tuple(fields.most_common()), tuple(messages[:SHOWN]))
    )


def split_of(name: str) -> Split | None:
    """Return the split that a name means ("val" and "dev" mean validation), or None if it is unknown."""
    return _SPLIT_NAMES.get(name.strip().lower())


_Problems = list[tuple[str, str]]
_Matched = dict[tuple[str, ...], dict[str, str] | ColumnError]


def _instance(
    row: RawRow, matched: _Matched, columns: Mapping[str, str], provenance: str
) -> Instance | _Problems:
    if isinstance(row.record, Fault):
        return [("", row.record)]
    names = tuple(row.record)
    if names not in matched:
        try:
            matched[names] = match_columns(names, columns)
        except ColumnError as error:
            matched[names] = error
    mapping = matched[names]
    if isinstance(mapping, ColumnError):
        return [(mapping.field, str(mapping))]

    problems: _Problems = []
    values: dict[str, Any] = {"provenance": provenance, "id": row.id, "split": row.split}
    for field, column in mapping.items():
        cell = _blank_to_none(row.record[column])
        if cell is None and field in {"split", "provenance"}:
            continue
        try:
            values[field] = _value(field, cell)
        except (ValueError, InputError) as error:
            problems.append((field, str(error)))
            values.pop(field, None)
    try:
        instance = Instance(**values)
    except ValidationError as error:
        messages = {field for field, _ in problems}
        return problems + [(field, text) for field, text in field_problems(error) if field not in messages]
    return problems or instance


def _value(field: str, cell: object) -> object:
    if field in ("safety", "value", "culture"):
        return _labels(cell, field)
    if cell is None:
        raise ValueError("empty")
    if field == "id":
        return _id(cell)
    return _split(cell) if field == "split" else cell


def _blank_to_none(cell: object) -> object:
    """Convert an empty cell to None: empty text, or the NaN that data frames use."""
    blank = (isinstance(cell, str) and (not cell or cell.isspace())) or (
        isinstance(cell, float) and math.isnan(cell)
    )
    return None if blank else cell


def _id(cell: object) -> str:
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        raise ValueError(f"expected text or an integer (got {shorten(cell)})")
    return str(cell)


def _split(cell: object) -> Split:
    split = split_of(cell) if isinstance(cell, str) else None
    if split is None:
        raise ValueError(f"expected one of {', '.join(SPLITS)} (got {shorten(cell)})")
    return split


def _labels(cell: object, dimension: Dimension) -> tuple[str, ...]:
    """Return the IDs of the labels in a cell.

    A cell is a list, or text separated by ';' or '|'. "None" and an empty cell mean no labels.
    """
    if cell is None:
        return ()
    parts = re.split(r"[;|]", cell) if isinstance(cell, str) else cell
    if not isinstance(parts, list):
        raise ValueError(f"expected names of domains (got {shorten(cell)})")
    found: list[Domain] = []
    for part in cast("list[object]", parts):
        if not isinstance(part, str) or len(part) > _LONGEST_LABEL:
            raise ValueError(f"expected the name of a domain (got {shorten(part)})")
        if part.strip():
            found.append(resolve(part.strip(), dimension))
    return tuple(dict.fromkeys(domain.id for domain in found if not domain.is_none))
