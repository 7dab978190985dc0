"""All pairs of fingerprints within a Hamming distance, exactly, by multi-index hashing.

Norouzi, Punjani and Fleet 2012, with the general pigeonhole principle: the 64 bits are cut into blocks, each with a radius, such that two
fingerprints within τ must be within the radius in at least one block (the radii and the number of blocks sum to τ + 1 or more).
Fingerprints are sorted by a block's value; every value in use is compared with all values within its radius.

Our own code, since no kept library was found that is exact and fast enough at τ = 10: docs/savacu.md says what was measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, cast

from misfire.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BITS = 64

MAX_TAU = 20
"""Beyond this nearly everything is a neighbour of something, and the search is no better than comparing all."""


@dataclass(frozen=True)
class Block:
    """A run of bits of a fingerprint.

    Attributes:
        shift: The place of its lowest bit.
        width: How many bits.
        radius: How far two fingerprints may be from each other in it.
    """

    shift: int
    width: int
    radius: int


@dataclass(frozen=True)
class Pairs:
    """Pairs of fingerprints, each pair once.

    Attributes:
        first: Index of the one.
        second: Index of the other, which is larger.
        distance: How many bits they differ in.
    """

    first: "NDArray[np.int64]"
    second: "NDArray[np.int64]"
    distance: "NDArray[np.uint8]"

    def __len__(self) -> int:
        return len(self.first)


_Found = list[tuple[Any, Any, Any]]
"""Indices of the ones, of the others, and distances, from several searches."""


def blocks(tau: int, count: int = 3) -> tuple[Block, ...]:
    """Blocks that find every pair within a distance.

    Args:
        tau: The distance.
        count: How many blocks.

    Returns:
        Blocks that cover all bits; their radii sum to τ + 1 − count, as even as may be, so that with a distance of at most τ not all of
        them can be exceeded. With a small τ there are fewer blocks, of radius 0.
    """
    count = min(count, tau + 1)
    radii = [(tau + 1 - count + place) // count for place in range(count)]
    edges = [round(BITS * place / count) for place in range(count + 1)]
    return tuple(Block(low, high - low, radius) for low, high, radius in zip(edges, edges[1:], radii, strict=False))


def near_pairs(fingerprints: "NDArray[np.uint64]", tau: int, *, part: tuple[int, int] = (0, 1)) -> Pairs:
    """All pairs within a distance.

    Args:
        fingerprints: The fingerprints; equal ones are pairs at distance 0, chained (first with second, second with third, …) and not each
            with each, so that a text that is there ten thousand times does not make fifty million pairs. Of each further pair, one of the
            equals stands for all: the one with the smallest index.
        tau: The distance, from 0 to 20.
        part: Which part of the work of how many, for several machines: each pair is found in exactly one part.

    Returns:
        The pairs, sorted by their indices: the same, however the work is parted, once parts are put together and sorted.

    Raises:
        InputError: τ is out of range.
    """
    import numpy as np

    if not 0 <= tau <= MAX_TAU:
        raise InputError(f"tau: {tau} is not a distance from 0 to {MAX_TAU}.")
    order = np.argsort(fingerprints, kind="stable")
    ordered = fingerprints[order]
    new = np.concatenate(([True], ordered[1:] != ordered[:-1])) if len(ordered) else np.empty(0, bool)
    representatives = order[new]
    found: _Found = []
    if part[0] == 0:
        same = np.flatnonzero(~new)
        found.append((order[same - 1], order[same], np.zeros(len(same), np.uint8)))
    cut = blocks(tau) if tau else ()
    for place in range(len(cut)):
        found += _pairs_by_block(ordered[new], representatives, tau, cut, place, part)
    return sorted_pairs(found)


def sorted_pairs(found: "_Found") -> Pairs:
    """Pairs from several searches put together: the smaller index first, sorted by both."""
    import numpy as np

    if not found:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))
    one, other, distance = (np.concatenate([pairs[column] for pairs in found]) for column in range(3))
    first, second = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((second, first))
    return Pairs(first[order], second[order], distance[order])


def brute_force_pairs(fingerprints: "NDArray[np.uint64]", tau: int) -> Pairs:
    """All pairs within a distance by comparing each with each: for checks. Equal fingerprints are chained as in ``near_pairs``.

    Args:
        fingerprints: The fingerprints; time grows with the square of their number.
        tau: The distance.

    Returns:
        The pairs, sorted.
    """
    import numpy as np

    _, firsts, which = np.unique(fingerprints, return_index=True, return_inverse=True)
    found: _Found = []
    last: dict[int, int] = {}
    for index, value in enumerate(which.tolist()):
        if value in last:
            found.append((np.array([last[value]]), np.array([index]), np.zeros(1, np.uint8)))
        last[value] = index
    kept = np.sort(firsts)
    values = fingerprints[kept]
    for place in range(len(kept) - 1):
        distance = np.bitwise_count(values[place + 1 :] ^ values[place])
        near = np.flatnonzero(distance <= tau)
        if len(near):
            found.append((np.full(len(near), kept[place]), kept[place + 1 + near], distance[near]))
    return sorted_pairs(found)


_SLICES = 64
"""The work of a block comes in so many slices, which threads share out."""

_STEP = 37
"""Slices are taken in this step, odd and so through all of them: neighbouring ones, of like cost, go to different threads."""


def _pairs_by_block(
    values: "NDArray[np.uint64]", indices: "NDArray[np.int64]", tau: int, cut: tuple[Block, ...], place: int, part: tuple[int, int]
) -> _Found:
    """Pairs that a block finds and none of the blocks before it does."""
    import numpy as np

    block = cut[place]
    keys = ((values >> np.uint64(block.shift)) & np.uint64((1 << block.width) - 1)).astype(np.uint32)
    order = np.argsort(keys, kind="stable").astype(np.uint32)
    used, starts = np.unique(keys[order], return_index=True)
    del keys
    table = np.zeros(1 << block.width, np.uint32)
    table[used] = np.arange(1, len(used) + 1, dtype=np.uint32)
    earlier = np.array([(b.shift, (1 << b.width) - 1, b.radius) for b in cut[:place]], np.uint64).reshape(-1, 3)
    index = (values[order], used, np.append(starts, len(values)).astype(np.uint32), table, _masks(block), earlier, np.uint64(tau))
    edges = np.linspace(0, len(used), _SLICES * part[1] + 1).astype(np.int64)
    mine = np.arange(part[0], _SLICES * part[1], part[1])[np.arange(_SLICES) * _STEP % _SLICES]
    slices = np.stack([edges[mine], edges[mine + 1]], axis=1)
    found: _Found = []
    capacity = 1 << 10
    while len(slices):
        one, other = np.empty((len(slices), capacity), np.uint32), np.empty((len(slices), capacity), np.uint32)
        distance, counts = np.empty((len(slices), capacity), np.uint8), np.zeros(len(slices), np.int64)
        _search()(*index, slices, one, other, distance, counts)
        for row in np.flatnonzero(counts <= capacity):
            held = slice(0, int(counts[row]))
            found.append((indices[order[one[row, held]]], indices[order[other[row, held]]], distance[row, held].copy()))
        slices, capacity = slices[counts > capacity], int(counts.max(initial=0))
    return found


def _masks(block: Block) -> "NDArray[np.uint32]":
    """All ways to flip bits within a block's radius: the first flips none."""
    import numpy as np

    masks = [sum(1 << bit for bit in bits) for flips in range(block.radius + 1) for bits in combinations(range(block.width), flips)]
    return np.array(masks, np.uint32)


def _search() -> Callable[..., None]:
    try:
        from misfire.savacu.near_duplicates.neighbor_loop import search  # pyright: ignore[reportUnknownVariableType] (numba has no types)
    except ImportError as error:
        raise InputError("Searching near-duplicates needs numba: pip install 'misfire[savacu]'.") from error
    return cast("Callable[..., None]", search)
