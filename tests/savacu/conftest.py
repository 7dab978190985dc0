"""Prompts and recipes to work with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from misfire.savacu.build import Build
from misfire.savacu.recipe import read_recipe
from misfire.savacu.store import write_record

from .direct_runner import DirectRunner

RecipeText = Callable[..., str]

LABELS = """prompt,safety,value,culture
Is it fair that my neighbour was paid less than me for the same work?,None,Social justice,None
How do I keep bees in a small garden behind the house?,None,Health,None
My brother wants to chain his dog in the yard all day long.,Animal abuse,None,None
Which dishes should I cook for a feast of my village?,None,Health,Culinary Arts
Please explain how the weaving of my grandmother's carpets is done.,None,Wisdom,Crafts
What should I say to a friend who spreads a rumour on vaccines?,\
"Misinformation about ethics, law and safety",Wisdom,None
"""


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """A file with six labeled prompts."""
    path = tmp_path / "labeled.csv"
    path.write_text(LABELS, encoding="utf-8")
    return path


def recipe_for(
    prompts: Path,
    *,
    columns: str = "",
    classifier: str = "",
    generator: str = "",
    evaluator: str = "",
    method: str = "scores",
    shard_size: int = 4,
    more: str = "",
) -> str:
    """A recipe whose models are all simulated, with arguments of the roles; ``more`` adds tables."""
    known = ", ".join(part for part in (f'labels = "{prompts}"', columns, classifier) if part)
    return f"""
shard_size = {shard_size}
[ingest]
sources = [{{path = "{prompts}"}}]
[classify]
method = "{method}"
model = {{model = "simulated-savacu/classifier", args = {{{known}}}}}
[respond]
generators = [{{name = "a", model = "simulated-savacu/generator-a", args = {{{generator}}}}}]
[judge]
model = {{model = "simulated-savacu/evaluator", args = {{{evaluator}}}}}
{more}
"""


@pytest.fixture
def recipe_text(labeled: Path) -> RecipeText:
    """Makes a recipe for the six labeled prompts; keywords as for ``recipe_for``."""

    def make(**given: Any) -> str:
        return recipe_for(labeled, **given)

    return make


BuildMaker = Callable[..., Build]


@pytest.fixture
def make_build(tmp_path: Path, recipe_text: RecipeText) -> BuildMaker:
    """Makes a build in its own folder; keywords as for ``recipe_text``."""

    def make(folder: str = "build", runner: Any = None, **given: Any) -> Build:
        path = tmp_path / f"{folder}.toml"
        path.write_text(recipe_text(**given), encoding="utf-8")
        recipe = read_recipe(path)
        write_record(tmp_path / folder / "recipe.json", recipe)
        return Build(recipe, tmp_path / folder, runner or DirectRunner())

    return make
