"""Pushing: only what is written, only where it was asked for."""

from pathlib import Path

import pytest
from huggingface_hub import HfApi

from misfire.errors import InputError
from misfire.savacu.build import Build
from misfire.savacu.publish.hub import push


def test_the_data_set_is_pushed_only_as_requested(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    done: list[tuple[str, object]] = []
    monkeypatch.setattr(HfApi, "create_repo", lambda _, name, **given: done.append((name, given["private"])))
    monkeypatch.setattr(
        HfApi,
        "upload_folder",
        lambda _, **given: done.append((given["repo_id"], given["folder_path"])) or "a commit",
    )
    with pytest.raises(InputError, match="no data set to push"):
        push(tmp_path, "me/mine", private=True)
    assert done == []
    assert push(build.folder, "me/mine", private=True) == "a commit"
    assert done == [("me/mine", True), ("me/mine", build.folder / "dataset")]


def test_a_refusal_of_the_hub_is_reported(build: Build, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("no token")

    monkeypatch.setattr(HfApi, "create_repo", refuse)
    with pytest.raises(InputError, match="the upload failed: no token"):
        push(build.folder, "me/mine", private=True)
