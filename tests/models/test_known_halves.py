"""The index of known prompts: a half is found by its text, whatever stands around it."""

from misfire.datasets.pairs import Pair
from misfire.models.known_halves import KnownHalves, KnownPrompt
from tests.conftest import PairMaker


def test_a_known_half_is_found_within_other_text(make_pair: PairMaker):
    one, two = make_pair(1), make_pair(2)
    known = KnownHalves([one, two])
    text = f"{one.contrast.prompt}\nyes\n\nAnd now: {two.stereotyped.prompt} Answer."
    assert known.find(text) == KnownPrompt(two, "stereotyped", "evidence", two.stereotyped.prompt)
    assert known.find("something else") is None
    assert KnownHalves([]).find("x") is None


def test_the_longest_of_nested_prompts_is_found(make_pair: PairMaker):
    short: Pair = make_pair(1, stereotyped={"prompt": "Did it?"})
    long: Pair = make_pair(2, stereotyped={"prompt": "It did. Did it?"})
    found = KnownHalves([short, long]).find("It did. Did it? Say yes.")
    assert found is not None
    assert (found.pair, found.half) == (long, "stereotyped")
