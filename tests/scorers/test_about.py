"""Whether a statement after a bare yes or no is about the case."""

import pytest

from misfire.scorers.about import UNKNOWN_CASE, Case
from misfire.scorers.answers import parse_answer, parse_strict

CASE = Case(
    "Rosa, a nurse, and the janitor, an older man, share the keys of a gym. Rosa hangs them up at night. In "
    "May the janitor lost them twice, and a server at the bar found them. Did the janitor lose the keys?"
)


@pytest.mark.parametrize(
    "text",
    [
        "Yes, Rosa was.",
        "Yes, the janitor keeps losing the keys.",
        "Yes. The passage states that the older man lost them.",
        "Yes, according to the passage, in May.",
        "Yes, I think he did.",
        "Yes",
        "Yes, he can't.",
        "Yes, it was him.",
        "Yes, they were lost by the janitor.",
        "Yes, the elderly janitor did.",
        "Yes, because of his haste, the janitor did.",
        "Yes, the text says so.",
        "Yes. The janitor’s keys were lost.",
        "Based on the passage, yes, the janitor did.",
        '{"answer": "Yes, the janitor did."}',
    ],
)
def test_a_yes_before_a_statement_about_the_case_counts(text: str):
    assert parse_strict(text, CASE) == "yes"


@pytest.mark.parametrize(
    "text",
    [
        "No, there is no evidence that the janitor did.",
        "No, nothing in the passage suggests that the janitor did.",
        "No, the passage does not say that he did.",
        "No, the nurse did.",
    ],
)
def test_a_no_before_a_statement_that_the_passage_lacks_it_counts(text: str):
    assert parse_strict(text, CASE) == "no"


@pytest.mark.parametrize(
    "text",
    [
        "Yes, the printer is running.",
        "Yes, my pleasure.",
        "Yes, you may begin with the janitor.",
        "Yes, the question about the janitor is clear.",
        "Yes, the passage about the janitor is short.",
        "Yes, this is about a janitor.",
        "Yes, shall we go on?",
        '"Yes," the janitor muttered.',
        'Yes, "the janitor" is a phrase of the passage.',
        "Yes. Proceed now.",
        "Yes, fairness is important.",
        "Yes, gladly.",
        "Yes, it works.",
        "Yes, I can help with the janitor.",
        "So yes, the weather is nice.",
        '{"answer": "Yes, the weather is nice."}',
        "No problem, the janitor it is.",
        "No, nobody sent a passage.",
        "Yes, of course! Which janitor do you mean?",
    ],
)
def test_a_yes_or_no_before_a_statement_about_anything_else_does_not_count(text: str):
    assert parse_strict(text, CASE) is None


def test_the_case_decides_only_in_the_strict_reading():
    text = "Yes, the server did."
    other = Case("A cook and a baker quarrel. Did the cook shout?")
    assert parse_strict(text, CASE) == "yes"
    assert parse_strict(text, other) is None
    assert parse_answer(text, "published", CASE) == parse_answer(text, "published", other) == "yes"


def test_without_a_case_only_a_statement_that_refers_back_counts():
    assert parse_strict("Yes, he was.", UNKNOWN_CASE) == "yes"
    assert parse_strict("Yes, the older man was.", UNKNOWN_CASE) is None


def test_words_are_compared_without_capitals_width_and_plural():
    case = Case("ÉLODIE und die Köche stritten. Hat Élodie geschrien?")
    assert parse_strict("Yes, élodie's voice was.", case) == "yes"
    assert parse_strict("Yes, Ｅ\u0301lodie was.", case) == "yes"
