"""The requests that a step sends to a model and the replies it gets.

They do not depend on what makes the calls (Inspect, Ray, or a test).
"""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, field_validator

from misfire.datasets.json_rows import Fault, parse_json
from misfire.model_calls.answer_words import word_of
from misfire.savacu.prompts import printable


class Record(BaseModel):
    """A frozen record that rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Record):
    """A message to the model.

    Attributes:
        role: The role of the author.
        text: The content.
    """

    role: Literal["system", "user"]
    text: str


class Settings(Record):
    """How a reply is generated.

    Attributes:
        temperature: Sampling temperature; 0 selects the most likely reply. None sends no temperature.
        top_p: Probability mass to sample from. 1 samples from all of it and sends no value.
        max_tokens: Maximum length of the reply. None sends no limit.
        top_logprobs: Number of most likely first tokens to return with their log-probabilities. None requests
            no log-probabilities.
    """

    temperature: float | None
    top_p: float = 1.0
    max_tokens: int | None
    top_logprobs: int | None = None


class Overrides(Record):
    """Settings of the recipe that override those of a stage.

    "none" sends no value; None keeps the value of the stage.
    """

    temperature: float | Literal["none"] | None = None
    top_p: float | Literal["none"] | None = None
    max_tokens: int | Literal["none"] | None = None

    def on(self, settings: Settings) -> Settings:
        """Return the settings of a stage with these overrides applied."""
        changed: dict[str, float | None] = {}
        if self.temperature is not None:
            changed["temperature"] = None if self.temperature == "none" else self.temperature
        if self.top_p is not None:
            changed["top_p"] = 1.0 if self.top_p == "none" else self.top_p
        if self.max_tokens is not None:
            changed["max_tokens"] = None if self.max_tokens == "none" else self.max_tokens
        return settings.model_copy(update=changed)


class Call(Record):
    """One call to a model.

    Attributes:
        name: Name of the call, unique among the calls of its item.
        messages: The messages to send.
        settings: How the reply is generated.
    """

    name: str
    messages: tuple[Message, ...]
    settings: Settings


class ModelReply(Record):
    """The reply to a call.

    Attributes:
        text: The reply without unprintable characters (see ``printable``).
        stop: Why the reply ends: it was complete, it reached its maximum length, the provider refused, or the
            call failed and was given up.
        first_token: The most likely first tokens with their natural log-probabilities; None if the provider
            returned none.
    """

    text: str
    stop: Literal["stop", "length", "refused", "failed"] = "stop"
    first_token: tuple[tuple[str, float], ...] | None = None

    @field_validator("text")
    @classmethod
    def _printable(cls, value: str) -> str:
        return printable(value)


class Item(Record):
    """An input of a step. Its id is unique among the inputs of the step."""

    id: str


class Outcome(Record):
    """The result of a step for one item. Its id is that of the item."""

    id: str


class PromptedStep(Protocol):
    """One kind of work for a model. It builds the prompts for an item and parses the replies.

    A step is pure. It does not know which runner makes the calls or which stages of the build use it.

    Attributes:
        name: Name of the step.
        version: Must change whenever the prompts or the parser change. It is part of the key that decides
            whether older results are valid.
        item: Type of the items.
        options: Settings and rules on which the outcomes depend (None where the step has none). They are also
            part of the key.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def item(self) -> type[Item]: ...  # noqa: D102
    @property
    def options(self) -> tuple[BaseModel | None, BaseModel | None]: ...  # noqa: D102

    # each step has its own type of items

    def calls(self, item: Any) -> Sequence[Call]:  # noqa: ANN401
        """Return the calls for an item. The calls are independent of each other."""
        ...

    def parse(self, item: Any, replies: Mapping[str, ModelReply]) -> Outcome:  # noqa: ANN401
        """Return the outcome for an item, given the reply to each call by the name of the call."""
        ...


def quoted(text: str, name: str = "request") -> str:
    """Enclose a text in tags for use in a prompt.

    If the text contains something that looks like its own closing tag, a different tag name is used, so that
    no text can close its tag.

    Args:
        text: The text.
        name: Name of the tag.
    """
    marks = (f"{name}{number or ''}" for number in count())
    mark = next(mark for mark in marks if not _holds_end(text, mark))
    return f"<{mark}>\n{text}\n</{mark}>"


def _holds_end(text: str, mark: str) -> bool:
    """Whether a text contains a closing tag, however it is written.

    The tag may be in any letter case, in full-width letters, or with signs or spaces between the letters.
    """
    if "/" not in (shape := unicodedata.normalize("NFKC", text)) or mark[0] not in shape.casefold():
        return False
    return (
        re.search(r"<[^\w>/]*+/[^\w>]*+" + r"[^\w<>]*+".join(mark) + r"(?!\w)", shape.casefold()) is not None
    )


def lacking(reply: ModelReply, settings: Settings) -> str | None:
    """Check whether a reply lacks something that was requested.

    Such a reply must not be kept, or the call would never be repeated.

    Args:
        reply: The reply.
        settings: The settings with which it was requested.

    Returns:
        What is missing and what to do about it; None if the reply is complete.
    """
    if settings.top_logprobs and reply.stop in ("stop", "length") and reply.first_token is None:
        return (
            'the provider returns no log-probabilities, which method = "questions" needs. Set [classify] '
            'method = "scores".'
        )
    return None


def yes_probability(reply: ModelReply) -> float | None:
    """Return the probability of "yes" in the reply to a yes/no question.

    Args:
        reply: The reply, with its most likely first tokens.

    Returns:
        The probability of all spellings of "yes" divided by that of all spellings of "yes" and "no", from 0
        to 1. None if neither is among the most likely tokens, or if the provider refused.
    """
    mass = {"yes": 0.0, "no": 0.0}
    for token, logprob in reply.first_token or ():
        word = word_of(re.sub(r"[\W_]", "", token))
        if word in mass:
            mass[word] += math.exp(logprob)
    total = sum(mass.values())
    return mass["yes"] / total if total > 0 else None


def reply_object(reply: ModelReply) -> dict[str, Any] | None:
    """Return the JSON object in a reply, or None if it has none.

    The object may be surrounded by other text, such as a code fence: everything from the first brace to the
    last one is parsed.
    """
    start, end = reply.text.find("{"), reply.text.rfind("}")
    value = (
        parse_json(reply.text[start : end + 1].encode("utf-8", "replace"))
        if 0 <= start < end
        else Fault("no object")
    )
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
