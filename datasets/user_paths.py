"""Resolve paths that a user gives relative to the folder where the command was typed."""

import os
from pathlib import Path

from misfire.errors import InputError


def user_path(path: str | int | list[str]) -> Path:
    """Return the path that a user meant.

    While Inspect loads a task file, it changes to that file's folder, so a relative path in a task parameter
    would only be looked up there. A path that does not exist in the current folder is therefore resolved
    against the shell's folder, which PWD contains. A program that starts Inspect in another folder should
    also set PWD, or use absolute paths.

    Args:
        path: The path as the user wrote it; ``~`` is the home folder. Inspect converts a name such as ``5``
            to an integer, and a name with commas to a list.

    Returns:
        An absolute path: in the current folder if it exists there, otherwise in the shell's folder.

    Raises:
        InputError: The name is not a valid path.
    """
    path = ",".join(map(str, path)) if isinstance(path, list) else str(path)
    if "\0" in path:
        raise InputError(f"{path}: not a valid path, because it contains a NUL character.")
    shell = Path(os.environ.get("PWD", ""))
    try:
        given = Path(path).expanduser()
        if given.is_absolute():
            return given
        here = Path.cwd() / given
        return shell / given if not here.exists() and shell.is_absolute() and shell.is_dir() else here
    except (OSError, RuntimeError) as error:  # the name is too long, or the user in ~user does not exist
        raise InputError(f"{path}: not a valid path ({error}).") from error
