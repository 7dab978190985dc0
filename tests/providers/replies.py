"""What the loopback server may reply, whatever the API that it is asked by."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Says:
    """The model says something and comes to its end.

    Attributes:
        text: What it says.
        first: The most likely first tokens with their probabilities, where the API returns them.
    """

    text: str
    first: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class CutOff:
    """The model runs into the limit of tokens."""

    text: str


@dataclass(frozen=True)
class Reasons:
    """The model says something, and its reasoning is returned apart."""

    text: str
    reasoning: str


@dataclass(frozen=True)
class Refuses:
    """The model declines, and the API says so in a separate field; the text alone would not show it."""

    text: str = "That is not for me to say."


@dataclass(frozen=True)
class Filtered:
    """The provider's content filter takes the output away."""


@dataclass(frozen=True)
class Stopped:
    """The model ends for a reason of the provider's own, under status 200.

    Anthropic has no such reasons and says ``refusal``.

    Attributes:
        reason: The reason in the provider's word.
        text: What came before.
    """

    reason: str
    text: str = ""


@dataclass(frozen=True)
class CallsTool:
    """The model calls a tool, whether or not one was offered.

    Attributes:
        name: The tool.
        arguments: What it is called with, as JSON.
    """

    name: str = "answer"
    arguments: str = '{"answer": "yes"}'


@dataclass(frozen=True)
class NoChoices:
    """A well-formed response with nothing in it."""


@dataclass(frozen=True)
class BrokenJson:
    """Status 200 and a body that ends in the middle."""


@dataclass(frozen=True)
class HttpError:
    """An error status, with the API's error body."""

    status: int
    code: str | None = None
    message: str = "The server said no."
    retry_after: float | None = None


Spoken = Says | CutOff | Reasons | Refuses | Filtered | Stopped | CallsTool | NoChoices
"""What an API has a form for."""


@dataclass(frozen=True)
class Resets:
    """The connection is torn down before a byte of the response."""


@dataclass(frozen=True)
class HalfSent:
    """The connection ends in the middle of the body.

    Attributes:
        reply: What the whole body would say.
    """

    reply: Spoken


@dataclass(frozen=True)
class SentSlowly:
    """The body comes byte by byte, so that no timeout on silence ends it.

    Attributes:
        reply: What the body says.
        seconds: How long it takes; infinite for a body that never ends.
    """

    reply: Spoken
    seconds: float


@dataclass(frozen=True)
class WrongType:
    """Status 200 and a page of HTML, as some proxy between might send."""


Reply = Spoken | BrokenJson | HttpError | Resets | HalfSent | SentSlowly | WrongType

INPUT_TOKENS = 40
"""Usage that every response reports."""

OUTPUT_TOKENS = 7
"""Usage that every response reports."""


def answers(answer: str) -> Says:
    """The answer object that the task asks for."""
    return Says(f'{{"answer": "{answer}"}}')
