"""How outputs of Inspect's own Hugging Face provider (``hf/…``) ended, which it does not say.

Its outputs have no stop reason, and its usage is that of the longest output of a batch: a short answer that was made beside a long one
seems to have used the whole limit. So the tokens of each output are counted where they are decoded.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, cast

from inspect_ai.model import ModelAPI

_KEPT = 4096
"""So many outputs are remembered; each is asked for at once."""

_ATTRIBUTE = "misfire_endings"


@dataclass(frozen=True)
class Ending:
    """How an output ended.

    Attributes:
        tokens: How many tokens it has, its end token not among them.
        by_itself: Whether the model ended it, by an end token.
    """

    tokens: int
    by_itself: bool


def watch_endings(api: ModelAPI) -> None:
    """See how outputs of a model end from now on; nothing is done for providers other than ``hf/`` and those made of it.

    Args:
        api: The provider's model.
    """
    anything: Any = api
    if not _is_hf(api) or hasattr(api, _ATTRIBUTE):
        return
    seen: OrderedDict[str, Ending] = OrderedDict()
    tokenizer, decode = anything.tokenizer, anything.tokenizer.batch_decode

    def batch_decode(sequences: Any, **options: Any) -> list[str]:  # noqa: ANN401 (transformers' own)
        texts = cast("list[str]", decode(sequences, **options))
        ends = _end_tokens(anything)
        for ids, text in zip(sequences.tolist(), texts, strict=True):
            seen[text] = _ending(ids, ends)
            seen.move_to_end(text)
            if len(seen) > _KEPT:
                seen.popitem(last=False)
        return texts

    tokenizer.batch_decode = batch_decode
    setattr(api, _ATTRIBUTE, seen)


def ending_of(api: ModelAPI, text: str) -> Ending | None:
    """How an output ended.

    Args:
        api: The provider's model, which was watched when it made the output.
        text: The output.

    Returns:
        The ending of the last output with this text; none where that is not known.
    """
    seen: OrderedDict[str, Ending] | None = getattr(api, _ATTRIBUTE, None)
    return None if seen is None else seen.get(text)


def _is_hf(api: ModelAPI) -> bool:
    """By name, since importing the class imports torch."""
    return any(kind.__name__ == "HuggingFaceAPI" for kind in type(api).__mro__) and getattr(api, "tokenizer", None) is not None


def _end_tokens(api: Any) -> frozenset[int]:  # noqa: ANN401 (the provider's own)
    settings = getattr(api.model, "generation_config", None)
    given: list[Any] = [getattr(settings, "eos_token_id", None), getattr(settings, "pad_token_id", None), api.tokenizer.pad_token_id]
    tokens = (token for one in given for token in (cast("list[object]", one) if isinstance(one, list) else [one]))
    return frozenset(token for token in tokens if isinstance(token, int))


def _ending(ids: list[int], ends: frozenset[int]) -> Ending:
    length = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return Ending(length, length < len(ids))
