"""A build's folder: shards of records that are whole or not there, each marked with what it was made from, and one build at a time."""

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
"""With less room on the disk than this nothing is begun: calls would be paid for whose results could not be kept."""


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Keep a folder to oneself. The lock goes with the process, however that ends.

    Args:
        folder: The build's folder, made if it is not there.

    Yields:
        Nothing.

    Raises:
        InputError: Another build works in it, or it cannot be written.
    """
    lock = FileLock(folder / "lock", timeout=0)
    holder = folder / "lock.pid"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        process = holder.read_text().strip() if holder.exists() else "unknown"
        raise InputError(f"{folder}: another build works there (process {process}). Wait for it, or build into another folder.") from error
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror or error}).") from error
    try:
        holder.write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def check_room(folder: Path) -> None:
    """Refuse to begin on a disk that is nearly full.

    Raises:
        InputError: Less than ``LEAST_FREE`` bytes are free.
    """
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise InputError(f"{folder}: the disk is nearly full ({free / 2**20:.0f} MB left). What is done is kept; make room and go on.")


def key_of(*parts: object) -> str:
    """What a shard is made from, as a hash.

    Args:
        parts: Records, or anything whose text says all of it.

    Returns:
        SHA-256 in hexadecimal.
    """
    digest = hashlib.sha256()
    for part in parts:
        text = part.model_dump_json() if isinstance(part, BaseModel) else str(part)
        digest.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def write_shard(path: Path, records: Sequence[BaseModel], key: str) -> None:
    """Write records, whole or not at all.

    Args:
        path: The shard's file.
        records: The records, each with an ``id``.
        key: What they were made from.

    Raises:
        InputError: The file cannot be written, for example on a full disk; what was there before is as it was.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    ids = [str(getattr(record, "id", number)) for number, record in enumerate(records)]
    schema = pa.schema([("id", pa.string()), ("record", pa.string())], metadata={_KEY: key.encode(), _COUNT: str(len(records)).encode()})
    table = pa.table([ids, [record.model_dump_json() for record in records]], schema=schema)
    with replaced_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def shard_key(path: Path) -> str | None:
    """What a shard was made from; none if it is not there.

    Raises:
        InputError: It is broken, for example written by half.
    """
    import pyarrow.parquet as pq

    if not path.exists():
        return None
    try:
        metadata: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
        if _KEY not in metadata or _COUNT not in metadata:
            raise _broken(path, "it is no shard of a build")
        return metadata[_KEY].decode()
    except (ValueError, OSError) as error:
        raise _broken(path, error) from error


def read_shard(path: Path, kind: type[RecordT]) -> list[RecordT]:
    """The records of a shard.

    Args:
        path: The shard's file.
        kind: What they are.

    Returns:
        The records, in order.

    Raises:
        InputError: It is broken, or holds other records.
    """
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, page_checksum_verification=True)
        count = int((table.schema.metadata or {}).get(_COUNT, b"-1"))
        rows: list[Any] = table.column("record").to_pylist()
    except (ValueError, OSError, KeyError) as error:
        raise _broken(path, error) from error
    if count != len(rows):
        raise _broken(path, f"it says {count} records and holds {len(rows)}")
    try:
        return [kind.model_validate_json(row) for row in rows]
    except ValidationError as error:
        raise _broken(path, first_problem(error)) from error


def write_record(path: Path, record: BaseModel) -> None:
    """Write one record as JSON to read, whole or not at all.

    Raises:
        InputError: The file cannot be written.
    """
    with replaced_file(path) as temporary:
        temporary.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_record(path: Path, kind: type[RecordT]) -> RecordT | None:
    """The record in a JSON file; none if the file is not there.

    Raises:
        InputError: It is broken.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        raise _broken(path, error) from error


def shards_of(items: Sequence[RecordT], size: int) -> Iterable[Sequence[RecordT]]:
    """Items cut into shards, in order."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _broken(path: Path, reason: object) -> InputError:
    return InputError(
        f"{path}: is broken ({str(reason).splitlines()[0][:200]}). Remove this file and run again: it is made anew, nothing else is."
    )


def stale(path: Path, reason: str) -> InputError:
    """The error for a file that was made from something else than what the recipe and the input say now."""
    return InputError(
        f"{path}: was made by another recipe or from other input: {reason}. Build into another folder, or remove it to have it made anew "
        "(what comes after it too)."
    )
