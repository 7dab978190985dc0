"""Arms: which half gets which cue, and what is asked once."""

import pytest

from misfire.datasets.cues import CueBook, unrelated_sentences
from misfire.datasets.pairs import Pair
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.tasks.arms import Arm, AskedHalf, asked_halves, cross

EMBEDDED = load_pairs(PairSettings("embedded")).pairs
PAIR = EMBEDDED[0]
BOOK = CueBook(unrelated_sentences(EMBEDDED))


def asked(*arms: Arm, pair: Pair = PAIR) -> dict[tuple[str, ...], AskedHalf]:
    return {(text.half, *text.arms): text for text in asked_halves(pair, arms, BOOK)}


def test_arms_are_the_cross_product_each_once():
    names = [
        arm.name for arm in cross(["published", "neutral"], ["stereotyped", "both"], ["prefix", "suffix"])
    ]
    assert names == [
        "published_stereotyped",
        "published_stereotyped_suffix",
        "published_both",
        "published_both_suffix",
        "neutral_stereotyped",
        "neutral_stereotyped_suffix",
        "neutral_both",
        "neutral_both_suffix",
    ]
    assert len(cross(["published", "published"], ["both"], ["prefix"])) == 1


def test_the_published_experiment_prepends_its_cue_to_the_stereotyped_half_alone():
    texts = asked(Arm("published", "stereotyped", "prefix"))
    assert texts.keys() == {
        ("stereotyped", "base"),
        ("contrast", "base", "published_stereotyped"),
        ("stereotyped", "published_stereotyped"),
    }
    primed = texts["stereotyped", "published_stereotyped"]
    assert primed.prompt == f"{PAIR.priming_sentence} {PAIR.stereotyped.prompt}"
    assert texts["contrast", "base", "published_stereotyped"].prompt == PAIR.contrast.prompt


def test_texts_shared_by_two_placements_are_asked_once():
    arms = [Arm("published", placement, "prefix") for placement in ("stereotyped", "contrast", "both")]
    texts = asked_halves(PAIR, arms, BOOK)
    assert len(texts) == 4
    assert {text.half: text.arms for text in texts if text.cue is None} == {
        "stereotyped": ("base", "published_contrast"),
        "contrast": ("base", "published_stereotyped"),
    }


def test_two_cues_and_two_placements_need_six_texts():
    assert (
        len(asked_halves(PAIR, cross(["published", "neutral"], ["stereotyped", "both"], ["prefix"]), BOOK))
        == 6
    )


def test_a_suffix_follows_the_question_and_a_system_cue_is_separate():
    suffix = asked(Arm("published", "both", "suffix"))["contrast", "published_both_suffix"]
    assert (suffix.prompt, suffix.system_cue) == (f"{PAIR.contrast.prompt} {PAIR.priming_sentence}", None)
    system = asked(Arm("published", "both", "system"))["contrast", "published_both_system"]
    assert (system.prompt, system.system_cue) == (PAIR.contrast.prompt, PAIR.priming_sentence)


def test_the_same_text_in_two_cues_is_asked_once():
    book = CueBook(BOOK.unrelated, templates=("{sentence}",))
    texts = asked_halves(PAIR, cross(["published", "file"], ["stereotyped"], ["prefix"]), book)
    assert [text.arms for text in texts if text.cue] == [("published_stereotyped", "file_stereotyped")]


@pytest.mark.parametrize("pair", EMBEDDED[::50])
def test_every_arm_has_both_halves(pair: Pair):
    arms = cross(
        ["published", "neutral", "fairness"], ["stereotyped", "contrast", "both"], ["prefix", "system"]
    )
    texts = asked_halves(pair, arms, BOOK)
    for name in ["base", *(arm.name for arm in arms)]:
        assert sorted(text.half for text in texts if name in text.arms) == ["contrast", "stereotyped"]
