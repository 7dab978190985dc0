"""Planted rates: the cells of pairs have the conditional rates that were asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.models.planted import PlantedRates

rates = st.floats(0, 0.95)


@given(rates, rates, rates)
def test_the_cells_give_the_planted_conditional_rates(mar: float, br: float, both_wrong: float):
    planted = PlantedRates(mar, br, both_wrong)
    assert planted.a + planted.b + planted.c + both_wrong == pytest.approx(1)
    assert planted.c / (planted.a + planted.c) == pytest.approx(mar)
    assert planted.b / (planted.a + planted.b) == pytest.approx(br)
