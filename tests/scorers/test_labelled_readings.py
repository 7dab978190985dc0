"""The parsers on the labelled sets: what a careful reader reads, and never an answer that a text does not give."""

import pytest

from tests.scorers.labelled_sets import Reading, answer_readings, verdict_readings

MOST_WRONG = 0.005
"""Share of texts that may be read otherwise than by a careful reader."""

ANSWERS = answer_readings("strict")
VERDICTS = verdict_readings()


@pytest.mark.parametrize("readings", [ANSWERS, VERDICTS], ids=["answers", "verdicts"])
def test_hardly_any_text_is_read_wrongly(readings: list[Reading]):
    wrong = [reading.labelled.id for reading in readings if reading.wrong]
    assert len(wrong) <= MOST_WRONG * len(readings), wrong


@pytest.mark.parametrize("readings", [ANSWERS, VERDICTS], ids=["answers", "verdicts"])
def test_no_answer_is_read_that_the_text_does_not_give(readings: list[Reading]):
    assert [reading.labelled.id for reading in readings if reading.invented] == []


def test_the_published_reading_invents_answers_as_the_release_does():
    # given for comparison alone: it takes the first object, or the first word, wherever that stands
    readings = answer_readings("published")
    assert sum(reading.invented for reading in readings) > 0.2 * len(readings)
