"""Reading an answer out of a model's text: yes or no, and "unknown" where the question allows it.

Two readings: ours (strict), and the release's (published). Both take any text, never raise, and need time proportional to its length.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

Parser = Literal["strict", "published"]
"""``strict``: the last answer object counts; ``published``: what the authors' release reads, for comparison."""

GivenAnswer = Literal["yes", "no", "unknown"]
"""An answer that a model gave."""

_QUOTE = r"\\?[\"'`“”‘’]"

# a key "answer" (quoted, or bare right after a brace)
_ANSWER_KEY = re.compile(rf"(?:{_QUOTE}answer{_QUOTE}|\{{\s*answer)\s*:\s*", re.IGNORECASE)

# what may stand around a bare answer: quotes, emphasis, code marks, full stops, brackets
_AROUND_BARE = " \t\r\f\v\u00a0\u200b\ufeff\"'`“”‘’*_.!()[]{}#>-"


@dataclass(frozen=True)
class Answers:
    """The answers that a question allows.

    Attributes:
        words: The answers; the published reading looks for their words in this order.
    """

    words: tuple[GivenAnswer, ...]

    @cached_property
    def value(self) -> re.Pattern[str]:
        """What stands as the value of a key "answer"."""
        # no run of blanks is given back: shared between three runs, a thousand blanks would take seconds
        around = r"[\s*_]*+"
        return re.compile(
            rf"(?:{_QUOTE})?{around}(?P<answer>{self._any}){around}(?:[.!]{around})?+(?:{_QUOTE})?\s*+(?=[,}}`]|\Z)", re.IGNORECASE
        )

    @cached_property
    def echo(self) -> re.Pattern[str]:
        """Two objects side by side, or as many as there are answers, as our own request shows them."""
        between = r"`?,?\s*(?:or|and|/|\||,)\s*`?"
        one = rf"\{{\s*(?:{_QUOTE})?answer(?:{_QUOTE})?\s*:\s*(?:{_QUOTE})?(?:{self._any})(?:{_QUOTE})?\s*\}}"
        return re.compile(rf"{one}(?:{between}{one}){{1,{len(self.words) - 1}}}", re.IGNORECASE)

    @cached_property
    def bare(self) -> re.Pattern[str]:
        """An answer without an object."""
        return re.compile(rf"(?:(?:the |my )?(?:final )?answer(?: is)?[\s:*=\"'`]*)?(?P<answer>{self._any})", re.IGNORECASE)

    @cached_property
    def published_object(self) -> re.Pattern[str]:
        """An answer object as the release looks for it."""
        return re.compile(rf'"answer"\s*:\s*"(?P<answer>{self._any})"', re.IGNORECASE)

    @cached_property
    def published_words(self) -> tuple[tuple[GivenAnswer, re.Pattern[str]], ...]:
        """The answers as words of their own."""
        return tuple((word, re.compile(rf"\b{word}\b", re.IGNORECASE)) for word in self.words)

    def are_one(self, objects: str) -> bool:
        """Whether answer objects all hold the same answer."""
        return len({word.lower() for word in re.findall(rf":\s*(?:{_QUOTE})?({self._any})", objects, re.IGNORECASE)}) == 1

    @property
    def _any(self) -> str:
        return "|".join(self.words)


YES_NO = Answers(("yes", "no"))
"""What the pairs' own questions allow."""

YES_NO_UNKNOWN = Answers(("yes", "no", "unknown"))
"""What a question allows where the passage may leave the answer open."""


def parse_answer(text: str, parser: Parser, allowed: Answers = YES_NO) -> GivenAnswer | None:
    """The answer that a text gives.

    Args:
        text: The model's text, without reasoning that its provider returned apart.
        parser: Which reading.
        allowed: The answers that the question allows.

    Returns:
        One of them; None where the text has no answer in that reading.
    """
    return parse_strict(text, allowed) if parser == "strict" else parse_published(text, allowed)


def parse_strict(text: str, allowed: Answers = YES_NO) -> GivenAnswer | None:
    """The answer in the last answer object, else a bare answer alone on the last line.

    An answer object is ``{"answer": "yes"}`` in any capitals, with single or curly or escaped quotes or none, in a code fence or not,
    alone or with other keys and text around it. Where the last one's value is no answer that the question allows, there is no answer,
    whatever came before it. Objects of different answers side by side ("… or …") are an echo of the request and count as nothing. The
    last line may say "Answer:" before its answer.

    Args:
        text: The model's text.
        allowed: The answers that the question allows.

    Returns:
        One of them, or None.
    """
    text = allowed.echo.sub(lambda echo: echo[0] if allowed.are_one(echo[0]) else "", text)
    last: re.Match[str] | None = None
    for match in _ANSWER_KEY.finditer(text):
        last = match
    if last is not None:
        value = allowed.value.match(text, last.end())
        return _answer(value) if value else None
    bare = allowed.bare.fullmatch(_last_line(text).strip(_AROUND_BARE))
    return _answer(bare) if bare else None


def parse_published(text: str, allowed: Answers = YES_NO) -> GivenAnswer | None:
    """The answer as the authors' release reads it (arXiv 2606.18656, release).

    The first ``"answer": "yes"`` or ``"answer": "no"``; else "yes" where the word stands anywhere; else "no" where it does. The release has
    no third answer; where "unknown" is allowed, the same rule takes it in, last.

    Args:
        text: The model's text.
        allowed: The answers that the question allows.

    Returns:
        One of them, or None.
    """
    if match := allowed.published_object.search(text):
        return _answer(match)
    return next((word for word, pattern in allowed.published_words if pattern.search(text)), None)


def _answer(match: re.Match[str]) -> GivenAnswer:
    return cast(GivenAnswer, match["answer"].lower())


def _last_line(text: str) -> str:
    # a closing code fence is no line of its own
    return text.rstrip(" \t\r\n\f\v`").rpartition("\n")[2]
