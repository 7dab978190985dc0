"""How answers are asked for and read: what ``-T readout`` and ``-T structured`` mean for a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from inspect_ai.model import GenerateConfig, Model, ModelOutput, ResponseSchema
from inspect_ai.util import JSONSchema

from misfire.errors import InputError, Setting

# give the model of the run, and the combined settings of task and command line, for which Inspect has no
# public function
from misfire.inspect_compat.calls import active_generate_config, active_model
from misfire.model_calls.answer_words import Word
from misfire.model_calls.first_token import Readout, first_token_of
from misfire.model_calls.hugging_face import LISTED, is_hugging_face, require_answer_tokens
from misfire.model_calls.structured import Structured, uses_structure
from misfire.model_calls.token_limits import Limit
from misfire.scorers.answers import Answers, Parser
from misfire.tasks.budget import max_tokens
from misfire.tasks.parameters import checked, on_or_off
from misfire.tasks.prompts import Protocol

_LISTED = 20
"""Number of most likely tokens that is requested from a server: the most that OpenAI and vLLM return."""

_LISTED_BY = {"grok": 8, "fireworks": 5}
"""Providers that return fewer at most."""

_LEAST_RESPONSE = 16
"""Smallest token limit that OpenAI's Responses API accepts."""

_RETURNED: set[tuple[str, str | None]] = set()
"""Models (name and address) that have returned probabilities in the current process."""

_NOT_RETURNED: set[tuple[str, str | None]] = set()
"""Models that have answered without, before they returned any."""


@dataclass(frozen=True)
class Asking:
    """How answers are asked for and read.

    Attributes:
        protocol: ``direct`` or ``cot``.
        readout: ``text`` or ``logprobs``.
        structured: Whether the provider should enforce a schema.
    """

    protocol: Protocol = "direct"
    readout: Readout = "text"
    structured: Structured = "off"


def asking(protocol: Protocol, readout: object, structured: object, parser: Parser) -> Asking:
    """Validate the task parameters that say how answers are asked for and read.

    Args:
        protocol: ``direct`` or ``cot``.
        readout: ``text`` or ``logprobs``.
        structured: ``auto``, ``on`` or ``off``; true and false mean on and off.
        parser: How texts are read.

    Returns:
        The choices.

    Raises:
        InputError: A value is unknown, the values cannot be combined, or the model of the run cannot enforce
            a schema.
    """
    structured = on_or_off(structured)
    checked(readout=(readout, Readout), structured=(structured, Structured))
    chosen = Asking(protocol, cast(Readout, readout), cast(Structured, structured))
    for name, value, default, why in (
        ("protocol", protocol, "direct", "the first token comes before any reasoning"),
        ("structured", structured, "off", "the first token of a JSON object is a brace"),
        ("parser", parser, "strict", "no text is read"),
    ):
        if chosen.readout == "logprobs" and value != default:
            raise InputError(
                f"readout=logprobs and {name}={value} cannot be combined, since {why}.",
                parameter=name,
                advice="Omit {}.",
                settings=[Setting(name)],
            )
    if protocol == "cot" and chosen.structured != "off":
        raise InputError(
            f"structured={chosen.structured} and protocol=cot cannot be combined, since a reply that is "
            "only a JSON object leaves no room for the reasoning.",
            parameter="structured",
            advice="Omit {}.",
            settings=[Setting("structured")],
        )
    if (model := active_model()) is not None:
        # Inspect is loading the task for a run, so a schema that cannot be enforced stops the run here
        uses_structure(chosen.structured, model)
    return chosen


def call_config(asking: Asking, model: Model, limit: Limit, allowed: Answers) -> GenerateConfig:
    """Return the settings of one call of the model under test.

    Args:
        asking: How the answer is asked for and read.
        model: The model.
        limit: Whether to set a limit of output tokens if the user has set none.
        allowed: The answers that the question allows.

    Raises:
        InputError: The model cannot be read in this way.
    """
    if asking.readout == "text":
        schema = _schema(allowed.words) if uses_structure(asking.structured, model) else None
        return GenerateConfig(max_tokens=max_tokens(asking.protocol, model, limit), response_schema=schema)
    _require_probabilities(model)
    require_answer_tokens(model.api, allowed.words)
    least = _LEAST_RESPONSE if getattr(model.api, "responses_api", False) else 1
    return GenerateConfig(
        max_tokens=None if _given(model, "max_tokens") else least,
        logprobs=True,
        top_logprobs=None if _given(model, "top_logprobs") else _listed(model),
    )


def check_probabilities(model: Model, output: ModelOutput) -> None:
    """Raise an error if an output that should contain probabilities of tokens does not.

    Args:
        model: The model.
        output: Its output. Output that the provider blocked need not contain any.

    Raises:
        InputError: There are none.
    """
    if output.empty or output.stop_reason == "content_filter":
        return
    if first_token_of(output) is not None:
        _RETURNED.add(_identity(model))
        return
    if _identity(model) not in _RETURNED:
        # spare the calls of all other samples
        _NOT_RETURNED.add(_identity(model))
    raise _no_probabilities(model)


def _require_probabilities(model: Model) -> None:
    if _identity(model) in _NOT_RETURNED:
        raise _no_probabilities(model)


def _no_probabilities(model: Model) -> InputError:
    return InputError(
        f"readout=logprobs: the provider of {model} returned no probabilities of tokens. Use readout=text, "
        "or a provider that returns them, such as hf/, vllm/, openai/ (models without reasoning) or "
        "llama.cpp's server."
    )


def _listed(model: Model) -> int:
    return LISTED if is_hugging_face(model.api) else _LISTED_BY.get(str(model).partition("/")[0], _LISTED)


def _given(model: Model, name: str) -> bool:
    """Check whether the user has set a setting, on the command line or for the model."""
    return any(getattr(config, name) is not None for config in (active_generate_config(), model.config))


def _schema(words: Sequence[Word]) -> ResponseSchema:
    """Return the schema of the answer object that the protocol asks for."""
    answer = JSONSchema(type="string", enum=list(words))
    return ResponseSchema(
        name="answer",
        json_schema=JSONSchema(
            type="object", properties={"answer": answer}, required=["answer"], additionalProperties=False
        ),
        strict=True,
    )


def _identity(model: Model) -> tuple[str, str | None]:
    return str(model), model.api.base_url
