"""Models are named by what they are, and not by the folder that they lie in."""

import json
from pathlib import Path

import pytest

from misfire.mechanistic.model.model_names import model_name


def folder(place: Path, **files: dict[str, object]) -> str:
    place.mkdir(parents=True)
    for name, content in files.items():
        (place / f"{name}.json").write_text(json.dumps(content))
    return str(place)


def test_an_id_of_the_hub_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert model_name("Qwen/Qwen2.5-7B-Instruct") == "Qwen/Qwen2.5-7B-Instruct"


@pytest.mark.parametrize(
    ("config", "tokenizer", "name"),
    [
        ({"_name_or_path": "Qwen/Qwen3-4B"}, {}, "Qwen/Qwen3-4B"),
        ({"_model_name_or_path": "Smollm2 135M 8k"}, {}, "Smollm2 135M 8k"),
        ({"_name_or_path": "/data/checkpoints/7"}, {"name_or_path": "org/model"}, "org/model"),
        ({"_name_or_path": "./out"}, {"name_or_path": "a/b/c"}, "here"),
        ({"_name_or_path": "C:\\models\\x"}, {}, "here"),
        ({"_name_or_path": ""}, {"name_or_path": 7}, "here"),
        ({"_name_or_path": "two\nlines"}, {}, "here"),
    ],
)
def test_a_folder_has_the_name_in_its_files_unless_this_is_a_path(
    tmp_path: Path, config: dict[str, object], tokenizer: dict[str, object], name: str
):
    place = folder(tmp_path / "here", config=config, tokenizer_config=tokenizer)
    assert model_name(place) == model_name(f"{place}/") == name


def test_a_folder_with_unreadable_files_has_its_own_name(tmp_path: Path):
    place = folder(tmp_path / "here")
    (Path(place) / "config.json").write_text("[")
    (Path(place) / "tokenizer_config.json").write_text("[]")
    assert model_name(place) == "here"


def test_a_folder_of_the_hub_cache_has_the_name_of_its_repository(tmp_path: Path):
    place = folder(tmp_path / "models--org--some-model" / "snapshots" / "0123", config={"_name_or_path": "x"})
    assert model_name(place) == "org/some-model"


def test_a_file_has_its_own_name(tmp_path: Path):
    (tmp_path / "smollm2.Q4_1.gguf").write_bytes(b"")
    assert model_name(str(tmp_path / "smollm2.Q4_1.gguf")) == "smollm2.Q4_1.gguf"
