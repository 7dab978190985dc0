"""How a half is put to the model."""

from inspect_ai.model import ChatMessageSystem, GenerateConfig, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from misfire.model_calls.ask import SystemRole, ask
from misfire.model_calls.token_limits import Limit
from misfire.scorers.answers import YES_NO_UNKNOWN
from misfire.scorers.half_notes import HalfNote
from misfire.scorers.probes import allowed_answers
from misfire.tasks.budget import max_tokens
from misfire.tasks.prompts import Protocol, question_message, system_message


@solver
def ask_half(protocol: Protocol = "direct", limit: Limit = "auto", system: SystemRole = "auto") -> Solver:
    """Ask one half by a protocol, in one call.

    The sample's input stays the bare prompt, so that it reads well in the viewer and serves other pipelines.
    A system message of the user's (``--system-message``) comes before ours. A sample's ``system_cue`` (priming) opens ours.
    Its ``probe`` (controls) says whether "unknown" is a third answer.

    Args:
        protocol: ``direct`` or ``cot``.
        limit: Whether the call gets the protocol's limit of output tokens where the user has set none.
        system: Where the instruction goes.

    Returns:
        The solver.
    """

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 (Inspect's signature)
        note = state.metadata_as(HalfNote)
        three_way = allowed_answers(note.probe) is YES_NO_UNKNOWN
        state.user_prompt.text = question_message(state.user_prompt.text, protocol, three_way=three_way)
        instruction = system_message(protocol, three_way=three_way)
        state.messages.insert(0, ChatMessageSystem(content=f"{note.system_cue} {instruction}" if note.system_cue else instruction))
        config = GenerateConfig(max_tokens=max_tokens(protocol, get_model(), limit))
        return await put(state, config, system, needs_system=bool(note.system_cue))

    return solve


async def put(state: TaskState, config: GenerateConfig, system: SystemRole, *, needs_system: bool = False) -> TaskState:
    """Put a sample's messages to the model under test, in one call.

    Args:
        state: The sample's state; it gets the messages as they were sent, and the output.
        config: What the call sets beyond the run's own settings.
        system: Where the instruction goes.
        needs_system: Whether it must be a system message, since that is what is measured.

    Returns:
        The state.

    Raises:
        RuntimeError: The response holds nothing, so that nothing was measured.
    """
    asked = await ask(get_model(), state.messages, config, system, needs_system=needs_system)
    state.messages = asked.messages
    state.output = asked.output
    if asked.output.empty:
        raise RuntimeError(f"The provider of {get_model()} returned a response with nothing in it{_reason(asked.output.error)}")
    state.messages.append(asked.output.message)
    return state


def _reason(error: str | None) -> str:
    return f": {error}" if error else "."
