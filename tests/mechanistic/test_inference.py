"""Statistics of clustered effects."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from misfire.mechanistic.inference import (
    bootstrap,
    difference,
    exceeds,
    folds,
    holm,
    mean,
    sign_flip,
    split_half,
)
from misfire.scorers.statistics import Estimate


def test_sign_flips_of_few_clusters_are_exact():
    scores = np.array([[1.0, -1.0], [2.0, 0.0], [3.0, 1.0], [0.5, -2.0]])
    clusters = ["a", "b", "b", "c"]
    totals = np.array([[1.0, -1.0], [5.0, 1.0], [0.5, -2.0]])
    flips = np.array(list(product((1, -1), repeat=3)))
    expected = (flips @ totals >= totals.sum(0)).mean(0)
    assert sign_flip(scores, clusters) == pytest.approx(expected)
    assert expected[0] == 1 / 8  # nothing is above the sum of all that are positive


def test_drawn_sign_flips_hold_their_level():
    draw = np.random.default_rng(0)
    p = sign_flip(draw.normal(size=(40, 400)), list(range(40)), draws=999)
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.025)
    assert p.min() >= 1 / 1000


def test_pairs_of_one_cluster_count_as_one_observation():
    alone = sign_flip(np.ones((6, 1)), list(range(6)))
    repeated = sign_flip(np.ones((60, 1)), [index % 6 for index in range(60)])
    assert alone.tolist() == repeated.tolist() == [1 / 64]


@given(st.lists(st.integers(0, 8), min_size=2, max_size=40), st.integers(0, 100))
def test_folds_never_split_a_cluster(clusters: list[int], seed: int):
    made = folds(clusters, seed=seed)
    sides = {
        cluster: {int(side) for own, side in zip(clusters, made, strict=True) if own == cluster}
        for cluster in clusters
    }
    assert all(len(side) == 1 for side in sides.values())
    if len(sides) > 1:
        assert set(made.tolist()) == {0, 1}


def test_values_that_were_not_measured_are_left_out_and_are_not_zero():
    assert mean([1.0, float("nan"), 3.0], ["a", "b", "c"]).value == 2.0
    assert np.isnan(mean([float("nan")], ["a"]).value)


def test_bootstrap_intervals_are_wider_where_units_come_in_clusters():
    draw = np.random.default_rng(1)
    values = np.repeat(draw.normal(size=10), 10)

    def average(units: np.ndarray) -> np.ndarray:
        return np.array([values[units].mean()])

    value, low, high = bootstrap(average, [index // 10 for index in range(100)])
    _, near, far = bootstrap(average, list(range(100)))
    assert value[0] == pytest.approx(values.mean())
    assert (high - low)[0] > 2 * (far - near)[0]
    assert np.isnan(bootstrap(average, ["same"] * 100)[1][0])


def test_halves_of_the_data_with_the_same_ranking_correlate():
    effect = np.arange(20.0)
    noise = np.random.default_rng(0).normal(size=(30, 20))
    assert split_half(effect + noise, list(range(30))) > 0.95
    assert abs(split_half(noise, list(range(30)))) < 0.3


def test_the_interval_of_a_difference_combines_those_of_the_two_means():
    # given two normal means, for which it is that of the difference
    one, other = Estimate(5.0, 3.0, 5.0 - 6.0, 5.0 + 6.0), Estimate(2.0, 4.0, 2.0 - 8.0, 2.0 + 8.0)
    found = difference(one, other)
    assert (found.value, found.stderr, found.lower, found.upper) == pytest.approx((3.0, 5.0, -7.0, 13.0))
    # and it is open where either is
    assert np.isnan(difference(one, Estimate(2.0, np.nan, np.nan, np.nan)).lower)


def test_a_difference_of_shares_is_detected_by_scenario():
    first = [f"f{n}" for n in range(10)]
    # none of six scenarios against all of ten: where Wilson's intervals for six and ten units, put together,
    # just touch 0
    p = exceeds([1.0] * 10, [0.0] * 6, [*first, *(f"o{n}" for n in range(6))])
    quantiles = stdtrit(np.array([9, 5]), 1 - p) ** 2
    assert np.hypot(*(quantiles / (quantiles + np.array([10, 6])))) == pytest.approx(1)
    assert p < 0.005
    # fewer scenarios show less, down to nothing worth while, and more units of each show no more
    ladder = [
        exceeds([1.0] * 10, [0.0] * count, [*first, *(f"o{n}" for n in range(count))])
        for count in (6, 4, 3, 2)
    ]
    assert ladder == sorted(ladder)
    assert ladder[-1] > 0.03
    assert exceeds([1.0] * 10, [0.0] * 60, [*first, *(f"o{n % 6}" for n in range(60))]) == pytest.approx(p)
    # what all have in common is no difference, and others of one scenario show nothing, however many they are
    assert exceeds([1.0] * 10, [1.0] * 6, [*first, *(f"o{n}" for n in range(6))]) == 1
    assert exceeds([0.0] * 10, [1.0] * 6, [*first, *(f"o{n}" for n in range(6))]) == 1
    assert np.isnan(exceeds([1.0] * 10, [0.0] * 30, [*first, *["o"] * 30]))
    assert np.isnan(exceeds([1.0], [], ["a"]))


@pytest.mark.parametrize("shared", [True, False])
def test_comparing_two_shares_holds_its_level(shared: bool):
    # given failures and mirrors restored alike: often in some scenarios and seldom in others, which both have
    # or not
    draw = np.random.default_rng(2)
    found = 0
    for _ in range(200):
        rates = draw.beta(0.5, 0.5, 18)
        scenarios = np.concatenate(
            [draw.integers(0, 10, 24), draw.integers(0, 8, 16) + (0 if shared else 10)]
        )
        restored = (draw.random(40) < rates[scenarios]).astype(float)
        found += exceeds(restored[:24], restored[24:], scenarios.tolist()) <= 0.05
    assert found <= 17


def test_holm_adjustment_agrees_with_the_textbook():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, float("nan")]) == [1.0, 1.0]
    assert holm([]) == []
