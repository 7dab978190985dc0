"""Instance files: JSONL, Parquet and CSV, with our columns or the authors'.

Files are read row by row and replaced as a whole. In our format each row is an instance, with its fields as
columns. Labels are domain IDs: a list in JSONL, and text joined by ';' in the other formats.
"""

import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from misfire.datasets.misalign.columns import ColumnError, match_columns
from misfire.datasets.misalign.instance_rows import ADVICE, ParsedRows, RawRow, parse_rows
from misfire.datasets.misalign.instances import Instance
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.datasets.parquet import write_parquet
from misfire.datasets.table_files import KIND_OF_ENDING, read_table
from misfire.datasets.writing import replaced_file
from misfire.errors import InputError

_DIGITS = 12
"""Number of digits of a file's SHA-256 that are used in the IDs of its rows."""


def read_instances(
    path: Path,
    *,
    columns: Mapping[str, str] | None = None,
    skip_invalid: bool = False,
    keep: Callable[[Instance], bool] | None = None,
) -> ParsedRows:
    """Read instances from JSONL, Parquet or CSV (UTF-8, commas, column names in the first line).

    Args:
        path: The file. The format follows from its extension, or from its content if the extension is
            unknown. For a folder, such as a dataset from `misfire savacu build`, all its .parquet, .jsonl and
            .csv files are read together.
        columns: Columns that the user specified, by field. The others are matched by name.
        skip_invalid: Whether to leave out and count invalid rows. Otherwise one error reports them all.
        keep: Selects the instances to return. None returns all.

    Returns:
        The instances in file order, and what was left out. An instance without an ID gets ``row_<number>``.
        In a folder this starts with the first digits of the file's SHA-256, so that IDs do not depend on file
        or folder names.

    Raises:
        InputError: The file cannot be read, is empty, lacks a column, is invalid as a whole, or contains
            invalid rows.
    """
    chosen = dict(columns or {})
    try:
        rows = _folder_rows(path, chosen) if path.is_dir() else _rows(path, chosen)
        return parse_rows(
            path, rows, provenance=path.name, columns=chosen, skip_invalid=skip_invalid, keep=keep
        )
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror or error}). It must contain instances as JSONL, "
            "Parquet or CSV."
        ) from error


def write_instances(instances: Sequence[Instance], path: Path) -> None:
    """Write instances as JSONL, Parquet or CSV.

    An existing file is replaced completely or not at all.

    Args:
        instances: The instances, in the order to write.
        path: A file that ends in ``.jsonl``, ``.parquet`` or ``.csv``, which sets the format.

    Raises:
        InputError: The file has another extension or cannot be written.
    """
    kind = KIND_OF_ENDING.get(path.suffix.lower())
    if kind is None:
        raise InputError(
            f"{path}: the file name must end in .jsonl, .parquet or .csv, which sets the format."
        )
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


def _rows(path: Path, chosen: Mapping[str, str]) -> Iterator[RawRow]:
    table = read_table(path, lambda names: list(_table_columns(path, names, chosen).values()), ADVICE)
    # rows are counted instead of lines, so that empty lines do not change IDs
    return (RawRow(row.place, row.record, f"row_{number}") for number, row in enumerate(table, start=1))


def _folder_rows(folder: Path, chosen: Mapping[str, str]) -> Iterator[RawRow]:
    files = sorted(
        file for file in folder.rglob("*") if file.suffix.lower() in KIND_OF_ENDING and file.is_file()
    )
    if not files:
        raise InputError(
            f"{folder}: the folder contains no .parquet, .jsonl or .csv files. Pass a file, or a folder "
            "with such files."
        )
    known: dict[str, str] = {}
    for file in files:
        name = file.relative_to(folder).as_posix()
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest in known:
            raise InputError(
                f"{folder}: {name} has the same content as {known[digest]}, so each of its instances would "
                "count twice. Remove one of the two files."
            )
        known[digest] = name
        for row in _rows(file, chosen):
            yield row._replace(place=f"{name}, {row.place}", id=f"{digest[:_DIGITS]}_{row.id}")


def _flat(instance: Instance) -> dict[str, str | None]:
    return instance.model_dump() | {
        dimension: ";".join(instance.domains(dimension)) for dimension in DIMENSIONS
    }


def _table_columns(path: Path, names: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    try:
        return match_columns(names, chosen)
    except ColumnError as error:
        raise InputError(f"{path}: {error}. (The first line of a CSV file names its columns.)") from error
