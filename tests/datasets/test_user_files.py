"""Every reader quickly refuses a path that is not a regular file, with an error that says what it is."""

import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from misfire.datasets import user_files
from misfire.datasets.bbq import read_bbq
from misfire.datasets.cues import read_templates
from misfire.datasets.misalign.instance_files import read_instances
from misfire.datasets.pair_files import read_pairs
from misfire.errors import InputError
from misfire.mechanistic.model.interventions import load_intervention
from misfire.mechanistic.selection import read_logged_pairs
from misfire.savacu.plan import read_prices
from misfire.savacu.recipe import read_recipe
from misfire.savacu.sources import Filters, Source
from misfire.savacu.stages.ingest import ingest


def prompts_of(path: Path) -> object:
    return ingest([Source(path=str(path))], Filters())


def bbq_of(path: Path) -> object:
    folder = path.parent / "bbq"
    folder.mkdir()
    (folder / "Age.jsonl").symlink_to(path)
    return read_bbq(["Age"], bbq_dir=folder)


READERS: dict[str, Callable[[Path], object]] = {
    "pairs": read_pairs,
    "instances": read_instances,
    "cues": read_templates,
    "prompts": prompts_of,
    "recipe": read_recipe,
    "prices": read_prices,
    "bbq": bbq_of,
    "intervention": load_intervention,
    "log of localise": lambda path: read_logged_pairs(str(path)),
}

NO_FOLDERS = {name: read for name, read in READERS.items() if name != "instances"}


@contextmanager
def soon_and_small(seconds: float = 20, mebibytes: int = 700) -> Iterator[None]:
    """At most so long (on a busy machine), and so much more memory at the peak."""
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    yield
    assert time.process_time() - start < seconds
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < mebibytes


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_not_waited_for(name: str, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    with soon_and_small(), pytest.raises(InputError, match=r"it is a named pipe \(FIFO\)"):
        READERS[name](tmp_path / "pipe.jsonl")


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_a_device_is_not_read(name: str, device: str, tmp_path: Path):
    (tmp_path / "link.jsonl").symlink_to(device)
    with soon_and_small(), pytest.raises(InputError, match="it is a device"):
        READERS[name](tmp_path / "link.jsonl")


@pytest.mark.parametrize("name", READERS)
def test_a_socket_is_not_read_as_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("s")
        with pytest.raises(InputError, match="it is a socket"):
            READERS[name](tmp_path / "s")


@pytest.mark.parametrize("name", NO_FOLDERS)
def test_a_folder_is_not_read_as_a_file(name: str, tmp_path: Path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="it is a folder"):
        NO_FOLDERS[name](tmp_path / "folder")


@pytest.mark.parametrize("name", READERS)
def test_a_sparse_file_is_not_read_to_its_end(name: str, tmp_path: Path):
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(50 << 30)
    with (
        soon_and_small(),
        pytest.raises(InputError, match=r"MiB|not a readable intervention|this log cannot be read"),
    ):
        READERS[name](path)


def test_a_pipe_that_replaces_a_file_during_the_check_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(user_files, "require_regular", lambda _: 0)
    with pytest.raises(InputError, match="named pipe"):
        user_files.read_user_file(tmp_path / "pipe")


# --- Parquet --------------------------------------------------------------------------------------

COLUMNS = (
    "id",
    "category",
    "question_index",
    "stereotyped_group",
    "contrast_group",
    "stereotyped_prompt",
    "contrast_prompt",
)
INSTANCE_COLUMNS = ("id", "prompt", "aligned", "misaligned")


def repeated(text: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def bomb(kind: str, columns: tuple[str, ...]) -> tuple[pa.Table, dict[str, Any]]:
    match kind:
        case "rows":
            return pa.table({name: repeated("a", 3_000_000) for name in columns}), {
                "row_group_size": 3_000_000
            }
        case "long texts":
            return pa.table({name: repeated("x " * 250_000, 20_000) for name in columns}), {}
        case "one text":
            return pa.table({name: pa.array(["y" * 90_000_000]) for name in columns[:2]}), {
                "use_dictionary": False
            }
        case "prefixes":
            delta = {"use_dictionary": False, "column_encoding": dict.fromkeys(columns, "DELTA_BYTE_ARRAY")}
            return pa.table({name: pa.array(["z" * 20_000] * 4_000) for name in columns}), delta
        case _:
            values = pa.array([np.zeros(8_000_000, np.int64)])
            return pa.table(dict.fromkeys(columns, values)), {}


KINDS = ("rows", "long texts", "one text", "prefixes", "lists")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "columns"),
    [("pairs", COLUMNS), ("instances", INSTANCE_COLUMNS), ("prompts", ("prompt", "other"))],
)
def test_a_parquet_file_that_is_small_and_decodes_to_much_is_refused(
    kind: str, name: str, columns: tuple[str, ...], tmp_path: Path
):
    table, options = bomb(kind, columns)
    path = tmp_path / "bomb.parquet"
    pq.write_table(table, path, compression="zstd", **options)
    del table
    assert path.stat().st_size < 300_000
    with soon_and_small(), pytest.raises(InputError):
        READERS[name](path)


def test_a_parquet_file_of_many_equal_rows_that_is_not_a_bomb_is_read(tmp_path: Path):
    # given 50,000 rows that compress well
    pq.write_table(
        pa.table({"prompt": [f"Is the number {number} a prime, do you think?" for number in range(50_000)]}),
        tmp_path / "many.parquet",
    )
    prompts, counts = ingest([Source(path=str(tmp_path / "many.parquet"))], Filters(language=None))
    assert (len(prompts), counts.kept) == (50_000, 50_000)


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"1\n" * 5_000_000, b"[" + b"{}," * 3_000_000 + b"{}]", b"[" * 20_000_000, b'{"id": ' * 3_000_000],
    ids=["numbers", "list", "deep", "deep objects"],
)
def test_millions_of_bad_records_are_not_all_listed(content: bytes, tmp_path: Path):
    (tmp_path / "junk.jsonl").write_bytes(content)
    with soon_and_small(), pytest.raises(InputError) as caught:
        read_pairs(tmp_path / "junk.jsonl")
    assert len(str(caught.value)) < 20_000
