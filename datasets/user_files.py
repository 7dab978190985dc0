"""Reading files that a user names: regular files alone, and never more of them than a stated bound.

A pipe, a device, a socket or a folder in a file's place would hold a run for ever or fill the memory; so would a file that is small on the
disk and huge once it is read. Each ends in an error that says so, before much is read.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from misfire.errors import InputError

MEBIBYTE = 1 << 20

MOST_BYTES = 256 * MEBIBYTE
"""A file that is read whole may have so many bytes. BBQ's largest has 5 MB, and 100,000 pairs have about 120 MB."""

MOST_LINE = 16 * MEBIBYTE
"""A line of a file that is read line by line may have so many bytes."""

MOST_SETTINGS = 4 * MEBIBYTE
"""A file of settings (a recipe, prices, cues) may have so many bytes."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def require_regular(path: Path) -> int:
    """Refuse what is no regular file, without opening it.

    Args:
        path: What the user named; links are followed.

    Returns:
        The file's size in bytes.

    Raises:
        InputError: It is a pipe, a device, a socket or a folder.
        OSError: It is not there, or may not be looked at.
    """
    found = path.stat()
    _refuse_irregular(path, found.st_mode)
    return found.st_size


def file_start(path: Path, most: int = 4096) -> bytes:
    """The first bytes of a file that a user named.

    Args:
        path: The file.
        most: So many.

    Raises:
        InputError: It is no regular file.
        OSError: It cannot be read.
    """
    require_regular(path)
    with os.fdopen(_opened(path), "rb") as file:
        return file.read(most)


def read_user_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a file that a user named.

    Args:
        path: The file.
        most: So many bytes it may have.

    Returns:
        Its bytes.

    Raises:
        InputError: It is no regular file, or larger.
        OSError: It cannot be read.
    """
    if require_regular(path) > most:
        raise _too_large(path, most)
    with os.fdopen(_opened(path), "rb") as file:
        content = file.read(most + 1)  # there are files that say they have no bytes, and have
    if len(content) > most:
        raise _too_large(path, most)
    return content


def read_user_text(path: Path, most: int = MOST_SETTINGS) -> str:
    """The text of a file that a user named: UTF-8, with or without a byte order mark, with any line ends.

    Args:
        path: The file.
        most: So many bytes it may have.

    Raises:
        InputError: It is no regular file, or larger.
        OSError: It cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    return read_user_file(path, most).decode("utf-8-sig").replace("\r\n", "\n")


def user_lines(path: Path, most: int = MOST_LINE) -> Iterator[bytes]:
    """The lines of a file that a user named, one at a time.

    Args:
        path: The file.
        most: So many bytes a line may have.

    Yields:
        Each line with its end; the first without a byte order mark.

    Raises:
        InputError: It is no regular file, or a line is longer.
        OSError: It cannot be read.
    """
    require_regular(path)
    with os.fdopen(_opened(path), "rb") as file:
        number = 0
        while line := file.readline(most + 1):
            number += 1
            if len(line) > most:
                raise InputError(
                    f"{path}: line {number} has more than {most // MEBIBYTE} MiB. That is no row of a table: check what the file holds."
                )
            yield line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _opened(path: Path) -> int:
    """A descriptor of a regular file; what took its place since it was looked at does not hold us."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _refuse_irregular(path, os.fstat(descriptor).st_mode)
    except InputError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_irregular(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "no regular file")
    raise InputError(f"{path}: cannot be read: this is {kind}, and a file is wanted. Write the data to a file, and name that.")


def _too_large(path: Path, most: int) -> InputError:
    return InputError(f"{path}: has more than {most // MEBIBYTE} MiB, the most that is read of such a file. Split it, or check it.")
