"""The rule that ends the draws of random heads: its error is what it says, simulated and counted."""

from fractions import Fraction

import numpy as np
import pytest

from misfire.mechanistic.draw_rule import QUICK, USUAL, DrawRule, Look


@pytest.mark.parametrize("rule", [QUICK, USUAL], ids=["quick", "usual"])
def test_the_error_is_below_the_level_and_is_that_of_simulated_draws(rule: DrawRule):
    # given a best set that is like the random ones: what each restores are numbers from one distribution
    draw = np.random.default_rng(5)
    runs = 20_000
    hits = draw.random((runs, rule.most)) >= draw.random((runs, 1))
    # when the rule is applied to each
    wrong = np.mean([rule.stop(row.tolist())[1] == "above" for row in hits])
    # then it says "above" as often as is computed, within three standard errors
    error = float(rule.error())
    assert error <= 0.025
    assert abs(wrong - error) < 3 * np.sqrt(error * (1 - error) / runs)


def test_ties_make_the_error_smaller():
    # given shares of 12 failures, in which many sets restore equally many
    draw = np.random.default_rng(6)
    runs = 4000
    shares = draw.binomial(12, draw.beta(2, 4, (runs, USUAL.most + 1)))
    hits = shares[:, 1:] >= shares[:, :1]
    wrong = np.mean([USUAL.stop(row.tolist())[1] == "above" for row in hits])
    assert wrong < float(USUAL.error())


def test_the_error_of_a_small_rule_is_that_of_all_orders():
    # given a rule of at most four draws, and all orders of the best set among them
    rule = DrawRule(step=2, looks=(Look(4, 0),), give_up=1)
    assert rule.error() == Fraction(1, 5)
    assert DrawRule(step=1, looks=(Look(3, 1),), give_up=2).error() == Fraction(2, 4)


def test_few_draws_decide_where_random_heads_do_as_well_and_sixty_where_none_does():
    draw = np.random.default_rng(7)
    drawn = [USUAL.stop((draw.random(USUAL.most) < 0.4).tolist())[0] for _ in range(200)]
    assert np.mean(drawn) < 22
    assert USUAL.stop([False] * 100) == (60, "above")
    assert USUAL.stop([False] * 59 + [True] + [False] * 40) == (100, "above")
    assert USUAL.stop([True, True] + [False] * 98) == (20, "not above")
    assert USUAL.stop([False] * 60)[0] == 60


def test_draws_that_do_not_decide_are_told():
    with pytest.raises(ValueError, match="20 draws do not decide"):
        USUAL.stop([False] * 20)
