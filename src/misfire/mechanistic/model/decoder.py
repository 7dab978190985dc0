"""A causal language model of Hugging Face's behind one small interface: token ids in, logits and logit differences at the last token out.

The model itself is not changed; what analyses do to it, they do with hooks (``misfire.mechanistic.model.hooks``).
"""

# transformers leaves many types open
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
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.layouts import Layout, find_layout

Side = Literal["left", "right"]
Attention = Literal["sdpa", "eager"]
"""How a model computes attention."""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class AnswerTokens:
    """The tokens that begin an answer.

    Attributes:
        yes: Token ids of "yes" in its spellings.
        no: Token ids of "no".
    """

    yes: tuple[int, ...]
    no: tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """Prompts of unequal length, padded.

    Attributes:
        ids: Token ids, shape (prompts, tokens).
        mask: 1 for a token, 0 for padding, same shape.
        last: Where each prompt's last token is, shape (prompts,).
    """

    ids: Tensor
    mask: Tensor
    last: Tensor


class Decoder:
    """A model with its tokenizer, ready to be looked into.

    Args:
        model: A causal language model of transformers.
        tokenizer: Its tokenizer; a fast one, since the places of words are asked of it.
        name: What to call it in tables.

    Raises:
        InputError: The model's layout is not known, or its attention is computed in a way that cannot be replayed.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str) -> None:  # noqa: ANN401 (any model of Hugging Face's)
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.name = name
        self.layout: Layout = find_layout(model)
        if away := [name for name, weight in model.named_parameters() if weight.device.type == "meta"]:
            raise InputError(
                f"{name}: the devices have no room for it; {len(away)} weights were put aside, {away[0]} first, and cannot be looked into "
                "there. Choose a smaller --dtype, more devices, or --device cpu."
            )
        if self.implementation not in {"sdpa", "eager"}:
            raise InputError(
                f"{name}: attention is computed by '{self.implementation}'; say sdpa or eager, which can be replayed layer by layer."
            )

    @property
    def commit(self) -> str | None:
        """Commit of the hub that it was loaded from; None for a folder."""
        return cast("str | None", getattr(self.model.config, "_commit_hash", None))

    @property
    def implementation(self) -> str:
        """How attention is computed, by transformers' name."""
        return cast(str, self.model.config.get_text_config()._attn_implementation)

    @property
    def device(self) -> torch.device:
        """Where token ids go."""
        return cast(torch.device, self.model.get_input_embeddings().weight.device)

    @property
    def dtype(self) -> torch.dtype:
        """What the model computes in."""
        return cast(torch.dtype, self.model.get_input_embeddings().weight.dtype)

    @property
    def width(self) -> int:
        """Size of the residual stream."""
        return self.layout.unembedding.in_features

    @property
    def heads(self) -> list[Head]:
        """All heads, layer by layer."""
        return [Head(layer.index, head) for layer in self.layout.layers for head in range(layer.heads)]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the configuration and all weights as they are held: another model or dtype, another fingerprint."""
        digest = hashlib.sha256(self.model.config.to_json_string().encode())
        for name, weight in self.model.state_dict().items():
            digest.update(f"{name} {tuple(weight.shape)} {weight.dtype}".encode())
            digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def check_heads(self, heads: Sequence[Head]) -> None:
        """Refuse heads that the model does not have.

        Args:
            heads: Heads.

        Raises:
            InputError: A head is not there.
        """
        shape = self.layout.shape
        wrong = [str(head) for head in heads if head.layer >= len(shape) or head.index >= shape[head.layer]]
        if wrong:
            raise InputError(f"{self.name} has {len(shape)} layers of {max(shape)} heads, counted from 0, and so no {', '.join(wrong)}.")

    def batch(self, prompts: Sequence[Sequence[int]], side: Side = "right") -> Batch:
        """Pad prompts to one length.

        Args:
            prompts: Token ids of each.
            side: Where the padding goes. On the right no token sees it, so that positions and masks stay plain.

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
        """Run the stack of layers.

        Args:
            batch: Prompts.

        Returns:
            The normed residual stream at each prompt's last token, shape (prompts, width).
        """
        arguments: dict[str, Tensor] = {}
        if not bool((batch.last == batch.mask.sum(1) - 1).all()):  # padded on the left
            arguments = {"attention_mask": batch.mask, "position_ids": (batch.mask.cumsum(1) - 1).clamp(min=0)}
        hidden: Tensor = self.layout.stack(input_ids=batch.ids, use_cache=False, **arguments).last_hidden_state
        return hidden[torch.arange(len(batch.ids), device=hidden.device), batch.last.to(hidden.device)]

    def logits(self, batch: Batch) -> Tensor:
        """Logits of the next token, shape (prompts, vocabulary), float32."""
        logits = self.layout.unembedding(self.run(batch)).float()
        return logits if self.layout.softcap is None else self.layout.softcap * torch.tanh(logits / self.layout.softcap)

    def read(self, residual: Tensor, answers: AnswerTokens) -> Tensor:
        """The logit difference that a residual stream gives, if it went into the final norm and the unembedding as it is (logit lens).

        Args:
            residual: Residual stream before the final norm, shape (…, width).
            answers: The answers' tokens.

        Returns:
            log Σ exp(yes logits) − log Σ exp(no logits), shape (…,), in float32 throughout: bfloat16 would round it to steps of 0.125.
        """
        return self.difference(self.layout.norm(residual.float()), answers)

    def difference(self, normed: Tensor, answers: AnswerTokens) -> Tensor:
        """The logit difference of a residual stream that went through the final norm already; see ``read``."""
        weight, bias, cap = self.layout.unembedding.weight, self.layout.unembedding.bias, self.layout.softcap

        def mass(tokens: tuple[int, ...]) -> Tensor:
            rows = torch.tensor(tokens, device=weight.device)
            logits = normed.float().to(weight.device) @ weight[rows].float().T
            if bias is not None:  # pyright: ignore[reportUnnecessaryComparison] (torch types it as always there)
                logits = logits + bias[rows].float()
            return torch.logsumexp(logits if cap is None else cap * torch.tanh(logits / cap), dim=-1)

        return mass(answers.yes) - mass(answers.no)

    @contextmanager
    def attention(self, implementation: Attention | Literal["misfire_tree"]) -> Generator[None]:
        """Compute attention another way for a while, for example ``eager``, which gives its weights."""
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
    **where: Any,  # noqa: ANN401 (transformers' own)
) -> str:
    """The folder on this machine that holds a model's tokenizer, downloaded if need be.

    Args:
        model: A folder, or an id of the Hugging Face hub.
        revision: Commit, tag or branch on the hub; the main branch if none.
        subfolder: Where the model is in its repository; a tokenizer there goes before one at the top.
        where: ``cache_dir``, ``local_files_only`` and ``token``, as transformers take them.

    Returns:
        The folder: that of the revision, in the hub's cache.

    Raises:
        OSError: There is no tokenizer, or no such revision.
        ValueError: The tokenizer cannot be used without running code that comes with it.
    """
    from transformers import AutoTokenizer
    from transformers.utils.hub import cached_file

    for place in dict.fromkeys((subfolder, "")):
        for name in ("tokenizer_config.json", "tokenizer.json"):
            found = cached_file(model, name, revision=revision, subfolder=place, _raise_exceptions_for_missing_entries=False, **where)
            if found is not None:
                # this fetches the other files
                AutoTokenizer.from_pretrained(model, revision=revision, subfolder=place, trust_remote_code=False, **where)
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
) -> Decoder:
    """Load a model. No code that comes with it is run, and its weights must be safetensors, not pickles.

    Args:
        model: A folder, or an id of the Hugging Face hub.
        device: For example ``cpu`` or ``cuda:0``; ``auto`` spreads the layers over the GPUs that are there (accelerate).
        dtype: ``float32``, ``bfloat16``, ``float16``; ``auto`` for the one that the weights are kept in.
        attention: How attention is computed.
        tokenizer: Folder or id of the tokenizer, if it is not the model's own.
        revision: Commit, tag or branch of the hub; its main branch unless told.

    Returns:
        The decoder.

    Raises:
        InputError: The model cannot be loaded, or its layout is not known.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if dtype != "auto" and dtype not in DTYPES:
        raise InputError(f"dtype: '{dtype}' is none of auto, {', '.join(DTYPES)}.")
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            model,
            revision=revision,
            dtype=DTYPES.get(dtype, "auto"),
            device_map=device,
            attn_implementation=attention,
            use_safetensors=True,
            trust_remote_code=False,
        )
        words = AutoTokenizer.from_pretrained(tokenizer or model, revision=None if tokenizer else revision, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{model}: the model cannot be loaded. {reason}") from error
    if not words.is_fast:
        raise InputError(f"{model}: its tokenizer does not say where words stand (it is not a fast one). Convert it first.")
    return Decoder(loaded, words, model.rstrip("/").rpartition("/")[2])
