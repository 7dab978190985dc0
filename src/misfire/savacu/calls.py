"""What a step asks of a model and what comes back, independent of who carries it out: Inspect, Ray, or a test."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, field_validator

from misfire.datasets.json_rows import Fault, parse_json
from misfire.savacu.prompts import printable


class Record(BaseModel):
    """A frozen record; an unknown field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Record):
    """A message to the model.

    Attributes:
        role: Whose it is.
        text: What it says.
    """

    role: Literal["system", "user"]
    text: str


class Settings(Record):
    """How a reply is generated.

    Attributes:
        temperature: 0 for the likeliest reply; none to send no temperature.
        top_p: Share of the probability that is drawn from; 1 for all, which sends none.
        max_tokens: Longest reply; none to send no limit.
        top_logprobs: So many of the first token's likeliest values are wanted with their log-probabilities; none if no log-probabilities
            are.
    """

    temperature: float | None
    top_p: float = 1.0
    max_tokens: int | None
    top_logprobs: int | None = None


class Overrides(Record):
    """What a recipe says of the calls of a role, in place of what the stage asks for.

    Attributes:
        temperature: ``none`` to send none; null for the stage's own.
        top_p: The same.
        max_tokens: The same.
    """

    temperature: float | Literal["none"] | None = None
    top_p: float | Literal["none"] | None = None
    max_tokens: int | Literal["none"] | None = None

    def on(self, settings: Settings) -> Settings:
        """The settings with what is said here in their place."""
        changed: dict[str, float | None] = {}
        if self.temperature is not None:
            changed["temperature"] = None if self.temperature == "none" else self.temperature
        if self.top_p is not None:
            changed["top_p"] = 1.0 if self.top_p == "none" else self.top_p
        if self.max_tokens is not None:
            changed["max_tokens"] = None if self.max_tokens == "none" else self.max_tokens
        return settings.model_copy(update=changed)


class Call(Record):
    """One call of a model.

    Attributes:
        name: Which of the item's calls it is.
        messages: What is said.
        settings: How the reply is generated.
    """

    name: str
    messages: tuple[Message, ...]
    settings: Settings


class ModelReply(Record):
    """What came back.

    Attributes:
        text: The reply, without what no text should hold (see ``printable``).
        stop: Why it ends: by itself, by its longest length, because the provider refused, or because the call failed and was given up.
        first_token: The first token's likeliest values with their natural log-probabilities; none if the provider gave none.
    """

    text: str
    stop: Literal["stop", "length", "refused", "failed"] = "stop"
    first_token: tuple[tuple[str, float], ...] | None = None

    @field_validator("text")
    @classmethod
    def _printable(cls, value: str) -> str:
        return printable(value)


class Item(Record):
    """Something that a step works on.

    Attributes:
        id: Unique among the step's items.
    """

    id: str


class Outcome(Record):
    """What a step made of an item.

    Attributes:
        id: The item's.
    """

    id: str


class PromptedStep(Protocol):
    """One kind of work for a model: builds the prompts of an item and parses the replies.

    A step is pure. It does not know who carries it out, nor which stages of the build use it.

    Attributes:
        name: Name of the step.
        version: Must change whenever the prompts or the parser change. It is part of the key that says whether older results still hold.
        item: Type of the items.
        options: Settings and rules on which the outcomes depend (None where the step has none). They are part of the key too.
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
        """The calls that an item takes. They do not wait for each other."""
        ...

    def parse(self, item: Any, replies: Mapping[str, ModelReply]) -> Outcome:  # noqa: ANN401
        """The outcome, from the reply to each call, by the name of the call."""
        ...


def quoted(text: str, name: str = "request") -> str:
    """A text as prompts show it, marked off from what is said about it.

    Args:
        text: The text.
        name: What it is called there; a text that holds something like the end of the mark gets another one, so that none can end its own.
    """
    marks = (f"{name}{number or ''}" for number in count())
    mark = next(mark for mark in marks if not _holds_end(text, mark))
    return f"<{mark}>\n{text}\n</{mark}>"


def _holds_end(text: str, mark: str) -> bool:
    """Whether a text holds an end of a mark, in any capitals, full width, or with signs and spaces between its letters."""
    if "/" not in (shape := unicodedata.normalize("NFKC", text)) or mark[0] not in shape.casefold():
        return False
    return re.search(r"<[^\w>/]*+/[^\w>]*+" + r"[^\w<>]*+".join(mark) + r"(?!\w)", shape.casefold()) is not None


def lacking(reply: ModelReply, settings: Settings) -> str | None:
    """What a reply lacks of what was asked for: such a reply must not be kept, or the next one would never be asked for.

    Args:
        reply: The reply.
        settings: How it was to be generated.

    Returns:
        What is wrong and what to do; none if nothing is.
    """
    if settings.top_logprobs and reply.stop in ("stop", "length") and reply.first_token is None:
        return 'the provider gives no log-probabilities, which method = "questions" needs. Set [classify] method = "scores".'
    return None


def yes_probability(reply: ModelReply) -> float | None:
    """The probability of "yes" to a yes/no question.

    Args:
        reply: The reply, with its first token's likeliest values.

    Returns:
        The mass of all spellings of "yes" over that of "yes" and "no", from 0 to 1; none where neither is among them, or the provider
        refused.
    """
    mass = {"yes": 0.0, "no": 0.0}
    for token, logprob in reply.first_token or ():
        word = re.sub(r"[\W_]", "", token).lower()
        if word in mass:
            mass[word] += math.exp(logprob)
    total = sum(mass.values())
    return mass["yes"] / total if total > 0 else None


def reply_object(reply: ModelReply) -> dict[str, Any] | None:
    """The JSON object of a reply: the whole of it, or the one between its first brace and its last (in a code fence, after a sentence).

    Args:
        reply: The reply.

    Returns:
        The object; none where there is none.
    """
    start, end = reply.text.find("{"), reply.text.rfind("}")
    value = parse_json(reply.text[start : end + 1].encode("utf-8", "replace")) if 0 <= start < end else Fault("no object")
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
