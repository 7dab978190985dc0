"""Whether a log unpacks to far more than a log can hold: a log file is a zip archive, and a small one can fill the memory.

Sizes that an archive names are not believed, since Inspect unpacks a member to its end whatever they say.
"""

# zstandard leaves types open
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
"""A log may always unpack to so many bytes."""

RATIO = 200
"""Beyond that it may unpack to so many times its file's size. Logs of ours come to 4 to 8 times, one of endless repetitions to about 70."""

Part = Literal["header", "samples"]
"""What is read: all but the samples, or the samples."""

_CHUNK = 2**20

_WINDOW = 2**27
"""Memory that unpacking may take, in bytes; what Inspect writes takes at most 2^23."""

_ZSTANDARD = 93
"""How zip archives call Zstandard."""

_LOCAL_HEADER = 30
"""Bytes of the header before a member's name."""


def check_size(location: str, part: Part) -> None:
    """Refuse a log that unpacks to more than a log can hold; within about a second for each 200 MB that the limit allows.

    Args:
        location: The log file; one that is no zip archive, or a broken one, passes: the reader tells what is wrong with it.
        part: What is going to be read.

    Raises:
        InputError: It unpacks to more than ``FLOOR`` and ``RATIO`` times its size.
        OSError: It cannot be read.
    """
    with opened(location) as file:
        if not zipfile.is_zipfile(file):
            return
        size = file.seek(0, io.SEEK_END)
        most = max(FLOOR, RATIO * size)
        try:
            with zipfile.ZipFile(file) as archive:
                members = [info for info in archive.infolist() if info.filename.startswith("samples/") == (part == "samples")]
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            return  # the reader tells
        unpacked = 0
        for info in members:
            for length in _lengths(file, info):
                unpacked += length
                if unpacked > most:
                    raise InputError(
                        f"{location}: this file of {size / 2**20:,.1f} MiB unpacks to more than {most / 2**20:,.0f} MiB, which no log of "
                        "a run does. It is broken, or made to fill the memory, and is not read. Take it away."
                    )


def opened(location: str) -> BinaryIO:
    """A log file, be it on this machine or elsewhere.

    Args:
        location: The log file.

    Returns:
        The file, open for reading bytes.
    """
    if not is_remote(location):
        return Path(location).open("rb")
    import fsspec  # pyright: ignore[reportMissingTypeStubs]

    return cast("BinaryIO", fsspec.open(location, "rb").open())  # pyright: ignore[reportAttributeAccessIssue]


def _lengths(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[int]:
    """Lengths of the pieces that a member unpacks to, none of which is large; up to where it is broken."""
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
            with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(packed, read_across_frames=True) as reader:
                while length := len(reader.read(_CHUNK)):
                    yield length
        else:  # as it is; Inspect reads no other kind
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
    """The next bytes of a file as a file of their own."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._rest = length

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 (any writable buffer)
        """The next bytes, as many as there is room for."""
        content = self._file.read(min(len(buffer), self._rest))
        self._rest -= len(content)
        buffer[: len(content)] = content
        return len(content)
