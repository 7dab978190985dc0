"""Tiny random models of every family, built from configurations: no weights are fetched."""

from collections.abc import Callable
from typing import Any

import torch

from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.organisms.language import word_tokenizer

TEXT = (
    "the old cook young slept did who a was is one . ? , passage answer with word : yes or no n / you "
    "questions about short passages"
)

SIZES: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "pad_token_id": 1,
    "bos_token_id": None,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
}


def joined(*parts: dict[str, Any]) -> dict[str, Any]:
    """Settings together, later ones before earlier ones."""
    return {name: value for part in parts for name, value in part.items()}


def _llama(**more: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**joined(SIZES, more)))


def _mistral(**more: Any) -> Any:
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(MistralConfig(**joined(SIZES, {"sliding_window": 6, "head_dim": 8}, more)))


def _qwen2(**more: Any) -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return Qwen2ForCausalLM(Qwen2Config(**joined(SIZES, more)))


def _qwen3(**more: Any) -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(Qwen3Config(**joined(SIZES, {"head_dim": 12}, more)))


QWEN35: dict[str, Any] = {
    "head_dim": 12,
    "layer_types": ["linear_attention", "full_attention", "linear_attention", "full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
}


def _qwen35(**more: Any) -> Any:
    from transformers import Qwen3_5ForCausalLM, Qwen3_5TextConfig

    return Qwen3_5ForCausalLM(Qwen3_5TextConfig(**joined(SIZES, QWEN35, more)))


GEMMA: dict[str, Any] = {
    "head_dim": 12,
    "sliding_window": 6,
    "final_logit_softcapping": 5.0,
    "query_pre_attn_scalar": 12,
}


def _gemma(**more: Any) -> Any:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    kinds = ["sliding_attention", "full_attention"] * 2
    return Gemma3ForCausalLM(Gemma3TextConfig(**joined(SIZES, GEMMA, {"layer_types": kinds}, more)))


def _gemma_nested(**more: Any) -> Any:
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    kinds = ["sliding_attention", "full_attention"] * 2
    vision = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 16,
        "patch_size": 8,
        "vision_use_head": False,
    }
    config = Gemma3Config(
        text_config=joined(SIZES, GEMMA, {"layer_types": kinds}, more),
        vision_config=vision,
        mm_tokens_per_image=4,
        image_token_index=60,
    )
    return Gemma3ForConditionalGeneration(config)


def _phi3(**more: Any) -> Any:
    from transformers import Phi3Config, Phi3ForCausalLM

    return Phi3ForCausalLM(Phi3Config(**joined(SIZES, more)))


FAMILIES: dict[str, Callable[..., Any]] = {
    "llama": _llama,
    "mistral": _mistral,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "qwen3.5": _qwen35,
    "gemma3": _gemma,
    "gemma3-nested": _gemma_nested,
    "phi3": _phi3,
}


def exact_decoder(family: str = "llama", seed: int = 0, **more: Any) -> Decoder:
    """The same in float64.

    Two ways to one number then differ by the rounding of the last step alone, which is in float32.

    In float32 the order of sums, and with it the number of threads and the machine, moves logits of about 30
    by more than 1e-5."""
    decoder = random_decoder(family, seed, **more)
    decoder.model.double()
    return decoder


def random_decoder(family: str = "llama", seed: int = 0, **more: Any) -> Decoder:
    """A model with random weights, its embeddings of standard deviation 1 so that words differ."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = FAMILIES[family](**more)
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_(0, 1)
    model.config.get_text_config().pad_token_id = 1
    return Decoder(model, word_tokenizer([TEXT]), family)


def random_prompts(
    count: int = 4, seed: int = 0, shared: int = 5, lengths: tuple[int, int] = (9, 20)
) -> list[list[int]]:
    """Prompts of unequal length that begin alike."""
    draw = torch.Generator().manual_seed(seed)
    start = torch.randint(4, 40, (shared,), generator=draw).tolist()
    sizes = torch.randint(*lengths, (count,), generator=draw).tolist()
    return [start + torch.randint(4, 40, (size - shared,), generator=draw).tolist() for size in sizes]
