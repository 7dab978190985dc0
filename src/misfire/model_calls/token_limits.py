"""How many tokens a model may write where the user has set no limit: more where it reasons natively."""

from functools import cache
from typing import Literal

from inspect_ai.model import Model, get_model_info

Limit = Literal["auto", "none"]
"""Whether a call gets a limit of output tokens where the user has set none: ``none`` for endpoints that reject the field."""

REASONING = 8192
"""Output budget of a model that reasons natively, since its reasoning counts against it; also that of a chain of thought."""


def output_budget(plain: int, model: Model, limit: Limit = "auto") -> int | None:
    """The output budget for one call of a model.

    Args:
        plain: Tokens for a model that does not reason natively.
        model: The model.
        limit: Whether there is to be one.

    Returns:
        ``plain`` or ``REASONING``; none if there is to be no limit, or if the model's own settings hold one, which then counts.
    """
    if limit == "none" or model.config.max_tokens is not None:
        return None
    return max(plain, REASONING) if reasons_natively(str(model)) else plain


@cache
def reasons_natively(model: str) -> bool:
    """Whether Inspect's database says that a model reasons by itself.

    Args:
        model: Its full name, for example ``openai/o3-mini``.

    Returns:
        False too for a model that the database does not know.
    """
    info = get_model_info(model)
    return info is not None and bool(info.reasoning)
