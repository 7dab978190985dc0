"""One call of a model, the same for every task: exactly one request, with what was sent and how it ended on record.

- No tools are offered, and a reply that calls one anyway is a reply without an answer; it starts no loop.
- An error by which the provider's moderation stops the request becomes an output that was filtered, as Inspect makes of some such errors.
- Where a model has no system role, the instruction opens the first user message.
- The output's metadata says what the call was made with (``CallNote``).
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
from misfire.model_calls.generation_settings import hidden_settings
from misfire.model_calls.moderation import BLOCKED_REASONS, Moderated, moderated, stop_reasons
from misfire.model_calls.stop_reasons import Ending, ending_of, watch_endings

SystemRole = Literal["auto", "system", "user"]
"""Where the instruction goes: ``system``: into a system message; ``user``: before the first user message; ``auto``: into a system message
unless the model's chat template, or the server, says that it has none."""

NOTE = "misfire"
"""Key of a ``CallNote`` in an output's metadata."""

_LOGGER = logging.getLogger(__name__)

_NO_SYSTEM_ROLE = re.compile(
    r"system (?:role|message|prompt|instruction)s?\b[^.\n]{0,40}\b(?:not (?:supported|allowed|enabled)|unsupported)"
    r"|(?:not support|unsupported)\w*[^.\n]{0,40}\bsystem (?:role|message|prompt|instruction)"
    r"|developer instruction is not enabled|conversation roles must alternate"
    r"|only user,? (?:and )?(?:model|assistant)[^.\n]{0,20} roles are supported"
    r"|(?:first message|conversation)[^.\n]{0,20} must[^.\n]{0,20} user"
    r"|(?:invalid|unknown|unexpected|unsupported) (?:message )?role:?[^.\n]{0,20}\bsystem\b|role '?system'?[^.\n]{0,20} not",
    re.IGNORECASE,
)
"""How servers say that a chat template has no system role."""

_WITHOUT_SYSTEM_ROLE: set[tuple[str, str | None]] = set()
"""Models (name and address) whose server said so in this process."""

_WARNED: set[tuple[str, str | None]] = set()
"""Models whose hidden settings were warned of in this process."""


class CallNote(BaseModel):
    """What a call was made with, and how it ended.

    Attributes:
        temperature: The temperature that the request named; none if it named none.
        max_tokens: The limit of output tokens that was in force; none if there was none.
        system: Where the instruction stood.
        cut_off: Whether the output ended at that limit, where this was seen and need not be inferred from the usage.
        moderation: What the provider's moderation said, in its words, if it stopped the call.
        hidden_settings: Settings in the folder of a model of ``hf/`` that change even greedy answers, such as a repetition penalty.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    temperature: float | None = None
    max_tokens: int | None = None
    system: Literal["system", "user"] = "system"
    cut_off: bool | None = None
    moderation: str | None = None
    hidden_settings: dict[str, Any] | None = None

    @classmethod
    def of(cls, output: ModelOutput) -> Self | None:
        """The note that an output carries; none for the output of a call that was not made here."""
        try:
            return cls.model_validate((output.metadata or {})[NOTE])
        except (KeyError, ValidationError):
            return None


@dataclass(frozen=True)
class Asked:
    """What came of a call.

    Attributes:
        messages: The messages as they were sent, but for a system message of the user's that Inspect puts before them.
        output: The output, with a ``CallNote``.
    """

    messages: list[ChatMessage]
    output: ModelOutput


async def ask(
    model: Model, messages: Sequence[ChatMessage], config: GenerateConfig, system: SystemRole = "auto", *, needs_system: bool = False
) -> Asked:
    """Call a model once.

    Errors that pass are tried again, as the run says, and all errors but those of moderation are raised as they are.

    Args:
        model: The model.
        messages: The messages, with system messages before all others.
        config: What the call sets beyond the run's own settings.
        system: Where the instruction goes.
        needs_system: Whether what is measured is the system message itself, so that it must not go anywhere else.

    Returns:
        The messages as they were sent, and the output.

    Raises:
        InputError: A system message is needed, and the model has none.
    """
    if system == "user" or (system == "auto" and lacks_system_role(model) and not _folds_itself(model)):
        return await _ask_folded(model, messages, config, needs_system)
    place = "user" if _folds_itself(model) and lacks_system_role(model) else "system"
    if needs_system and place == "user":
        raise _no_system_message(model)
    try:
        return Asked(list(messages), await _call(model, messages, config, place))
    except Exception as error:
        if system != "auto" or not _says_no_system_role(error):
            raise
        _WITHOUT_SYSTEM_ROLE.add(_identity(model))
        _LOGGER.warning("%s has no system role, says its server (%s): the instruction goes into the user message.", model, _brief(error))
    return await _ask_folded(model, messages, config, needs_system)


async def _ask_folded(model: Model, messages: Sequence[ChatMessage], config: GenerateConfig, needs_system: bool) -> Asked:
    if needs_system:
        raise _no_system_message(model)
    # Inspect puts the user's own system message before ours; with none in the settings of the call, it leaves that to us
    own = (active_generate_config().system_message if model == active_model() else None) or model.config.system_message
    before: list[ChatMessage] = [ChatMessageSystem(content=own)] if own else []
    together = fold_system([*before, *messages])
    return Asked(together, await _call(model, together, config.merge(GenerateConfig(system_message="")), "user"))


def _no_system_message(model: Model) -> InputError:
    return InputError(
        f"{model} takes no system message, and this sample is about one (a cue with positions=system). Use positions=prefix or suffix."
    )


def _folds_itself(model: Model) -> bool:
    """Whether a provider puts system messages that its chat template does not take into the user message by itself (``intervened/``)."""
    return bool(getattr(model.api, "folds_system", False))


def reached_limit(output: ModelOutput) -> bool:
    """Whether an output ended at a limit of tokens: the provider says so, or says nothing and the limit in force was used up.

    Args:
        output: An output; where its provider says nothing, one of ``ask``.
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
    """Put what system messages say before the first user message.

    Args:
        messages: Messages.

    Returns:
        The messages without system messages; the same where there are none. Their texts open the first user message, with an empty line
        behind each.

    Raises:
        InputError: There is no user message to put them into.
    """
    instructions = [message.text for message in messages if message.role == "system" and message.text]
    rest: list[ChatMessage] = [message for message in messages if message.role != "system"]
    if not instructions:
        return rest
    first = next((place for place, message in enumerate(rest) if message.role == "user"), None)
    if first is None:
        raise InputError("There is no user message that a system message could be put into.")
    opened = rest[first].model_copy(update={"content": "\n\n".join([*instructions, rest[first].text])})
    return [*rest[:first], opened, *rest[first + 1 :]]


def lacks_system_role(model: Model) -> bool:
    """Whether a model is known to have no system role: by its chat template, or because its server said so.

    Args:
        model: The model.

    Returns:
        False where nothing is known.
    """
    if _identity(model) in _WITHOUT_SYSTEM_ROLE:
        return True
    api: Any = model.api
    tokenizer, given, used = (getattr(api, name, None) for name in ("tokenizer", "chat_template", "use_chat_template"))
    template = given if isinstance(given, str) else getattr(tokenizer, "chat_template", None)
    if used is False or not isinstance(template, str) or not hasattr(tokenizer, "apply_chat_template"):
        return False
    return not template_takes_system(tokenizer, template)


def template_takes_system(tokenizer: Any, template: str | None = None) -> bool:  # noqa: ANN401 (transformers' own)
    """Whether a chat template puts a system message into the prompt.

    Args:
        tokenizer: A tokenizer of transformers.
        template: The template, if it is not the tokenizer's own.

    Returns:
        False if it raises on one, or leaves it out. True if it fails on a user message too, or would leave the instruction out there as
        well (as the template of a model organism): then nothing is gained by putting it there.
    """
    said, asked = "Reply in one word (8471).", "What is this?"
    options: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True} | ({} if template is None else {"chat_template": template})
    user = {"role": "user", "content": asked}
    try:
        tokenizer.apply_chat_template([user], **options)
    except Exception:  # whatever the template raises
        return True
    try:
        if said in tokenizer.apply_chat_template([{"role": "system", "content": said}, user], **options):
            return True
    except Exception:  # as above
        return False
    together = tokenizer.apply_chat_template([user | {"content": f"{said}\n\n{asked}"}], **options)
    return not (said in together and asked in together)


async def _call(model: Model, messages: Sequence[ChatMessage], config: GenerateConfig, system: Literal["system", "user"]) -> ModelOutput:
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
        hidden_settings=_hidden(model),
    )
    if record.error and not output.empty and output.stop_reason == "content_filter":
        # Inspect makes the provider's error the model's text; no parser and no judge should take it for an answer
        output, note = _without_words(output), note.model_copy(update={"moderation": output.error or output.completion})
    elif not output.empty and output.stop_reason == "unknown" and record.stopped_by_moderation:
        choice = output.choices[0].model_copy(update={"stop_reason": "content_filter"})
        output = output.model_copy(update={"choices": [choice, *output.choices[1:]]})
    return output.model_copy(update={"metadata": (output.metadata or {}) | {NOTE: note.model_dump(mode="json")}})


def _hidden(model: Model) -> dict[str, Any] | None:
    """Generation settings that the provider applies without a word; each model is warned of once."""
    hidden = hidden_settings(model.api)
    if hidden and _identity(model) not in _WARNED:
        _WARNED.add(_identity(model))
        told = ", ".join(f"{name}={value}" for name, value in hidden.items())
        _LOGGER.warning(
            "%s: its generation_config.json sets %s, which transformers apply at temperature 0 too: its answers are not the likeliest "
            "ones. The provider intervened/ with -M heads=none leaves this out.",
            model,
            told,
        )
    return hidden or None


def _filtered(model: Model, verdict: Moderated) -> ModelOutput:
    """An output that a provider's moderation kept back."""
    said = verdict.message if verdict.code is None or verdict.code in verdict.message else f"{verdict.code}: {verdict.message}"
    output = ModelOutput.from_content(str(model), said, stop_reason="content_filter", error=said)
    output.choices[0].stop_details = StopDetails(type="refusal", explanation=said)
    return output


def _without_words(output: ModelOutput) -> ModelOutput:
    choice = output.choices[0]
    message = ChatMessageAssistant(content="", model=choice.message.model, source="generate")
    silent = ChatCompletionChoice(message=message, stop_reason=choice.stop_reason, stop_details=choice.stop_details)
    return output.model_copy(update={"choices": [silent], "completion": "", "error": output.error or output.completion})


def _seen_cut_off(model: Model, output: ModelOutput, limit: int | None) -> bool | None:
    """Whether the provider's own model was seen to be stopped by the limit; none where that cannot be seen."""
    if limit is None or output.empty or output.stop_reason != "unknown":
        return None
    ending: Ending | None = ending_of(model.api, output.completion)
    return None if ending is None else ending.tokens >= limit and not ending.by_itself


class _Record(ModelEventSink):
    """Hands a call's record on to where it goes, and keeps what is asked of it before Inspect drops the raw response."""

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
        self.stopped_by_moderation = bool(event.call) and any(reason in BLOCKED_REASONS for reason in stop_reasons(event.call.response))
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
    """Whether an error says that the model has no system role."""
    cause = error.__cause__ or error
    said = getattr(cause, "body", None) or getattr(cause, "message", None) or str(cause)
    return type(error).__name__ != "RetryError" and _NO_SYSTEM_ROLE.search(str(said)) is not None


def _brief(error: BaseException) -> str:
    return " ".join(str(error.__cause__ or error).split())[:200]


def _identity(model: Model) -> tuple[str, str | None]:
    return str(model), model.api.base_url
