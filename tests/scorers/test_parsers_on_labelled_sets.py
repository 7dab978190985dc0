"""The parsers against a careful reader, on the labelled sets: few errors, and none towards an answer that was not given."""

from collections.abc import Sequence

import pytest

from tests.scorers.labelled_sets import Reading, answer_readings, lot_8_readings, verdict_readings

TOLERATED = 0.005
"""The share of texts that may be read wrongly; such an error is an answer that was missed."""

SETS = [pytest.param(answer_readings("strict"), id="answers"), pytest.param(verdict_readings(), id="verdicts")]


def described(readings: Sequence[Reading]) -> list[str]:
    return [
        f"{reading.labelled.id}: {reading.labelled.label}, read {reading.read}: {reading.labelled.text[:200]!r}" for reading in readings
    ]


@pytest.mark.parametrize("readings", SETS)
def test_no_answer_is_read_that_was_not_given(readings: Sequence[Reading]):
    assert described([reading for reading in readings if reading.invented]) == []


@pytest.mark.parametrize("readings", SETS)
def test_at_most_one_text_in_two_hundred_is_read_wrongly(readings: Sequence[Reading]):
    wrong = [reading for reading in readings if reading.wrong]
    assert len(wrong) <= TOLERATED * len(readings), described(wrong)


@pytest.mark.parametrize(("realistic", "missed"), [(True, 0.01), (False, 0.2)])
def test_of_lot_8_answers_are_missed_at_most_and_few_of_the_realistic_ones(realistic: bool, missed: float):
    readings = lot_8_readings("strict", realistic=realistic)
    wrong = [reading for reading in readings if reading.wrong]
    assert described([reading for reading in wrong if reading.invented]) == []
    assert len(wrong) <= missed * len(readings), described(wrong)
