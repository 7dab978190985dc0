"""Writing a file whole or not at all."""

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
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}).") from error
