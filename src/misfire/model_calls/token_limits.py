"""The output token limit if the user has set none. Models with native reasoning get more tokens."""

from functools import cache
from typing import Literal

from inspect_ai.model import Model, get_model_info

Limit = Literal["auto", "none"]
"""Whether a call has an output token limit if the user has set none.

``none`` is for endpoints that reject the field.
"""

REASONING = 8192
"""Output budget for native reasoning, which counts against the limit. Also the budget for a chain of thought.
"""


def output_budget(plain: int, model: Model, limit: Limit = "auto") -> int | None:
    """Return the output budget for one call of a model.

    Args:
        plain: Number of tokens for a model without native reasoning.
        model: The model.
        limit: Whether to set a limit at all.

    Returns:
        ``plain`` or ``REASONING``, or None if there should be no limit or the model's own settings contain
        one.
    """
    if limit == "none" or model.config.max_tokens is not None:
        return None
    return max(plain, REASONING) if reasons_natively(str(model)) else plain


@cache
def reasons_natively(model: str) -> bool:
    """Check in Inspect's database whether a model reasons natively.

    Args:
        model: Full name of the model, for example ``openai/o3-mini``.

    Returns:
        False if the database does not contain the model.
    """
    info = get_model_info(model)
    return info is not None and bool(info.reasoning)
