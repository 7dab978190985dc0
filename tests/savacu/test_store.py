"""Shards are whole or not there, and one build works in a folder."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from misfire.errors import InputError
from misfire.savacu import store
from misfire.savacu.prompts import Prompt, make_prompt
from misfire.savacu.store import (
    check_room,
    key_of,
    locked,
    read_record,
    read_shard,
    shard_key,
    shards_of,
    write_record,
    write_shard,
)

PROMPTS = [make_prompt(f"What is number {number}?", "a test", f"row {number}") for number in range(200)]


def test_a_written_shard_is_read_back(tmp_path: Path):
    path = tmp_path / "stage" / "00000.parquet"
    assert shard_key(path) is None
    write_shard(path, PROMPTS, "a key")
    assert shard_key(path) == "a key"
    assert read_shard(path, Prompt) == PROMPTS
    assert [entry.name for entry in path.parent.iterdir()] == ["00000.parquet"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_partly_written_shard_is_reported_and_never_used(tmp_path: Path, share: float):
    path = tmp_path / "00000.parquet"
    write_shard(path, PROMPTS, "a key")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"00000.parquet: is damaged .*Delete this file and run again"):
        shard_key(path)


def test_a_key_that_is_not_text_is_reported(tmp_path: Path):
    path = tmp_path / "00000.parquet"
    write_shard(path, PROMPTS, "a key")
    table = pq.read_table(path)
    pq.write_table(
        table.replace_schema_metadata((table.schema.metadata or {}) | {b"misfire_savacu_key": b"\xff"}), path
    )
    with pytest.raises(InputError, match=r"00000.parquet: is damaged"):
        shard_key(path)


def test_a_flipped_byte_is_detected(tmp_path: Path):
    path = tmp_path / "00000.parquet"
    write_shard(path, PROMPTS, "a key")
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        read_shard(path, Prompt)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import pyarrow.parquet as pq

    path = tmp_path / "00000.parquet"
    write_shard(path, PROMPTS[:3], "old")

    def full(_: object, where: Path, **__: object) -> None:
        Path(where).write_bytes(b"PAR1 half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_shard(path, PROMPTS, "new")
    assert read_shard(path, Prompt) == PROMPTS[:3]
    assert [entry.name for entry in tmp_path.iterdir()] == ["00000.parquet"]


def test_a_full_disk_is_reported_before_any_paid_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "LEAST_FREE", 2**62)
    with pytest.raises(InputError, match="nearly full"):
        check_room(tmp_path)


def test_a_second_build_is_refused_until_the_first_ends(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path\nfrom misfire.savacu.store import locked\nfrom misfire.errors "
        "import InputError\n"
        "try:\n    with locked(Path(sys.argv[1])): print('in')\nexcept InputError as error: print(error)"
    )

    def other() -> str:
        return subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout

    with locked(tmp_path):
        assert f"another build is running (process {os.getpid()})" in other()
    assert other() == "in\n"


def test_a_folder_is_free_again_when_the_build_in_it_was_killed(tmp_path: Path):
    script = (
        "import os, sys; from pathlib import Path\nfrom misfire.savacu.store import locked\nwith "
        "locked(Path(sys.argv[1])): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == 9

    with locked(tmp_path):
        pass


def test_a_key_distinguishes_parts():
    assert (
        len({key_of("ab", "c"), key_of("a", "bc"), key_of("abc"), key_of(PROMPTS[0]), key_of(*PROMPTS[:2])})
        == 5
    )


def test_items_are_divided_in_order():
    assert [list(shard) for shard in shards_of(PROMPTS[:5], 2)] == [PROMPTS[:2], PROMPTS[2:4], PROMPTS[4:5]]


def test_a_record_is_read_as_it_was_written(tmp_path: Path):
    path = tmp_path / "report.json"
    assert read_record(path, Prompt) is None
    write_record(path, PROMPTS[0])
    assert read_record(path, Prompt) == PROMPTS[0]
    path.write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        read_record(path, Prompt)
