"""Read and write Parquet files with pyarrow."""

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
    """Convert pyarrow's errors for a file that cannot be read to ValueError; an OSError is not changed."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, ArithmeticError, LookupError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


MOST_ROWS_A_BYTE = 10
"""A file with more rows than this per byte must contain the same rows many times and is refused."""

MOST_EXPANSION = 200
"""A file whose decoded size is more than this many times its size must contain the same bytes many times and
is refused."""

HARMLESS_ROWS = 1_000_000
"""Up to this number of rows, a file is never refused for its row count."""

HARMLESS_BYTES = 1 << 26
"""Up to this number of decoded bytes (64 MiB), a file is never refused for its size. A batch takes a few
times as much at most."""

_BATCH_ROWS = 4096

_SHARED = ("BYTE_ARRAY",)
"""Physical types whose repeated values are stored only once while they are read."""


def parquet_columns(path: Path) -> list[str]:
    """Return the names of the columns of a Parquet file, in order.

    A name that occurs twice is returned twice.

    Raises:
        ValueError: pyarrow cannot read the file as Parquet.
        OSError: The file cannot be read or is truncated.
    """
    import pyarrow.parquet as pq

    require_regular(path)
    with _as_value_error():
        return list(pq.read_schema(path).names)


def stream_parquet(path: Path, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file, with a few thousand in memory at a time.

    A small file that decodes to a very large one is refused: first according to its own metadata, before
    anything is decoded, and then by counting during reading. A batch takes at most a few times
    ``HARMLESS_BYTES``.

    Args:
        path: The file.
        columns: The columns to read. None reads all columns.

    Yields:
        One dictionary per row. Equal strings in a batch may be the same object.

    Raises:
        ValueError: pyarrow cannot read the file as Parquet, or it decodes to far more than its size.
        OSError: The file cannot be read or is truncated.
    """
    import pyarrow.parquet as pq

    size = require_regular(path)
    with _as_value_error(), pq.ParquetFile(path) as file:
        wanted = None if columns is None else set(columns)
        shared, batch_rows = _careful(file.metadata, size, wanted)
    most_decoded = max(HARMLESS_BYTES, MOST_EXPANSION * size)
    decoded = 0
    with _as_value_error(), pq.ParquetFile(path, read_dictionary=shared) as file:
        for batch in file.iter_batches(
            batch_size=batch_rows, columns=None if columns is None else list(columns)
        ):
            texts = [_values(column) for column in batch.columns]
            if (longest := max(map(_longest, texts), default=0)) > MOST_LINE:
                raise ValueError(f"one of its values has a length of {longest:,}")
            decoded += sum(map(_text_size, texts))
            if decoded > most_decoded:
                raise ValueError(f"its {size:,} bytes decode to more than {most_decoded >> 20:,} MiB of text")
            # without any selected column, yield empty rows, so that the reader can report the missing columns
            for row in zip(*texts, strict=True) if texts else repeat((), batch.num_rows):
                yield dict(zip(batch.schema.names, row, strict=True))


def _careful(metadata: Any, size: int, wanted: Set[str] | None) -> tuple[list[str], int]:  # noqa: ANN401 (pyarrow's)
    """Plan the reading of a file from its metadata.

    Returns:
        The columns whose repeated values are stored once, and the number of rows per batch.
    """
    rows = metadata.num_rows
    if rows > max(HARMLESS_ROWS, MOST_ROWS_A_BYTE * size):
        raise ValueError(f"its {size:,} bytes claim to contain {rows:,} rows")
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
                raise ValueError(
                    f"its {size:,} bytes claim to contain {chunk.num_values:,} values in column '{name}'"
                )
            # only top-level text columns can be read as dictionaries, and only without shared prefixes
            one_copy = (
                chunk.physical_type in _SHARED
                and chunk.path_in_schema == name
                and not _shares_prefixes(chunk.encodings)
            )
            if one_copy:
                plain.add(name)
            else:
                largest = max(largest, chunk.total_uncompressed_size)
    if decoded.total() > max(HARMLESS_BYTES, MOST_EXPANSION * size):
        raise ValueError(f"its {size:,} bytes claim to decode to {decoded.total():,} bytes")
    # a value of a column that is not read as a dictionary may be as large as its chunk, so limit the rows of
    # a batch
    return sorted(plain), max(1, min(_BATCH_ROWS, HARMLESS_BYTES // largest))


def _shares_prefixes(encodings: Sequence[str]) -> bool:
    """Check for an encoding that stores a value as its common prefix with the previous value.

    With such an encoding, few bytes can represent many long values.
    """
    return "DELTA_BYTE_ARRAY" in encodings


def _values(column: Any) -> list[Any]:  # noqa: ANN401 (pyarrow's)
    """Return the values of a column in a batch. Equal strings are the same object."""
    if not hasattr(column, "dictionary"):
        return column.to_pylist()
    texts = column.dictionary.to_pylist()
    # a dictionary column stores an index into its distinct values per row
    return [None if at is None else texts[at] for at in column.indices.to_pylist()]


def _longest(values: Sequence[Any]) -> int:
    return max((len(value) for value in values if isinstance(value, str | bytes | list)), default=0)


def _text_size(values: Sequence[Any]) -> int:
    return sum(len(value) for value in values if isinstance(value, str | bytes | list))


def write_parquet(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, type[int] | type[str]], path: Path
) -> None:
    """Write rows as a Parquet file.

    Args:
        rows: One mapping per row. A missing or None value becomes null.
        columns: The columns in order, each with its type (text or integer).
        path: The file to write.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.int64() if kind is int else pa.string()) for name, kind in columns.items()])
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
