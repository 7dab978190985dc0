"""A model is named by a folder, a GGUF file or a Hub ID; what cannot be read says why."""

import asyncio
from pathlib import Path

import pytest
import torch
from gguf import GGMLQuantizationType
from inspect_ai.model import ChatMessage, ChatMessageUser, GenerateConfig
from transformers import AutoTokenizer

from misfire.errors import InputError
from misfire.mechanistic.model.decoder import load_decoder
from misfire.mechanistic.model.weights import find_weights
from misfire.models.intervened import IntervenedModel
from tests.mechanistic.gguf_files import TEMPLATE, random_llama, write_gguf

PROMPTS = ((0, 40, 50, 60, 70, 80, 1), (0, 90, 33, 7))


def logits_of(model: str) -> torch.Tensor:
    decoder = load_decoder(model, device="cpu")
    with torch.no_grad():
        return decoder.logits(decoder.batch(PROMPTS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as a folder, and as a GGUF file in a folder of its own."""
    place = tmp_path_factory.mktemp("weights")
    made = random_llama()
    write_gguf(made, place / "random.gguf")
    made.save_pretrained(place / "folder")
    AutoTokenizer.from_pretrained(place, gguf_file="random.gguf").save_pretrained(place / "folder")
    return place


def test_a_gguf_file_gives_the_logits_of_the_safetensors(folder: Path):
    expected = logits_of(str(folder / "folder"))
    assert torch.equal(logits_of(str(folder / "random.gguf")), expected)


def test_a_folder_with_one_gguf_file_is_that_file(folder: Path):
    assert find_weights(str(folder)).gguf == folder / "random.gguf"
    assert load_decoder(str(folder), device="cpu").name == "random"  # not that of the folder


def test_a_folder_with_two_gguf_files_needs_a_choice(tmp_path: Path):
    for name in ("one.gguf", "two.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(InputError, match=r"2 GGUF files in this folder \(one.gguf, two.gguf\). Name one"):
        find_weights(str(tmp_path))


@pytest.mark.parametrize("kind", [GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_1])
def test_a_quantized_file_is_dequantized(folder: Path, tmp_path: Path, kind: GGMLQuantizationType):
    write_gguf(random_llama(), tmp_path / "small.gguf", kind=kind)
    decoder = load_decoder(str(tmp_path / "small.gguf"), device="cpu")
    exact = load_decoder(str(folder / "folder"), device="cpu").model.state_dict()
    assert decoder.dtype == torch.float32
    assert not getattr(decoder.model, "is_quantized", False)
    step = {"Q8_0": 2**-7, "Q4_1": 2**-3}[kind.name]
    for name, weight in decoder.model.state_dict().items():
        assert 0 <= (weight - exact[name]).abs().max() <= step * exact[name].abs().max(), name
    assert any((weight != exact[name]).any() for name, weight in decoder.model.state_dict().items())


def test_a_quantization_that_cannot_be_undone_is_named(tmp_path: Path):
    write_gguf(random_llama(), tmp_path / "odd.gguf", kind=GGMLQuantizationType.Q8_1)
    with pytest.raises(InputError, match=r"odd.gguf: .*Q8_1.*Convert the file with llama.cpp"):
        load_decoder(str(tmp_path / "odd.gguf"), device="cpu")


def test_an_architecture_that_cannot_be_read_is_named(tmp_path: Path):
    write_gguf(random_llama(), tmp_path / "odd.gguf", architecture="rwkv7")
    with pytest.raises(
        InputError, match=r"odd.gguf: .*rwkv7.*transformers reads these architectures: bloom, "
    ):
        load_decoder(str(tmp_path / "odd.gguf"), device="cpu")


def test_weights_that_are_missing_are_not_drawn_at_random(tmp_path: Path):
    write_gguf(random_llama(), tmp_path / "part.gguf", leave_out="layers.1.mlp.up_proj")
    with pytest.raises(InputError, match=r"part.gguf: 1 weights are missing .*layers.1.mlp.up_proj.weight"):
        load_decoder(str(tmp_path / "part.gguf"), device="cpu")


def test_a_part_of_a_model_is_refused(folder: Path, tmp_path: Path):
    (tmp_path / "model-00002-of-00003.gguf").write_bytes((folder / "random.gguf").read_bytes())
    with pytest.raises(InputError, match=r"one part of a model.*llama-gguf-split --merge"):
        find_weights(str(tmp_path / "model-00002-of-00003.gguf"))


@pytest.mark.parametrize("keep", [4, 60, 3000, -4000])
def test_a_damaged_file_is_an_error_that_names_it(folder: Path, tmp_path: Path, keep: int):
    (tmp_path / "cut.gguf").write_bytes((folder / "random.gguf").read_bytes()[:keep])
    with pytest.raises(InputError, match=r"cut.gguf: the model cannot be loaded"):
        load_decoder(str(tmp_path / "cut.gguf"), device="cpu")


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path):
    (tmp_path / "model.gguf").write_bytes(b"PK\3\4")
    with pytest.raises(InputError, match=r"model.gguf: this is not a GGUF file"):
        find_weights(str(tmp_path / "model.gguf"))
    with pytest.raises(InputError, match=r"none.gguf: there is no such file"):
        find_weights(str(tmp_path / "none.gguf"))


def test_an_adapter_is_no_model(tmp_path: Path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"this is an adapter .*--adapter FOLDER"):
        load_decoder(str(tmp_path))


def test_intervened_reads_the_file_with_its_chat_template(folder: Path):
    models = [
        IntervenedModel(str(folder / name), heads="none", device="cpu") for name in ("folder", "random.gguf")
    ]
    question: list[ChatMessage] = [ChatMessageUser(content="yes or no")]
    replies = [
        asyncio.run(model.generate(question, [], "none", GenerateConfig(max_tokens=6, temperature=0)))
        for model in models
    ]
    assert replies[0].completion == replies[1].completion != ""
    assert models[1].tokenizer.chat_template == TEMPLATE  # pyright: ignore[reportOptionalMemberAccess]


def test_intervened_says_what_is_wrong_with_a_file(tmp_path: Path):
    write_gguf(random_llama(), tmp_path / "odd.gguf", kind=GGMLQuantizationType.Q8_1)
    with pytest.raises(InputError, match=r"intervened/.*odd.gguf: the model cannot be loaded.*Q8_1"):
        IntervenedModel(str(tmp_path / "odd.gguf"), heads="none", device="cpu")
