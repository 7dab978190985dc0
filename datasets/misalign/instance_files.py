"""Instances in files: JSONL, Parquet and CSV, in our columns or in the authors', read row by row and written whole.

In our format a row is an instance with its fields as columns; labels are ids of domains, a list in JSONL and joined by ';' elsewhere.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from misfire.datasets.json_rows import Fault, json_object, parse_json
from misfire.datasets.misalign.columns import ColumnError, match_columns
from misfire.datasets.misalign.instance_rows import ADVICE, ParsedRows, RawRow, parse_rows
from misfire.datasets.misalign.instances import Instance
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.datasets.parquet import parquet_columns, stream_parquet, write_parquet
from misfire.datasets.writing import replaced_file
from misfire.errors import InputError

Kind = Literal["jsonl", "parquet", "csv"]
"""What a file holds."""

_KIND_OF_ENDING: dict[str, Kind] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".csv": "csv"}

_BOM = b"\xef\xbb\xbf"


def read_instances(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    skip_invalid: bool = False,
    keep: Callable[[Instance], bool] | None = None,
) -> ParsedRows:
    """Read instances from JSONL, Parquet or CSV (UTF-8, commas, names of the columns in the first line).

    Args:
        path: The file. What it holds is told from its ending, or from its content if the ending says nothing.
        columns: Columns that the user named, by field; the others are found by their names.
        skip_invalid: Whether bad rows are left out and counted; otherwise they are refused, all together.
        keep: Which instances are wanted; none for all.

    Returns:
        The instances in file order, and what was left out. An instance without an id is called ``row_<number>``.

    Raises:
        InputError: The file cannot be read, is empty, lacks a column, is broken, or holds bad rows.
    """
    chosen = dict(columns or {})
    try:
        with path.open("rb") as file:
            start = file.read(4096)
        if not start.strip():
            raise InputError(f"{path}: is empty. {ADVICE}")
        match _kind(path, start):
            case "jsonl":
                rows = _json_rows(path)
            case "parquet":
                rows = _parquet_rows(path, chosen)
            case "csv":
                rows = _csv_rows(path, chosen)
        return parse_rows(path, rows, provenance=path.name, columns=chosen, skip_invalid=skip_invalid, keep=keep)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}). It should hold instances as JSONL, Parquet or CSV."
        ) from error


def write_instances(instances: Sequence[Instance], path: Path) -> None:
    """Write instances as JSONL, Parquet or CSV, by the file's ending; an existing file is replaced whole or not at all.

    Args:
        instances: The instances, in the order wanted.
        path: A file that ends in ``.jsonl``, ``.parquet`` or ``.csv``.

    Raises:
        InputError: The ending is another one, or the file cannot be written.
    """
    kind = _KIND_OF_ENDING.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: the file's name should end in .jsonl, .parquet or .csv, which says what to write.")
    names = list(Instance.model_fields)
    with replaced_file(path) as temporary:
        if kind == "parquet":
            write_parquet([_flat(instance) for instance in instances], dict.fromkeys(names, str), temporary)
        elif kind == "csv":
            with temporary.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, names, quoting=csv.QUOTE_ALL, lineterminator="\n")
                writer.writeheader()
                writer.writerows(_flat(instance) for instance in instances)
        else:
            with temporary.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(f"{instance.model_dump_json()}\n" for instance in instances)


def _flat(instance: Instance) -> dict[str, str | None]:
    return instance.model_dump() | {dimension: ";".join(instance.domains(dimension)) for dimension in DIMENSIONS}


def _kind(path: Path, start: bytes) -> Kind:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: is UTF-16. Save it as UTF-8.")
    text = start.removeprefix(_BOM).lstrip()
    if start.startswith(b"PAR1"):
        return "parquet"
    if text.startswith(b"["):
        raise InputError(f"{path}: is a JSON list. Write one object a line (JSONL).")
    return _KIND_OF_ENDING.get(path.suffix.lower(), "jsonl" if text.startswith(b"{") else "csv")


def _json_rows(path: Path) -> Iterator[RawRow]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            content = line.removeprefix(_BOM) if number == 1 else line
            if content.strip():
                yield RawRow(f"line {number}", json_object(parse_json(content)), f"row_{number}")


def _parquet_rows(path: Path, chosen: Mapping[str, str]) -> Iterator[RawRow]:
    try:
        wanted = _table_columns(path, parquet_columns(path), chosen)
        for number, record in enumerate(stream_parquet(path, list(wanted.values())), start=1):
            yield RawRow(f"row {number}", record, f"row_{number}")
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not a Parquet file that can be read ({error}). {ADVICE}") from error


def _csv_rows(path: Path, chosen: Mapping[str, str]) -> Iterator[RawRow]:
    reader = csv.reader(_text_lines(path), strict=True)
    number = 0
    try:
        header = [name.strip() for name in next(reader)]
        wanted = _table_columns(path, header, chosen)
        places = {header.index(column): column for column in wanted.values()}
        for cells in reader:
            if not cells:
                continue
            number += 1
            if len(cells) == len(header):
                record = {column: cells[at] for at, column in places.items()}
            else:
                record = Fault(f"{len(cells)} cells for {len(header)} columns")
            yield RawRow(f"row {number} (line {reader.line_num})", record, f"row_{number}")
    except csv.Error as error:
        raise InputError(
            f"{path}: not CSV that can be read, in row {number + 1} near line {reader.line_num}: {error}. Perhaps a quote is not closed "
            'there, or a quote in a text is not doubled ("").'
        ) from error


def _text_lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield (line.removeprefix(_BOM) if number == 1 else line).decode("utf-8")
            except UnicodeDecodeError as error:
                raise InputError(f"{path}: line {number} is not UTF-8 (at byte {error.start + 1}). Save the file as UTF-8.") from error


def _table_columns(path: Path, names: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    try:
        return match_columns(names, chosen)
    except ColumnError as error:
        raise InputError(f"{path}: {error}. (The first line of a CSV file names its columns.)") from error
