"""Protection against log files that unpack to far more data than a log can contain.

A log file is a zip archive, so a small file can exhaust the memory. The sizes recorded in the archive are not
trusted, because Inspect unpacks each member to its end in any case.
"""

# the types of zstandard are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from misfire.errors import InputError
from misfire.reports.logs.places import is_remote

FLOOR = 64 * 2**20
"""A log may always unpack to this number of bytes."""

RATIO = 200
"""Above ``FLOOR``, a log may unpack to this multiple of its file size.

Logs of misfire reach 4 to 8 times the file size, and logs with endless repetitions about 70 times.
"""

Part = Literal["header", "samples"]
"""The part to read: everything except the samples, or the samples."""

_CHUNK = 2**20

_WINDOW = 2**27
"""Maximum memory for unpacking, in bytes. Files written by Inspect need at most 2^23 bytes."""

_ZSTANDARD = 93
"""Number of the Zstandard method in zip archives."""

_LOCAL_HEADER = 30
"""Number of bytes of the local header before the name of a member."""


def check_size(location: str, part: Part) -> None:
    """Raise an error if a log unpacks to more data than a log can contain.

    The check takes about one second per 200 MB that the limit allows.

    Args:
        location: The log file. Files that are not zip archives, and broken archives, pass, because the reader
            reports what is wrong with them.
        part: The part that will be read.

    Raises:
        InputError: It unpacks to more than the larger of ``FLOOR`` and ``RATIO`` times its file size.
        OSError: The file cannot be read.
    """
    with opened(location) as file:
        if not zipfile.is_zipfile(file):
            return
        size = file.seek(0, io.SEEK_END)
        most = max(FLOOR, RATIO * size)
        try:
            with zipfile.ZipFile(file) as archive:
                members = [
                    info
                    for info in archive.infolist()
                    if info.filename.startswith("samples/") == (part == "samples")
                ]
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            return  # the reader reports the error
        unpacked = 0
        for info in members:
            for length in _lengths(file, info):
                unpacked += length
                if unpacked > most:
                    raise InputError(
                        f"{location}: this file of {size / 2**20:,.1f} MiB unpacks to more than "
                        f"{most / 2**20:,.0f} MiB, which is too large for a log of a run. It is broken, or "
                        "was made to exhaust the memory, so it is not read. Remove it."
                    )


def opened(location: str) -> BinaryIO:
    """Open a local or remote log file.

    Args:
        location: The log file.

    Returns:
        The file, opened for reading bytes.
    """
    if not is_remote(location):
        return Path(location).open("rb")
    import fsspec  # pyright: ignore[reportMissingTypeStubs]

    return cast("BinaryIO", fsspec.open(location, "rb").open())  # pyright: ignore[reportAttributeAccessIssue]


def _lengths(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[int]:
    """Yield the lengths of the pieces to which a member unpacks. Each piece is small. Stop at broken data."""
    import zstandard

    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER:
        return
    name, extra = struct.unpack_from("<HH", header, 26)
    file.seek(info.header_offset + _LOCAL_HEADER + name + extra)
    try:
        if info.compress_type == zipfile.ZIP_DEFLATED:
            yield from _inflated(file, info.compress_size)
        elif info.compress_type == _ZSTANDARD:
            packed = io.BufferedReader(_Limited(file, info.compress_size))
            with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(
                packed, read_across_frames=True
            ) as reader:
                while length := len(reader.read(_CHUNK)):
                    yield length
        else:  # stored without compression. Inspect reads no other method
            yield info.compress_size
    except (zlib.error, zstandard.ZstdError):
        return


def _inflated(file: BinaryIO, packed: int) -> Iterator[int]:
    inflater, rest = zlib.decompressobj(-zlib.MAX_WBITS), packed
    waiting = b""
    while not inflater.eof and (waiting or rest > 0):
        if not waiting:
            waiting = file.read(min(_CHUNK, rest))
            if not waiting:
                return
            rest -= len(waiting)
        yield len(inflater.decompress(waiting, _CHUNK))
        waiting = inflater.unconsumed_tail


class _Limited(io.RawIOBase):
    """The next bytes of a file, as a file of their own."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._rest = length

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 (any writable buffer)
        """Read the next bytes, at most as many as fit in the buffer."""
        content = self._file.read(min(len(buffer), self._rest))
        self._rest -= len(content)
        buffer[: len(content)] = content
        return len(content)
