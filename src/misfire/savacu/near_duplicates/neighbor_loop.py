"""The inner loop of the search for near-duplicates, compiled by numba.

It is imported only when a search runs.
"""

# numba has no types
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingParameterType=false

from typing import Any

import numba
import numpy as np

_ODD, _TWO, _FOUR, _ONES = (
    np.uint64(bits)
    for bits in (0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 0x0101010101010101)
)


@numba.njit(inline="always")
def _popcount(bits: Any) -> Any:  # noqa: ANN401
    """Count the bits that are set. LLVM compiles this to one instruction."""
    bits = bits - ((bits >> np.uint64(1)) & _ODD)
    bits = (bits & _TWO) + ((bits >> np.uint64(2)) & _TWO)
    bits = (bits + (bits >> np.uint64(4))) & _FOUR
    return (bits * _ONES) >> np.uint64(56)


@numba.njit(parallel=True, cache=True)
def search(values, used, starts, table, masks, earlier, tau, slices, first, second, distance, counts):  # noqa: ANN001, ANN201
    """Find near pairs for slices of the keys of a block, with several slices in parallel.

    Args:
        values: Fingerprints (uint64), sorted by their key in this block.
        used: The keys that occur (uint32), in ascending order.
        starts: Index in ``values`` of the first fingerprint of each key that occurs, followed by the number
            of fingerprints (uint32).
        table: For each possible key, 1 + its rank among the keys that occur, or 0 if it does not occur.
        masks: All combinations of flipped bits within the radius of the block (uint32). The first one flips
            no bit.
        earlier: Shift, mask, and radius of each block that was searched earlier (uint64). Pairs that they
            found are skipped.
        tau: The maximum distance.
        slices: Ranks of the keys at which each slice begins and ends, of shape (slices, 2).
        first: Output: indices into ``values`` of one fingerprint of each pair, of shape (slices, capacity).
        second: Output: indices of the other fingerprint, of the same shape.
        distance: Output: distance of the pair, of the same shape.
        counts: Output: number of pairs in each slice, of shape (slices,). If it exceeds the capacity, only
            the first pairs were stored.
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
                            if (
                                _popcount((difference >> earlier[block, 0]) & earlier[block, 1])
                                <= earlier[block, 2]
                            ):
                                found_before = True
                        if not found_before:
                            if count < capacity:
                                first[place, count] = one
                                second[place, count] = other
                                distance[place, count] = bits
                            count += 1
        counts[place] = count
