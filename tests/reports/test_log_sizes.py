"""A log that unpacks to far more than a log can hold is refused before it is unpacked, and others go on."""

import shutil
import struct
import zipfile
from pathlib import Path

import inspect_ai.log  # noqa: F401 (teaches zipfile to write Zstandard)
import pytest
from click.testing import CliRunner

from misfire.cli.main import main
from misfire.errors import InputError
from misfire.mechanistic.selection import read_logged_pairs
from misfire.reports.logs import log_sizes
from misfire.reports.logs.log_files import read_header
from misfire.reports.logs.log_sizes import FLOOR, check_size
from misfire.tasks.veto import veto
from tests.runs import run_task as run

ZSTANDARD = 93
MUCH = b" " * (FLOOR + 2**20)
"""Packed these are some KB."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    run(veto(source="embedded", pairs=4), model="simulated/model", log_dir=str(folder))
    return next(folder.glob("*.eval"))


def bomb(log: Path, place: Path, member: str, method: int) -> Path:
    """A copy of a log one member of which unpacks to much."""
    with zipfile.ZipFile(log) as source, zipfile.ZipFile(place, "w") as target:
        first = next(name for name in source.namelist() if name.startswith(member))
        for name in source.namelist():
            target.writestr(name, source.read(name) + (MUCH if name == first else b""), compress_type=method)
    return place


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, ZSTANDARD], ids=["deflate", "zstandard"])
@pytest.mark.parametrize("member", ["header.json", "summaries.json", "samples/"])
def test_a_report_names_the_log_and_goes_on_with_the_others(
    log: Path, tmp_path: Path, member: str, method: int
):
    shutil.copy(log, tmp_path / "good.eval")
    place = bomb(log, tmp_path / "bomb.eval", member, method)
    assert place.stat().st_size < 2**20
    with pytest.raises(InputError, match=r"bomb\.eval: this file of 0\.\d MiB unpacks to more than 64 MiB"):
        check_size(str(place), "samples" if member == "samples/" else "header")

    result = CliRunner(env={"COLUMNS": "200"}).invoke(
        main, ["report", str(tmp_path), "--out", str(tmp_path / "out")]
    )

    assert "unpacks to more than" in " ".join(result.output.split())
    assert (tmp_path / "out" / "report.html").exists(), result.output


def test_localise_refuses_a_log_that_is_too_large(log: Path, tmp_path: Path):
    for member in ("header.json", "samples/"):
        with pytest.raises(InputError, match="unpacks to more than"):
            read_logged_pairs(str(bomb(log, tmp_path / "bomb.eval", member, ZSTANDARD)))


def test_the_size_that_an_archive_names_is_not_believed(log: Path, tmp_path: Path):
    # given a bomb whose directory says that each member unpacks to one byte
    place = bomb(log, tmp_path / "bomb.eval", "header.json", zipfile.ZIP_DEFLATED)
    content = bytearray(place.read_bytes())
    at = content.find(b"PK\x01\x02")
    while at != -1:
        struct.pack_into("<I", content, at + 24, 1)
        at = content.find(b"PK\x01\x02", at + 4)
    place.write_bytes(content)
    with pytest.raises(InputError, match="unpacks to more than"):
        check_size(str(place), "header")


def test_members_that_share_their_bytes_each_count(tmp_path: Path):
    # given a directory of which a hundred entries are the same packed bytes
    place = tmp_path / "bomb.eval"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples/a_epoch_1.json", b" " * 2**20)
        info = archive.infolist()[0]
        archive.filelist += [info] * 99
    with pytest.raises(InputError, match="unpacks to more than"):
        check_size(str(place), "samples")


def test_an_ordinary_log_passes(log: Path, monkeypatch: pytest.MonkeyPatch):
    for part in ("header", "samples"):
        check_size(str(log), part)
    # ordinary logs unpack to a few times their size, far below what is refused
    monkeypatch.setattr(log_sizes, "FLOOR", 0)
    monkeypatch.setattr(log_sizes, "RATIO", 20)
    for part in ("header", "samples"):
        check_size(str(log), part)


def test_a_broken_member_is_left_to_the_reader(log: Path, tmp_path: Path):
    torn = tmp_path / "torn.eval"
    content = bytearray(log.read_bytes())
    with zipfile.ZipFile(log) as archive:
        start = archive.getinfo("header.json").header_offset
    content[start + 50 : start + 70] = b"\xff" * 20
    torn.write_bytes(content)
    check_size(str(torn), "header")
    with pytest.raises(InputError, match=r"torn\.eval: not a log that can be read"):
        read_header(str(torn))


@pytest.mark.parametrize("name", ["a #1 [x] 50%25 ü日本.eval", "100%.eval", "?q=[a].eval"])
def test_localise_reads_a_log_in_a_file_and_folder_of_any_name(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    folder = tmp_path / "fol der #[%20] ü"
    folder.mkdir()
    shutil.copy(log, folder / name)
    plain = read_logged_pairs(str(log))
    monkeypatch.chdir(folder)
    for place in (str(folder / name), name, f"../{folder.name}/{name}", f"file://{folder / name}"):
        read = read_logged_pairs(place)
        assert (read.pairs, read.misfired) == (plain.pairs, plain.misfired)
