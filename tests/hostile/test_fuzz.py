"""Given any bytes, a parser answers or raises our own error.

`python -m benchmarks.fuzz` tries 100,000 cases each.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .mutations import mutated
from .targets import TARGETS, Target

each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


@each_target
def test_a_parser_reads_what_it_should(target: Target):
    for seed in target.seeds:
        target.read(seed)


@each_target
@given(st.data())
@settings(max_examples=40)
def test_arbitrary_bytes_are_read_or_refused(target: Target, data: st.DataObject):
    target.read(
        data.draw(
            st.binary(max_size=400)
            | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
        )
    )


@each_target
def test_damaged_input_is_read_or_refused(target: Target):
    rng = random.Random(f"{target.name}/1")
    for _ in range(150):
        target.read(mutated(rng.choice(target.seeds), rng))
