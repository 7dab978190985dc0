"""Write a file completely or not at all."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from misfire.errors import InputError


@contextmanager
def replaced_file(path: Path) -> Generator[Path]:
    """Provide a temporary file that replaces ``path`` on success. Missing folders are created.

    Args:
        path: The file to write.

    Yields:
        The temporary file, in the same folder.

    Raises:
        InputError: The file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)  # an interrupted run may have left a file or a link
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}).") from error


def refuse_existing(path: Path | None, *, overwrite: bool) -> None:
    """Raise an error if a file or link exists, unless the user asked to overwrite it.

    Args:
        path: The file to write. None if nothing is written.
        overwrite: Whether an existing file may be replaced.

    Raises:
        InputError: The file exists.
    """
    if path is not None and os.path.lexists(path) and not overwrite:
        raise InputError(f"{path} already exists. Use --overwrite to replace it, or choose another name.")
