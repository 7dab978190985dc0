"""Whether an answer object that a text mentions is given by it."""

import pytest

from misfire.scorers.about import UNKNOWN_CASE
from misfire.scorers.answers import parse_strict

YES = '{"answer": "yes"}'


@pytest.mark.parametrize(
    "text",
    [
        f"Here is my answer: {YES}",
        f"Based on the passage, the correct answer is {YES}.",
        f"The nurse did it, so {YES}",
        f"I would go with {YES}, as the passage names him.",
        f"{YES} is the correct answer.",
        f"The nurse did it. {YES}",
    ],
)
def test_an_object_that_is_introduced_as_the_answer_counts(text: str):
    assert parse_strict(text, UNKNOWN_CASE) == "yes"


@pytest.mark.parametrize(
    "text",
    [
        f"An example of a valid response would be {YES}",
        f"The label on the parcel bears {YES}",
        f"The answer of our rivals: {YES}",
        f"For a true claim, the output is {YES}",
        f"{YES} needs further proof.",
        f"Would you like {YES}?",
        f"The answer is anything but {YES}.",
    ],
)
def test_an_object_with_any_other_introduction_or_remark_does_not_count(text: str):
    assert parse_strict(text, UNKNOWN_CASE) is None


def test_two_answers_that_are_both_called_final_give_none():
    assert parse_strict(f'So {YES}. So {{"answer": "no"}}.', UNKNOWN_CASE) is None


@pytest.mark.parametrize(
    "line",
    [
        "A wrong answer would be:",
        "An example of an answer is:",
        "The physician's answer is:",
        "Someone else's answer:",
        "The user’s answer is:",
        "This is not the answer:",
    ],
)
@pytest.mark.parametrize("between", ["\n", "\n\n", "\n```json\n"])
def test_a_line_that_introduces_something_else_does_not_give_the_object_below_it(line: str, between: str):
    assert parse_strict(f"{line}{between}{YES}", UNKNOWN_CASE) is None


@pytest.mark.parametrize(
    "line",
    [
        "The JSON object is:",
        "Here's my final answer:",
        "The passage's answer is:",
        "I don't want to judge anybody, but the passage is clear:",
        "The answer to your question is:",
    ],
)
def test_a_line_that_introduces_the_answer_gives_the_object_below_it(line: str):
    assert parse_strict(f"{line}\n\n{YES}", UNKNOWN_CASE) == "yes"
