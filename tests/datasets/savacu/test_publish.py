"""The data set on disk: every row says where it is from, and tools can read it."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi
from markdown_it import MarkdownIt

from misfire.errors import InputError
from misfire.savacu.build import Build
from misfire.savacu.publish.dataset import COLUMNS, PublishReport, card, published_prompts, push, write_dataset
from misfire.savacu.recipe import ModelSpec, read_recipe
from misfire.savacu.store import read_record

from .conftest import RecipeText
from .test_build import DirectRunner


@pytest.fixture
def build(tmp_path: Path, recipe_text: RecipeText) -> Build:
    path = tmp_path / "recipe.toml"
    path.write_text(
        recipe_text(generator='faults = "contrary:0.3"', more='[publish]\nlicence = "cc-by-4.0"\nrows_per_file = 2'), encoding="utf-8"
    )
    build = Build(read_recipe(path), tmp_path / "build", DirectRunner())
    build.run()
    return build


def rows(build: Build) -> list[dict[str, object]]:
    return [row for path in sorted((build.folder / "dataset" / "data").iterdir()) for row in pq.read_table(path).to_pylist()]


def test_every_row_says_what_made_it(build: Build):
    for row in rows(build):
        assert list(row) == list(COLUMNS)
        assert row["id"] == f"{row['prompt_id']}_{row['generator']}"
        assert (row["classifier"], row["generator_model"], row["evaluator"]) == (
            "simulated-savacu/classifier",
            "simulated-savacu/generator-a",
            "simulated-savacu/evaluator",
        )
        assert (row["temperature"], row["top_p"], row["max_tokens"], row["recipe"]) == (0.7, 0.9, 512, build.recipe.hash)
        assert row["prompt_source"] == "labelled.csv"
        assert str(row["prompt_place"]).startswith("row ")
        assert row["prompt_writer"] is None
    assert any(row["aligned_round"] or row["misaligned_round"] for row in rows(build))


def test_a_row_says_where_no_temperature_and_no_limit_were_sent(tmp_path: Path, recipe_text: RecipeText):
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_text().replace("[respond]\n", '[respond]\ntemperature = "none"\nmax_tokens = "none"\n'), encoding="utf-8")
    build = Build(read_recipe(path), tmp_path / "build", DirectRunner())
    build.run()
    assert rows(build)
    assert {(row["temperature"], row["top_p"], row["max_tokens"]) for row in rows(build)} == {(None, 0.9, None)}
    recipe = json.loads((build.folder / "dataset" / "recipe.json").read_text(encoding="utf-8"))
    assert (recipe["respond"]["temperature"], recipe["respond"]["max_tokens"]) == ("none", "none")


def test_files_hold_no_more_rows_than_wanted_and_no_path_of_this_machine(build: Build, tmp_path: Path):
    dataset = build.folder / "dataset"
    assert all(pq.read_metadata(path).num_rows <= 2 for path in (dataset / "data").iterdir())
    card = (dataset / "README.md").read_text(encoding="utf-8")
    assert all(str(tmp_path).encode() not in path.read_bytes() for path in dataset.rglob("*") if path.is_file())
    recipe = json.loads((dataset / "recipe.json").read_text(encoding="utf-8"))
    assert recipe["ingest"]["sources"][0]["path"] == "labelled.csv"
    assert recipe["classify"]["model"]["args"]["labels"] == "labelled.csv"
    assert recipe["judge"]["model"] == {"model": "simulated-savacu/evaluator", "args": {}, "connections": None}
    assert 'license: "cc-by-4.0"' in card
    assert f"{len(rows(build))} instances" in card
    assert all(f"`{column}`" in card for column in COLUMNS)


def test_published_again_the_data_set_keeps_files_of_the_user_and_replaces_no_edited_one(build: Build):
    dataset = build.folder / "dataset"
    before = {path.relative_to(dataset): path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    (dataset / "notes.txt").write_text("mine")
    (dataset / "data" / "train-09999.txt").write_text("mine")
    write_dataset(build)
    after = {path.relative_to(dataset): path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    assert after == before | {Path("notes.txt"): b"mine", Path("data/train-09999.txt"): b"mine"}
    # when the card was edited
    (dataset / "README.md").write_text("mine")
    with pytest.raises(InputError, match=r"changed since misfire wrote them: README\.md; move them away, and run --stages publish"):
        write_dataset(build)
    assert (dataset / "README.md").read_text() == "mine"


def test_a_data_set_of_an_earlier_version_is_replaced(build: Build):
    (build.folder / "dataset.json").unlink()
    (build.folder / "dataset" / "data" / "train-99999-of-99999.parquet").write_bytes(b"stale")
    write_dataset(build)
    assert not (build.folder / "dataset" / "data" / "train-99999-of-99999.parquet").exists()


def test_texts_of_the_recipe_are_but_text_in_the_card(build: Build):
    hostile = "<script>x</script> [click](javascript:x) | `code`\n# heading\x1b[2J"
    told = build.recipe.publish.model_copy(update={"licence": hostile, "prompt_licence": hostile})
    judge = build.recipe.judge.model_copy(update={"model": ModelSpec(model="a/<img|src=x>")})
    report = read_record(build.folder / "dataset" / "report.json", PublishReport)
    assert report is not None
    text = card(replace(build, recipe=build.recipe.model_copy(update={"publish": told, "judge": judge})), report)
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(text.split("\n---\n", 1)[1])
    assert "<script" not in rendered
    assert "<img" not in rendered
    assert "<a " not in rendered
    assert rendered.count("<h1>") == 1
    assert "\x1b" not in text


def test_rows_of_several_generators_come_in_the_order_of_their_ids(tmp_path: Path, recipe_text: RecipeText):
    path = tmp_path / "recipe.toml"
    one = '[{name = "a", model = "simulated-savacu/generator-a", args = {}}'
    path.write_text(recipe_text(shard_size=2).replace(f"{one}]", f'{one}, {{name = "b", model = "simulated-savacu/generator-b"}}]'))
    build = Build(read_recipe(path), tmp_path / "build", DirectRunner())
    build.run()
    for split in ("train", "validation", "test"):
        ids = [str(row["id"]) for row in rows(build) if row["split"] == split]
        assert ids == sorted(ids)
    assert {row["generator"] for row in rows(build)} == {"a", "b"}
    assert len(rows(build)) == sum(pair.passed for pair in build.pairs())


def test_hugging_face_reads_it(build: Build, tmp_path: Path):
    from datasets import load_dataset

    loaded = load_dataset(str(build.folder / "dataset"), cache_dir=str(tmp_path / "cache"))
    assert sum(len(split) for split in loaded.values()) == len(rows(build))


def test_croissant_is_valid_and_leads_to_the_rows(build: Build):
    mlc = pytest.importorskip("mlcroissant")
    path = build.folder / "dataset" / "croissant.json"
    dataset = mlc.Dataset(jsonld=str(path))
    assert not dataset.metadata.issues.errors
    metadata = json.loads(path.read_text(encoding="utf-8"))
    prompts = {
        record[f"{record_set['@id']}/prompt"].decode()
        for record_set in metadata["recordSet"]
        for record in dataset.records(record_set["@id"])
    }
    assert prompts == {row["prompt"] for row in rows(build)}


def test_prompts_of_a_data_set_are_read_back(build: Build, tmp_path: Path):
    prompts = published_prompts(build.folder / "dataset")
    assert {prompt.id: prompt.split for prompt in prompts} == build.splits()
    assert {prompt.text for prompt in prompts} == {row["prompt"] for row in rows(build)}
    with pytest.raises(InputError, match="holds no Parquet files"):
        published_prompts(tmp_path / "none")
    with pytest.raises(InputError, match=r"is no file of a published data set(.|\n)*build/dataset"):
        published_prompts(build.folder)


def test_it_is_pushed_only_where_it_is_and_as_told(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    done: list[tuple[str, object]] = []
    monkeypatch.setattr(HfApi, "create_repo", lambda _, name, **given: done.append((name, given["private"])))
    monkeypatch.setattr(HfApi, "upload_folder", lambda _, **given: done.append((given["repo_id"], given["folder_path"])) or "a commit")
    with pytest.raises(InputError, match="no data set to push"):
        push(tmp_path, "me/mine", private=True)
    assert done == []
    assert push(build.folder, "me/mine", private=True) == "a commit"
    assert done == [("me/mine", True), ("me/mine", build.folder / "dataset")]


def test_a_hub_that_refuses_is_told(build: Build, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("no token")

    monkeypatch.setattr(HfApi, "create_repo", refuse)
    with pytest.raises(InputError, match="could not be pushed: no token"):
        push(build.folder, "me/mine", private=True)
