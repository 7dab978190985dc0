"""What the tests keep on disk is made once, and again as soon as what it depends on is another."""

from pathlib import Path

import pytest

from tests import kept as module
from tests.kept import kept


class Maker:
    """Makes a folder with one file, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path) -> None:
        self.times += 1
        (folder / "made.txt").write_text(f"time {self.times}")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one file of code."""
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "KEPT", tmp_path / "build")
    # a run of the tests does not change its own source, so hashes are remembered; these tests do
    monkeypatch.setattr(module, "_content", module._content.__wrapped__)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("one = 1\n")
    return tmp_path / "src" / "code.py"


@pytest.mark.usefixtures("source")
def test_a_kept_folder_is_made_once():
    make = Maker()
    first, second = (kept("thing", make, code=["src"]) for _ in range(2))
    assert first == second
    assert (first / "made.txt").read_text() == "time 1"
    assert make.times == 1


def test_changed_source_makes_it_again_and_removes_the_old_one(source: Path):
    make = Maker()
    old = kept("thing", make, code=["src"])
    source.write_text("one = 2\n")
    new = kept("thing", make, code=["src"])
    assert (new / "made.txt").read_text() == "time 2"
    assert not old.exists()


def test_a_renamed_or_added_file_changes_the_source(source: Path):
    make = Maker()
    kept("thing", make, code=["src"])
    source.rename(source.with_name("other.py"))
    kept("thing", make, code=["src"])
    (source.parent / "more.json").write_text("{}")
    kept("thing", make, code=["src"])
    assert make.times == 3


@pytest.mark.usefixtures("source")
def test_two_kept_folders_do_not_remove_each_other():
    make = Maker()
    folders = [kept(name, make, code=["src"]) for name in ("thing", "thing-of-two-parts", "thing")]
    assert folders[0] == folders[2]
    assert make.times == 2


@pytest.mark.usefixtures("source")
def test_a_failed_build_is_not_kept():
    def fail(folder: Path) -> None:
        (folder / "half.txt").touch()
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        kept("thing", fail, code=["src"])
    assert (kept("thing", Maker(), code=["src"]) / "made.txt").exists()
    assert not (kept("thing", Maker(), code=["src"]) / "half.txt").exists()
