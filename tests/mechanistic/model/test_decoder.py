"""A decoder gives exactly what plain Hugging Face gives.

This holds whatever the family, the padding, the batch and the way attention is computed.
"""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from misfire.errors import InputError
from misfire.mechanistic.model.decoder import AnswerTokens, Decoder, load_decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import capturing
from misfire.mechanistic.organisms.language import word_tokenizer
from tests.mechanistic.families import FAMILIES, random_decoder, random_prompts

ANSWERS = AnswerTokens((5, 6), (7,))
EXACT: dict[str, Any] = {"atol": 1e-5, "rtol": 0.0}


@pytest.fixture(scope="module", params=FAMILIES)
def decoder(request: pytest.FixtureRequest) -> Decoder:
    return random_decoder(request.param)


@torch.no_grad()
def plain_logits(decoder: Decoder, prompt: list[int]) -> torch.Tensor:
    return decoder.model(input_ids=torch.tensor([prompt])).logits[0, -1].float()


@torch.no_grad()
def test_logits_are_those_of_the_plain_model(decoder: Decoder):
    prompts = random_prompts()
    plain = torch.stack([plain_logits(decoder, prompt) for prompt in prompts])
    together = decoder.logits(decoder.batch(prompts))
    torch.testing.assert_close(together, plain, **EXACT)
    for row, prompt in enumerate(prompts):
        torch.testing.assert_close(decoder.logits(decoder.batch([prompt]))[0], together[row], **EXACT)
    torch.testing.assert_close(decoder.logits(decoder.batch(prompts, side="left")), together, **EXACT)
    with decoder.attention("eager"):
        torch.testing.assert_close(decoder.logits(decoder.batch(prompts)), together, **EXACT)


@torch.no_grad()
def test_the_logit_difference_is_that_of_the_logits_and_of_the_last_residual(decoder: Decoder):
    batch = decoder.batch(random_prompts())
    logits = decoder.logits(batch)
    expected = torch.logsumexp(logits[:, [5, 6]], 1) - logits[:, 7]
    torch.testing.assert_close(decoder.difference(decoder.run(batch), ANSWERS), expected, **EXACT)
    with capturing(decoder, sites=["residual"]) as captured:
        decoder.run(batch)
    final = captured.residual[len(decoder.layout.layers) - 1][torch.arange(len(batch.last)), batch.last]
    torch.testing.assert_close(decoder.read(final, ANSWERS), expected, **EXACT)


def test_heads_are_those_of_the_configuration(decoder: Decoder):
    # head_dim is 12 where the width over the heads is 8 (Qwen3, Gemma-3, Qwen3.5): heads must still be four
    assert decoder.layout.shape == [4, 4, 4, 4]
    assert decoder.heads[5] == Head(1, 1)
    with pytest.raises(InputError, match="no L4H0, L1H4"):
        decoder.check_heads([Head(4, 0), Head(1, 4), Head(3, 3)])


def test_a_changed_weight_changes_the_fingerprint():
    one, same = random_decoder(), random_decoder()
    assert one.fingerprint == same.fingerprint
    with torch.no_grad():
        same.layout.layers[2].out_proj.weight[3, 17] += 1
    assert Decoder(same.model, same.tokenizer, "llama").fingerprint != one.fingerprint


def test_an_unknown_layout_is_refused_with_the_names_that_were_tried():
    model = GPT2LMHeadModel(GPT2Config(vocab_size=8, n_positions=8, n_embd=8, n_layer=1, n_head=2))
    with pytest.raises(
        InputError,
        match=r"GPT2LMHeadModel.*is unknown.*model, model\.language_model.*found transformer, lm_head",
    ):
        Decoder(model, word_tokenizer([]), "gpt2")


def test_a_layer_without_a_known_projection_is_refused():
    decoder = random_decoder()
    decoder.model.model.layers[1].self_attn.o_proj = torch.nn.Identity()
    with pytest.raises(InputError, match="output projection in layer 1"):
        Decoder(decoder.model, decoder.tokenizer, "changed")


def test_a_missing_model_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be loaded"):
        load_decoder(str(tmp_path))
    with pytest.raises(InputError, match="not one of auto"):
        load_decoder(str(tmp_path), dtype="int3")


def test_pickled_weights_are_not_read(tmp_path: Path):
    decoder = random_decoder()
    decoder.model.save_pretrained(tmp_path)
    decoder.tokenizer.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(decoder.model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"cannot be loaded.*safetensors"):
        load_decoder(str(tmp_path), device="cpu")


def test_a_saved_model_is_loaded_as_it_was(tmp_path: Path):
    decoder = random_decoder()
    decoder.model.save_pretrained(tmp_path)
    decoder.tokenizer.save_pretrained(tmp_path)
    loaded = load_decoder(str(tmp_path), device="cpu")
    batch = decoder.batch(random_prompts())
    with torch.no_grad():
        assert torch.equal(loaded.logits(batch), decoder.logits(batch))
    assert loaded.name == tmp_path.name


def test_offloaded_weights_are_refused(tmp_path: Path):
    from accelerate import dispatch_model

    # given a model one of whose layers lies on the disk, as device_map does where there is no room
    decoder = random_decoder()
    places: Any = {
        "model.embed_tokens": "cpu",
        "model.layers.0": "disk",
        "model.norm": "cpu",
        "model.rotary_emb": "cpu",
        "lm_head": "cpu",
    }
    places |= {f"model.layers.{layer}": "cpu" for layer in (1, 2, 3)}
    model = dispatch_model(
        decoder.model,
        places,
        main_device=cast(torch.device, "cpu"),
        offload_dir=str(tmp_path),
        force_hooks=True,
    )
    with pytest.raises(InputError, match=r"does not fit on the devices.*model\.layers\.0"):
        Decoder(model, decoder.tokenizer, "large")
