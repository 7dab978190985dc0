"""Finds all pairs of fingerprints within a Hamming distance, exactly, by multi-index hashing.

The method is that of Norouzi, Punjani, and Fleet (2012) with the general pigeonhole principle. The 64 bits
are divided into blocks, each with a radius, such that two fingerprints within distance τ are within the
radius of at least one block (the radii plus the number of blocks sum to τ + 1 or more). For each block,
fingerprints are sorted by their bits in the block, and each value is compared with all values within the
radius.

This is our own code because we found no maintained library that is exact and fast enough at τ = 10;
docs/savacu.md has the measurements.
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
"""Maximum distance. Above it, nearly every fingerprint has a neighbor, and the search is no faster than
comparing all pairs."""


@dataclass(frozen=True)
class Block:
    """A block of consecutive bits of a fingerprint.

    Attributes:
        shift: Position of the lowest bit.
        width: Number of bits.
        radius: Maximum distance of two fingerprints within the block.
    """

    shift: int
    width: int
    radius: int


@dataclass(frozen=True)
class Pairs:
    """Pairs of fingerprints, without repetition. All arrays have the shape (pairs,).

    Attributes:
        first: The smaller index of each pair.
        second: The larger index of each pair.
        distance: Number of bits in which the two fingerprints differ.
    """

    first: "NDArray[np.int64]"
    second: "NDArray[np.int64]"
    distance: "NDArray[np.uint8]"

    def __len__(self) -> int:
        return len(self.first)


_Found = list[tuple[Any, Any, Any]]
"""Results of several searches. Each has the indices of one fingerprint, the indices of the other, and the
distances."""


def blocks(tau: int, count: int = 3) -> tuple[Block, ...]:
    """Divide the bits of fingerprints into blocks that find every pair within a distance.

    Args:
        tau: The maximum distance.
        count: The number of blocks.

    Returns:
        Blocks that cover all bits. Their radii are as equal as possible and sum to τ + 1 − count, so a pair
        with a distance of at most τ cannot exceed all of them. If τ + 1 is less than ``count``, there are
        only τ + 1 blocks, each with radius 0.
    """
    count = min(count, tau + 1)
    radii = [(tau + 1 - count + place) // count for place in range(count)]
    edges = [round(BITS * place / count) for place in range(count + 1)]
    return tuple(
        Block(low, high - low, radius) for low, high, radius in zip(edges, edges[1:], radii, strict=False)
    )


def near_pairs(fingerprints: "NDArray[np.uint64]", tau: int, *, part: tuple[int, int] = (0, 1)) -> Pairs:
    """Find all pairs of fingerprints within a distance.

    Equal fingerprints are chained at distance 0 (first with second, second with third, and so on) instead of
    pairing each with each, so that a text that occurs ten thousand times does not yield fifty million pairs.
    In all other pairs, the one with the smallest index represents all fingerprints that are equal to it.

    Args:
        fingerprints: The fingerprints, of shape (fingerprints,).
        tau: The maximum distance, from 0 to 20.
        part: Index and number of parts, to divide the work among several machines. Each pair is found in
            exactly one part.

    Returns:
        The pairs, sorted by their indices. The combined and sorted pairs of all parts are the same for any
        number of parts.

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
    """Combine the pairs of several searches.

    The smaller index comes first, and pairs are sorted by both indices.
    """
    import numpy as np

    if not found:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))
    one, other, distance = (np.concatenate([pairs[column] for pairs in found]) for column in range(3))
    first, second = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((second, first))
    return Pairs(first[order], second[order], distance[order])


def brute_force_pairs(fingerprints: "NDArray[np.uint64]", tau: int) -> Pairs:
    """Find all pairs within a distance by comparing all fingerprints, to check ``near_pairs``.

    The result is the same as that of ``near_pairs``. The time is quadratic in the number of fingerprints.
    """
    import numpy as np

    _, first_places, which = np.unique(fingerprints, return_index=True, return_inverse=True)
    found: _Found = []
    last: dict[int, int] = {}
    for index, value in enumerate(which.tolist()):
        if value in last:
            found.append((np.array([last[value]]), np.array([index]), np.zeros(1, np.uint8)))
        last[value] = index
    kept = np.sort(first_places)
    values = fingerprints[kept]
    for place in range(len(kept) - 1):
        distance = np.bitwise_count(values[place + 1 :] ^ values[place])
        near = np.flatnonzero(distance <= tau)
        if len(near):
            found.append((np.full(len(near), kept[place]), kept[place + 1 + near], distance[near]))
    return sorted_pairs(found)


_SLICES = 64
"""Number of slices into which the work for a block is divided. Threads process slices in parallel."""

_STEP = 37
"""Step between consecutive slices, so that adjacent slices, which have similar costs, go to different
threads.

It is odd, so that all slices are visited."""


def _pairs_by_block(
    values: "NDArray[np.uint64]",
    indices: "NDArray[np.int64]",
    tau: int,
    cut: tuple[Block, ...],
    place: int,
    part: tuple[int, int],
) -> _Found:
    """Find the pairs that a block finds and no earlier block finds."""
    import numpy as np

    block = cut[place]
    keys = ((values >> np.uint64(block.shift)) & np.uint64((1 << block.width) - 1)).astype(np.uint32)
    order = np.argsort(keys, kind="stable").astype(np.uint32)
    used, starts = np.unique(keys[order], return_index=True)
    del keys
    table = np.zeros(1 << block.width, np.uint32)
    table[used] = np.arange(1, len(used) + 1, dtype=np.uint32)
    earlier = np.array([(b.shift, (1 << b.width) - 1, b.radius) for b in cut[:place]], np.uint64).reshape(
        -1, 3
    )
    index = (
        values[order],
        used,
        np.append(starts, len(values)).astype(np.uint32),
        table,
        _masks(block),
        earlier,
        np.uint64(tau),
    )
    edges = np.linspace(0, len(used), _SLICES * part[1] + 1).astype(np.int64)
    mine = np.arange(part[0], _SLICES * part[1], part[1])[np.arange(_SLICES) * _STEP % _SLICES]
    slices = np.stack([edges[mine], edges[mine + 1]], axis=1)
    found: _Found = []
    capacity = 1 << 10
    while len(slices):
        one, other = (
            np.empty((len(slices), capacity), np.uint32),
            np.empty((len(slices), capacity), np.uint32),
        )
        distance, counts = np.empty((len(slices), capacity), np.uint8), np.zeros(len(slices), np.int64)
        _search()(*index, slices, one, other, distance, counts)
        for row in np.flatnonzero(counts <= capacity):
            held = slice(0, int(counts[row]))
            found.append(
                (indices[order[one[row, held]]], indices[order[other[row, held]]], distance[row, held].copy())
            )
        slices, capacity = slices[counts > capacity], int(counts.max(initial=0))
    return found


def _masks(block: Block) -> "NDArray[np.uint32]":
    """Return all combinations of flipped bits within the radius of a block. The first one flips no bit."""
    import numpy as np

    masks = [
        sum(1 << bit for bit in bits)
        for flips in range(block.radius + 1)
        for bits in combinations(range(block.width), flips)
    ]
    return np.array(masks, np.uint32)


def _search() -> Callable[..., None]:
    try:
        from misfire.savacu.near_duplicates.neighbor_loop import search  # pyright: ignore[reportUnknownVariableType] (numba has no types)
    except ImportError as error:
        raise InputError(
            "The search for near-duplicates needs numba: pip install 'misfire[savacu]'."
        ) from error
    return cast("Callable[..., None]", search)
