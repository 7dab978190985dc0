"""The labeled sets are what their README says: large and distinct, with labels that fit their questions."""

import re
from collections import Counter

import pytest

from misfire.scorers.verdicts import verdict_keys
from tests.scorers.labeled_sets import (
    LabeledAnswer,
    LabeledVerdict,
    case_of,
    kept_back_answers,
    labeled_answers,
    labeled_verdicts,
)

ANSWERS = labeled_answers()
VERDICTS = labeled_verdicts()

SOURCE = re.compile(r"hand|issue 15|model: .+|report: [\w.-]+/[\w.-]+#\d+(?:, [\w.-]+/[\w.-]+#\d+)*")


@pytest.mark.parametrize(("labeled", "size", "by_model"), [(ANSWERS, 450, 150), (VERDICTS, 230, 60)])
def test_the_sets_are_large_and_partly_from_a_real_model(
    labeled: list[LabeledAnswer] | list[LabeledVerdict], size: int, by_model: int
):
    assert len(labeled) >= size
    assert Counter(item.origin for item in labeled)["model"] >= by_model


def test_no_text_occurs_twice():
    # white space apart, where it is all that differs between outputs of a model
    answers = Counter(
        (" ".join(item.text.split()) if item.origin == "model" else item.text, item.question)
        for item in ANSWERS
    )
    kept_back = Counter((item.text, item.case) for item in kept_back_answers())
    verdicts = Counter(
        (" ".join(item.text.split()) if item.origin == "model" else item.text, tuple(item.asked))
        for item in VERDICTS
    )
    assert max(answers.values()) == max(kept_back.values()) == max(verdicts.values()) == 1
    ids = [item.id for item in (*ANSWERS, *kept_back_answers(), *VERDICTS)]
    assert len(set(ids)) == len(ids)


def test_every_text_names_its_source():
    assert [item.id for item in (*ANSWERS, *VERDICTS) if not SOURCE.fullmatch(item.source)] == []


def test_unknown_is_expected_only_where_the_question_allows_it():
    assert [item.id for item in ANSWERS if item.expected == "unknown" and item.question == "yes_no"] == []


def test_an_expected_verdict_answers_what_was_asked_and_nothing_else():
    wrong = [
        item.id
        for item in VERDICTS
        if isinstance(item.expected, dict) and tuple(item.expected) != verdict_keys(item.asked)
    ]
    assert wrong == []


def test_every_reading_is_expected_often_enough_to_be_measured():
    assert min(Counter(item.expected for item in ANSWERS).values()) >= 10
    assert (
        min(
            Counter(item.label if isinstance(item.expected, str) else "verdict" for item in VERDICTS).values()
        )
        >= 15
    )


def test_every_answer_replies_to_a_passage_with_a_question():
    assert [item.id for item in (*ANSWERS, *kept_back_answers()) if "?" not in case_of(item).text] == []
