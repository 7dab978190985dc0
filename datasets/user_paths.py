"""Paths as a user gives them: relative to the folder where the command was typed."""

import os
from pathlib import Path

from misfire.errors import InputError


def user_path(path: str | int | list[str]) -> Path:
    """The path that a user meant.

    Inspect changes into a task file's folder while it loads the file, so a relative path in a task
    parameter would be sought there alone. What is not in the current folder is therefore sought in the shell's own, which PWD keeps; a
    program that starts Inspect in another folder should set PWD too, or give absolute paths.

    Args:
        path: As the user wrote it; ``~`` is the home folder. (Inspect makes a whole number of a name like ``5``, and a list of a name
            with commas.)

    Returns:
        An absolute path: in the current folder if it exists there, else in the shell's.

    Raises:
        InputError: No file can be called so.
    """
    path = ",".join(map(str, path)) if isinstance(path, list) else str(path)
    if "\0" in path:
        raise InputError(f"{path}: no file can be called so: there is a NUL in it.")
    shell = Path(os.environ.get("PWD", ""))
    try:
        given = Path(path).expanduser()
        if given.is_absolute():
            return given
        here = Path.cwd() / given
        return shell / given if not here.exists() and shell.is_absolute() and shell.is_dir() else here
    except (OSError, RuntimeError) as error:  # a name that is too long; the home folder of a user who is not there
        raise InputError(f"{path}: no file can be called so ({error}).") from error
