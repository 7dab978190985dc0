"""An adapter merged into the model is the adapter beside it; one that does not fit is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, PromptTuningConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from misfire.errors import InputError
from misfire.mechanistic.model.adapters import find_adapter
from misfire.mechanistic.model.decoder import Decoder, load_decoder
from misfire.models.intervened import IntervenedModel
from tests.mechanistic.adapters import save_adapter
from tests.mechanistic.gguf_files import random_llama, write_gguf

PROMPT = ((0, 40, 50, 60, 70, 80, 1),)


def save_model(folder: Path, **more: Any) -> Any:
    """A random Llama model with its tokenizer."""
    model = random_llama(**more)
    model.save_pretrained(folder)
    write_gguf(random_llama(), folder / "random.gguf")
    AutoTokenizer.from_pretrained(folder, gguf_file="random.gguf").save_pretrained(folder)
    (folder / "random.gguf").unlink()
    return model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in ``base`` and a LoRA adapter for it in ``tuned``."""
    folder = tmp_path_factory.mktemp("adapters")
    save_adapter(save_model(folder / "base"), folder / "tuned")
    return folder


def logits_of(decoder: Decoder) -> torch.Tensor:
    with torch.no_grad():
        return decoder.logits(decoder.batch(PROMPT))


def peft_logits(base: Path, adapter: Path) -> torch.Tensor:
    """By PEFT itself, with the adapter beside the weights."""
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter)).eval()
    with torch.no_grad():
        return model(input_ids=torch.tensor(PROMPT)).logits[:, -1]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"use_dora": True},
        {"use_rslora": True, "target_modules": "all-linear"},
        {"modules_to_save": ["lm_head"]},
    ],
)
def test_merged_logits_are_pefts(tmp_path: Path, settings: dict[str, Any]):
    save_adapter(save_model(tmp_path / "base"), tmp_path / "tuned", **settings)
    decoder = load_decoder(str(tmp_path / "base"), device="cpu", adapter=str(tmp_path / "tuned"))
    expected = peft_logits(tmp_path / "base", tmp_path / "tuned")
    torch.testing.assert_close(logits_of(decoder), expected, atol=1e-4, rtol=1e-5)
    plain = logits_of(load_decoder(str(tmp_path / "base"), device="cpu"))
    assert (plain - expected).abs().max() > 0.1  # the adapter does something


def test_intervened_is_the_same_model(place: Path):
    model = IntervenedModel(str(place / "base"), adapter=str(place / "tuned"), device="cpu")
    expected = load_decoder(str(place / "base"), device="cpu", adapter=str(place / "tuned"))
    assert torch.equal(logits_of(model.decoder), logits_of(expected))
    assert model.decoder.fingerprint == expected.fingerprint
    assert not model.handles  # an adapter alone is no intervention on heads


def test_the_name_and_the_note_say_what_was_added(place: Path):
    decoder = load_decoder(str(place / "base"), device="cpu", adapter=str(place / "tuned"))
    assert decoder.name == "base + tuned"
    assert decoder.adapter is not None
    assert decoder.adapter.kind == "LORA"
    assert decoder.adapter.sha256 == find_adapter(str(place / "tuned")).sha256


def test_the_hash_follows_the_weights(place: Path, tmp_path: Path):
    shutil.copytree(place / "tuned", tmp_path / "tuned")
    before = find_adapter(str(tmp_path / "tuned")).sha256
    weights = tmp_path / "tuned" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    assert find_adapter(str(tmp_path / "tuned")).sha256 != before == find_adapter(str(place / "tuned")).sha256


def change(folder: Path, **settings: Any) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def test_another_base_is_warned_of(place: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    shutil.copytree(place / "tuned", tmp_path / "tuned")
    change(tmp_path / "tuned", base_model_name_or_path="somebody/Other-7B")
    load_decoder(str(place / "base"), device="cpu", adapter=str(tmp_path / "tuned"))
    assert "the adapter was made for somebody/Other-7B, and the model is" in caplog.text
    caplog.clear()
    change(tmp_path / "tuned", base_model_name_or_path="somebody/Base")
    load_decoder(str(place / "base"), device="cpu", adapter=str(tmp_path / "tuned"))
    assert not caplog.text


@pytest.mark.parametrize(
    "other", [{"num_hidden_layers": 2}, {"num_hidden_layers": 4}, {"hidden_size": 32, "head_dim": 8}]
)
def test_an_adapter_of_a_model_of_another_shape_is_refused(
    place: Path, tmp_path: Path, other: dict[str, int]
):
    save_model(tmp_path / "other", **other)
    with pytest.raises(
        InputError, match=r"tuned: the adapter (is of another model than|does not fit) .*other"
    ):
        load_decoder(str(tmp_path / "other"), device="cpu", adapter=str(place / "tuned"))


def test_an_adapter_that_is_no_change_of_weights_is_refused(place: Path, tmp_path: Path):
    model = get_peft_model(random_llama(), PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM"))
    model.save_pretrained(str(tmp_path / "prompt"))
    with pytest.raises(InputError, match=r"PROMPT_TUNING .*cannot be merged"):
        load_decoder(str(place / "base"), device="cpu", adapter=str(tmp_path / "prompt"))


def test_what_peft_cannot_merge_is_refused_with_its_reason(tmp_path: Path):
    save_adapter(save_model(tmp_path / "base"), tmp_path / "tuned", lora_bias=True)
    with pytest.raises(InputError, match=r"tuned: the adapter does not fit .*base. .*base layer has no bias"):
        load_decoder(str(tmp_path / "base"), device="cpu", adapter=str(tmp_path / "tuned"))


def test_tied_embeddings_cannot_take_an_adapter_on_one_side(tmp_path: Path):
    model = save_model(tmp_path / "base", tie_word_embeddings=True)
    save_adapter(model, tmp_path / "tuned", target_modules=["embed_tokens"])
    with pytest.raises(InputError, match=r"cannot be merged: logits .*differ"):
        load_decoder(str(tmp_path / "base"), device="cpu", adapter=str(tmp_path / "tuned"))


def test_pickled_weights_are_not_read(place: Path, tmp_path: Path):
    shutil.copytree(place / "tuned", tmp_path / "tuned")
    (tmp_path / "tuned" / "adapter_model.safetensors").rename(tmp_path / "tuned" / "adapter_model.bin")
    with pytest.raises(InputError, match=r"tuned: .*adapter_model.safetensors is missing"):
        find_adapter(str(tmp_path / "tuned"))


def test_what_is_no_adapter_is_refused(place: Path, tmp_path: Path):
    with pytest.raises(InputError, match=r"base: .*adapter_config.json is missing"):
        find_adapter(str(place / "base"))
    shutil.copytree(place / "tuned", tmp_path / "tuned")
    (tmp_path / "tuned" / "adapter_config.json").write_text("[")
    with pytest.raises(InputError, match=r"cannot be read"):
        find_adapter(str(tmp_path / "tuned"))
    (tmp_path / "tuned" / "adapter_config.json").write_text("[]")
    with pytest.raises(InputError, match=r"not a JSON object"):
        find_adapter(str(tmp_path / "tuned"))
    with pytest.raises(InputError, match=r"no such folder"):
        find_adapter("no/such/place")
