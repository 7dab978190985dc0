"""Reading yes or no out of a model's text. Two readings: ours (strict), and the release's (published).

Both take any text, never raise, and need time proportional to its length.
"""

import re
from typing import Literal

from misfire.datasets.pairs import Answer

Parser = Literal["strict", "published"]
"""``strict``: the last answer object counts; ``published``: what the authors' release reads, for comparison."""

_QUOTE = r"\\?[\"'`“”‘’]"

# a key "answer" (quoted, or bare right after a brace), and what stands as its value
_ANSWER_KEY = re.compile(rf"(?:{_QUOTE}answer{_QUOTE}|\{{\s*answer)\s*:\s*", re.IGNORECASE)
_ANSWER_VALUE = re.compile(rf"(?:{_QUOTE})?[\s*_]*(?P<answer>yes|no)[\s*_]*[.!]?[\s*_]*(?:{_QUOTE})?\s*(?=[,}}`]|\Z)", re.IGNORECASE)

# both answers side by side, as our own request shows them: an echo of the request, and no answer
_OBJECT = rf"\{{\s*(?:{_QUOTE})?answer(?:{_QUOTE})?\s*:\s*(?:{_QUOTE})?(yes|no)(?:{_QUOTE})?\s*\}}"
_ECHO = re.compile(rf"{_OBJECT}`?,?\s*(?:or|and|/|\||,)\s*`?{_OBJECT}", re.IGNORECASE)

# what may stand around a bare "yes" or "no": quotes, emphasis, code marks, full stops, brackets
_AROUND_BARE = " \t\r\f\v\u00a0\u200b\ufeff\"'`“”‘’*_.!()[]{}#>-"
_BARE = re.compile(r"(?:(?:the |my )?(?:final )?answer(?: is)?[\s:*=\"'`]*)?(?P<answer>yes|no)", re.IGNORECASE)

_PUBLISHED_OBJECT = re.compile(r'"answer"\s*:\s*"(?P<answer>yes|no)"', re.IGNORECASE)
_WORD_YES = re.compile(r"\byes\b", re.IGNORECASE)
_WORD_NO = re.compile(r"\bno\b", re.IGNORECASE)


def parse_answer(text: str, parser: Parser) -> Answer | None:
    """The answer that a text gives.

    Args:
        text: The model's text, without reasoning that its provider returned apart.
        parser: Which reading.

    Returns:
        "yes" or "no"; None where the text has no answer in that reading.
    """
    return parse_strict(text) if parser == "strict" else parse_published(text)


def parse_strict(text: str) -> Answer | None:
    """The answer in the last answer object, else a bare "yes" or "no" alone on the last line.

    An answer object is ``{"answer": "yes"}`` in any capitals, with single or curly or escaped quotes or none, in a code fence or not,
    alone or with other keys and text around it. Where the last one's value is neither yes nor no, there is no answer, whatever came
    before it. Both objects side by side ("… or …") are an echo of the request and count as nothing. The last line may say
    "Answer:" before its yes or no.

    Args:
        text: The model's text.

    Returns:
        "yes", "no" or None.
    """
    text = _ECHO.sub(_without_echo, text)
    last: re.Match[str] | None = None
    for match in _ANSWER_KEY.finditer(text):
        last = match
    if last is not None:
        value = _ANSWER_VALUE.match(text, last.end())
        return _answer(value["answer"]) if value else None
    bare = _BARE.fullmatch(_last_line(text).strip(_AROUND_BARE))
    return _answer(bare["answer"]) if bare else None


def parse_published(text: str) -> Answer | None:
    """The answer as the authors' release reads it (arXiv 2606.18656, release).

    The first ``"answer": "yes"`` or ``"answer": "no"``; else "yes" where the word stands anywhere; else "no" where it does.

    Args:
        text: The model's text.

    Returns:
        "yes", "no" or None.
    """
    if match := _PUBLISHED_OBJECT.search(text):
        return _answer(match["answer"])
    if _WORD_YES.search(text):
        return "yes"
    return "no" if _WORD_NO.search(text) else None


def _without_echo(match: re.Match[str]) -> str:
    return match[0] if match[1].lower() == match[2].lower() else ""


def _answer(word: str) -> Answer:
    return "yes" if word.lower() == "yes" else "no"


def _last_line(text: str) -> str:
    # a closing code fence is no line of its own
    return text.rstrip(" \t\r\n\f\v`").rpartition("\n")[2]
