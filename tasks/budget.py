"""How many tokens a model may write: the published budgets, with room where the model reasons natively."""

from functools import cache

from inspect_ai.model import Model, get_model_info

# the settings of the task and the command line together, which Inspect shows in no public place
from inspect_ai.model._generate_config import active_generate_config

from misfire.tasks.prompts import Protocol

MAX_TOKENS: dict[Protocol, int] = {"direct": 512, "cot": 8192}
"""Published output budgets (arXiv 2606.18656, release); native reasoning gets that of ``cot``."""


def max_tokens(protocol: Protocol, model: Model) -> int | None:
    """The output budget for one call, where the user has set none.

    Args:
        protocol: Which protocol.
        model: The model that is evaluated.

    Returns:
        512 for direct answers; 8,192 with a chain of thought, and for models that Inspect's database knows to reason natively,
        since their reasoning counts against the budget. None if the user has set a budget, which then holds.
    """
    if model.config.max_tokens is not None or active_generate_config().max_tokens is not None:
        return None
    return MAX_TOKENS["cot"] if reasons_natively(str(model)) else MAX_TOKENS[protocol]


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
