"""What is expensive to make for the tests, made once and kept on disk.

One worker makes it for all, and for the next run.

A thing is made again as soon as a file that it may depend on is another, so what is kept is always what the
present code makes. ``make clean`` removes everything that is kept.
"""

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "tests"

CODE = ("src", "tasks", "scorers", "datasets")
"""The folders that hold all code and data of the package."""


def kept(
    name: str, make: Callable[[Path], object], *, sources: Iterable[str] = (), code: Iterable[str] = CODE
) -> Path:
    """A folder that ``make`` has filled.

    Args:
        name: Name of what is in it.
        make: Fills an empty folder.
        sources: Files or folders that the content depends on beside ``code``, relative to the repository.
        code: Files or folders with the package's code.

    Returns:
        The folder. Other tests use it too, so copy what you want to change.
    """
    key = hashlib.sha256(f"{sys.version} {_installed()}".encode())
    for source in [*code, *sources]:
        key.update(_content(source))
    folder = KEPT / f"{name}-{key.hexdigest()[:16]}"
    with lock(name):
        if not folder.exists():
            for old in KEPT.glob(f"{name}-{16 * '[0-9a-f]'}"):
                shutil.rmtree(old)
            making = KEPT / f"making-{name}"
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            make(making)
            making.rename(folder)
    return folder


def lock(name: str) -> FileLock:
    """A lock that one process of the tests holds at a time."""
    KEPT.mkdir(parents=True, exist_ok=True)
    return FileLock(KEPT / f"{name}.lock")


@cache
def _content(source: str) -> bytes:
    """Hash of a file, or of the names and contents of all files in a folder."""
    place = ROOT / source
    digest = hashlib.sha256()
    # links lead to folders that are named themselves
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    for file in files:
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(
                f"{file.relative_to(ROOT).as_posix()}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode()
            )
    return digest.digest()


@cache
def _installed() -> str:
    """Names and versions of the installed packages."""
    return " ".join(sorted(f"{found.name}=={found.version}" for found in distributions()))
