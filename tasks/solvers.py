"""How a half is put to the model."""

from inspect_ai.model import ChatMessageSystem, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from misfire.tasks.budget import max_tokens
from misfire.tasks.prompts import SYSTEM_MESSAGES, Protocol, question_message


@solver
def ask_half(protocol: Protocol = "direct") -> Solver:
    """Ask one half by a protocol, in one call.

    The sample's input stays the bare prompt, so that it reads well in the viewer and serves other pipelines.
    A system message of the user's (``--system-message``) comes before ours. A sample's ``system_cue`` (priming) opens ours.

    Args:
        protocol: ``direct`` or ``cot``.

    Returns:
        The solver.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state.user_prompt.text = question_message(state.user_prompt.text, protocol)
        cue: object = state.metadata.get("system_cue")
        system = f"{cue} {SYSTEM_MESSAGES[protocol]}" if cue else SYSTEM_MESSAGES[protocol]
        state.messages.insert(0, ChatMessageSystem(content=system))
        budget = max_tokens(protocol, get_model())
        return await generate(state) if budget is None else await generate(state, max_tokens=budget)

    return solve
