"""A Hugging Face causal language model with a small interface.

Token IDs go in; logits and logit differences at the last token come out. The model itself is not changed.
Analyses change its computation with hooks (``misfire.mechanistic.model.hooks``).
"""

# many types in transformers are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor

from misfire.errors import InputError
from misfire.mechanistic.model.adapters import Adapter, apply_adapter, find_adapter
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.layouts import Layout, find_layout
from misfire.mechanistic.model.model_names import model_name
from misfire.mechanistic.model.weights import explained, find_weights

Side = Literal["left", "right"]
Attention = Literal["sdpa", "eager"]
"""How a model computes attention."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class AnswerTokens:
    """The tokens that begin an answer.

    Attributes:
        yes: Token IDs of the spellings of "yes".
        no: Token IDs of the spellings of "no".
    """

    yes: tuple[int, ...]
    no: tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """Prompts of different lengths, padded.

    Attributes:
        ids: Token IDs, shape (prompts, tokens).
        mask: 1 for a token and 0 for padding, same shape.
        last: Position of the last token of each prompt, shape (prompts,).
    """

    ids: Tensor
    mask: Tensor
    last: Tensor


class Decoder:
    """A model with its tokenizer, prepared for the analyses.

    Args:
        model: A causal language model from transformers.
        tokenizer: Its tokenizer. It must be a fast tokenizer, because the analyses need the positions of
            words.
        name: Name of the model in tables.
        adapter: The adapter that was merged into it, if any.

    Raises:
        InputError: The layout of the model is unknown, its weights do not fit on the devices, or its
            attention cannot be replayed.

    Attributes:
        forwards: Number of prompts that were run so far. A prompt counts once for every intervention, even if
            only some layers were run again.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str, adapter: Adapter | None = None) -> None:  # noqa: ANN401 (any Hugging Face model)
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.name = name
        self.adapter = adapter
        self.forwards = 0
        self.layout: Layout = find_layout(model)
        if away := [name for name, weight in model.named_parameters() if weight.device.type == "meta"]:
            raise InputError(
                f"{name}: the model does not fit on the devices. {len(away)} weights were offloaded (the "
                f"first is {away[0]}) and cannot be analyzed there. Choose a smaller --dtype, more devices, "
                "or --device cpu."
            )
        if self.implementation not in {"sdpa", "eager"}:
            raise InputError(
                f"{name}: the attention implementation '{self.implementation}' cannot be replayed layer by "
                "layer. Use sdpa or eager."
            )

    @property
    def commit(self) -> str | None:
        """Hub commit that the model was loaded from; None for a folder."""
        return cast("str | None", getattr(self.model.config, "_commit_hash", None))

    @property
    def implementation(self) -> str:
        """Name of the attention implementation in transformers."""
        return cast(str, self.model.config.get_text_config()._attn_implementation)

    @property
    def device(self) -> torch.device:
        """Device of the token IDs."""
        return cast(torch.device, self.model.get_input_embeddings().weight.device)

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the computation."""
        return cast(torch.dtype, self.model.get_input_embeddings().weight.dtype)

    @property
    def width(self) -> int:
        """Width of the residual stream."""
        return self.layout.unembedding.in_features

    @property
    def heads(self) -> list[Head]:
        """All heads, layer by layer."""
        return [Head(layer.index, head) for layer in self.layout.layers for head in range(layer.heads)]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the configuration and all loaded weights.

        It changes with the model and with the data type.
        """
        digest = hashlib.sha256(self.model.config.to_json_string().encode())
        for name, weight in self.model.state_dict().items():
            digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
            digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def check_heads(self, heads: Sequence[Head]) -> None:
        """Raise an error for heads that the model does not have.

        Raises:
            InputError: The model does not have one of the heads.
        """
        shape = self.layout.shape
        wrong = [str(head) for head in heads if head.layer >= len(shape) or head.index >= shape[head.layer]]
        if wrong:
            raise InputError(
                f"{self.name} has {len(shape)} layers of {max(shape)} heads, counted from 0; there is no "
                f"{', '.join(wrong)}."
            )

    def batch(self, prompts: Sequence[Sequence[int]], side: Side = "right") -> Batch:
        """Pad prompts to the same length.

        Args:
            prompts: Token IDs of each prompt.
            side: Side of the padding. Padding on the right is not visible to any token, so positions and
                masks need no correction.

        Returns:
            The batch.
        """
        length = max(map(len, prompts))
        padding = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else 0
        ids = torch.full((len(prompts), length), padding, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            start = length - len(prompt) if side == "left" else 0
            ids[row, start : start + len(prompt)] = torch.tensor(list(prompt))
            mask[row, start : start + len(prompt)] = 1
        last = torch.full((len(prompts),), length - 1) if side == "left" else mask.sum(1) - 1
        return Batch(ids.to(self.device), mask.to(self.device), last.to(self.device))

    def run(self, batch: Batch) -> Tensor:
        """Run all layers.

        Returns:
            The residual stream after the final norm at the last token of each prompt, shape (prompts, width).
        """
        self.forwards += len(batch.ids)
        arguments: dict[str, Tensor] = {}
        if not bool((batch.last == batch.mask.sum(1) - 1).all()):  # the padding is on the left
            arguments = {
                "attention_mask": batch.mask,
                "position_ids": (batch.mask.cumsum(1) - 1).clamp(min=0),
            }
        hidden: Tensor = self.layout.stack(
            input_ids=batch.ids, use_cache=False, **arguments
        ).last_hidden_state
        return hidden[torch.arange(len(batch.ids), device=hidden.device), batch.last.to(hidden.device)]

    def logits(self, batch: Batch) -> Tensor:
        """Logits of the next token, shape (prompts, vocabulary), float32."""
        logits = self.layout.unembedding(self.run(batch)).float()
        return (
            logits
            if self.layout.softcap is None
            else self.layout.softcap * torch.tanh(logits / self.layout.softcap)
        )

    def read(self, residual: Tensor, answers: AnswerTokens) -> Tensor:
        """Compute the logit difference of a residual stream with final norm and unembedding (logit lens).

        Args:
            residual: Residual stream before the final norm, shape (…, width).
            answers: The answers' tokens.

        Returns:
            log Σ exp(yes logits) − log Σ exp(no logits), shape (…,), in float32, because bfloat16 would round
            it to steps of 0.125.
        """
        return self.difference(self.layout.norm(residual.float()), answers)

    def difference(self, normed: Tensor, answers: AnswerTokens) -> Tensor:
        """Compute the logit difference of a residual stream after the final norm; see ``read``."""
        weight, bias, cap = self.layout.unembedding.weight, self.layout.unembedding.bias, self.layout.softcap

        def mass(tokens: tuple[int, ...]) -> Tensor:
            rows = torch.tensor(tokens, device=weight.device)
            logits = normed.float().to(weight.device) @ weight[rows].float().T
            if bias is not None:  # pyright: ignore[reportUnnecessaryComparison] (torch declares it as never None)
                logits = logits + bias[rows].float()
            return torch.logsumexp(logits if cap is None else cap * torch.tanh(logits / cap), dim=-1)

        return mass(answers.yes) - mass(answers.no)

    @contextmanager
    def attention(self, implementation: Attention | Literal["misfire_tree"]) -> Generator[None]:
        """Temporarily change the attention implementation.

        For example, ``eager`` returns the attention weights.
        """
        own = self.implementation
        self.model.set_attn_implementation(implementation)
        try:
            yield
        finally:
            self.model.set_attn_implementation(own)


def tokenizer_folder(
    model: str,
    *,
    revision: str | None = None,
    subfolder: str = "",
    **where: Any,  # noqa: ANN401 (options of transformers)
) -> str:
    """Return the local folder with a model's tokenizer, and download it if necessary.

    Args:
        model: A folder or a Hugging Face Hub ID.
        revision: Commit, tag or branch on the Hub; None for the main branch.
        subfolder: Folder of the model in its repository. A tokenizer there takes precedence over one at the
            top.
        where: ``cache_dir``, ``local_files_only`` and ``token``, as in transformers.

    Returns:
        The folder of that revision in the Hub cache.

    Raises:
        OSError: The tokenizer or the revision does not exist.
        ValueError: The tokenizer requires remote code.
    """
    from transformers import AutoTokenizer
    from transformers.utils.hub import cached_file

    for place in dict.fromkeys((subfolder, "")):
        for name in ("tokenizer_config.json", "tokenizer.json"):
            found = cached_file(
                model,
                name,
                revision=revision,
                subfolder=place,
                _raise_exceptions_for_missing_entries=False,
                **where,
            )
            if found is not None:
                # this downloads the other files
                AutoTokenizer.from_pretrained(
                    model, revision=revision, subfolder=place, trust_remote_code=False, **where
                )
                return str(Path(found).parent)
    raise OSError(f"{model} has no tokenizer.")


def load_decoder(
    model: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    attention: Attention = "sdpa",
    tokenizer: str | None = None,
    revision: str | None = None,
    adapter: str | None = None,
) -> Decoder:
    """Load a model. Remote code is not run, and the weights must be in safetensors format, not pickled.

    Args:
        model: A folder, a Hugging Face Hub ID, or a GGUF file.
        device: For example ``cpu`` or ``cuda:0``. ``auto`` distributes the layers over the available GPUs
            with accelerate.
        dtype: ``float32``, ``bfloat16``, ``float16``, or ``auto`` for the data type of the stored weights.
        attention: The attention implementation.
        tokenizer: Folder or Hub ID of the tokenizer, if it differs from the model.
        revision: Commit, tag or branch on the Hub. The default is the main branch.
        adapter: PEFT adapter to merge into the model: a folder or Hub ID.

    Returns:
        The decoder.

    Raises:
        InputError: The model cannot be loaded, its layout is unknown, or the adapter does not fit it.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if dtype != "auto" and dtype not in DTYPES:
        raise InputError(f"dtype: '{dtype}' is not one of auto, {', '.join(DTYPES)}.")
    weights = find_weights(model)
    found = find_adapter(adapter) if adapter is not None else None
    with explained(model, weights):
        loaded, info = cast(
            "tuple[Any, dict[str, Any]]",
            AutoModelForCausalLM.from_pretrained(
                weights.place,
                revision=revision,
                dtype=DTYPES.get(dtype, "auto"),
                device_map=device,
                attn_implementation=attention,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                **weights.model_options,
            ),
        )
        words = (
            AutoTokenizer.from_pretrained(tokenizer, revision=None, trust_remote_code=False)
            if tokenizer
            else AutoTokenizer.from_pretrained(
                weights.place, revision=revision, trust_remote_code=False, **weights.tokenizer_options
            )
        )
    if missing := sorted(info["missing_keys"]):
        raise InputError(
            f"{model}: {len(missing)} weights are missing from its files (the first is {missing[0]}), and "
            "transformers replaced them with random numbers. Download the model again."
        )
    if not words.is_fast:
        raise InputError(
            f"{model}: its tokenizer is not a fast one and does not report positions of words. Convert "
            "it first."
        )
    name = model_name(model) if weights.gguf is None else weights.gguf.stem
    if found is None:
        return Decoder(loaded, words, name)
    return Decoder(apply_adapter(loaded, found, model), words, f"{name} + {found.short_name}", found)
