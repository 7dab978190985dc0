"""Pairs needed: against brute force, simulation and limits that are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from misfire.reports.pairs.power import POWER, misfire_share, pairs_needed, power, power_of
from misfire.scorers.join import Cells


def brute_power(pairs: int, discordance: float, share: float) -> float:
    """Over every table of discordant pairs, with scipy's own test."""
    total = 0.0
    for discordant in range(pairs + 1):
        chance = (
            math.comb(pairs, discordant) * discordance**discordant * (1 - discordance) ** (pairs - discordant)
        )
        for c in range(discordant + 1):
            if discordant and binomtest(c, discordant).pvalue <= 0.05:
                total += chance * math.comb(discordant, c) * share**c * (1 - share) ** (discordant - c)
    return total


@pytest.mark.parametrize(
    ("pairs", "discordance", "share"),
    [(12, 0.5, 0.9), (25, 0.3, 0.8), (30, 0.9, 0.6), (8, 1.0, 1.0), (5, 0.4, 0.7)],
)
def test_power_is_the_sum_over_every_table(pairs: int, discordance: float, share: float):
    assert power(pairs, discordance, share) == pytest.approx(brute_power(pairs, discordance, share), abs=1e-7)


def test_power_is_what_simulation_finds():
    # given 300 pairs of which 20 % are discordant, 70 % of these in cell c
    rng = np.random.default_rng(1)
    discordant = rng.binomial(300, 0.2, 4000)
    c = rng.binomial(discordant, 0.7)
    found = np.mean(
        [binomtest(int(one), int(n)).pvalue <= 0.05 for one, n in zip(c, discordant, strict=True)]
    )
    assert power(300, 0.2, 0.7) == pytest.approx(found, abs=0.025)


@given(st.floats(0.02, 1.0), st.floats(0.55, 1.0))
def test_the_pairs_needed_reach_the_power_and_one_fewer_does_not(discordance: float, share: float):
    needed = int(pairs_needed(discordance, share))
    assert power(needed, discordance, share) >= POWER > power(needed - 1, discordance, share)


def test_the_pairs_needed_are_near_the_textbook_approximation():
    # Connor 1987: n = (z_a sqrt(d) + z_b sqrt(d - diff²))² / diff², for the asymptotic test; the exact one
    # needs a little more
    discordance, difference = 0.2, 0.08
    share = (discordance + difference) / 2 / discordance
    textbook = (
        1.959964 * math.sqrt(discordance) + 0.841621 * math.sqrt(discordance - difference**2)
    ) ** 2 / difference**2
    assert textbook < pairs_needed(discordance, share) < 1.15 * textbook


@given(st.floats(0.1, 0.9), st.floats(0.01, 0.1), st.floats(0.0, 1.0))
def test_the_share_gives_the_difference_that_was_asked_for(
    both_right: float, discordance: float, part: float
):
    largest = discordance / (both_right + discordance)
    difference = part * largest
    share = misfire_share(both_right, discordance, difference)
    c = share * discordance
    mar, br = c / (both_right + c), (discordance - c) / (both_right + discordance - c)
    assert mar - br == pytest.approx(difference, abs=1e-9)


def test_a_difference_that_the_discordance_cannot_hold_needs_infinitely_many_pairs():
    assert math.isnan(misfire_share(0.9, 0.01, 0.1))
    cells = Cells(np.array([90.0, 8.0]), np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([0.0, 0.0]))
    assert math.isinf(power_of(cells, 0.1).clustered_pairs)


def test_nothing_is_computed_without_pairs():
    empty = np.zeros(0)
    found = power_of(Cells(empty, empty, empty, empty), 0.1)
    assert (found.pairs, math.isnan(found.independent_pairs)) == (0, True)


def test_the_design_effect_is_one_for_independent_pairs_and_the_cluster_size_for_copies():
    # given 400 independent pairs, and each of them ten times in its own scenario
    rng = np.random.default_rng(2)
    cell = rng.choice(4, 400, p=[0.7, 0.1, 0.15, 0.05])
    a, b, c, d = (np.array(cell == k, dtype=float) for k in range(4))
    alone = Cells(a, b, c, d)
    copied = Cells(10 * a, 10 * b, 10 * c, 10 * d)
    assert power_of(alone, 0.1).design_effect == pytest.approx(1.0, abs=0.01)
    effect = power_of(copied, 0.1)
    assert effect.design_effect == pytest.approx(10.0, abs=0.1)
    assert effect.clustered_pairs == math.ceil(effect.independent_pairs * effect.design_effect)
