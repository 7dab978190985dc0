"""Paths as a user gives them: relative to the folder where the command was typed."""

import os
from pathlib import Path


def user_path(path: str) -> Path:
    """The path that a user meant.

    Inspect changes into a task file's folder while it loads the file, so a relative path in a task
    parameter would be sought there. The shell's own folder, which PWD keeps, comes first; a program that starts Inspect in
    another folder should set PWD too, or give absolute paths.

    Args:
        path: As the user wrote it; ``~`` is the home folder.

    Returns:
        An absolute path: the first of (shell's folder, current folder) in which it exists, else in the first.
    """
    given = Path(path).expanduser()
    if given.is_absolute():
        return given
    shell = Path(os.environ.get("PWD", ""))
    folders = [folder for folder in (shell, Path.cwd()) if folder.is_absolute() and folder.is_dir()]
    return next((folder / given for folder in folders if (folder / given).exists()), folders[0] / given)
