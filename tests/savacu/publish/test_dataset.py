"""The data set on disk: every row says where it is from, and tools can read it."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from misfire.errors import InputError
from misfire.savacu.build import Build
from misfire.savacu.publish.dataset import write_dataset
from misfire.savacu.publish.rows import COLUMNS

from .reading import rows


def test_files_contain_no_more_rows_than_requested_and_no_local_path(build: Build, finished_build: Build):
    dataset = build.folder / "dataset"
    assert all(pq.read_metadata(path).num_rows <= 2 for path in (dataset / "data").iterdir())
    card = (dataset / "README.md").read_text(encoding="utf-8")
    here = str(finished_build.folder.parent).encode()  # the folder of the recipe, the prompts and the build
    assert all(here not in path.read_bytes() for path in dataset.rglob("*") if path.is_file())
    recipe = json.loads((dataset / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["ingest"]["sources"][0]["path"] == "labeled.csv"
    assert recipe["classify"]["model"]["args"]["labels"] == "labeled.csv"
    assert recipe["judge"]["model"] == {
        "model": "simulated-savacu/evaluator",
        "args": {},
        "connections": None,
    }
    assert 'license: "cc-by-4.0"' in card
    assert f"{len(rows(build))} instances" in card
    assert all(f"`{column}`" in card for column in COLUMNS)


def test_publishing_again_keeps_files_of_the_user_and_edited_files(build: Build):
    dataset = build.folder / "dataset"
    before = {path.relative_to(dataset): path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    (dataset / "notes.txt").write_text("mine")
    (dataset / "data" / "train-09999.txt").write_text("mine")
    write_dataset(build.view)
    after = {path.relative_to(dataset): path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    assert after == before | {Path("notes.txt"): b"mine", Path("data/train-09999.txt"): b"mine"}
    # when the card was edited
    (dataset / "README.md").write_text("mine")
    with pytest.raises(
        InputError,
        match=r"changed since misfire wrote them: README\.md; move them away, and run --stages publish",
    ):
        write_dataset(build.view)
    assert (dataset / "README.md").read_text() == "mine"


def test_a_data_set_of_an_earlier_version_is_replaced(build: Build):
    (build.folder / "dataset.json").unlink()
    (build.folder / "dataset" / "data" / "train-99999-of-99999.parquet").write_bytes(b"stale")
    write_dataset(build.view)
    assert not (build.folder / "dataset" / "data" / "train-99999-of-99999.parquet").exists()


def test_hugging_face_reads_it(build: Build, tmp_path: Path):
    from datasets import load_dataset

    loaded = load_dataset(str(build.folder / "dataset"), cache_dir=str(tmp_path / "cache"))
    assert sum(len(split) for split in loaded.values()) == len(rows(build))
