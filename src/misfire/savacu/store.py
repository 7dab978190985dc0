"""The folder of a build: a lock, and shards of records.

Shards are written atomically and carry a key of their inputs.
"""

# pyarrow has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from misfire.datasets.record_errors import first_problem
from misfire.datasets.writing import replaced_file
from misfire.errors import InputError

RecordT = TypeVar("RecordT", bound=BaseModel)

_KEY = b"misfire_savacu_key"
_COUNT = b"misfire_savacu_count"

LEAST_FREE = 200 * 2**20
"""Minimum free disk space in bytes to start a shard. With less, the results of paid calls could be lost."""


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Lock a folder. The lock is released when the process ends, even if it is killed.

    Args:
        folder: The folder of the build. It is created if it does not exist.

    Yields:
        Nothing.

    Raises:
        InputError: Another build is running in the folder, or the folder is not writable.
    """
    lock = FileLock(folder / "lock", timeout=0)
    holder = folder / "lock.pid"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        process = holder.read_text().strip() if holder.exists() else "unknown"
        raise InputError(
            f"{folder}: another build is running (process {process}). Wait for it, or build into "
            "another folder."
        ) from error
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror or error}).") from error
    try:
        holder.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def check_room(folder: Path) -> None:
    """Check that the disk is not nearly full.

    Raises:
        InputError: Less than ``LEAST_FREE`` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise InputError(
            f"{folder}: the disk is nearly full ({free / 2**20:.0f} MB left). Finished work is kept. Free "
            "some space and run again."
        )


def key_of(*parts: object) -> str:
    """Hash the inputs of a shard.

    Args:
        parts: Records, or other objects that are fully described by their text.

    Returns:
        The SHA-256 hash in hexadecimal.
    """
    digest = hashlib.sha256()
    for part in parts:
        text = part.model_dump_json() if isinstance(part, BaseModel) else str(part)
        digest.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def write_shard(path: Path, records: Sequence[BaseModel], key: str) -> None:
    """Write records to a shard atomically.

    Args:
        path: The file of the shard.
        records: The records.
        key: Hash of the inputs of the shard; see ``key_of``.

    Raises:
        InputError: The file cannot be written, for example because the disk is full. An existing file is not
            changed.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = [str(getattr(record, "id", number)) for number, record in enumerate(records)]
    schema = pa.schema(
        [("id", pa.string()), ("record", pa.string())],
        metadata={_KEY: key.encode(), _COUNT: str(len(records)).encode()},
    )
    table = pa.table([ids, [record.model_dump_json() for record in records]], schema=schema)
    with replaced_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def shard_key(path: Path) -> str | None:
    """Return the key of a shard, or None if the shard does not exist.

    Raises:
        InputError: The file is damaged, for example incomplete.
    """
    import pyarrow.parquet as pq

    if not path.exists():
        return None
    try:
        metadata: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
        if _KEY not in metadata or _COUNT not in metadata:
            raise _broken(path, "it is not a shard of a build")
        return metadata[_KEY].decode()
    except (ValueError, OSError) as error:
        raise _broken(path, error) from error


def read_shard(path: Path, kind: type[RecordT]) -> list[RecordT]:
    """Read the records of a shard, in order.

    Args:
        path: The file of the shard.
        kind: Type of the records.

    Raises:
        InputError: The file is damaged, or contains records of another type.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, page_checksum_verification=True)
        count = int((table.schema.metadata or {}).get(_COUNT, b"-1"))
        rows: list[Any] = table.column("record").to_pylist()
    except (ValueError, OSError, KeyError) as error:
        raise _broken(path, error) from error
    if count != len(rows):
        raise _broken(path, f"it should have {count} records and has {len(rows)}")
    try:
        return [kind.model_validate_json(row) for row in rows]
    except ValidationError as error:
        raise _broken(path, first_problem(error)) from error


def write_record(path: Path, record: BaseModel) -> None:
    """Write one record as readable JSON, atomically.

    Raises:
        InputError: The file cannot be written.
    """
    with replaced_file(path) as temporary:
        temporary.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_record(path: Path, kind: type[RecordT]) -> RecordT | None:
    """Read the record in a JSON file; return None if the file does not exist.

    Raises:
        InputError: The file is damaged.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        raise _broken(path, error) from error


def shards_of(items: Sequence[RecordT], size: int) -> Iterable[Sequence[RecordT]]:
    """Split items into shards of ``size`` items, in order."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _broken(path: Path, reason: object) -> InputError:
    return InputError(
        f"{path}: is damaged ({str(reason).splitlines()[0][:200]}). Delete this file and run again. Only "
        "this file is made again."
    )


def stale(path: Path, reason: str) -> InputError:
    """Return the error for a file that was made from another recipe or other input than the current one."""
    return InputError(
        f"{path}: was made by another recipe or from other input: {reason}. Build into another folder, or "
        "delete it and all results of later stages to make them again."
    )
