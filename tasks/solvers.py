"""Solvers that ask the model a half of a pair."""

from inspect_ai.model import ChatMessageSystem, GenerateConfig, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from misfire.model_calls.ask import SystemRole, ask
from misfire.model_calls.first_token import Readout
from misfire.model_calls.structured import Structured
from misfire.model_calls.token_limits import Limit
from misfire.scorers.answers import YES_NO_UNKNOWN
from misfire.scorers.half_notes import HalfNote
from misfire.scorers.probes import allowed_answers
from misfire.tasks.prompts import Protocol, question_message, system_message
from misfire.tasks.readout import Asking, call_config, check_probabilities


@solver
def ask_half(
    protocol: Protocol = "direct",
    limit: Limit = "auto",
    system: SystemRole = "auto",
    readout: Readout = "text",
    structured: Structured = "off",
) -> Solver:
    """Ask one half with a protocol, in one call.

    The sample's input remains the plain prompt, so that it is readable in the viewer and usable in other
    pipelines. A system message of the user (``--system-message``) comes before ours. The sample's
    ``system_cue`` (priming) is placed at the beginning of ours, and its ``probe`` (controls) determines
    whether "unknown" is a third answer.

    Args:
        protocol: ``direct`` or ``cot``.
        limit: Whether to apply the protocol's limit of output tokens if the user has set none.
        system: Where the instruction goes.
        readout: Whether the answer will be read from text or from the probabilities of the first token.
        structured: Whether the provider should enforce a schema for the answer.
    """
    asking = Asking(protocol, readout, structured)

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001 (Inspect's signature)
        note = state.metadata_as(HalfNote)
        allowed = allowed_answers(note.probe)
        three_way = allowed is YES_NO_UNKNOWN
        state.user_prompt.text = question_message(
            state.user_prompt.text, protocol, readout, three_way=three_way
        )
        instruction = system_message(protocol, readout, three_way=three_way)
        state.messages.insert(
            0,
            ChatMessageSystem(content=f"{note.system_cue} {instruction}" if note.system_cue else instruction),
        )
        config = call_config(asking, get_model(), limit, allowed)
        return await put(state, config, system, needs_system=bool(note.system_cue), readout=readout)

    return solve


async def put(
    state: TaskState,
    config: GenerateConfig,
    system: SystemRole,
    *,
    needs_system: bool = False,
    readout: Readout = "text",
) -> TaskState:
    """Send a sample's messages to the model under test, in one call.

    Args:
        state: The sample's state. The messages as sent and the output are added to it.
        config: Settings of this call in addition to those of the run.
        system: Where the instruction goes.
        needs_system: Whether the system message itself is being measured, so that it must not be moved.
        readout: How the answer will be read.

    Returns:
        The state.

    Raises:
        InputError: Probabilities of tokens are needed, and the response has none.
        RuntimeError: The response is empty, so nothing was measured.
    """
    model = get_model()
    asked = await ask(model, state.messages, config, system, needs_system=needs_system, readout=readout)
    state.messages = asked.messages
    state.output = asked.output
    if asked.output.empty:
        raise RuntimeError(f"The provider of {model} returned an empty response{_reason(asked.output.error)}")
    if readout == "logprobs":
        check_probabilities(model, asked.output)
    state.messages.append(asked.output.message)
    return state


def _reason(error: str | None) -> str:
    return f": {error}" if error else "."
