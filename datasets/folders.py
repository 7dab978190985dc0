"""Replace a folder completely or not at all, without damage to files that this program did not write.

A folder that this module writes contains a manifest with the names of its files and the SHA-256 of each. A
later run uses the manifest to decide which files it may replace. The new folder is built next to the old one,
takes over all other files from it, and is then renamed to its place.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Container, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from misfire.datasets.writing import replaced_file
from misfire.errors import InputError

MANIFEST = ".misfire.json"
"""Name of the manifest inside the folder."""

_NAMED = 5
"""Maximum number of files that an error lists."""


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder that this program writes.

    Attributes:
        name: Name for messages, for example ``report``.
        names: Matches the files of this kind, relative to the folder and with slashes. It recognizes files
            that an earlier version wrote without a manifest.
        advice: What a user can do about files that are in the way, as the end of a sentence.
    """

    name: str
    names: re.Pattern[str]
    advice: str


@contextmanager
def replaced_folder(
    folder: Path, kind: FolderKind, *, overwrite: bool = False, manifest: Path | None = None
) -> Generator[Path]:
    """Provide a temporary folder that replaces ``folder`` on success.

    On any error, the old folder stays unchanged.

    A link to a folder is followed, and the same rules apply to its target. Links inside the folder are never
    followed. Files that this program did not write are kept. The replacement is a single rename. If the
    folder cannot be renamed (it is a mount point or the current folder), its files are renamed one by one,
    and renamed back if one of them fails.

    Args:
        folder: The folder to write.
        kind: The kind of folder.
        overwrite: Whether to replace files of the same names that this program did not write or that were
            edited since.
        manifest: Path of the manifest. By default it is inside the folder.

    Yields:
        The temporary folder.

    Raises:
        InputError: The folder cannot be written, or contains files that must not be replaced.
    """
    place = _place(folder)
    try:
        old = _Old.of(place, kind, manifest)
        old.refuse_foreign(folder, overwrite=overwrite)
        # a folder that cannot be renamed gets its new files from a hidden subfolder
        inside = place.exists() and _fixed(place)
        (place if inside else place.parent).mkdir(parents=True, exist_ok=True)
        new = _fresh(place / ".misfire" if inside else place, "new")
        try:
            yield new
            written = sorted(_entries(new))
            old.refuse_in_the_way(folder, written, overwrite=overwrite)
            content = _manifest(kind, new, written)
            if manifest is None:
                (new / MANIFEST).write_text(content, encoding="utf-8")
            gone = old.replaced(written)
            if inside:
                _swap_files(new, place, sorted(gone))
            else:
                _swap_whole(new, place, old.entries, gone)
            if manifest is not None:
                with replaced_file(manifest) as temporary:
                    temporary.write_text(content, encoding="utf-8")
        finally:
            shutil.rmtree(new, ignore_errors=True)
    except OSError as error:
        raise InputError(
            f"{folder}: the {kind.name} cannot be written there ({error.strerror or error}). Existing files "
            f"are unchanged; {kind.advice}"
        ) from error


def refuse_foreign(folder: Path, kind: FolderKind, *, overwrite: bool) -> None:
    """Raise the error that ``replaced_folder`` would raise, before any work is done.

    Args:
        folder: The folder to write.
        kind: The kind of folder.
        overwrite: Whether to replace files that this program did not write.

    Raises:
        InputError: The folder is not of this kind, or its files were edited.
    """
    try:
        _Old.of(_place(folder), kind, None).refuse_foreign(folder, overwrite=overwrite)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error}); {kind.advice}") from error


@dataclass(frozen=True)
class _Old:
    """The content of a folder before it is replaced.

    Attributes:
        kind: The kind of folder.
        entries: Files, links and empty folders, as relative paths with slashes.
        known: Names that this program wrote according to the manifest, including those that no longer exist.
            Empty without a manifest.
        edited: Known files that have changed since they were written.
        has_manifest: Whether there is a manifest.
    """

    kind: FolderKind
    entries: tuple[str, ...]
    known: frozenset[str]
    edited: tuple[str, ...]
    has_manifest: bool

    @staticmethod
    def of(place: Path, kind: FolderKind, manifest: Path | None) -> "_Old":
        if place.exists() and not place.is_dir():
            raise InputError(f"{place}: this is a file, but a folder is required; {kind.advice}")
        entries = sorted(_entries(place)) if place.exists() else []
        hashes = _read_manifest(manifest or place / MANIFEST, kind)
        edited = [
            name for name in entries if hashes and name in hashes and _hash(place / name) != hashes[name]
        ]
        return _Old(
            kind, tuple(entries), frozenset([*(hashes or {}), MANIFEST]), tuple(edited), hashes is not None
        )

    def refuse_foreign(self, folder: Path, *, overwrite: bool) -> None:
        if overwrite or not self.entries:
            return
        if not self.has_manifest:
            raise InputError(
                f"{folder}: is not empty and is not a {self.kind.name} that misfire wrote "
                f"({_some(self.entries)}); {self.kind.advice}"
            )
        if self.edited:
            raise InputError(
                f"{folder}: these files have changed since misfire wrote them: {_some(self.edited)}; "
                f"{self.kind.advice}"
            )

    def refuse_in_the_way(self, folder: Path, written: Sequence[str], *, overwrite: bool) -> None:
        if (
            foreign := []
            if overwrite
            else [name for name in self.entries if name not in self.known and _blocks(name, written)]
        ):
            raise InputError(
                f"{folder}: these files were not written by misfire and are in the way: {_some(foreign)}; "
                f"{self.kind.advice}"
            )

    def replaced(self, written: Sequence[str]) -> frozenset[str]:
        """Return the entries to remove: those that this program wrote, and those in the way of new files."""
        ours = {
            name
            for name in self.entries
            if name in self.known or (not self.has_manifest and self.kind.names.fullmatch(name))
        }
        return frozenset(ours | {name for name in self.entries if _blocks(name, written)})


def _place(folder: Path) -> Path:
    """Return the folder that is meant: the target of a link, or an absolute path."""
    try:
        return folder.resolve() if folder.is_symlink() else Path(os.path.abspath(folder))  # noqa: PTH100 (resolve() would follow links in parent folders)
    except (OSError, RuntimeError) as error:
        raise InputError(f"{folder}: this link is broken ({error}).") from error


def _fixed(place: Path) -> bool:
    """Check whether a folder cannot be renamed, or should not be because the current folder is inside it."""
    return (
        os.path.ismount(place)
        or Path.cwd().is_relative_to(place.resolve())
        or not os.access(place.parent, os.W_OK)
    )


def _fresh(beside: Path, word: str) -> Path:
    """Create a new hidden folder next to another one, with the same permissions."""
    new = beside.with_name(f".{beside.name.removeprefix('.')}.{word}-{secrets.token_hex(4)}")
    new.mkdir()
    if beside.is_dir():
        shutil.copymode(beside, new)
    return new


def _entries(folder: Path) -> Iterable[str]:
    """Yield files, links and empty folders below a folder, as relative paths with slashes.

    Links are not followed.
    """
    for here, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        empty = [name for name in folders if name not in links and not any((Path(here) / name).iterdir())]
        for name in (*files, *links, *empty):
            yield (Path(here) / name).relative_to(folder).as_posix()


def _blocks(name: str, written: Sequence[str]) -> bool:
    """Check whether an entry is at the path of a new file, or blocks or contains one."""
    return any(
        name == other or other.startswith(f"{name}/") or name.startswith(f"{other}/")
        for other in (*written, MANIFEST)
    )


def _swap_whole(new: Path, place: Path, entries: Sequence[str], gone: Container[str]) -> None:
    # link or copy what is kept, so that the new folder is complete before the rename
    for name in entries:
        if name not in gone:
            _carry(place / name, new / name)
    if not place.exists():
        new.rename(place)
        return
    aside = _fresh(place, "old")
    old = aside / place.name
    try:
        place.rename(old)
        new.rename(place)
    except BaseException:
        if old.exists() and not place.exists():
            old.rename(place)
        aside.rmdir()
        raise
    for name in set(_entries(old)).difference(entries):  # files that somebody added in the meantime
        if not os.path.lexists(place / name):
            _carry(old / name, place / name)
    shutil.rmtree(aside, ignore_errors=True)


def _swap_files(new: Path, place: Path, gone: Sequence[str]) -> None:
    aside = _fresh(place / ".misfire", "old")
    moved: list[tuple[Path, Path]] = []

    def move(name: str, source: Path, target: Path) -> None:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).rename(target / name)
        moved.append((source / name, target / name))

    try:
        for name in gone:
            move(name, place, aside)
        _remove_empty(place, gone)
        for name in sorted(_entries(new)):
            move(name, new, place)
    except BaseException:
        for source, target in reversed(moved):
            source.parent.mkdir(parents=True, exist_ok=True)
            target.rename(source)
        shutil.rmtree(aside, ignore_errors=True)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _remove_empty(place: Path, gone: Iterable[str]) -> None:
    """Remove the folders that held the removed entries, if they are empty now."""
    folders = {
        folder
        for name in gone
        for folder in (place / name).parents
        if folder != place and folder.is_relative_to(place)
    }
    # in reverse order, subfolders come before their parents
    for folder in sorted(folders, reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _carry(old: Path, new: Path) -> None:
    """Take over a file, a link or an empty folder. The old one stays until the replacement is complete."""
    new.parent.mkdir(parents=True, exist_ok=True)
    if old.is_dir() and not old.is_symlink():
        new.mkdir(exist_ok=True)
        return
    try:
        os.link(old, new, follow_symlinks=False)
    except OSError:
        shutil.copy2(old, new, follow_symlinks=False)


def _hash(file: Path) -> str | None:
    """Return the SHA-256 of a file, or None if it is no longer a regular file."""
    if file.is_symlink() or not file.is_file():
        return None
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _manifest(kind: FolderKind, folder: Path, written: Sequence[str]) -> str:
    content = {
        "written_by": "misfire",
        "what": kind.name,
        "files": {name: _hash(folder / name) for name in written},
    }
    return json.dumps(content, indent=1) + "\n"


def _read_manifest(path: Path, kind: FolderKind) -> Mapping[str, object] | None:
    """Return the names and hashes in a manifest, or None if there is no manifest of this kind."""
    if path.is_symlink() or not path.is_file():
        return None
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    record = cast("dict[str, object]", content)
    files = record.get("files")
    return (
        cast("dict[str, object]", files)
        if record.get("what") == kind.name and isinstance(files, dict)
        else None
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
