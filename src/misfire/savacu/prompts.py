"""The record of a prompt, its normal form, and the content id that identifies it in every stage."""

import hashlib
import re
import unicodedata
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from misfire.datasets.misalign.instances import Passage

ContentId = Annotated[str, StringConstraints(pattern=r"^p[0-9a-f]{24}$")]
"""Identifies a prompt. It depends only on the text."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\x85\x0b\x0c]")
_SPACES = re.compile(r"[^\S\n]+")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Prompt(BaseModel):
    """A prompt.

    Attributes:
        id: Content id; see ``content_id``.
        text: The request of a user, in normal form.
        source: The file or data set that contains the prompt, or the expansion that wrote it.
        place: The location of the prompt in its source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: ContentId
    text: Passage
    source: str
    place: str


def printable(text: str) -> str:
    """Remove characters that files and terminals cannot handle.

    These are control characters (except line breaks and tabs) and unpaired surrogates.
    """
    return "".join(
        char for char in _SURROGATES.sub("", text) if char in "\n\t\r" or unicodedata.category(char) != "Cc"
    )


def normalize(text: str) -> str:
    """Convert a text to the normal form in which it is stored, compared, and hashed.

    Line breaks become LF. Control characters and invisible formatting are removed. Each run of white space
    within a line becomes one space, and each run of empty lines becomes one empty line. White space at both
    ends is removed. Letters are composed (Unicode NFC). Letter case and punctuation do not change.
    Normalizing a text twice gives the same result as normalizing it once.
    """
    text = printable(_INVISIBLE.sub("", _LINE_ENDS.sub("\n", text)))
    lines = [_SPACES.sub(" ", line).strip() for line in unicodedata.normalize("NFC", text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def one_line(text: str) -> str:
    """Put a text on one line and remove invisible characters that could affect a terminal or a page."""
    return " ".join(normalize(text).split())


def content_id(text: str) -> str:
    """Return the id of a text. It is the same on every machine and does not depend on other data.

    Args:
        text: A text in normal form.

    Returns:
        "p" and the first 24 hexadecimal digits of the SHA-256 hash of the text. The probability that any two
        of ten million texts have the same id is below 10⁻¹⁴.
    """
    return "p" + hashlib.sha256(text.encode("utf-8")).hexdigest()[:24]


def make_prompt(text: str, source: str, place: str) -> Prompt:
    """Make a prompt from a text in normal form."""
    return Prompt(id=content_id(text), text=text, source=source, place=place)
