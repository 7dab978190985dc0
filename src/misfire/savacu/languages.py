"""Identifies the language of a text with py3langid.

Its model is part of the package, so nothing is downloaded.

py3langid was chosen by tests on the 20,148 public prompts of the authors' CSV (English, often short or full
of names) and on 60 sentences in fifteen other languages; docs/savacu.md has the results. A text is rejected
only if it is almost certainly not in the wanted language, because a short text ("Who is Shigeru") says little
about its language.
"""

# py3langid has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from misfire.errors import InputError

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LEAST_PROBABILITY = 0.02
"""A text is rejected if the probability that it is in the wanted language is below this value."""


class Language(NamedTuple):
    """The result of language identification for one text.

    Attributes:
        best: The most likely language, as an ISO 639-1 code.
        probability: The probability that the text is in the wanted language, from 0 to 1.
    """

    best: str
    probability: float


def identify(text: str, wanted: str) -> Language:
    """Return the most likely language of a text and the probability of the wanted language.

    Args:
        text: Any text.
        wanted: The wanted language as an ISO 639-1 code, for example "en".

    Raises:
        InputError: py3langid does not know the language, or is not installed.
    """
    ranked = [(str(name), float(probability)) for name, probability in _identifier().rank(text)]
    known = dict(ranked)
    if wanted not in known:
        raise InputError(
            f"language: '{wanted}' cannot be identified. Supported languages: {', '.join(sorted(known))}."
        )
    return Language(ranked[0][0], known[wanted])


@cache
def _identifier() -> "LanguageIdentifier":
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise InputError("Language identification needs py3langid: pip install 'misfire[savacu]'.") from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
