"""Read files that a user names: only regular files, and only up to a fixed size.

A pipe, device, socket or folder in place of a file could block a run forever or fill the memory, and so could
a small file that expands to a very large one. All of these raise an error before much is read.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from misfire.errors import InputError

MEBIBYTE = 1 << 20

MOST_BYTES = 256 * MEBIBYTE
"""Maximum size of a file that is read as a whole. BBQ's largest file has 5 MB, and 100,000 pairs have about
120 MB."""

MOST_LINE = 16 * MEBIBYTE
"""Maximum size of a line in a file that is read line by line."""

MOST_SETTINGS = 4 * MEBIBYTE
"""Maximum size of a settings file (a recipe, prices, cues)."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def require_regular(path: Path) -> int:
    """Check that a path is a regular file, without opening it.

    Args:
        path: The path that the user named. Links are followed.

    Returns:
        The file's size in bytes.

    Raises:
        InputError: The path is a pipe, a device, a socket or a folder.
        OSError: The path does not exist or cannot be accessed.
    """
    found = path.stat()
    _refuse_irregular(path, found.st_mode)
    return found.st_size


def file_start(path: Path, most: int = 4096) -> bytes:
    """Return the first bytes of a file that a user named.

    Args:
        path: The file.
        most: Maximum number of bytes.

    Raises:
        InputError: The path is not a regular file.
        OSError: The file cannot be read.
    """
    require_regular(path)
    with os.fdopen(_opened(path), "rb") as file:
        return file.read(most)


def read_user_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the content of a file that a user named.

    Args:
        path: The file.
        most: Maximum size in bytes.

    Raises:
        InputError: The path is not a regular file, or the file is larger.
        OSError: The file cannot be read.
    """
    if require_regular(path) > most:
        raise _too_large(path, most)
    with os.fdopen(_opened(path), "rb") as file:
        content = file.read(
            most + 1
        )  # some files, such as those in /proc, report a size of 0 but have content
    if len(content) > most:
        raise _too_large(path, most)
    return content


def read_user_text(path: Path, most: int = MOST_SETTINGS) -> str:
    """Return the text of a UTF-8 file that a user named, without byte order mark and with Unix line endings.

    Args:
        path: The file.
        most: Maximum size in bytes.

    Raises:
        InputError: The path is not a regular file, or the file is larger.
        OSError: The file cannot be read.
        UnicodeDecodeError: The file is not UTF-8.
    """
    return read_user_file(path, most).decode("utf-8-sig").replace("\r\n", "\n")


def user_lines(path: Path, most: int = MOST_LINE) -> Iterator[bytes]:
    """Yield the lines of a file that a user named.

    Args:
        path: The file.
        most: Maximum size of a line in bytes.

    Yields:
        Each line with its line ending. A byte order mark before the first line is removed.

    Raises:
        InputError: The path is not a regular file, or a line is longer.
        OSError: The file cannot be read.
    """
    require_regular(path)
    with os.fdopen(_opened(path), "rb") as file:
        number = 0
        while line := file.readline(most + 1):
            number += 1
            if len(line) > most:
                raise InputError(
                    f"{path}: line {number} has more than {most // MEBIBYTE} MiB, too much for a row. Check "
                    "the content of the file."
                )
            yield line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _opened(path: Path) -> int:
    """Open a regular file and return its descriptor.

    The check is repeated after opening, and a pipe does not block the call.
    """
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
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "a special file")
    raise InputError(
        f"{path}: cannot be read, because it is {kind} and not a regular file. Write the data to a file and "
        "pass that file."
    )


def _too_large(path: Path, most: int) -> InputError:
    return InputError(
        f"{path}: the file has more than {most // MEBIBYTE} MiB, the maximum for such a file. Split it or "
        "check its content."
    )
