"""Is a text in the language wanted? By py3langid, whose model comes with the package: nothing is downloaded.

Chosen by measurement on the 20,148 public prompts of the authors' CSV (English, often short or full of names) and 60 sentences in fifteen
other languages: docs/savacu.md has the figures. A text is refused only where the language wanted is all but ruled out, since a short text
("Who is Shigeru") tells little.
"""

# py3langid has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from misfire.errors import InputError

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LEAST_PROBABILITY = 0.02
"""A text is refused if its language is the one wanted with less than this probability."""


class Language(NamedTuple):
    """What the identifier makes of a text.

    Attributes:
        best: The likeliest language, as ISO 639-1.
        probability: That it is the language wanted, from 0 to 1.
    """

    best: str
    probability: float


def identify(text: str, wanted: str) -> Language:
    """The likeliest language of a text, and how likely the one wanted is.

    Args:
        text: Any text.
        wanted: A language as ISO 639-1, for example "en".

    Returns:
        Both.

    Raises:
        InputError: The identifier does not know the language, or is not installed.
    """
    ranked = [(str(name), float(probability)) for name, probability in _identifier().rank(text)]
    known = dict(ranked)
    if wanted not in known:
        raise InputError(f"language: '{wanted}' is not one that can be told. There are: {', '.join(sorted(known))}.")
    return Language(ranked[0][0], known[wanted])


@cache
def _identifier() -> "LanguageIdentifier":
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError as error:
        raise InputError("Telling languages needs py3langid: pip install 'misfire[savacu]'.") from error
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
