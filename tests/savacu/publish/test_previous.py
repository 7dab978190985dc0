"""Prompts of a data set that was published before."""

from pathlib import Path

import pytest

from misfire.errors import InputError
from misfire.savacu.build import Build
from misfire.savacu.publish.previous import published_prompts

from .reading import rows


def test_prompts_of_a_data_set_are_read_back(build: Build, tmp_path: Path):
    prompts = published_prompts(build.folder / "dataset")
    assert {prompt.id: prompt.split for prompt in prompts} == build.view.splits()
    assert {prompt.text for prompt in prompts} == {row["prompt"] for row in rows(build)}
    with pytest.raises(InputError, match="contains no Parquet files"):
        published_prompts(tmp_path / "none")
    with pytest.raises(InputError, match=r"is not a file of a published data set(.|\n)*build/dataset"):
        published_prompts(build.folder)
