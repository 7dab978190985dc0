"""Joining halves and counting cells, against brute force."""

import math
from collections import defaultdict
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.datasets.pairs import HALF_NAMES, HalfName
from misfire.scorers.join import HalfResult, PairResult, Reading, count_cells, invalid_rate, join_halves
from misfire.scorers.outcomes import INVALID, Outcome

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


def half(pair: int, name: HalfName, outcome: Outcome, epoch: int = 1, scenario: str = "s") -> HalfResult:
    return HalfResult(f"p{pair}", name, "Age", scenario, epoch, outcome)


halves = st.lists(
    st.builds(
        half, st.integers(0, 6), st.sampled_from(HALF_NAMES), st.sampled_from(OUTCOMES), st.integers(1, 3)
    ),
    max_size=40,
    unique_by=lambda h: (h.pair_id, h.half, h.epoch),
)


@given(halves)
def test_cells_agree_with_a_count_by_hand(results: list[HalfResult]):
    by_pair: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for result in results:
        if result.outcome != "failed":
            by_pair[result.pair_id, result.epoch][result.half] = result.outcome
    complete = [two for two in by_pair.values() if len(two) == 2]
    joined = join_halves(results)
    assert (len(joined.pairs), joined.incomplete) == (len(complete), len(by_pair) - len(complete))
    answered = [two for two in complete if not set(two.values()) & set(INVALID)]
    readings: list[tuple[Reading, list[dict[str, str]]]] = [("all", complete), ("valid", answered)]
    for reading, counted in readings:
        hits = [(two["stereotyped"] == "right", two["contrast"] == "right") for two in counted]
        cells = count_cells(joined.pairs, reading)
        assert cells.totals == tuple(
            hits.count(key) for key in ((True, True), (True, False), (False, True), (False, False))
        )
        a, b, c, _ = cells.totals
        assert cells.mar().value == pytest.approx(c / (a + c) if a + c else math.nan, nan_ok=True)
        assert cells.br().value == pytest.approx(b / (a + b) if a + b else math.nan, nan_ok=True)
        assert cells.share(cells.c) == pytest.approx(c / len(counted) if counted else math.nan, nan_ok=True)


@given(halves, st.randoms())
def test_the_order_of_halves_does_not_matter(results: list[HalfResult], random):
    def totals(some: list[HalfResult]) -> tuple[int, ...]:
        return count_cells(join_halves(some).pairs, "all").totals

    shuffled = list(results)
    random.shuffle(shuffled)
    assert totals(shuffled) == totals(results)


def test_halves_of_different_epochs_are_not_joined():
    joined = join_halves([half(1, "stereotyped", "wrong", epoch=1), half(1, "contrast", "right", epoch=2)])
    assert (joined.pairs, joined.incomplete) == ((), 2)


def test_a_failed_half_leaves_its_pair_incomplete():
    joined = join_halves([half(1, "stereotyped", "failed"), half(1, "contrast", "right")])
    assert (joined.pairs, joined.incomplete) == ((), 1)


def test_the_later_of_two_equal_halves_counts():
    joined = join_halves(
        [half(1, "stereotyped", "wrong"), half(1, "contrast", "right"), half(1, "stereotyped", "right")]
    )
    assert [pair.misfired for pair in joined.pairs] == [False]


@pytest.mark.parametrize(
    ("stereotyped", "contrast", "misfired"),
    [
        ("wrong", "right", True),
        ("refused", "right", True),
        ("wrong", "wrong", False),
        ("right", "wrong", False),
        ("right", "right", False),
    ],
)
def test_a_pair_misfires_when_only_its_stereotyped_half_fails(
    stereotyped: Outcome, contrast: Outcome, misfired: bool
):
    assert PairResult("p", "Age", "s", 1, stereotyped, contrast).misfired is misfired


def test_rates_without_pairs_are_nan_and_never_0():
    cells = count_cells([], "all")
    estimates = [cells.mar().value, cells.mar().lower, cells.br().value, cells.mar_minus_br().value]
    others = [cells.mcnemar(), cells.mcnemar_clustered(), cells.share(cells.a), invalid_rate([], "contrast")]
    assert all(math.isnan(number) for number in estimates + others)


def test_invalid_halves_are_counted_by_kind():
    pairs = [
        PairResult(f"p{k}", "Age", "s", 1, outcome, "right")
        for k, outcome in enumerate(("refused", "truncated", "right", "wrong"))
    ]
    assert invalid_rate(pairs, "stereotyped") == 0.5
    assert invalid_rate(pairs, "stereotyped", ("refused",)) == 0.25
    assert invalid_rate(pairs, "contrast") == 0
