"""A recipe is checked whole before anything is done."""

from pathlib import Path

import pytest

from misfire.datasets.savacu.recipe import PUBLISHED_TAU, RECOMMENDED_TAU, Recipe, read_recipe
from misfire.errors import InputError

from .conftest import RecipeText


def read(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return read_recipe(path)


def test_published_settings_are_the_defaults_but_for_tau(tmp_path: Path, recipe_text: RecipeText):
    recipe = read(tmp_path, recipe_text())
    settings = recipe.respond.settings
    assert (settings.temperature, settings.top_p, settings.max_tokens, recipe.respond.rounds) == (0.7, 0.9, 512, 2)
    assert recipe.classify.delta == 0.5
    assert (recipe.dedup.tau, recipe.split.tau) == (RECOMMENDED_TAU, PUBLISHED_TAU) == (3, 10)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[dedup]\ntaw = 3", "field 'dedup.taw': Extra inputs are not permitted"),
        ("[dedup]\ntau = 30", "field 'dedup.tau'"),
        ("[dedup]\ntau = '3'", "field 'dedup.tau'"),
        ("[splitt]\nsalt = 'x'", "field 'splitt'"),
        ("[publish]\nrepository = 'nobody'", "field 'publish.repository'"),
        ("[expand]\ntarget = 5", "field 'expand.model'"),
        ("[dedup", "not TOML"),
        ('[expand]\ntarget = 5\nmodel = {model = "a/b", args = {api_key = "k"}}', "'api_key' looks like a secret"),
        ('[expand]\ntarget = 5\nmodel = {model = "a/b", base_url = "http://me:pw@host/v1"}', "holds a name or password"),
    ],
)
def test_a_typo_is_refused_with_file_and_field(tmp_path: Path, recipe_text: RecipeText, more: str, said: str):
    with pytest.raises(InputError) as raised:
        read(tmp_path, recipe_text(more=more))
    assert said in str(raised.value)
    assert "recipe.toml" in str(raised.value)
    assert "pw@" not in str(raised.value)


def test_all_faults_are_told_together(tmp_path: Path, recipe_text: RecipeText):
    with pytest.raises(InputError, match="2 bad records"):
        read(tmp_path, recipe_text(more="[dedup]\ntaw = 3\n[split]\ntau = -1"))


@pytest.mark.parametrize(
    "source",
    ['{path = "a", dataset = "b/c"}', "{}", '{dataset = "b/c"}', '{dataset = "b/c", revision = "main"}', '{path = "a", split = "train"}'],
)
def test_a_source_is_one_file_or_one_pinned_data_set(tmp_path: Path, recipe_text: RecipeText, source: str):
    text = recipe_text()
    first = text.index("sources = [")
    with pytest.raises(InputError, match=r"ingest\.sources"):
        read(tmp_path, text[:first] + f"sources = [{source}]\n" + text[text.index("[classify]") :])


def test_two_generators_of_one_name_are_refused(tmp_path: Path, recipe_text: RecipeText):
    text = recipe_text().replace('generators = [{name = "a"', 'generators = [{name = "a", model = "x/y"}, {name = "a"')
    with pytest.raises(InputError, match="same name"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("simulated-savacu/evaluator", "simulated-savacu/generator-a", False),
        ("simulated-savacu/evaluator", "other-provider/Classifier", False),
        ("simulated-savacu/generator-a", "simulated-savacu/classifier", False),
        ("simulated-savacu/evaluator", "simulated-savacu/evaluator-2", True),
    ],
)
def test_no_model_may_judge_its_own_work(tmp_path: Path, recipe_text: RecipeText, old: str, new: str, allowed: bool):
    recipe = read(tmp_path, recipe_text().replace(old, new))
    if allowed:
        recipe.check_roles()
        return
    with pytest.raises(InputError, match="--allow-same-model"):
        recipe.check_roles()


def test_the_hash_is_of_what_it_says_and_not_of_how(tmp_path: Path, recipe_text: RecipeText):
    one = read(tmp_path, recipe_text())
    same = read(tmp_path, "# a comment\n" + recipe_text(more="[dedup]\ntau = 3"))
    other = read(tmp_path, recipe_text(more="[dedup]\ntau = 10"))
    assert one.hash == same.hash != other.hash
