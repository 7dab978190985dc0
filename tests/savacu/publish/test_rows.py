"""Every row says where it is from."""

import json
from pathlib import Path

from misfire.savacu.build import Build
from misfire.savacu.publish.rows import COLUMNS
from misfire.savacu.recipe import read_recipe

from ..conftest import RecipeText
from ..direct_runner import DirectRunner
from .reading import rows


def test_every_row_names_its_models_and_settings(build: Build):
    for row in rows(build):
        assert list(row) == list(COLUMNS)
        assert row["id"] == f"{row['prompt_id']}_{row['generator']}"
        assert (row["classifier"], row["generator_model"], row["evaluator"]) == (
            "simulated-savacu/classifier",
            "simulated-savacu/generator-a",
            "simulated-savacu/evaluator",
        )
        assert (row["temperature"], row["top_p"], row["max_tokens"], row["recipe"]) == (
            0.7,
            0.9,
            512,
            build.recipe.hash,
        )
        assert row["prompt_source"] == "labeled.csv"
        assert str(row["prompt_place"]).startswith("row ")
        assert row["prompt_writer"] is None
    assert any(row["aligned_round"] or row["misaligned_round"] for row in rows(build))


def test_rows_of_several_generators_come_in_the_order_of_their_ids(tmp_path: Path, recipe_text: RecipeText):
    path = tmp_path / "recipe.toml"
    one = '[{name = "a", model = "simulated-savacu/generator-a", args = {}}'
    path.write_text(
        recipe_text(shard_size=2).replace(
            f"{one}]", f'{one}, {{name = "b", model = "simulated-savacu/generator-b"}}]'
        )
    )
    build = Build(read_recipe(path), tmp_path / "build", DirectRunner())
    build.run()
    for split in ("train", "validation", "test"):
        ids = [str(row["id"]) for row in rows(build) if row["split"] == split]
        assert ids == sorted(ids)
    assert {row["generator"] for row in rows(build)} == {"a", "b"}
    assert len(rows(build)) == sum(pair.passed for pair in build.view.pairs())


def test_a_row_says_that_no_temperature_and_no_limit_were_sent(tmp_path: Path, recipe_text: RecipeText):
    path = tmp_path / "recipe.toml"
    path.write_text(
        recipe_text().replace("[respond]\n", '[respond]\ntemperature = "none"\nmax_tokens = "none"\n'),
        encoding="utf-8",
    )
    build = Build(read_recipe(path), tmp_path / "build", DirectRunner())
    build.run()
    assert rows(build)
    assert {(row["temperature"], row["top_p"], row["max_tokens"]) for row in rows(build)} == {
        (None, 0.9, None)
    }
    recipe = json.loads((build.folder / "dataset" / "recipe.json").read_text(encoding="utf-8"))
    assert (recipe["respond"]["temperature"], recipe["respond"]["max_tokens"]) == ("none", "none")
