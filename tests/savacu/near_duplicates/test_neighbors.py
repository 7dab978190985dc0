"""The search finds exactly the pairs that comparing each with each finds, in whatever parts it is done."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from misfire.errors import InputError
from misfire.savacu.near_duplicates.neighbors import (
    BITS,
    MAX_TAU,
    Pairs,
    blocks,
    brute_force_pairs,
    near_pairs,
    sorted_pairs,
)


def listed(pairs: Pairs) -> list[tuple[int, int, int]]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist(), strict=True))


def clustered(seed: int, count: int) -> NDArray[np.uint64]:
    """Fingerprints of which many are near others, some of them equal."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 2**64, count, dtype=np.uint64)
    for place in range(count // 2, count):
        value = int(values[rng.integers(0, place)])
        for bit in rng.integers(0, 64, rng.integers(0, 14)):
            value ^= 1 << int(bit)
        values[place] = value
    return values


@pytest.mark.parametrize("tau", [0, 1, 2, 3, 6, 10, 14])
def test_the_search_finds_what_brute_force_finds(tau: int):
    values = clustered(tau, 400)
    assert listed(near_pairs(values, tau)) == listed(brute_force_pairs(values, tau))


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 63).map(lambda bit: 1 << bit), max_size=40),
    st.integers(0, 12),
)
def test_the_search_finds_all_pairs_of_any_fingerprints(values: list[int], tau: int):
    array = np.array(values, np.uint64)
    assert listed(near_pairs(array, tau)) == listed(brute_force_pairs(array, tau))


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_parts_together_give_the_whole(parts: int):
    values = clustered(9, 500)
    found = [near_pairs(values, 10, part=(part, parts)) for part in range(parts)]
    together = sorted_pairs([(pairs.first, pairs.second, pairs.distance) for pairs in found])
    assert listed(together) == listed(near_pairs(values, 10))


def test_distances_are_those_of_the_bits():
    values = clustered(4, 300)
    pairs = near_pairs(values, 10)
    assert (np.bitwise_count(values[pairs.first] ^ values[pairs.second]) == pairs.distance).all()
    assert pairs.distance.max() == 10


def test_equal_fingerprints_are_chained_and_not_squared():
    assert listed(near_pairs(np.full(1000, 7, np.uint64), 10)) == [
        (place, place + 1, 0) for place in range(999)
    ]


def test_more_pairs_than_a_buffer_holds_are_all_found():
    # 64 fingerprints of one bit, and their sums by two: thousands of pairs in few slices
    values = np.array([(1 << one) | (1 << other) for one in range(64) for other in range(one)], np.uint64)
    assert len(near_pairs(values, 4)) == len(values) * (len(values) - 1) // 2


@given(st.integers(1, MAX_TAU), st.integers(1, 4))
def test_blocks_cover_all_bits_and_cannot_all_be_exceeded(tau: int, count: int):
    cut = blocks(tau, count)
    assert sorted(bit for block in cut for bit in range(block.shift, block.shift + block.width)) == list(
        range(BITS)
    )
    assert sum(block.radius + 1 for block in cut) >= tau + 1
    assert all(block.radius >= 0 for block in cut)


@pytest.mark.parametrize("tau", [-1, 21])
def test_a_radius_out_of_range_is_refused(tau: int):
    with pytest.raises(InputError, match="not a distance"):
        near_pairs(np.zeros(2, np.uint64), tau)


def test_an_empty_set_has_no_pairs():
    assert listed(near_pairs(np.empty(0, np.uint64), 10)) == []


@pytest.mark.parametrize("tau", [3, 10])
def test_the_search_finds_what_faiss_finds(tau: int):
    faiss = pytest.importorskip("faiss")
    values = np.unique(clustered(2, 2000))
    index = faiss.IndexBinaryFlat(64)
    rows = values.view(np.uint8).reshape(-1, 8)
    index.add(rows)
    limits, _, found = index.range_search(rows, tau + 1)
    pairs = {
        (one, int(other))
        for one in range(len(values))
        for other in found[int(limits[one]) : int(limits[one + 1])]
        if one < int(other)
    }
    assert {(one, other) for one, other, _ in listed(near_pairs(values, tau))} == pairs
