"""Vectorized SimHash fingerprints of texts.

They are identical to those of the package ``simhash`` 2.1.2 with its default settings. That package
overflows if a sequence of four characters occurs more than 255 times in a text ("aaaa…"). This module
handles such texts.

SimHash (Charikar 2002) keeps only the letters, digits, and underscores of a text, in lower case. It hashes
each sequence of four consecutive characters to the low 64 bits of its MD5. A bit of the fingerprint is set if
it is set in more than half of these hashes.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH = 4
"""Number of characters in each hashed sequence (run)."""

BATCH = 1_000_000
"""Number of characters to process at a time, plus the rest of the last text. This limits memory use to
about 200 MB."""

_NOTHING = "\x00"
"""Marks the end of a text. It is neither a letter nor a digit."""

_WORD = re.compile(r"[\w\u4e00-\u9fcc]+")


def telling(text: str) -> str:
    """Convert a text so that its fingerprint includes symbols where letters do not distinguish texts.

    SimHash only considers letters and digits. Texts without any would all have the same fingerprint, and so
    would texts that differ only in symbols ("2 + 2", "2 - 2"), in emoji, or in the vowel signs of Thai or
    Hindi.

    Args:
        text: A text.

    Returns:
        The text itself if it has at least four letters and digits and they make up at least half of its
        visible characters. Otherwise, its visible characters, each encoded as letters. Vowel signs and other
        marks of a script are always encoded as letters.
    """
    visible = "".join(text.split())
    if not visible.isascii():
        visible = "".join(
            character
            for character in visible
            if _is_vowel_sign(character) or not unicodedata.category(character).startswith("M")
        )
    kept = [bool(_WORD.fullmatch(character)) or _is_vowel_sign(character) for character in visible]
    if sum(kept) < WIDTH or 2 * sum(kept) < len(visible):
        return "".join(map(_as_letters, visible))
    if visible.isascii():
        return text
    return "".join(_as_letters(character) if _is_vowel_sign(character) else character for character in text)


def _is_vowel_sign(character: str) -> bool:
    """Whether a character is a combining mark that belongs to a script.

    Accents, strokes, and other decorations do not count.
    """
    if character.isascii() or not unicodedata.category(character).startswith("M"):
        return False
    return not unicodedata.name(character, "COMBINING").startswith(("COMBINING", "VARIATION SELECTOR"))


def _as_letters(character: str) -> str:
    """Return the character itself if SimHash considers it, and otherwise an encoding of its code point."""
    return character if _WORD.fullmatch(character) else f"u{ord(character):x}_"


def fingerprints(texts: Iterable[str]) -> "NDArray[np.uint64]":
    """Compute the fingerprint of each text, in order.

    Args:
        texts: The texts. All texts without letters and digits have the same fingerprint, that of the empty
            text (see ``telling``).

    Returns:
        Array of shape (texts,). Texts that differ only in white space, punctuation, and letter case have the
        same fingerprint.
    """
    import numpy as np

    batches = [_batch(batch) for batch in _batches(texts)]
    return np.concatenate(batches) if batches else np.empty(0, np.uint64)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    room = BATCH
    for text in texts:
        batch.append(text)
        room -= len(text)
        if room <= 0:
            yield batch
            batch, room = [], BATCH
    if batch:
        yield batch


def _batch(texts: list[str]) -> "NDArray[np.uint64]":
    import numpy as np

    words = ["".join(_WORD.findall(text.lower())) for text in texts]
    lengths = np.array([len(word) for word in words])
    runs = np.maximum(lengths - WIDTH + 1, 1)
    # each text is padded so that a short text has one run; pairs of characters are replaced by their ranks,
    # so that a run fits into 64 bits
    joined = "".join(word + _NOTHING * WIDTH for word in words)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    pairs = np.unique((codes[:-1] << np.uint64(32)) | codes[1:], return_inverse=True)[1].astype(np.uint64)
    starts = np.concatenate(([0], np.cumsum(lengths + WIDTH)[:-1]))
    ends = np.cumsum(runs)
    places: NDArray[np.int64] = np.arange(int(ends[-1])) - np.repeat(ends - runs - starts, runs)
    _, first, which = np.unique(
        (pairs[places] << np.uint64(32)) | pairs[places + 2], return_index=True, return_inverse=True
    )
    distinct = [
        joined[place : place + WIDTH].rstrip(_NOTHING) for place in cast("list[int]", places[first].tolist())
    ]
    bits = np.unpackbits(np.frombuffer(b"".join(map(_hash, distinct)), np.uint8).reshape(-1, 8), axis=1)
    sums = np.add.reduceat(bits[which], ends - runs, axis=0, dtype=np.int32)
    return np.packbits(sums * 2 > runs[:, None], axis=1).view(">u8").ravel().astype(np.uint64)


def _hash(run: str) -> bytes:
    return hashlib.md5(run.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()[-8:]
