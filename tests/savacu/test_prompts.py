"""The normal form of a prompt, and its content id."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.savacu.prompts import content_id, make_prompt, normalize

texts = st.text(max_size=60)


@given(texts)
def test_the_normal_form_is_its_own_normal_form(text: str):
    assert normalize(normalize(text)) == normalize(text)


@given(texts)
def test_the_normal_form_can_be_stored(text: str):
    normal = normalize(text)
    assert normal == normal.strip()
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} and char != "\n" for char in normal)
    normal.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" What\tis \u00a0this? ", "What is this?"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("one\n\n\n\n two", "one\n\ntwo"),
        ("cafe\u0301", "caf\u00e9"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("bell\x07", "bell"),
        ("Capitals, Stay.", "Capitals, Stay."),
    ],
)
def test_insignificant_differences_are_removed(text: str, normal: str):
    assert normalize(text) == normal


@given(texts, texts)
def test_two_texts_have_the_same_id_only_if_they_are_the_same(one: str, other: str):
    one, other = normalize(one), normalize(other)
    assert (content_id(one) == content_id(other)) == (one == other)


def test_an_id_never_changes():
    # ids stand in data sets that were published: another hash would move every prompt
    assert content_id("What is love?") == "pb4f8a1e26879e97ee3efb091"
    assert make_prompt("What is love?", "a file", "row 1").id == content_id("What is love?")
