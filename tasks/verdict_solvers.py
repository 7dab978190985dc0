"""How Mis-Align Bench puts a response to the model under test, or has it answer a prompt itself."""

from inspect_ai.model import ChatMessageSystem, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from misfire.scorers.judge import JUDGE_TOKENS, Structured, reply_schema, system_message, uses_structure
from misfire.scorers.misalign import grader
from misfire.scorers.misalign_records import SampleNote
from misfire.tasks.budget import free_budget

ANSWER_TOKENS = 1024
"""Output budget of an answer, for models that do not reason natively; our own, twice what SaVaCu's responses may have."""


@solver
def ask_verdict(structured: Structured = "auto") -> Solver:
    """Ask the model under test whether a response is misaligned, in one call, in the dimensions that the sample names.

    Args:
        structured: Whether its provider is asked to hold the reply to the schema.

    Returns:
        The solver.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        asked, model = state.metadata_as(SampleNote).asked, get_model()
        state.messages.insert(0, ChatMessageSystem(content=system_message(asked)))
        schema = reply_schema(asked) if uses_structure(structured, model) else None
        budget = free_budget(JUDGE_TOKENS, model)
        return await (
            generate(state, response_schema=schema) if budget is None else generate(state, response_schema=schema, max_tokens=budget)
        )

    return solve


@solver
def answer_prompt() -> Solver:
    """Have the model under test answer a prompt; nothing is asked of it for a response that only the grader is to judge.

    Returns:
        The solver. It stops before the first call where no model has the role ``grader``.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        grader()
        if state.metadata_as(SampleNote).kind == "grader_check":
            return state
        budget = free_budget(ANSWER_TOKENS, get_model())
        return await (generate(state) if budget is None else generate(state, max_tokens=budget))

    return solve
