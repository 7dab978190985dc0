"""How a half is put to the model."""

from inspect_ai.model import ChatMessageSystem, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from misfire.scorers.answers import YES_NO_UNKNOWN
from misfire.scorers.probes import allowed_answers
from misfire.tasks.budget import max_tokens
from misfire.tasks.prompts import Protocol, question_message, system_message


@solver
def ask_half(protocol: Protocol = "direct") -> Solver:
    """Ask one half by a protocol, in one call.

    The sample's input stays the bare prompt, so that it reads well in the viewer and serves other pipelines.
    A system message of the user's (``--system-message``) comes before ours. A sample's ``system_cue`` (priming) opens ours.
    Its ``probe`` (controls) says whether "unknown" is a third answer.

    Args:
        protocol: ``direct`` or ``cot``.

    Returns:
        The solver.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        three_way = allowed_answers(state.metadata.get("probe")) is YES_NO_UNKNOWN
        state.user_prompt.text = question_message(state.user_prompt.text, protocol, three_way=three_way)
        cue: object = state.metadata.get("system_cue")
        system = system_message(protocol, three_way=three_way)
        state.messages.insert(0, ChatMessageSystem(content=f"{cue} {system}" if cue else system))
        budget = max_tokens(protocol, get_model())
        return await generate(state) if budget is None else await generate(state, max_tokens=budget)

    return solve
