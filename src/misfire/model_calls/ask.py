"""Call a model once, in the same way for every task, and record what was sent and how the call ended.

- No tools are offered. A reply that calls a tool anyway counts as a reply without an answer and starts no
  loop.
- If the provider's moderation stops the request with an error, the result is an output with stop reason
  ``content_filter``. Inspect itself does this only for some such errors.
- If a model has no system role, the instruction is placed at the beginning of the first user message.
- The output's metadata contains the settings of the call (``CallNote``).
"""

import logging
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self

from inspect_ai.event import ModelEvent
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    GenerateConfig,
    Model,
    ModelOutput,
    StopDetails,
)
from pydantic import BaseModel, ConfigDict, ValidationError

from misfire.errors import InputError
from misfire.inspect_compat.calls import (
    ModelEventSink,
    active_generate_config,
    active_model,
    current_event_sink,
    log_event,
    log_event_update,
    use_model_event_sink,
)
from misfire.model_calls.first_token import Readout
from misfire.model_calls.generation_settings import hidden_settings
from misfire.model_calls.hugging_face import adapt
from misfire.model_calls.moderation import BLOCKED_REASONS, Moderated, moderated, stop_reasons
from misfire.model_calls.stop_reasons import Ending, ending_of, watch_endings

SystemRole = Literal["auto", "system", "user"]
"""Where the instruction goes. ``system``: into a system message. ``user``: before the first user message.

``auto``: into a system message unless the model's chat template or server does not support it.
"""

NOTE = "misfire"
"""Key of a ``CallNote`` in an output's metadata."""

_LOGGER = logging.getLogger(__name__)

_NO_SYSTEM_ROLE = re.compile(
    r"system (?:role|message|prompt|instruction)s?\b[^.\n]{0,40}\b(?:not (?:supported|allowed|enabled)"
    r"|unsupported)"
    r"|(?:not support|unsupported)\w*[^.\n]{0,40}\bsystem (?:role|message|prompt|instruction)"
    r"|developer instruction is not enabled|conversation roles must alternate"
    r"|only user,? (?:and )?(?:model|assistant)[^.\n]{0,20} roles are supported"
    r"|(?:first message|conversation)[^.\n]{0,20} must[^.\n]{0,20} user"
    r"|(?:invalid|unknown|unexpected|unsupported) (?:message )?role:?[^.\n]{0,20}\bsystem\b|role "
    r"'?system'?[^.\n]{0,20} not",
    re.IGNORECASE,
)
"""Matches errors in which servers report that a chat template has no system role."""

_WITHOUT_SYSTEM_ROLE: set[tuple[str, str | None]] = set()
"""Models (name and address) whose server has reported this in the current process."""

_WARNED: set[tuple[str, str | None]] = set()
"""Models for which a warning about hidden settings was issued in the current process."""


class CallNote(BaseModel):
    """The settings of a call, and how it ended.

    Attributes:
        temperature: Temperature in the request, or None if the request had none.
        max_tokens: Limit of output tokens that applied, or None if there was none.
        system: Where the instruction was placed.
        cut_off: Whether the output ended at that limit, if this was observed directly instead of inferred
            from the usage.
        moderation: Message of the provider's moderation, if it stopped the call.
        hidden_settings: Settings in the folder of an ``hf/`` model that also change greedy answers, such as a
            repetition penalty.
        readout: How the answer is read from the output.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    temperature: float | None = None
    max_tokens: int | None = None
    system: Literal["system", "user"] = "system"
    cut_off: bool | None = None
    moderation: str | None = None
    hidden_settings: dict[str, Any] | None = None
    readout: Readout = "text"

    @classmethod
    def of(cls, output: ModelOutput) -> Self | None:
        """Return the note of an output, or None if the call was not made with ``ask``."""
        try:
            return cls.model_validate((output.metadata or {})[NOTE])
        except (KeyError, ValidationError):
            return None


@dataclass(frozen=True)
class Asked:
    """The result of a call.

    Attributes:
        messages: The messages as sent, except for a user's own system message that Inspect adds before them.
        output: The output, with a ``CallNote``.
    """

    messages: list[ChatMessage]
    output: ModelOutput


async def ask(
    model: Model,
    messages: Sequence[ChatMessage],
    config: GenerateConfig,
    system: SystemRole = "auto",
    *,
    needs_system: bool = False,
    readout: Readout = "text",
) -> Asked:
    """Call a model once.

    Temporary errors are retried as configured for the run. All errors except those from moderation are raised
    unchanged.

    Args:
        model: The model.
        messages: The messages, with system messages first.
        config: Settings of this call in addition to those of the run.
        system: Where the instruction goes.
        needs_system: Whether the system message itself is being measured, so that it must not be moved.
        readout: How the answer will be read. It is only noted.

    Returns:
        The messages as sent, and the output.

    Raises:
        InputError: A system message is required and the model does not support it.
    """
    adapt(model.api)
    if system == "user" or (system == "auto" and lacks_system_role(model) and not _folds_itself(model)):
        return await _ask_folded(model, messages, config, needs_system, readout)
    place = "user" if _folds_itself(model) and lacks_system_role(model) else "system"
    if needs_system and place == "user":
        raise _no_system_message(model)
    try:
        return Asked(list(messages), await _call(model, messages, config, place, readout))
    except Exception as error:
        if system != "auto" or not _says_no_system_role(error):
            raise
        _WITHOUT_SYSTEM_ROLE.add(_identity(model))
        _LOGGER.warning(
            "%s has no system role (%s). The instruction is moved into the user message.",
            model,
            _brief(error),
        )
    return await _ask_folded(model, messages, config, needs_system, readout)


async def _ask_folded(
    model: Model,
    messages: Sequence[ChatMessage],
    config: GenerateConfig,
    needs_system: bool,
    readout: Readout,
) -> Asked:
    if needs_system:
        raise _no_system_message(model)
    # Inspect adds the user's own system message before ours. Here it is part of the fold, so the call's
    # settings clear it.
    own = (
        active_generate_config().system_message if model == active_model() else None
    ) or model.config.system_message
    before: list[ChatMessage] = [ChatMessageSystem(content=own)] if own else []
    together = fold_system([*before, *messages])
    config = config.merge(GenerateConfig(system_message=""))
    return Asked(together, await _call(model, together, config, "user", readout))


def _no_system_message(model: Model) -> InputError:
    return InputError(
        f"{model} supports no system messages, but this sample (a cue with positions=system) needs one. Use "
        "positions=prefix or suffix."
    )


def _folds_itself(model: Model) -> bool:
    """Check whether a provider itself moves unsupported system messages into the user message.

    This is the case for ``intervened/``.
    """
    return bool(getattr(model.api, "folds_system", False))


def reached_limit(output: ModelOutput) -> bool:
    """Check whether an output ended at a token limit.

    The provider's stop reason decides. If there is none, an output that used up the limit is assumed to have
    reached it.

    Args:
        output: An output. Without a stop reason from the provider, it must come from ``ask``.
    """
    if output.stop_reason != "unknown":
        return output.stop_reason in {"max_tokens", "model_length"}
    note = CallNote.of(output)
    if note is None or note.max_tokens is None:
        return False
    if note.cut_off is not None:
        return note.cut_off
    return output.usage is not None and output.usage.output_tokens >= note.max_tokens


def fold_system(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Move the text of system messages before the first user message.

    Args:
        messages: Any messages.

    Returns:
        The messages without system messages. The system texts come first in the first user message, each
        followed by an empty line. Without system messages, the result equals the input.

    Raises:
        InputError: There is no user message.
    """
    instructions = [message.text for message in messages if message.role == "system" and message.text]
    rest: list[ChatMessage] = [message for message in messages if message.role != "system"]
    if not instructions:
        return rest
    first = next((place for place, message in enumerate(rest) if message.role == "user"), None)
    if first is None:
        raise InputError("There is no user message into which a system message could be moved.")
    # the instructions and the user's text, with an empty line between them
    opened = rest[first].model_copy(update={"content": "\n\n".join([*instructions, rest[first].text])})
    return [*rest[:first], opened, *rest[first + 1 :]]


def lacks_system_role(model: Model) -> bool:
    """Check whether a model is known to have no system role.

    This is known from its chat template or from an error of its server.

    Args:
        model: The model.

    Returns:
        False if nothing is known.
    """
    if _identity(model) in _WITHOUT_SYSTEM_ROLE:
        return True
    api: Any = model.api
    tokenizer, given, used = (
        getattr(api, name, None) for name in ("tokenizer", "chat_template", "use_chat_template")
    )
    template = given if isinstance(given, str) else getattr(tokenizer, "chat_template", None)
    if used is False or not isinstance(template, str) or not hasattr(tokenizer, "apply_chat_template"):
        return False
    return not template_takes_system(tokenizer, template)


def template_takes_system(tokenizer: Any, template: str | None = None) -> bool:  # noqa: ANN401 (transformers' own)
    """Check whether a chat template includes a system message in the prompt.

    Args:
        tokenizer: A transformers tokenizer.
        template: The template, if it is not the tokenizer's own.

    Returns:
        False if the template raises an error or omits the system message. True also if moving the instruction
        into the user message would not help: the template fails on a user message too, or would omit the
        instruction there as well (as does the template of a model organism).
    """
    # render the template with a message that is easy to find again
    said, asked = "Reply in one word (8471).", "What is this?"
    options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True} | (
        {} if template is None else {"chat_template": template}
    )
    user = {"role": "user", "content": asked}
    try:
        tokenizer.apply_chat_template([user], **options)
    except Exception:  # a template may raise any error
        return True
    try:
        if said in tokenizer.apply_chat_template([{"role": "system", "content": said}, user], **options):
            return True
    except Exception:  # as above
        return False
    together = tokenizer.apply_chat_template([user | {"content": f"{said}\n\n{asked}"}], **options)
    return not (said in together and asked in together)


async def _call(
    model: Model,
    messages: Sequence[ChatMessage],
    config: GenerateConfig,
    system: Literal["system", "user"],
    readout: Readout,
) -> ModelOutput:
    watch_endings(model.api)
    with _recorded() as record:
        try:
            output = await model.generate(list(messages), config=config)
        except Exception as error:
            verdict = moderated(error)
            if verdict is None:
                raise
            output = _filtered(model, verdict)
    sent = record.event.config if record.event else config
    note = CallNote(
        temperature=sent.temperature,
        max_tokens=sent.max_tokens,
        system=system,
        cut_off=_seen_cut_off(model, output, sent.max_tokens),
        # the probabilities of tokens are taken before these settings apply
        hidden_settings=_hidden(model) if readout == "text" else None,
        readout=readout,
    )
    if record.error and not output.empty and output.stop_reason == "content_filter":
        # Inspect uses the provider's error as the output text, which parsers and judges must not treat as an
        # answer
        output, note = (
            _without_words(output),
            note.model_copy(update={"moderation": output.error or output.completion}),
        )
    elif not output.empty and output.stop_reason == "unknown" and record.stopped_by_moderation:
        choice = output.choices[0].model_copy(update={"stop_reason": "content_filter"})
        output = output.model_copy(update={"choices": [choice, *output.choices[1:]]})
    return output.model_copy(
        update={"metadata": (output.metadata or {}) | {NOTE: note.model_dump(mode="json")}}
    )


def _hidden(model: Model) -> dict[str, Any] | None:
    """Return generation settings that the provider applies silently. A warning is issued once per model."""
    hidden = hidden_settings(model.api)
    if hidden and _identity(model) not in _WARNED:
        _WARNED.add(_identity(model))
        hidden_text = ", ".join(f"{name}={value}" for name, value in hidden.items())
        _LOGGER.warning(
            "%s: generation_config.json sets %s, which transformers also applies at temperature 0, so "
            "answers are not the most likely ones. The provider intervened/ with -M heads=none does not "
            "apply these settings.",
            model,
            hidden_text,
        )
    return hidden or None


def _filtered(model: Model, verdict: Moderated) -> ModelOutput:
    """Return the output for a request that a provider's moderation stopped."""
    said = (
        verdict.message
        if verdict.code is None or verdict.code in verdict.message
        else f"{verdict.code}: {verdict.message}"
    )
    output = ModelOutput.from_content(str(model), said, stop_reason="content_filter", error=said)
    output.choices[0].stop_details = StopDetails(type="refusal", explanation=said)
    return output


def _without_words(output: ModelOutput) -> ModelOutput:
    choice = output.choices[0]
    message = ChatMessageAssistant(content="", model=choice.message.model, source="generate")
    silent = ChatCompletionChoice(
        message=message, stop_reason=choice.stop_reason, stop_details=choice.stop_details
    )
    return output.model_copy(
        update={"choices": [silent], "completion": "", "error": output.error or output.completion}
    )


def _seen_cut_off(model: Model, output: ModelOutput, limit: int | None) -> bool | None:
    """Check whether the provider's own model was stopped by the limit. None if this cannot be observed."""
    if limit is None or output.empty or output.stop_reason != "unknown":
        return None
    ending: Ending | None = ending_of(model.api, output.completion)
    return None if ending is None else ending.tokens >= limit and not ending.by_itself


class _Record(ModelEventSink):
    """Forward the event of a call, and extract what is needed before Inspect drops the raw response."""

    def __init__(self, onward: ModelEventSink | None) -> None:
        self._onward = onward
        self.event: ModelEvent | None = None
        self.error = False
        self.stopped_by_moderation = False

    def on_pending(self, event: ModelEvent) -> None:
        if self._onward is not None:
            self._onward.on_pending(event)
        else:
            log_event(event)

    def on_complete(self, event: ModelEvent) -> None:
        self.event = event
        self.error = event.error is not None or bool(event.call and event.call.error)
        self.stopped_by_moderation = bool(event.call) and any(
            reason in BLOCKED_REASONS for reason in stop_reasons(event.call.response)
        )
        if self._onward is not None:
            self._onward.on_complete(event)
        else:
            log_event_update(event)


@contextmanager
def _recorded() -> Generator[_Record]:
    record = _Record(current_event_sink())
    with use_model_event_sink(record):
        yield record


def _says_no_system_role(error: BaseException) -> bool:
    """Check whether an error reports that the model has no system role."""
    cause = error.__cause__ or error
    said = getattr(cause, "body", None) or getattr(cause, "message", None) or str(cause)
    return type(error).__name__ != "RetryError" and _NO_SYSTEM_ROLE.search(str(said)) is not None


def _brief(error: BaseException) -> str:
    return " ".join(str(error.__cause__ or error).split())[:200]


def _identity(model: Model) -> tuple[str, str | None]:
    return str(model), model.api.base_url
