"""Choosing pairs: whole, balanced, and the same for the same seed."""

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.datasets.pairs import Half, Pair
from misfire.datasets.sampling import match_categories, sample_pairs, select_categories
from misfire.errors import InputError
from tests.conftest import PairMaker


def pair(scenario: int, k: int) -> Pair:
    return Pair(
        id=f"age_q{scenario}_p{k}",
        category="Age",
        question_index=str(scenario),
        stereotyped_group="a",
        contrast_group="b",
        stereotyped=Half(prompt="1"),
        contrast=Half(prompt="2"),
    )


def pairs_of(sizes: list[int]) -> list[Pair]:
    return [pair(scenario, k) for scenario, size in enumerate(sizes) for k in range(size)]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=12), st.data())
def test_each_scenario_contributes_its_share(sizes: list[int], data: st.DataObject):
    pairs = pairs_of(sizes)
    size, seed = data.draw(st.integers(1, len(pairs))), data.draw(st.integers())
    chosen = sample_pairs(pairs, size, seed)
    assert len(chosen) == len({pair.id for pair in chosen}) == size
    assert [p for p in pairs if p in chosen] == chosen
    counts = Counter(pair.question_index for pair in chosen)
    for scenario, members in enumerate(sizes):
        assert abs(counts[str(scenario)] - size * members / len(pairs)) < 1


def test_the_seed_decides():
    pairs = pairs_of([20] * 5)
    assert sample_pairs(pairs, 10, seed=1) == sample_pairs(pairs, 10, seed=1)
    assert sample_pairs(pairs, 10, seed=1) != sample_pairs(pairs, 10, seed=2)


def test_every_pair_has_the_same_chance():
    pairs = pairs_of([1, 2, 7])
    counts = Counter(pair.id for seed in range(4000) for pair in sample_pairs(pairs, 3, seed))
    # expected 1,200 each; 5 standard deviations are 145
    assert all(1055 < counts[pair.id] < 1345 for pair in pairs)


def test_any_two_scenarios_can_be_drawn_together():
    # given four scenarios of one pair each, of which two are drawn
    pairs = pairs_of([1] * 4)
    drawn = {tuple(pair.question_index for pair in sample_pairs(pairs, 2, seed)) for seed in range(100)}
    assert drawn == set(combinations("0123", 2))


@pytest.mark.parametrize("size", [0, -1, 4])
def test_an_impossible_size_is_refused(size: int):
    with pytest.raises(InputError, match="between 1 and 3"):
        sample_pairs(pairs_of([3]), size, seed=1)


def test_categories_are_found_in_any_spelling(make_pair: PairMaker):
    pairs = [make_pair(0), make_pair(0, category="Gender_identity"), make_pair(0, category="SES")]
    assert select_categories(pairs, ["ses", "gender identity"]) == pairs[1:]


def test_an_unknown_category_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"unknown category: Agee\. Available: Age, SES"):
        match_categories(["Agee", "SES"], ["Age", "SES"])
