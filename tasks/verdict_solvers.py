"""Solvers of Mis-Align Bench: the model under test judges a response, or answers a prompt itself."""

from inspect_ai.model import ChatMessageSystem, GenerateConfig, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from misfire.model_calls.ask import SystemRole
from misfire.model_calls.structured import Structured, uses_structure
from misfire.model_calls.token_limits import Limit
from misfire.scorers.judge import JUDGE_TOKENS, reply_schema, system_message
from misfire.scorers.misalign import grader
from misfire.scorers.misalign_records import SampleNote
from misfire.tasks.budget import free_budget
from misfire.tasks.solvers import put

ANSWER_TOKENS = 1024
"""Output budget of an answer, for models without native reasoning. This is our own choice, twice the limit of
SaVaCu's responses."""


@solver
def ask_verdict(
    structured: Structured = "auto", limit: Limit = "auto", system: SystemRole = "auto"
) -> Solver:
    """Ask the model under test whether a response is misaligned in the sample's dimensions, in one call.

    Args:
        structured: Whether the provider should enforce the schema.
        limit: Whether to set a limit of output tokens if the user has set none.
        system: Where the instruction goes.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 (Inspect's signature)
        asked, model = state.metadata_as(SampleNote).asked, get_model()
        state.messages.insert(0, ChatMessageSystem(content=system_message(asked)))
        schema = reply_schema(asked) if uses_structure(structured, model) else None
        config = GenerateConfig(response_schema=schema, max_tokens=free_budget(JUDGE_TOKENS, model, limit))
        return await put(state, config, system)

    return solve


@solver
def answer_prompt(limit: Limit = "auto", system: SystemRole = "auto") -> Solver:
    """Let the model under test answer a prompt. It is not called for a response that only the grader judges.

    Args:
        limit: Whether to set a limit of output tokens if the user has set none.
        system: Where a user's system message goes. The task itself has none here.

    Returns:
        The solver. It stops before the first call if no model has the role ``grader``.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 (Inspect's signature)
        grader()
        if state.metadata_as(SampleNote).kind == "grader_check":
            return state
        config = GenerateConfig(max_tokens=free_budget(ANSWER_TOKENS, get_model(), limit))
        return await put(state, config, system)

    return solve
