"""How numbers are written."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.reports.number_format import between, bracket, count, p_value, percent, plain, points, times


@pytest.mark.parametrize(
    ("rate", "shown"), [(0.1234, "12.3 %"), (0, "0.0 %"), (1, "100.0 %"), (math.nan, "–")]
)
def test_a_rate_is_shown_in_percent_and_an_undefined_one_as_a_dash(rate: float, shown: str):
    assert percent(rate) == shown


@pytest.mark.parametrize(("change", "shown"), [(0.031, "+3.1"), (-0.2, "-20.0"), (math.nan, "–")])
def test_a_change_is_shown_in_points_with_its_sign(change: float, shown: str):
    assert points(change) == shown


@pytest.mark.parametrize(("ratio", "shown"), [(3.14, "3.1"), (math.inf, "∞"), (math.nan, "–")])
def test_a_ratio_may_be_infinite(ratio: float, shown: str):
    assert times(ratio) == shown


@pytest.mark.parametrize(
    ("p", "shown"), [(0.0304, "0.030"), (0.0009, "< 0.001"), (1.0, "1.000"), (math.nan, "–")]
)
def test_a_small_p_value_is_shown_as_a_bound(p: float, shown: str):
    assert p_value(p) == shown


@pytest.mark.parametrize(("number", "shown"), [(2028, "2,028"), (math.inf, "∞"), (math.nan, "–")])
def test_a_count_has_separators(number: float, shown: str):
    assert count(number) == shown


def test_an_interval_is_shown_in_brackets_and_an_undefined_one_is_omitted():
    assert bracket(0.1, 0.25, "rate") == "[10.0, 25.0]"
    assert bracket(1.5, math.inf, "ratio") == "[1.5, ∞]"
    assert bracket(math.nan, math.nan, "rate") == ""


def test_an_interval_in_a_sentence_is_told_in_words_where_there_is_none():
    assert between(0.1, 0.25, percent) == "10.0 % to 25.0 %"
    assert between(math.nan, math.nan, percent) == "no interval"
    assert between(0.1, math.nan, points) == "no interval"


@pytest.mark.parametrize("character", "\x1b\x9b\u2028\u2029\u202e\u061c\u2066\ud800")
def test_a_plain_text_has_no_character_that_reverses_or_breaks_a_line(character: str):
    assert plain(f"a{character}b") == "a b"


@given(st.text())
def test_a_plain_text_is_one_line_that_no_terminal_acts_on(text: str):
    assert all(character.isprintable() or not character.isascii() for character in plain(text))
    assert len(plain(text).splitlines()) <= 1
