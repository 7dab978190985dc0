"""Folders that are written whole or not at all: what is replaced, what stays, and what is refused."""

import json
import re
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from misfire.datasets.folders import MANIFEST, FolderKind, refuse_foreign, replaced_folder
from misfire.errors import InputError

PAGE = FolderKind(
    "page", re.compile(r"page\.html|parts/\w+\.txt"), "choose another folder, or say --overwrite."
)


def write(folder: Path, files: dict[str, str], overwrite: bool = False, manifest: Path | None = None) -> None:
    with replaced_folder(folder, PAGE, overwrite=overwrite, manifest=manifest) as new:
        for name, text in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_text(text)


def read(folder: Path) -> dict[str, str]:
    """All files but the manifest, hidden ones too."""
    found = {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }
    return {name: text for name, text in found.items() if name != MANIFEST}


FIRST = {"page.html": "1", "parts/a.txt": "1", "parts/b.txt": "1"}
SECOND = {"page.html": "2", "parts/a.txt": "2"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder that was written before."""
    write(tmp_path / "out", FIRST)
    return tmp_path / "out"


@pytest.fixture(params=["by one rename", "file by file"])
def either(out: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, where it can be renamed, and where it cannot, since somebody stands in it."""
    if request.param == "file by file":
        monkeypatch.chdir(out / "parts")
    return out


def test_nothing_of_the_previous_folder_remains_beside_the_new_one(either: Path):
    write(either, SECOND)
    assert read(either) == SECOND
    assert sorted(path.name for path in either.parent.iterdir()) == ["out"]


def test_the_current_folder_of_a_process_still_exists(out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(out)
    write(Path(), SECOND)
    assert Path.cwd() == out
    assert Path("page.html").read_text() == "2"


def test_files_of_the_user_are_kept(either: Path):
    # given notes, a folder of the user's, an empty one, and a link
    (either / "notes.txt").write_text("mine")
    (either / "parts" / "mine").mkdir()
    (either / "parts" / "mine" / "deep.txt").write_text("mine")
    (either / "empty").mkdir()
    (either / "link").symlink_to("notes.txt")
    write(either, {"page.html": "2"})
    assert read(either) == {
        "page.html": "2",
        "notes.txt": "mine",
        "parts/mine/deep.txt": "mine",
        "link": "mine",
    }
    assert (either / "empty").is_dir()
    assert (either / "link").is_symlink()


def test_a_folder_that_misfire_did_not_write_is_refused_and_left_unchanged(tmp_path: Path):
    (tmp_path / "page.html").write_text("mine")
    for attempt in (lambda: write(tmp_path, SECOND), lambda: refuse_foreign(tmp_path, PAGE, overwrite=False)):
        with pytest.raises(
            InputError, match=r"is not a page that misfire wrote \(page\.html\); .*--overwrite"
        ):
            attempt()
    assert read(tmp_path) == {"page.html": "mine"}


def test_a_folder_that_another_command_wrote_is_refused(out: Path):
    other = FolderKind("album", PAGE.names, "choose another.")
    with pytest.raises(InputError, match="is not a album that misfire wrote"), replaced_folder(out, other):
        pass
    assert read(out) == FIRST


def test_an_edited_folder_is_refused(either: Path):
    (either / "page.html").write_text("1 and my remarks")
    with pytest.raises(InputError, match=r"changed since misfire wrote them: page\.html"):
        write(either, SECOND)
    assert read(either) == {**FIRST, "page.html": "1 and my remarks"}


def test_a_file_of_the_user_in_the_way_is_refused(either: Path):
    (either / "parts" / "c.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not written by misfire and are in the way: parts/c\.txt"):
        write(either, {"parts/c.txt": "3"})
    assert read(either) == {**FIRST, "parts/c.txt": "mine"}
    assert sorted(path.name for path in either.iterdir()) == [MANIFEST, "page.html", "parts"]


def test_overwriting_replaces_only_files_in_the_way_and_files_that_look_like_output(tmp_path: Path):
    # given a folder as an earlier version left it, without a manifest, with a file of the user's
    for name, text in {**FIRST, "notes.txt": "mine", "parts/my.csv": "mine"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    write(tmp_path, SECOND, overwrite=True)
    assert read(tmp_path) == {**SECOND, "notes.txt": "mine", "parts/my.csv": "mine"}


@pytest.mark.parametrize("name", ["page.html", "parts"])
def test_nothing_is_written_through_a_link(either: Path, name: str, tmp_path: Path):
    # given a link in the place of a file, or of a folder of files
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.txt").write_text("precious")
    if (either / name).is_dir():
        shutil.move(either / name, tmp_path / "moved")
    else:
        (either / name).unlink()
    (either / name).symlink_to(elsewhere if name == "parts" else elsewhere / "a.txt")
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        write(either, SECOND)
    assert (either / name).is_symlink()
    # when it may be replaced
    write(either, SECOND, overwrite=True)
    # then the link goes, and what it led to stays
    assert read(either) == SECOND
    assert read(elsewhere) == {"a.txt": "precious"}


def test_a_link_to_a_folder_is_followed_by_the_same_rules(out: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(out)
    write(tmp_path / "link", SECOND)
    assert read(out) == SECOND
    assert (tmp_path / "link").is_symlink()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "page.html").write_text("mine")
    (tmp_path / "other").symlink_to(tmp_path / "foreign")
    with pytest.raises(InputError, match="is not a page that misfire wrote"):
        write(tmp_path / "other", SECOND)


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond a size, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_old_folder_intact(either: Path):
    with (
        pytest.raises(InputError, match=r"the page cannot be written there .*Existing files are unchanged"),
        full_disk(1000),
    ):
        write(either, {"page.html": "2", "parts/a.txt": "2" * 5000})
    assert read(either) == FIRST
    assert sorted(path.name for path in either.parent.iterdir()) == ["out"]


def test_an_interruption_leaves_the_old_folder_intact(either: Path):
    def interrupted() -> None:
        with replaced_folder(either, PAGE) as new:
            (new / "page.html").write_text("2")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert read(either) == FIRST
    assert sorted(path.name for path in either.parent.iterdir()) == ["out"]


@pytest.mark.parametrize("failing", range(1, 7))
def test_a_swap_that_fails_is_undone(either: Path, failing: int, monkeypatch: pytest.MonkeyPatch):
    # given a file system whose k-th rename fails
    done: list[Path] = []
    rename = Path.rename

    def sometimes(self: Path, target: Path) -> Path:
        done.append(self)
        if len(done) == failing:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", sometimes)
    try:
        write(either, SECOND)
    except InputError:
        assert read(either) == FIRST
    else:
        assert len(done) < failing
        assert read(either) == SECOND
    assert sorted(path.name for path in either.parent.iterdir()) == ["out"]


def test_a_broken_manifest_is_ignored(out: Path):
    for text in ("", "[]", '{"what": "page"}', '{"what": "page", "files": []}', "\x00"):
        (out / MANIFEST).write_text(text)
        with pytest.raises(InputError, match="is not a page that misfire wrote"):
            write(out, SECOND)


def test_a_manifest_names_no_file_outside_its_folder(out: Path, tmp_path: Path):
    (tmp_path / "precious").write_text("mine")
    record = json.loads((out / MANIFEST).read_text())
    record["files"]["../precious"] = "0" * 64
    (out / MANIFEST).write_text(json.dumps(record))
    write(out, SECOND)
    assert (tmp_path / "precious").read_text() == "mine"


def test_the_manifest_may_be_in_another_folder(tmp_path: Path):
    for files in (FIRST, SECOND):
        write(tmp_path / "out", files, manifest=tmp_path / "out.json")
        assert read(tmp_path / "out") == files
        assert not (tmp_path / "out" / MANIFEST).exists()


def test_permissions_of_the_folder_are_kept(out: Path):
    out.chmod(0o750)
    write(out, SECOND)
    assert out.stat().st_mode & 0o777 == 0o750
