"""Find logs in folders and on other file systems, and display their locations."""

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from inspect_ai.log import list_eval_logs

from misfire.errors import InputError

Places = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One or more log files or folders on any file system that Inspect can read, including ``s3://…``."""

_LOCAL = "file://"

_LOG_BEGINS = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:')
"""The first bytes of a log in JSON. Other JSON files in a folder of logs start differently."""

_LOGIN = re.compile(r"(?<=://)[^\s/@]{1,200}@")
"""A user name and a password in a URL."""


def locations(places: Places) -> list[tuple[str, bool]]:
    """Return each log in a set of places once, and whether it was named explicitly.

    Args:
        places: Log files and folders of logs. Folders are searched recursively.

    Returns:
        Locations as returned by ``local_path``, sorted by name within each folder, not by the times of the
        files.

    Raises:
        InputError: A place is neither a log file nor a folder.
    """
    found: dict[str, bool] = {}
    for place in [places] if isinstance(places, (str, os.PathLike)) else places:
        location = local_path(place)
        if is_log(location):
            found[location] = True
        else:
            for log in folder_logs(location):
                found.setdefault(log, False)
    return list(found.items())


def local_path(place: str | os.PathLike[str]) -> str:
    """Return the location from which a log is read: an absolute path, or a URL on another file system.

    A path may contain any character. A ``file://`` URL may not: a ``#``, ``?`` or ``%`` in it would be read
    as part of the URL syntax, and a different file would be opened.
    """
    text = os.fspath(place)
    if text.startswith(_LOCAL):
        plain = text.removeprefix(_LOCAL)
        text = plain if Path(plain).exists() else unquote(plain)
    # links are not resolved: a log keeps the name by which it was given
    return text if "://" in text else os.path.abspath(text)  # noqa: PTH100


def is_remote(location: str) -> bool:
    """Whether a location is a URL on another file system."""
    return "://" in location


def is_log(place: str) -> bool:
    """Whether a place has the name of a log file and is not a folder."""
    return place.endswith((".eval", ".json")) and (is_remote(place) or not Path(place).is_dir())


def folder_logs(place: str) -> list[str]:
    """Return the logs in a folder and its subfolders.

    A log in JSON is recognized by its first bytes, so it may have any name.

    Args:
        place: The folder, on any file system that Inspect can read.

    Returns:
        Locations of the logs, sorted.

    Raises:
        InputError: There is no such folder.
    """
    folder = local_path(place)
    if not is_remote(folder) and not Path(folder).is_dir():
        raise InputError(f"{place}: neither a folder nor a log file (log files end in .eval or .json).")
    try:
        found = {
            local_path(log.name) if is_remote(folder) else log.name.removeprefix(_LOCAL)
            for log in list_eval_logs(folder)
        }
    except (OSError, ValueError) as error:
        raise InputError(f"{place}: the folder of logs cannot be read ({error}).") from error
    if not is_remote(folder):
        found |= {str(path) for path in Path(folder).rglob("*.json") if _begins_like_a_log(path)}
    return sorted(found)


def display_path(location: str) -> str:
    """Return the shortest form of a location for display.

    It is relative to the current folder if it is inside it, and contains no password.
    """
    path = Path(location.removeprefix(_LOCAL))
    shown = (
        str(path.relative_to(Path.cwd()))
        if path.is_relative_to(Path.cwd())
        else location.removeprefix(_LOCAL)
    )
    return _LOGIN.sub("…@", shown)


def as_argument(location: str) -> str:
    """Return a location as one argument of a shell command, quoted if necessary."""
    return shlex.quote(display_path(location) or ".")


def named(locations: Iterable[str], most: int = 3) -> str:
    """List the first few locations, and the number of the others."""
    names = [display_path(location) for location in locations]
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def folder_of(location: str) -> str:
    """Return the folder that contains a log."""
    return location.rpartition("/")[0]


def _begins_like_a_log(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return _LOG_BEGINS.match(file.read(200)) is not None
    except OSError:
        return False
