"""How many tokens a model may write: the published budgets, with room where the model reasons natively."""

from inspect_ai.model import get_model_info
from inspect_ai.model._model import active_model  # get_model() would start a model where none is running

from misfire.tasks.prompts import Protocol

MAX_TOKENS: dict[Protocol, int] = {"direct": 512, "cot": 8192}
"""Published output budgets (arXiv 2606.18656, release); native reasoning gets that of ``cot``."""


def max_tokens(protocol: Protocol) -> int:
    """The output budget for the model that is being evaluated; ``--max-tokens`` goes before it.

    Args:
        protocol: Which protocol.

    Returns:
        512 for direct answers; 8,192 with a chain of thought, and for models that Inspect's database knows to reason natively,
        since their reasoning counts against the budget. A task made outside an eval knows no model.
    """
    model = active_model()
    info = None if model is None else get_model_info(model)
    return MAX_TOKENS["cot"] if info is not None and info.reasoning else MAX_TOKENS[protocol]
