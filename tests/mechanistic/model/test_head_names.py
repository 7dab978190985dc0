"""Names of heads."""

import pytest

from misfire.errors import InputError
from misfire.mechanistic.model.head_names import Head, parse_heads


def test_names_are_written_as_they_are_read():
    assert parse_heads("L24H3, l2h11") == (Head(24, 3), Head(2, 11))
    assert parse_heads(["L0H0"]) == (Head(0, 0),)
    assert str(Head(24, 3)) == "L24H3"


@pytest.mark.parametrize("names", ["", "24.3", "L1", "L1H2,L1H2", "L1H2,,L2H2", "L-1H2"])
def test_an_invalid_head_name_is_refused(names: str):
    with pytest.raises(InputError, match="heads:"):
        parse_heads(names)
