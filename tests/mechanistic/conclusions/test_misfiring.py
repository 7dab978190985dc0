"""MAR against BR under the probe: the counts, the rates of the suite, and a test that holds its size."""

import numpy as np
import pytest

from misfire.mechanistic.conclusions.misfiring import misfiring
from misfire.mechanistic.probed_pairs import AskedPair


def pairs(cells: dict[str, list[int]]) -> list[AskedPair]:
    """So many pairs of each cell in each scenario: "both right", "misfired", "mirrored", "both wrong"."""
    margins = {
        "both right": (1.0, 2.0),
        "misfired": (-1.0, 3.0),
        "mirrored": (2.0, -2.0),
        "both wrong": (-1.0, -1.0),
    }
    return [
        AskedPair(f"{cell}-{scenario}-{number}", "Age", f"s{scenario}", *margins[cell])
        for cell, counts in cells.items()
        for scenario, count in enumerate(counts)
        for number in range(count)
    ]


def test_counts_rates_and_gap_are_those_of_all_pairs_asked():
    found = misfiring(
        pairs({"both right": [5, 5], "misfired": [2, 1], "mirrored": [1, 0], "both wrong": [0, 1]})
    )
    assert (found.pairs, found.scenarios, found.misfired, found.mirrored) == (15, 2, 3, 1)
    assert found.mar.value == pytest.approx(3 / 13)
    assert found.br.value == pytest.approx(1 / 11)
    assert found.gap.value == pytest.approx((10 * 1 + 3 * 4 - 4 + 0) / 15)


def test_the_test_is_exact_for_few_scenarios():
    # in eight scenarios all of which lean one way, one sign pattern of 256 is as extreme on either side
    assert misfiring(pairs({"misfired": [2] * 8})).p == pytest.approx(2 / 2**8)
    assert misfiring(pairs({"misfired": [2] * 8})).finding == "misfires"
    assert misfiring(pairs({"mirrored": [2] * 8})).finding == "reversed"
    # four cannot show it, however many pairs they have
    assert misfiring(pairs({"misfired": [50] * 4})).finding == "indistinct"


def test_margins_of_exactly_zero_are_not_right():
    found = misfiring(
        [
            AskedPair("a", "Age", "s", 0.0, 1.0),
            AskedPair("b", "Age", "s", 1.0, 0.0),
            AskedPair("c", "Age", "s", 0.0, 0.0),
        ]
    )
    assert (found.misfired, found.mirrored) == (1, 1)


def test_nothing_is_claimed_without_pairs():
    assert misfiring([]).finding == "indistinct"


def test_a_model_that_errs_for_every_person_rarely_appears_to_misfire():
    # given errors that come in scenarios (a fifth of halves, more in some scenarios), the same in both halves
    draw = np.random.default_rng(1)
    found = 0
    for _ in range(200):
        rates = np.clip(draw.beta(0.6, 2.4, 12), 0.01, 0.9)
        wrong = draw.random((12, 8, 2)) < rates[:, None, None]
        asked = [
            AskedPair(f"{s}-{n}", "Age", f"s{s}", *(-1.0 if half else 1.0 for half in wrong[s, n]))
            for s in range(12)
            for n in range(8)
        ]
        found += misfiring(asked).finding != "indistinct"
    # then it is found in no more than the nominal 5 % (and what 200 draws leave open)
    assert found <= 17
