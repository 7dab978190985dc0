"""What was classified by one method is never published as classified by the other."""

import shutil
from pathlib import Path

import pytest

from misfire.errors import InputError

from ..conftest import BuildMaker
from ..direct_runner import DirectRunner, asked


@pytest.mark.parametrize(("before", "now"), [("scores", "questions"), ("questions", "scores")])
def test_prompts_classified_by_the_other_method_are_refused(make_build: BuildMaker, before: str, now: str):
    make_build(method=before).run()
    with pytest.raises(InputError, match=f'classify: .*by method = "{before}"'):
        make_build(method=now).run()
    # the method that they were classified by still goes on
    again = make_build(method=before)
    again.run()
    assert asked(again) == {}


def test_a_build_of_0_2_is_recognized_by_its_recipe(make_build: BuildMaker, tmp_path: Path):
    # given a build of version 0.2.0, which did not say by which method it classified
    build = make_build(method="scores")
    build.run()
    recipe = (build.folder / "recipe.json").read_bytes()
    (build.folder / "classify" / "method.json").unlink()
    other = make_build(method="questions")
    (tmp_path / "build" / "recipe.json").write_bytes(recipe)
    with pytest.raises(InputError, match=r'by method = "scores"'):
        other.run()


def test_after_the_shards_are_removed_the_other_method_can_be_used(make_build: BuildMaker):
    build = make_build(method="scores")
    build.run(["ingest", "classify"])
    shutil.rmtree(build.folder / "classify")
    # also if it is stopped on the way
    with pytest.raises(KeyboardInterrupt):
        make_build(runner=DirectRunner(stop_after=111 * 5), method="questions").run(["classify"])
    make_build(method="questions").run(["classify"])
