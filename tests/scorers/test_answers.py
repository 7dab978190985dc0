"""Reading an answer out of text: what counts, what does not, and that no text can hurt."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.scorers.answers import YES_NO, YES_NO_UNKNOWN, Answers, parse_answer, parse_published, parse_strict


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"answer": "yes"}', "yes"),
        ('{"answer":"no"}', "no"),
        ('{ "Answer" : "YES" }', "yes"),
        ("{'answer': 'no'}", "no"),
        ("{answer: yes}", "yes"),
        ('{"answer": yes}', "yes"),
        ('{"answer": "Yes."}', "yes"),
        ("{“answer”: “no”}", "no"),
        ('```json\n{"answer": "yes"}\n```', "yes"),
        ('```json\n{\n  "answer": "no"\n}\n```', "no"),
        ('The passage says so. {"answer": "yes"} I hope this helps.', "yes"),
        ('{"reasoning": "she said no", "answer": "yes"}', "yes"),
        ('{"answer": "no", "confidence": 0.9}', "no"),
        ('{"answer": "yes"', "yes"),
        ('{"answer": "yes"}\n{"answer": "no"}', "no"),
        ('Either {"answer": "yes"} or {"answer": "no"}.\nSo: {"answer": "yes"}', "yes"),
        ("yes", "yes"),
        ("No", "no"),
        ("Yes.", "yes"),
        ('"no"', "no"),
        ("**Yes**", "yes"),
        ("  no \n", "no"),
        ("I thought about it.\n\nYes.", "yes"),
        ("```\nno\n```", "no"),
        ('{\\"answer\\": \\"yes\\"}', "yes"),
        ('{"answer": "**no**"}', "no"),
        ('{"answer": "yes"\n```', "yes"),
        ("Answer: yes", "yes"),
        ("**Answer:** Yes", "yes"),
        ("It was the old man.\nThe final answer is no.", "no"),
        ("\u00a0Yes\u200b", "yes"),
        ('I must respond with {"answer": "yes"} or {"answer": "no"}.\n\nYes', "yes"),
        ('`{"answer": "yes"}` or `{"answer": "no"}`: {"answer": "no"}', "no"),
    ],
)
def test_an_answer_is_read_in_any_dress(text: str, answer: str):
    assert parse_strict(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "maybe",
        "Yes, the grandfather was late.",
        "yes or no",
        "no idea",
        "Yesterday",
        "The answer is yes, I think, or no.",
        '{"answer": "unknown"}',
        '{"answer": "yes or no"}',
        '{"answer": "yes" | "no"}',
        '{"answer": "yes"/"no"}',
        '{"answer": null}',
        '{"answer": ["yes"]}',
        '{"answer": "nope"}',
        '{"answers": "yes"}',
        '{"answer": "',
        '{"ans',
        '{"answer": "yes"} but then {"answer": "unclear"}',
        'yes\n{"answer": "it depends"}',
        "no\nOn reflection, it is unclear.",
        'I can\'t answer with {"answer": "yes"} or {"answer": "no"} because that would be a stereotype.',
        '{"answer": "no"} / {"answer": "yes"}',
    ],
)
def test_what_gives_no_answer_is_none(text: str):
    assert parse_strict(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"answer": "yes"} {"answer": "no"}', "yes"),
        ('{"Answer": "NO"}', "no"),
        ("{'answer': 'no'} yes", "yes"),
        ("no and yes", "yes"),
        ("No.", "no"),
        ("I know nothing of it", None),
        ("eyes", None),
        ("", None),
    ],
)
def test_the_published_reading_takes_the_first_object_then_yes_then_no(text: str, answer: str | None):
    assert parse_published(text) == answer


def test_the_parser_is_chosen_by_name():
    text = '{"answer": "yes"} {"answer": "no"}'
    assert (parse_answer(text, "strict"), parse_answer(text, "published")) == ("no", "yes")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"answer": "unknown"}', "unknown"),
        ('{"Answer": "Unknown."}', "unknown"),
        ("```json\n{'answer': 'unknown'}\n```", "unknown"),
        ('It says nothing of it.\n{"answer": "unknown"}', "unknown"),
        ("Answer: unknown", "unknown"),
        ("Unknown.", "unknown"),
        ('{"answer": "yes"}', "yes"),
        ("The final answer is no.", "no"),
        ('{"answer": "yes"} {"answer": "unknown"}', "unknown"),
        ('{"answer": "yes"}, {"answer": "no"} or {"answer": "unknown"}: {"answer": "no"}', "no"),
        ('I reply with {"answer": "yes"}, {"answer": "no"}, or {"answer": "unknown"}.\n\nUnknown', "unknown"),
        ('{"answer": "unknown"}, {"answer": "unknown"}', "unknown"),
        ('{"answer": "yes"}, {"answer": "no"} or {"answer": "unknown"}', None),
        ('It is {"answer": "yes"} or {"answer": "no"}, but I cannot tell which.', None),
        ('{"answer": "undetermined"}', None),
        ('{"answer": "yes or unknown"}', None),
        ("It is unknown who it was.", None),
    ],
)
def test_where_unknown_is_allowed_it_is_read_like_the_others(text: str, answer: str | None):
    assert parse_strict(text, YES_NO_UNKNOWN) == answer


def test_where_unknown_is_not_allowed_it_is_no_answer():
    for parser in ("strict", "published"):
        assert parse_answer('{"answer": "unknown"}', parser) is None
        assert parse_answer('{"answer": "unknown"}', parser, YES_NO_UNKNOWN) == "unknown"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"answer": "unknown"} {"answer": "yes"}', "unknown"),
        ("Unknown, but hardly yes", "yes"),
        ("It is unknown, no?", "no"),
        ("It is unknown.", "unknown"),
        ("unknowns", None),
    ],
)
def test_the_published_rule_takes_in_a_third_word(text: str, answer: str | None):
    assert parse_published(text, YES_NO_UNKNOWN) == answer


@given(st.text(), st.sampled_from([YES_NO, YES_NO_UNKNOWN]))
def test_no_text_raises(text: str, allowed: Answers):
    assert parse_strict(text, allowed) in {*allowed.words, None}
    assert parse_published(text, allowed) in {*allowed.words, None}


pieces = st.sampled_from(['{"answer": "yes"}', '{"answer": "no"}', "{'answer': 'maybe'}", '"answer"', *':{}\n "x', "yes", "no"])


@given(st.lists(pieces).map("".join), st.sampled_from(["yes", "no"]))
def test_the_last_object_wins_whatever_stands_before_it(before: str, answer: str):
    assert parse_strict(f'{before}\n{{"answer": "{answer}"}}') == answer


HOSTILE = [
    '{"answer": ',
    '"answer"',
    '"answer"' + " " * 50,
    '{"answer"\t:\t',
    '{"answer": "yes',
    "{answer:",
    '{"answer": "yes"} or ',
    '{"answer": "unknown"}, ',
    "answer is ",
    "{ ",
    "{\n",
    "yes ",
    "no\n",
    "`",
    " ",
    '"',
]


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.parametrize("parse", [parse_strict, parse_published])
def test_a_megabyte_of_hostile_text_is_read_to_its_end(unit: str, parse: Callable[[str, Answers], str | None]):
    start = time.perf_counter()
    parse(unit * (1_000_000 // len(unit)), YES_NO_UNKNOWN)
    parse(unit * (1_000_000 // len(unit)), YES_NO)
    # takes some milliseconds; a reading whose time grows with the square of the length would take hours (see tests/hostile/test_growth.py)
    assert time.perf_counter() - start < 30
