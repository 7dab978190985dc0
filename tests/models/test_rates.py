"""Planted rates as the command line gives them."""

from typing import Any

import pytest

from misfire.errors import InputError
from misfire.models.rates import check_number, rates_by_name

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
def test_rates_are_one_for_all_or_by_name(given: Any, rates: dict[str, float]):
    assert rates_by_name("rate", given, NAMES) == rates


def test_who_is_not_named_has_the_default():
    assert rates_by_name("rate", "two:1", NAMES, 0.5) == {"one": 0.5, "two": 1.0}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (1.5, "-M rate=1.5 is not a number from 0 to 1"),
        (True, "-M rate=True"),
        (float("nan"), "-M rate=nan"),
        ("one:x", "-M rate=one:x is neither a number nor of the form one:0.3,two:0.2"),
        ("three:0.1", "-M rate=three:0.1 is neither"),
        ("one", "-M rate=one is neither"),
        ("one:0.1,two:-1", "-M rate, two=-1.0 is not a number from 0 to 1"),
    ],
)
def test_what_is_no_rate_is_refused_by_name(given: Any, said: str):
    with pytest.raises(InputError) as caught:
        rates_by_name("rate", given, NAMES)
    assert said in str(caught.value)


@pytest.mark.parametrize("value", [-0.1, 2.1, "1", None, False, float("inf")])
def test_a_number_is_held_to_its_limits(value: object):
    check_number("n", 2, 2)
    with pytest.raises(InputError, match="-M n="):
        check_number("n", value, 2)
