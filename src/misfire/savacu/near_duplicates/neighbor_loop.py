"""The inner loop of the search for near-duplicates, compiled by numba; imported only where a search is made."""

# numba has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingParameterType=false

from typing import Any

import numba
import numpy as np

_ODD, _TWO, _FOUR, _ONES = (np.uint64(bits) for bits in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 0x0101010101010101))


@numba.njit(inline="always")
def _popcount(bits: Any) -> Any:  # noqa: ANN401
    """How many bits are set; LLVM makes one instruction of it."""
    bits = bits - ((bits >> np.uint64(1)) & _ODD)
    bits = (bits & _TWO) + ((bits >> np.uint64(2)) & _TWO)
    bits = (bits + (bits >> np.uint64(4))) & _FOUR
    return (bits * _ONES) >> np.uint64(56)


@numba.njit(parallel=True, cache=True)
def search(values, used, starts, table, masks, earlier, tau, slices, first, second, distance, counts):  # noqa: ANN001, ANN201
    """Find pairs of slices of a block's keys, several slices at a time.

    Args:
        values: Fingerprints (uint64), sorted by the block's key.
        used: The keys in use (uint32), ascending.
        starts: Where the fingerprints of each key in use begin in ``values``, and the number of fingerprints (uint32).
        table: For each possible key 1 + its rank among those in use, or 0.
        masks: All flips of a key's bits that are within the block's radius (uint32); the first flips nothing.
        earlier: Shift, mask and radius of each block that was searched before (uint64): what they found is not found again.
        tau: The distance.
        slices: Ranks of keys at which each slice begins and ends, of shape (slices, 2).
        first: Indices into ``values`` of the one of each pair, of shape (slices, capacity), to be filled.
        second: Of the other.
        distance: Their distance.
        counts: How many pairs each slice has; more than the capacity where it did not hold them all.
    """
    capacity = first.shape[1]
    for place in numba.prange(slices.shape[0]):
        count = 0
        for rank in range(slices[place, 0], slices[place, 1]):
            key = used[rank]
            for mask in masks:
                other_key = key ^ mask
                if other_key < key:
                    continue
                other_rank = table[other_key]
                if other_rank == 0:
                    continue
                for one in range(starts[rank], starts[rank + 1]):
                    value = values[one]
                    begin = one + 1 if mask == 0 else starts[other_rank - 1]
                    for other in range(begin, starts[other_rank]):
                        difference = value ^ values[other]
                        bits = _popcount(difference)
                        if bits > tau:
                            continue
                        found_before = False
                        for block in range(earlier.shape[0]):
                            if _popcount((difference >> earlier[block, 0]) & earlier[block, 1]) <= earlier[block, 2]:
                                found_before = True
                        if not found_before:
                            if count < capacity:
                                first[place, count] = one
                                second[place, count] = other
                                distance[place, count] = bits
                            count += 1
        counts[place] = count
