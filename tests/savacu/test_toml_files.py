"""Recipes and tables of prices are read in one way: an error names the file and what it should hold."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from misfire.errors import InputError
from misfire.savacu.plan import PRICES, read_prices
from misfire.savacu.recipe import read_recipe


@dataclass(frozen=True)
class Kind:
    """A kind of file: how it is read, and what errors say about it."""

    read: Callable[[Path], object]
    meaning: str
    advice: str


KINDS = (
    Kind(read_recipe, "a recipe", "docs/savacu.md lists all tables and fields"),
    Kind(read_prices, "a table of prices", f"{PRICES.name} is an example"),
)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.meaning)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


@pytest.mark.parametrize(
    "content",
    [b"[machine", b"a = 1\na = 2", b"a = " + b"[" * 20_000, b"a = " + b"9" * 5000, b"\xff\xfea = 1"],
    ids=["open bracket", "same key twice", "deeply nested", "number of 5000 digits", "not UTF-8"],
)
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, kind: Kind, content: bytes):
    path = tmp_path / "given.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        kind.read(path)
    assert str(raised.value).startswith(f"{path}: cannot be read as {kind.meaning}: not valid TOML: ")


def test_a_file_that_does_not_exist_is_named(tmp_path: Path, kind: Kind):
    path = tmp_path / "none.toml"
    with pytest.raises(InputError) as raised:
        kind.read(path)
    assert str(raised.value) == f"{path}: cannot be read as {kind.meaning}: No such file or directory."


def test_a_folder_is_refused_as_a_folder(tmp_path: Path, kind: Kind):
    with pytest.raises(InputError, match="is a folder and not a regular file"):
        kind.read(tmp_path)


def test_all_bad_fields_are_listed_at_once_with_advice(tmp_path: Path, kind: Kind):
    path = tmp_path / "given.toml"
    path.write_text("unknown = 1\n[other]\nx = 2\n", encoding="utf-8")
    with pytest.raises(InputError) as raised:
        kind.read(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: ")
    assert "field 'unknown'" in text
    assert "field 'other'" in text
    assert kind.advice in text


def test_a_path_may_start_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "given.toml").write_text("[machine", encoding="utf-8")
    with pytest.raises(InputError, match="not valid TOML"):
        kind.read(Path("~/given.toml"))
