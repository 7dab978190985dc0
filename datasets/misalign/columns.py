"""Find the column of a table that holds each field of an instance: by name, or as the user specifies."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from misfire.datasets.misalign.instances import Instance
from misfire.errors import InputError

FIELDS: tuple[str, ...] = tuple(Instance.model_fields)
"""The fields of an instance."""

REQUIRED: tuple[str, ...] = ("prompt", "aligned", "misaligned")
"""The fields for which a table must have a column."""

LIKELY_NAMES: dict[str, tuple[str, ...]] = {
    "id": ("instance_id", "example_id", "sample_id", "uid", "row_index", "row_id", "index"),
    "prompt": ("question", "query", "instruction", "user_prompt", "input", "prompt_text"),
    "aligned": (
        "aligned_response", "response_aligned", "aligned_answer", "aligned_output", "aligned_completion",
        "aligned_text", "chosen", "chosen_response", "preferred", "preferred_response",
    ),
    "misaligned": (
        "misaligned_response", "response_misaligned", "misaligned_answer", "misaligned_output",
        "misaligned_completion", "misaligned_text", "rejected", "rejected_response", "dispreferred",
        "unaligned", "unaligned_response",
    ),
    "safety": (
        "safety_name", "safety_names", "safety_domain", "safety_domains", "safety_label", "safety_labels",
    ),
    "value": (
        "values", "values_name", "value_name", "value_names", "values_names", "value_domain", "value_domains",
        "values_domain", "value_label", "value_labels",
    ),
    "culture": (
        "cultural", "cultural_name", "culture_name", "cultural_names", "culture_domain", "culture_domains",
        "cultural_domain", "cultural_domains", "culture_label", "cultural_label", "cultural_labels",
    ),
    "split": ("subset", "partition", "fold"),
    "provenance": ("origin",),
}  # fmt: skip
"""Column names that are recognized in addition to the field's own name. ``values_name`` and similar names are
from the authors' CSV."""


class ColumnError(ValueError):
    """The fields cannot be assigned to the columns of a table. The text gives the reason.

    Attributes:
        field: The field with the problem, or "" if the problem does not concern a single field.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def parse_columns(columns: str | Sequence[str] | Mapping[str, str] | None) -> dict[str, str]:
    """Parse the user's assignment of columns to fields.

    Args:
        columns: "prompt=question,aligned=good", a list of such items (Inspect splits text at commas), a
            mapping, or None.

    Returns:
        The column for each field that the user named.

    Raises:
        InputError: An item does not have the form field=column, a field is unknown, or a field occurs twice.
    """
    if columns is None:
        return {}
    if isinstance(columns, Mapping):
        items = [(str(field), str(column)) for field, column in columns.items()]
    else:
        parts = columns.split(",") if isinstance(columns, str) else [str(part) for part in columns]
        # both sides of the first "=" must contain a character that is not white space
        if bad := [part for part in parts if not re.fullmatch(r"[^=]*\S[^=]*=.*\S.*", part)]:
            raise InputError(
                f"columns: '{bad[0]}' must have the form FIELD=COLUMN, for example "
                "prompt=question,aligned=good."
            )
        items = [
            (field.strip(), column.strip()) for field, _, column in (part.partition("=") for part in parts)
        ]
    chosen = dict(items)
    if unknown := [field for field in chosen if field not in FIELDS]:
        raise InputError(
            f"columns: '{unknown[0]}' is not a field of an instance. Available: {', '.join(FIELDS)}."
        )
    if len(chosen) < len(items):
        raise InputError("columns: a field occurs twice. Specify one column per field.")
    return chosen


def match_columns(names: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Assign the columns of a table to fields. Columns that match no field are ignored.

    Args:
        names: The table's columns.
        chosen: Columns that the user specified, by field. They take precedence.

    Returns:
        The column for each field that has one.

    Raises:
        ColumnError: A column occurs twice, a specified column does not exist, a required field has no column,
            or a field matches several columns.
    """
    listed = ", ".join(f"'{name[:60]}'" for name in names[:30]) + (", …" if len(names) > 30 else "")
    if twice := [name for name, number in Counter(names).items() if number > 1]:
        raise ColumnError(f"column '{twice[0][:60]}' occurs twice")
    if absent := [(field, column) for field, column in chosen.items() if column not in names]:
        field, column = absent[0]
        raise ColumnError(f"columns={field}={column}: there is no such column. Available: {listed}", field)
    matched: dict[str, str] = {}
    for field in FIELDS:
        found = (
            [chosen[field]]
            if field in chosen
            else _candidates(field, [name for name in names if name not in chosen.values()])
        )
        if len(found) > 1:
            shown = ", ".join(f"'{name}'" for name in found)
            raise ColumnError(
                f"field '{field}' matches several columns: {shown}. Select one, for example "
                f"columns={field}={found[0]}",
                field,
            )
        if found:
            matched[field] = found[0]
    if missing := [field for field in REQUIRED if field not in matched]:
        shown = ", ".join(f"'{field}'" for field in missing)
        raise ColumnError(
            f"no column for {shown}. Available: {listed}. Specify the column with "
            f"columns={missing[0]}=COLUMN",
            missing[0],
        )
    return matched


def _candidates(field: str, names: Sequence[str]) -> list[str]:
    """Return the columns that may hold a field: the one with the field's own name, or all likely ones."""
    own = [name for name in names if _key(name) == field]
    likely = {_key(name) for name in LIKELY_NAMES[field]}
    return own or [name for name in names if _key(name) in likely]


def _key(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())
