"""A small build with its data set."""

from pathlib import Path

import pytest

from misfire.savacu.build import Build
from misfire.savacu.recipe import read_recipe

from ..conftest import RecipeText
from ..direct_runner import DirectRunner


@pytest.fixture
def build(tmp_path: Path, recipe_text: RecipeText) -> Build:
    path = tmp_path / "recipe.toml"
    path.write_text(
        recipe_text(
            generator='faults = "contrary:0.3"', more='[publish]\nlicence = "cc-by-4.0"\nrows_per_file = 2'
        ),
        encoding="utf-8",
    )
    build = Build(read_recipe(path), tmp_path / "build", DirectRunner())
    build.run()
    return build
