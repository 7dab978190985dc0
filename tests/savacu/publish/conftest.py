"""A small build with its data set, made once; each test has a copy of its own."""

import shutil
from pathlib import Path

import pytest

from misfire.savacu.build import Build
from misfire.savacu.recipe import read_recipe

from ..conftest import LABELS, recipe_for
from ..direct_runner import DirectRunner


@pytest.fixture(scope="session")
def finished_build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The build; no test may change it."""
    home = tmp_path_factory.mktemp("finished")
    (home / "labeled.csv").write_text(LABELS, encoding="utf-8")
    (home / "recipe.toml").write_text(
        recipe_for(
            home / "labeled.csv",
            generator='faults = "contrary:0.3"',
            more='[publish]\nlicence = "cc-by-4.0"\nrows_per_file = 2',
        ),
        encoding="utf-8",
    )
    build = Build(read_recipe(home / "recipe.toml"), home / "build", DirectRunner())
    build.run()
    return build


@pytest.fixture
def build(finished_build: Build, tmp_path: Path) -> Build:
    """A copy of the build, which a test may change."""
    shutil.copytree(finished_build.folder, tmp_path / "build")
    return Build(finished_build.recipe, tmp_path / "build", DirectRunner())
