"""Rates by name, as the command line gives them."""

from typing import Any

import pytest

from misfire.models.rates import rate, rates_by_cue, rates_by_name

NAMES = ("one", "two")


@pytest.mark.parametrize(
    ("given", "rates"),
    [
        (0.3, {"one": 0.3, "two": 0.3}),
        (1, {"one": 1.0, "two": 1.0}),
        ("one:0.3,two:0.1", {"one": 0.3, "two": 0.1}),
        (["one:0.3", " two : 0.1"], {"one": 0.3, "two": 0.1}),
        ("two:1", {"one": 0.0, "two": 1.0}),
    ],
)
def test_rates_are_given_for_all_or_by_name(given: Any, rates: dict[str, float]):
    assert rates_by_name(given, NAMES) == rates


def test_a_name_without_a_rate_has_the_default():
    assert rates_by_name("two:1", NAMES, 0.5) == {"one": 0.5, "two": 1.0}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (1.5, "is not a number from 0 to 1"),
        (True, "is not a number from 0 to 1"),
        (float("nan"), "is not a number from 0 to 1"),
        ("one:x", "is neither a number nor of the form one:0.3,two:0.2"),
        ("three:0.1", "is neither"),
        ("one", "is neither"),
        ("", "is neither"),
        (None, "is neither"),
    ],
)
def test_an_invalid_rate_is_refused(given: Any, said: str):
    with pytest.raises(ValueError, match=said):
        rates_by_name(given, NAMES)


@pytest.mark.parametrize(
    ("given", "rates"),
    [(None, {}), ("one:0.3", {"one": 0.3}), (["two:0.1", "one: 0.2"], {"two": 0.1, "one": 0.2})],
)
def test_rates_by_cue_may_name_only_some_cues(given: Any, rates: dict[str, float]):
    assert rates_by_cue(given, NAMES) == rates


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("one=0.3", "is not of the form cue:rate"),
        (5, "is not of the form"),
        ("three:0.1", "names the unknown cue 'three'"),
    ],
)
def test_an_invalid_rate_by_cue_is_refused(given: Any, said: str):
    with pytest.raises(ValueError, match=said):
        rates_by_cue(given, NAMES)


@pytest.mark.parametrize("value", [-0.1, 1.1, "1", None, False, float("inf")])
def test_a_rate_is_held_to_its_limits(value: object):
    assert rate(1) == 1.0
    with pytest.raises(ValueError, match="is not a number from 0 to 1"):
        rate(value)
