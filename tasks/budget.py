"""The output token limit of the model under test if neither model settings nor command line set it."""

from inspect_ai.model import Model

# gives the combined settings of task and command line, for which Inspect has no public function
from misfire.inspect_compat.calls import active_generate_config
from misfire.model_calls.token_limits import REASONING, Limit, output_budget
from misfire.tasks.prompts import Protocol

MAX_TOKENS: dict[Protocol, int] = {"direct": 512, "cot": REASONING}
"""Published output budgets (arXiv 2606.18656, release). Native reasoning gets that of ``cot``."""


def max_tokens(protocol: Protocol, model: Model, limit: Limit = "auto") -> int | None:
    """Return the output budget for one call of a VETO protocol.

    Args:
        protocol: The protocol.
        model: The model under test.
        limit: Whether to set a limit at all.

    Returns:
        512 for direct answers; 8,192 with a chain of thought and for models with native reasoning. None if
        there should be no limit or the user has set one.
    """
    return free_budget(MAX_TOKENS[protocol], model, limit)


def free_budget(plain: int, model: Model, limit: Limit = "auto") -> int | None:
    """Return the output budget for one call of the model under test.

    Args:
        plain: Number of tokens for a model without native reasoning.
        model: The model under test.
        limit: Whether to set a limit at all.

    Returns:
        As in ``misfire.model_calls.token_limits.output_budget``. None also if the task or the command line
        has set a limit.
    """
    return None if active_generate_config().max_tokens is not None else output_budget(plain, model, limit)
