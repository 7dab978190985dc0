"""Parquet rows, by pyarrow."""

# pyarrow has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def parquet_rows(content: bytes) -> list[dict[str, Any]]:
    """The rows of a Parquet file.

    Args:
        content: The file's bytes.

    Returns:
        One dictionary a row.

    Raises:
        ValueError: The bytes are no Parquet file that pyarrow can read (as its ArrowInvalid), or
        OSError: they are cut short.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.read_table(pa.BufferReader(content)).to_pylist()


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
