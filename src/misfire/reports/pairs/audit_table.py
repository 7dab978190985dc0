"""Audit flags as a table by category, and as a file with one row per pair."""

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from misfire.datasets.audit import SHOWN_FLAGS, AuditFlags
from misfire.datasets.writing import replaced_file
from misfire.errors import InputError
from misfire.reports.csv_cells import guarded
from misfire.reports.number_format import plain

_HEADINGS = {
    "minimal": "mini-\nmal",
    "grammatical": "gram-\nmati-\ncal",
    "mid_sentence_capital": "mid-\nsent.\ncapi-\ntal",
    "negative_question": "nega-\ntive\nquest.",
    "contains_not": "not\nwithin",
    "same_mention_order": "same\norder",
    "duplicate": "dupli-\ncate",
    "context_slip": "con-\ntext\nslip",
}
"""Headings of columns, hyphenated to fit a narrow terminal."""


def audit_table(flags: Sequence[AuditFlags], title: str) -> Table:
    """Return a table with the number of pairs with each flag, by category and in total.

    Args:
        flags: The flags of all pairs of a set.
        title: Description of the pairs.

    Returns:
        A table with one row per category and one column per flag. Each cell shows the count and, below it,
        its share of the pairs in the row.
    """
    table = Table(
        title=escape(plain(title)),
        title_justify="left",
        box=SIMPLE,
        pad_edge=False,
        padding=(0, 1),
        collapse_padding=True,
    )
    table.add_column("", no_wrap=True)
    for name in ["pairs", *SHOWN_FLAGS]:
        table.add_column(_HEADINGS.get(name, name), justify="right")
    for category in dict.fromkeys(entry.category for entry in flags):
        _add_line(
            table,
            "\n".join(map(plain, category.split("_", 1))),
            [entry for entry in flags if entry.category == category],
        )
    table.add_section()
    _add_line(table, "all", flags)
    return table


def write_audit(flags: Sequence[AuditFlags], path: Path) -> None:
    """Write the flags to a file, one row per pair. An existing file is replaced.

    Args:
        flags: The flags.
        path: A file that ends in ``.csv`` or ``.jsonl``. In CSV, several grammar errors are joined by "; ".

    Raises:
        InputError: The file has another extension, or it cannot be written.
    """
    rows = [dataclasses.asdict(entry) for entry in flags]
    match path.suffix.lower():
        case ".jsonl":
            text = "".join(f"{json.dumps(row)}\n" for row in rows)
        case ".csv":
            buffer = io.StringIO()
            writer = csv.DictWriter(
                buffer, [field.name for field in dataclasses.fields(AuditFlags)], lineterminator="\n"
            )
            writer.writeheader()
            writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
            text = buffer.getvalue()
        case _:
            raise InputError(
                f"{path}: the file's name should end in .csv or .jsonl, which determines the format."
            )
    with replaced_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet executes, with grammar errors joined by "; "."""
    if isinstance(value, tuple):
        return "; ".join(cast("tuple[str, ...]", value))
    return guarded(value) if isinstance(value, str) else value


def _add_line(table: Table, name: str, flags: Sequence[AuditFlags]) -> None:
    counts = [sum(getattr(entry, flag) for entry in flags) for flag in SHOWN_FLAGS]
    table.add_row(escape(name), str(len(flags)), *(f"{count}\n{count / len(flags):.0%}" for count in counts))
