"""How many tokens the model under test may write, where neither the model's settings nor the command line say."""

from inspect_ai.model import Model

# the settings of the task and the command line together, which Inspect shows in no public place
from misfire.inspect_compat.calls import active_generate_config
from misfire.model_calls.token_limits import REASONING, Limit, output_budget
from misfire.tasks.prompts import Protocol

MAX_TOKENS: dict[Protocol, int] = {"direct": 512, "cot": REASONING}
"""Published output budgets (arXiv 2606.18656, release); native reasoning gets that of ``cot``."""


def max_tokens(protocol: Protocol, model: Model, limit: Limit = "auto") -> int | None:
    """The output budget for one call by a protocol of VETO.

    Args:
        protocol: Which protocol.
        model: The model that is evaluated.
        limit: Whether there is to be one.

    Returns:
        512 for direct answers; 8,192 with a chain of thought, and for models that reason natively. None if there is to be no limit, or if
        the user has set one.
    """
    return free_budget(MAX_TOKENS[protocol], model, limit)


def free_budget(plain: int, model: Model, limit: Limit = "auto") -> int | None:
    """The output budget for one call of the model under test.

    Args:
        plain: Tokens for a model that does not reason natively.
        model: The model that is evaluated.
        limit: Whether there is to be one.

    Returns:
        As ``misfire.model_calls.token_limits.output_budget``; none too if the task or the command line has set a budget, which then holds.
    """
    return None if active_generate_config().max_tokens is not None else output_budget(plain, model, limit)
