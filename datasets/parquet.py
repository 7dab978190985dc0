"""Parquet rows, by pyarrow."""

# pyarrow has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def _as_value_error() -> Generator[None]:
    """Whatever pyarrow says of a file that it cannot read becomes a ValueError, but for an OSError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, ArithmeticError, LookupError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def parquet_rows(content: bytes) -> list[dict[str, Any]]:
    """The rows of a Parquet file.

    Args:
        content: The file's bytes.

    Returns:
        One dictionary a row.

    Raises:
        ValueError: The bytes are no Parquet file that pyarrow can read, or
        OSError: they are cut short.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _as_value_error():
        return pq.read_table(pa.BufferReader(content)).to_pylist()


def parquet_columns(path: Path) -> list[str]:
    """The names of the columns of a Parquet file, in order (a name that is there twice is named twice).

    Raises:
        ValueError: The file is no Parquet file that pyarrow can read, or
        OSError: it cannot be read or is cut short.
    """
    import pyarrow.parquet as pq

    with _as_value_error():
        return list(pq.read_schema(path).names)


def stream_parquet(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a few thousand in memory at a time.

    Args:
        path: The file.
        columns: The columns wanted; the others are not read.

    Yields:
        One dictionary a row.

    Raises:
        ValueError: The file is no Parquet file that pyarrow can read, or
        OSError: it cannot be read or is cut short.
    """
    import pyarrow.parquet as pq

    with _as_value_error(), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=4096, columns=list(columns)):
            yield from batch.to_pylist()


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
