"""SimHash fingerprints of texts, vectorised: bit for bit those of the package ``simhash`` 2.1.2 with its defaults.

That package overflows where a run of characters comes more than 255 times in a text ("aaaa…"); here such a text has its fingerprint too.

SimHash: Charikar 2002. A fingerprint is made of a text's letters, digits and underscores in lower case and without what lies between
them: of each run of four characters the low 64 bits of its MD5, a bit of the fingerprint being set where more than half of the runs set it.
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
"""Characters of a run."""

BATCH = 1_000_000
"""So many characters at a time, and the rest of the last text: what bounds the memory (to about 200 MB)."""

_NOTHING = "\x00"
"""Ends a text; no letter or digit."""

_WORD = re.compile(r"[\w\u4e00-\u9fcc]+")


def telling(text: str) -> str:
    """A text as it is to be fingerprinted, so that texts of which letters tell little are told apart by what else they have.

    SimHash looks at letters and digits alone. All texts without any would be one to it, and so would texts that differ in their signs
    ("2 + 2", "2 - 2"), in emoji, or in the vowel signs of Thai or Hindi.

    Args:
        text: A text.

    Returns:
        The text itself where it has at least four letters and digits, and they are at least half of what is visible of it. Otherwise its
        visible characters, written as letters. Vowel signs and other marks of a script are written so wherever they stand.
    """
    visible = "".join(text.split())
    if not visible.isascii():
        visible = "".join(
            character for character in visible if _is_vowel_sign(character) or not unicodedata.category(character).startswith("M")
        )
    kept = [bool(_WORD.fullmatch(character)) or _is_vowel_sign(character) for character in visible]
    if sum(kept) < WIDTH or 2 * sum(kept) < len(visible):
        return "".join(map(_as_letters, visible))
    if visible.isascii():
        return text
    return "".join(_as_letters(character) if _is_vowel_sign(character) else character for character in text)


def _is_vowel_sign(character: str) -> bool:
    """Whether a character is a combining mark that belongs to a script; accents, strokes and other decorations are not."""
    if character.isascii() or not unicodedata.category(character).startswith("M"):
        return False
    return not unicodedata.name(character, "COMBINING").startswith(("COMBINING", "VARIATION SELECTOR"))


def _as_letters(character: str) -> str:
    """A character that SimHash looks at: itself, or its number."""
    return character if _WORD.fullmatch(character) else f"u{ord(character):x}_"


def fingerprints(texts: Iterable[str]) -> "NDArray[np.uint64]":
    """A fingerprint for each text, in order.

    Args:
        texts: The texts; one without any letter or digit has the fingerprint of nothing, like all such (``telling`` tells them apart).

    Returns:
        One whole number of 64 bits each. Two texts alike but for spaces, punctuation and capitals have the same.
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
    # each text ends in room for one short run; ranks of pairs stand for them, so that a run of four fits into 64 bits
    joined = "".join(word + _NOTHING * WIDTH for word in words)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    pairs = np.unique((codes[:-1] << np.uint64(32)) | codes[1:], return_inverse=True)[1].astype(np.uint64)
    starts = np.concatenate(([0], np.cumsum(lengths + WIDTH)[:-1]))
    ends = np.cumsum(runs)
    places: NDArray[np.int64] = np.arange(int(ends[-1])) - np.repeat(ends - runs - starts, runs)
    _, first, which = np.unique((pairs[places] << np.uint64(32)) | pairs[places + 2], return_index=True, return_inverse=True)
    distinct = [joined[place : place + WIDTH].rstrip(_NOTHING) for place in cast("list[int]", places[first].tolist())]
    bits = np.unpackbits(np.frombuffer(b"".join(map(_hash, distinct)), np.uint8).reshape(-1, 8), axis=1)
    sums = np.add.reduceat(bits[which], ends - runs, axis=0, dtype=np.int32)
    return np.packbits(sums * 2 > runs[:, None], axis=1).view(">u8").ravel().astype(np.uint64)


def _hash(run: str) -> bytes:
    return hashlib.md5(run.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()[-8:]
