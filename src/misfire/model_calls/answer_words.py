"""Which tokens are an answer: the one place that decides it, for tasks, ``misfire localise`` and SaVaCu."""

from collections.abc import Mapping
from typing import Literal, cast, get_args

Word = Literal["yes", "no", "unknown"]
"""An answer that a first token can be."""

SPELLINGS = 6
"""Number of spellings of a word: yes, Yes and YES, each with and without a space before it."""

_SPACES = str.maketrans({"Ġ": " ", "▁": " ", "Ċ": "\n"})
"""How vocabularies write white space inside tokens."""


def word_of(token: str) -> Word | None:
    """Return the answer that a token is, or None.

    Case and white space around the word do not matter. White space may be written as vocabularies write it
    (``Ġyes``, ``▁yes``). A token that is only a part of the word, or more than the word, is no answer.

    Args:
        token: The token's text.
    """
    word = token.translate(_SPACES).strip().lower()
    return cast(Word, word) if word in get_args(Word) else None


def answer_ids(vocabulary: Mapping[str, int], word: Word) -> tuple[int, ...]:
    """Return the tokens of a vocabulary that are an answer.

    Args:
        vocabulary: Token ids by token.
        word: The answer.

    Returns:
        The token ids, sorted.
    """
    return tuple(sorted(number for token, number in vocabulary.items() if word_of(token) == word))
