"""Parquet rows, by pyarrow."""

# pyarrow has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

from misfire.datasets.user_files import MOST_LINE, require_regular


@contextmanager
def _as_value_error() -> Generator[None]:
    """Whatever pyarrow says of a file that it cannot read becomes a ValueError, but for an OSError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, ArithmeticError, LookupError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


MOST_ROWS_A_BYTE = 10
"""A file with more rows than this for each of its bytes holds the same rows again and again."""

MOST_EXPANSION = 200
"""A file whose pages say that they are this many times its size holds the same bytes again and again."""

HARMLESS_ROWS = 1_000_000
"""Fewer rows than these are never too many for the file's size."""

HARMLESS_BYTES = 1 << 26
"""So many decoded bytes (64 MiB) are never too many for the file's size, and a batch has a few times as many at most."""

_BATCH_ROWS = 4096

_SHARED = ("BYTE_ARRAY",)
"""Physical types whose repeated values are kept once while they are read."""


def parquet_columns(path: Path) -> list[str]:
    """The names of the columns of a Parquet file, in order (a name that is there twice is named twice).

    Raises:
        ValueError: The file is no Parquet file that pyarrow can read, or
        OSError: it cannot be read or is cut short.
    """
    import pyarrow.parquet as pq

    require_regular(path)
    with _as_value_error():
        return list(pq.read_schema(path).names)


def stream_parquet(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a few thousand in memory at a time.

    A file that is small on the disk and huge once it is decoded is refused before it is, by what it says of itself; and what it does
    not say is counted while it is read. A batch takes at most a few times ``HARMLESS_BYTES``.

    Args:
        path: The file.
        columns: The columns wanted; the others are not read. None for all.

    Yields:
        One dictionary a row. Equal texts of a batch may be one object.

    Raises:
        ValueError: The file is no Parquet file that pyarrow can read, or it decodes to far more than its size, or
        OSError: it cannot be read or is cut short.
    """
    import pyarrow.parquet as pq

    size = require_regular(path)
    with _as_value_error(), pq.ParquetFile(path) as file:
        wanted = None if columns is None else set(columns)
        shared, batch_rows = _careful(file.metadata, size, wanted)
    most_decoded = max(HARMLESS_BYTES, MOST_EXPANSION * size)
    decoded = 0
    with _as_value_error(), pq.ParquetFile(path, read_dictionary=shared) as file:
        for batch in file.iter_batches(batch_size=batch_rows, columns=None if columns is None else list(columns)):
            texts = [_values(column) for column in batch.columns]
            if (longest := max(map(_longest, texts), default=0)) > MOST_LINE:
                raise ValueError(f"one of its values is {longest:,} long")
            decoded += sum(map(_text_size, texts))
            if decoded > most_decoded:
                raise ValueError(f"its {size:,} bytes decode to more than {most_decoded >> 20:,} MiB of text")
            # without any of the columns there are rows all the same, and a reader says what they lack
            for row in zip(*texts, strict=True) if texts else repeat((), batch.num_rows):
                yield dict(zip(batch.schema.names, row, strict=True))


def _careful(metadata: Any, size: int, wanted: Set[str] | None) -> tuple[list[str], int]:  # noqa: ANN401 (pyarrow's)
    """The columns whose repeated values are kept once, and how many rows a batch may have, by what a file says of itself."""
    rows = metadata.num_rows
    if rows > max(HARMLESS_ROWS, MOST_ROWS_A_BYTE * size):
        raise ValueError(f"its {size:,} bytes say that they hold {rows:,} rows")
    decoded: Counter[str] = Counter()
    largest = 1
    plain: set[str] = set()
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            name = chunk.path_in_schema.partition(".")[0]
            if wanted is not None and name not in wanted:
                continue
            decoded[name] += chunk.total_uncompressed_size
            if chunk.num_values > max(HARMLESS_ROWS, MOST_ROWS_A_BYTE * size):
                raise ValueError(f"its {size:,} bytes say that they hold {chunk.num_values:,} values of column '{name}'")
            one_copy = chunk.physical_type in _SHARED and chunk.path_in_schema == name and not _shares_prefixes(chunk.encodings)
            if one_copy:
                plain.add(name)
            else:
                largest = max(largest, chunk.total_uncompressed_size)
    if decoded.total() > max(HARMLESS_BYTES, MOST_EXPANSION * size):
        raise ValueError(f"its {size:,} bytes say that they decode to {decoded.total():,} bytes")
    return sorted(plain), max(1, min(_BATCH_ROWS, HARMLESS_BYTES // largest))


def _shares_prefixes(encodings: Sequence[str]) -> bool:
    """Whether a value may be written as a length and the beginning of the one before it, so that few bytes are many long values."""
    return "DELTA_BYTE_ARRAY" in encodings


def _values(column: Any) -> list[Any]:  # noqa: ANN401 (pyarrow's)
    """The values of a column of a batch; equal texts are one object."""
    if not hasattr(column, "dictionary"):
        return column.to_pylist()
    texts = column.dictionary.to_pylist()
    return [None if at is None else texts[at] for at in column.indices.to_pylist()]


def _longest(values: Sequence[Any]) -> int:
    return max((len(value) for value in values if isinstance(value, str | bytes | list)), default=0)


def _text_size(values: Sequence[Any]) -> int:
    return sum(len(value) for value in values if isinstance(value, str | bytes | list))


def write_parquet(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, type[int] | type[str]], path: Path) -> None:
    """Write rows as a Parquet file.

    Args:
        rows: One mapping a row; a missing or None value is null.
        columns: The columns in order, each text or whole numbers.
        path: The file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.int64() if kind is int else pa.string()) for name, kind in columns.items()])
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
