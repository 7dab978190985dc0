"""Determine how outputs of Inspect's Hugging Face provider (``hf/…``) ended, since it does not report this.

Its outputs have no stop reason, and its usage is that of the longest output in the batch, so a short answer
in a batch with a long one seems to have used the whole limit. This module therefore counts the tokens of each
output when it is decoded.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, cast

from inspect_ai.model import ModelAPI

from misfire.model_calls.hugging_face import is_hugging_face

_KEPT = 4096
"""Maximum number of outputs that are remembered. Each is looked up immediately."""

_ATTRIBUTE = "misfire_endings"


@dataclass(frozen=True)
class Ending:
    """How an output ended.

    Attributes:
        tokens: Number of tokens, without the end token.
        by_itself: Whether the model ended the output with an end token.
    """

    tokens: int
    by_itself: bool


def watch_endings(api: ModelAPI) -> None:
    """Record how the outputs of a model end from now on.

    Only ``hf/`` and providers derived from it are affected.
    """
    anything: Any = api
    if not is_hugging_face(api) or hasattr(api, _ATTRIBUTE):
        return
    seen: OrderedDict[str, Ending] = OrderedDict()
    tokenizer, decode = anything.tokenizer, anything.tokenizer.batch_decode

    def batch_decode(sequences: Any, **options: Any) -> list[str]:  # noqa: ANN401 (transformers' own)
        texts = cast("list[str]", decode(sequences, **options))
        ends = _end_tokens(anything)
        for ids, text in zip(sequences.tolist(), texts, strict=True):
            seen[text] = _ending(ids, ends)
            # keep the most recent outputs and forget the oldest
            seen.move_to_end(text)
            if len(seen) > _KEPT:
                seen.popitem(last=False)
        return texts

    tokenizer.batch_decode = batch_decode
    setattr(api, _ATTRIBUTE, seen)


def ending_of(api: ModelAPI, text: str) -> Ending | None:
    """Return how an output ended.

    Args:
        api: The provider's model, with ``watch_endings`` applied before the output was generated.
        text: The output.

    Returns:
        The ending of the last output with this text, or None if unknown.
    """
    seen: OrderedDict[str, Ending] | None = getattr(api, _ATTRIBUTE, None)
    return None if seen is None else seen.get(text)


def _end_tokens(api: Any) -> frozenset[int]:  # noqa: ANN401 (the provider's own)
    settings = getattr(api.model, "generation_config", None)
    given: list[Any] = [
        getattr(settings, "eos_token_id", None),
        getattr(settings, "pad_token_id", None),
        api.tokenizer.pad_token_id,
    ]
    # each setting is a token, a list of tokens or None
    tokens = (
        token for one in given for token in (cast("list[object]", one) if isinstance(one, list) else [one])
    )
    return frozenset(token for token in tokens if isinstance(token, int))


def _ending(ids: list[int], ends: frozenset[int]) -> Ending:
    # the output ends before its first end or padding token
    length = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return Ending(length, length < len(ids))
