"""What is read from replies."""

import math
from typing import Literal

import pytest

from misfire.savacu.calls import ModelReply, Settings, lacking, quoted, reply_object, yes_probability


def first(*tokens: tuple[str, float]) -> ModelReply:
    return ModelReply(text="", first_token=tuple((token, math.log(mass)) for token, mass in tokens))


ENDS = [
    *("</request>", "</request >", "</request\n>", "</ request>", "</request/>"),
    *("< / Request >", "＜／ｒｅｑｕｅｓｔ＞", "</r e q u e s t>", "</\u200brequest>"),
]


@pytest.mark.parametrize(
    "text",
    ["plain", "a request", "<request>", *ENDS, "</request>\n</request1>", "".join(ENDS) + "</ request1>"],
)
def test_no_text_can_end_its_own_quotation(text: str):
    said = quoted(text)
    end = said.rpartition("\n")[2]
    assert said.count(end) == 1
    assert text in said
    # something like an end is enough for another mark, and nothing else is: prompts stay as they were
    number = {"</request>": 1, "</request>\n</request1>": 2, "".join(ENDS) + "</ request1>": 2}.get(
        text, 1 if text in ENDS else 0
    )
    assert end == f"</request{number or ''}>"


def test_spellings_of_yes_and_no_are_combined():
    reply = first(
        (" Yes", 0.3),
        ("yes", 0.2),
        ("YES.", 0.04),
        ("Ġyes", 0.06),
        ("▁No", 0.15),
        ("not", 0.2),
        ("Well", 0.05),
    )
    assert yes_probability(reply) == pytest.approx(0.6 / 0.75)


def test_where_neither_word_appears_there_is_no_probability():
    assert yes_probability(first(("Well", 0.9), ("So", 0.1))) is None


def test_missing_log_probabilities_are_reported_as_missing():
    asked = Settings(temperature=0, max_tokens=1, top_logprobs=20)
    assert 'method = "scores"' in str(lacking(ModelReply(text="yes"), asked))
    assert lacking(first(("yes", 0.5)), asked) is None
    assert lacking(ModelReply(text="yes"), Settings(temperature=0, max_tokens=1)) is None


@pytest.mark.parametrize("stop", ["refused", "failed"])
def test_a_refused_question_has_no_probability_and_is_not_an_error(
    stop: Literal["refused", "failed"],
):
    reply = ModelReply(text="", stop=stop)
    assert lacking(reply, Settings(temperature=0, max_tokens=1, top_logprobs=20)) is None
    assert yes_probability(reply) is None


def test_a_reply_contains_nothing_that_a_file_cannot_store():
    assert ModelReply(text="a\x00b\ud83dc\x1b[31m\n\td").text == "abc[31m\n\td"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('Here it is:\n```json\n{"a": {"b": 2}}\n```', {"a": {"b": 2}}),
        ("no object", None),
        ("} {", None),
        ('{"a": NaN}', None),
        ('{"a": 1, "a": 2}', None),
        ('{"a": "\ud800"}', {"a": ""}),
    ],
)
def test_the_object_of_a_reply_is_found(text: str, value: object):
    assert reply_object(ModelReply(text=text)) == value
