"""Writing a file whole or not at all."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from misfire.errors import InputError


@contextmanager
def replaced_file(path: Path) -> Generator[Path]:
    """A temporary file to write, which takes the place of ``path`` if nothing goes wrong; folders are made as needed.

    Args:
        path: The file wanted.

    Yields:
        The temporary file, in the same folder.

    Raises:
        InputError: The file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # what a broken run left, or a link to elsewhere
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}).") from error


def refuse_existing(path: Path | None, *, overwrite: bool) -> None:
    """Refuse to replace a file, or a link, unless that was asked for.

    Args:
        path: The file wanted; none where nothing is written.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        InputError: It is there.
    """
    if path is not None and os.path.lexists(path) and not overwrite:
        raise InputError(f"{path} is there already. Say --overwrite to replace it, or choose another name.")
