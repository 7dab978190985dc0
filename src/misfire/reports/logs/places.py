"""Where logs lie: finding them in folders and on other file systems, whatever their names, and showing a place to a reader."""

import os
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from inspect_ai.log import list_eval_logs

from misfire.errors import InputError

Places = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One or several log files or folders, on any file system that Inspect reads (``s3://…`` too)."""

_LOCAL = "file://"

_LOG_BEGINS = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"status"\s*:')
"""The first bytes of a log in JSON; other JSON files in a folder of logs begin otherwise."""

_LOGIN = re.compile(r"(?<=://)[^\s/@]{1,200}@")
"""A name and a password in an address."""


def locations(places: Places) -> list[tuple[str, bool]]:
    """Every log in some places once, and whether it was named itself.

    Args:
        places: Log files and folders of logs; folders are searched through.

    Returns:
        Locations as ``local_path`` gives them. The order is that of the names, not that of the files' times.

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
    """A place as logs are read from it: an absolute path, or the address on another file system.

    A path may hold any character. The same place as a ``file://`` address may not: a ``#``, a ``?`` or a ``%`` would be read as a part of
    the address, and another file would be looked for.
    """
    text = os.fspath(place)
    if text.startswith(_LOCAL):
        plain = text.removeprefix(_LOCAL)
        text = plain if Path(plain).exists() else unquote(plain)
    # not resolved: a log keeps the name that it was given by, also where that is a link
    return text if "://" in text else os.path.abspath(text)  # noqa: PTH100


def is_remote(location: str) -> bool:
    """Whether a location is an address on another file system."""
    return "://" in location


def is_log(place: str) -> bool:
    """Whether a place is named like a log file, and is no folder."""
    return place.endswith((".eval", ".json")) and (is_remote(place) or not Path(place).is_dir())


def folder_logs(place: str) -> list[str]:
    """The logs in a folder and in the folders in it.

    A log in JSON is known by how it begins, so that it may be called anything.

    Args:
        place: The folder, on any file system that Inspect reads.

    Returns:
        Their locations, sorted.

    Raises:
        InputError: There is no such folder.
    """
    folder = local_path(place)
    if not is_remote(folder) and not Path(folder).is_dir():
        raise InputError(f"{place}: no folder, and no log file (they end in .eval or .json).")
    try:
        found = {local_path(log.name) if is_remote(folder) else log.name.removeprefix(_LOCAL) for log in list_eval_logs(folder)}
    except (OSError, ValueError) as error:
        raise InputError(f"{place}: no folder of logs that can be read ({error}).") from error
    if not is_remote(folder):
        found |= {str(path) for path in Path(folder).rglob("*.json") if _begins_like_a_log(path)}
    return sorted(found)


def display_path(location: str) -> str:
    """A place as it is shortest: relative to the current folder where it lies inside it, and without a password."""
    path = Path(location.removeprefix(_LOCAL))
    shown = str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else location.removeprefix(_LOCAL)
    return _LOGIN.sub("…@", shown)


def as_argument(location: str) -> str:
    """A place as one word of a command: quoted where the shell would read it otherwise."""
    return shlex.quote(display_path(location) or ".")


def named(locations: Iterable[str], most: int = 3) -> str:
    """Some places in words: the first few, and how many more."""
    names = [display_path(location) for location in locations]
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def folder_of(location: str) -> str:
    """The folder that a log lies in."""
    return location.rpartition("/")[0]


def _begins_like_a_log(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return _LOG_BEGINS.match(file.read(200)) is not None
    except OSError:
        return False
