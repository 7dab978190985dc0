"""The record of a prompt, its normal form, and the content id that names it wherever it goes."""

import hashlib
import re
import unicodedata
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from misfire.datasets.misalign.instances import Passage

ContentId = Annotated[str, StringConstraints(pattern=r"^p[0-9a-f]{24}$")]
"""Name of a prompt, made of its text alone."""

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\x85\x0b\x0c]")
_SPACES = re.compile(r"[^\S\n]+")
_SURROGATES = re.compile("[\ud800-\udfff]")


class Prompt(BaseModel):
    """A prompt that instances are made for.

    Attributes:
        id: Content id; see ``content_id``.
        text: What a user asks, in normal form.
        source: The file or data set that it is from, or the expansion that wrote it.
        place: Where it stands there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: ContentId
    text: Passage
    source: str
    place: str


def printable(text: str) -> str:
    """A text without control characters (line ends and tabs stay) and halves of surrogate pairs, which files and terminals choke on."""
    return "".join(char for char in _SURROGATES.sub("", text) if char in "\n\t\r" or unicodedata.category(char) != "Cc")


def normalise(text: str) -> str:
    """A text in the form in which it is kept, compared and named.

    Line ends are LF, controls and invisible formatting are gone, runs of white space within a line are one space, runs of empty lines one,
    and nothing stands at either end; letters are composed (Unicode NFC). Capitals and punctuation stay.

    Args:
        text: Any text.

    Returns:
        The normal form; it is its own normal form.
    """
    text = printable(_INVISIBLE.sub("", _LINE_ENDS.sub("\n", text)))
    lines = [_SPACES.sub(" ", line).strip() for line in unicodedata.normalize("NFC", text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def one_line(text: str) -> str:
    """A text on one line, without what a terminal or a page would act on unseen."""
    return " ".join(normalise(text).split())


def content_id(text: str) -> str:
    """The id of a text: the same on every machine, whatever else is in the data.

    Args:
        text: A text in normal form.

    Returns:
        "p" and the first 24 hexadecimal digits of its SHA-256: among ten million texts the chance that two share one is below 10⁻¹⁴.
    """
    return "p" + hashlib.sha256(text.encode("utf-8")).hexdigest()[:24]


def make_prompt(text: str, source: str, place: str) -> Prompt:
    """A prompt from a text in normal form."""
    return Prompt(id=content_id(text), text=text, source=source, place=place)
