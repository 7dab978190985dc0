"""Read the rows of a table from a JSONL, Parquet or CSV file, one at a time and with their locations."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from misfire.datasets.json_rows import Fault, json_object, parse_json
from misfire.datasets.parquet import parquet_columns, stream_parquet
from misfire.datasets.user_files import file_start, user_lines
from misfire.errors import InputError

TableKind = Literal["jsonl", "parquet", "csv"]
"""The format of a file."""

KIND_OF_ENDING: dict[str, TableKind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".csv": "csv",
}

Choose = Callable[[Sequence[str]], Sequence[str]]
"""A function that returns the columns to read, given the names of all columns. It raises an error if it
cannot decide."""

_BOM = b"\xef\xbb\xbf"


class TableRow(NamedTuple):
    """A row of a table.

    Attributes:
        place: Location of the row, for example "line 3".
        number: Number of the row, from 1. For JSONL, the number of its line.
        record: The columns of the row, or a fault if the row cannot be parsed.
    """

    place: str
    number: int
    record: dict[str, Any] | Fault


def read_table(path: Path, choose: Choose, advice: str) -> Iterator[TableRow]:
    """Read the rows of a UTF-8 file. A CSV file must use commas and have the column names in its first line.

    Args:
        path: The file. The format follows from its extension, or from its content if the extension is
            unknown.
        choose: Selects the columns to read. JSONL has no fixed columns, so all fields of a row are returned.
        advice: What the user should do about a file that cannot be used.

    Yields:
        The rows, in file order.

    Raises:
        InputError: The file is empty, has another encoding, or is invalid as a whole.
        OSError: The file cannot be read.
    """
    start = file_start(path)
    if not start.strip():
        raise InputError(f"{path}: the file is empty. {advice}")
    match _kind(path, start):
        case "jsonl":
            yield from _json_rows(path)
        case "parquet":
            yield from _parquet_rows(path, choose, advice)
        case "csv":
            yield from _csv_rows(path, choose)


def _kind(path: Path, start: bytes) -> TableKind:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: the file is UTF-16. Save it as UTF-8.")
    text = start.removeprefix(_BOM).lstrip()
    if start.startswith(b"PAR1"):
        return "parquet"
    if text.startswith(b"["):
        raise InputError(f"{path}: the file is a JSON list. Write one object per line (JSONL).")
    return KIND_OF_ENDING.get(path.suffix.lower(), "jsonl" if text.startswith(b"{") else "csv")


def _json_rows(path: Path) -> Iterator[TableRow]:
    for number, line in enumerate(user_lines(path), start=1):
        if line.strip():
            yield TableRow(f"line {number}", number, json_object(parse_json(line)))


def _parquet_rows(path: Path, choose: Choose, advice: str) -> Iterator[TableRow]:
    try:
        wanted = choose(parquet_columns(path))
        for number, record in enumerate(stream_parquet(path, wanted), start=1):
            yield TableRow(f"row {number}", number, record)
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a Parquet file ({error}). {advice}") from error


def _csv_rows(path: Path, choose: Choose) -> Iterator[TableRow]:
    reader = csv.reader(_text_lines(path), strict=True)
    number = 0
    try:
        header = [name.strip() for name in next(reader)]
        places = {header.index(column): column for column in choose(header)}
        for cells in reader:
            if not cells:
                continue
            number += 1
            if len(cells) == len(header):
                record = {column: cells[at] for at, column in places.items()}
            else:
                record = Fault(f"{len(cells)} cells for {len(header)} columns")
            yield TableRow(f"row {number} (line {reader.line_num})", number, record)
    except csv.Error as error:
        raise InputError(
            f"{path}: invalid CSV in row {number + 1}, near line {reader.line_num}: {error}. Perhaps a "
            "quote is not closed, "
            'or a quote inside a text is not doubled ("").'
        ) from error


def _text_lines(path: Path) -> Iterator[str]:
    for number, line in enumerate(user_lines(path), start=1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}: line {number} is not UTF-8 (at byte {error.start + 1}). Save the file as UTF-8."
            ) from error
