"""Demonstrations: held out, balanced, and with true answers."""

from collections import Counter

import pytest

from misfire.datasets.demos import Demo, demos_for, hold_out, is_role_swap, split_question
from misfire.datasets.pairs import Pair
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from tests.conftest import PairMaker

EMBEDDED = load_pairs(PairSettings("embedded")).pairs
BY_ID = {pair.id: pair for pair in EMBEDDED}


@pytest.mark.parametrize("demos", [1, 3, 5, 10])
def test_no_evaluated_scenario_is_demonstrated(demos: int):
    held_out = hold_out(EMBEDDED, demos, seed=1)
    evaluated = {pair.scenario for pair in held_out.evaluated}
    shown = {
        BY_ID[demo.pair_id].scenario
        for pair in held_out.evaluated
        for demo in demos_for(pair, held_out, demos, "balanced", 1)
    }
    assert shown <= set(held_out.demo_pairs)
    assert not evaluated & set(held_out.demo_pairs)
    assert len(evaluated) + len(held_out.demo_pairs) == 64


def test_nothing_is_held_out_without_demonstrations():
    held_out = hold_out(EMBEDDED, None, seed=1)
    assert (held_out.evaluated, held_out.held) == (EMBEDDED, 0)


@pytest.mark.parametrize("categories", [None, ("Age",), ("Age", "SES")])
def test_any_number_of_demonstrations_including_zero_holds_out_the_same_scenarios(
    categories: tuple[str, ...] | None,
):
    pairs = [pair for pair in EMBEDDED if categories is None or pair.category in categories]
    numbers = (0, 1, 3) if categories == ("Age",) else (0, 1, 3, 5) if categories else (0, 1, 3, 5, 10)
    splits = [hold_out(pairs, demos, seed=1) for demos in numbers]
    assert all(split == splits[0] for split in splits)
    assert 0 < splits[0].held == len(pairs) - len(splits[0].evaluated)
    assert demos_for(pairs[0], splits[0], 0, "balanced", 1) == []


def test_of_bbq_1789_pairs_are_evaluated_with_any_number(bbq_pairs: list[Pair]):
    assert len(bbq_pairs) == 2028
    assert {len(hold_out(bbq_pairs, demos, seed=1).evaluated) for demos in (0, 1, 3, 5, 10)} == {1789}


def cell(demo: Demo) -> tuple[str, str]:
    """Whose context a demonstration has, and its answer."""
    pair = BY_ID[demo.pair_id]
    context = split_question(demo.prompt)[0]
    return (
        "stereotyped" if context == split_question(pair.stereotyped.prompt)[0] else "contrast",
        demo.answer,
    )


@pytest.mark.parametrize("demos", [1, 3, 5, 10])
def test_balanced_demonstrations_are_balanced_over_halves_and_answers(demos: int):
    held_out = hold_out(EMBEDDED, demos, seed=3)
    over_all: Counter[tuple[str, str]] = Counter()
    for pair in held_out.evaluated:
        chosen = demos_for(pair, held_out, demos, "balanced", 3)
        cells = Counter(cell(demo) for demo in chosen)
        assert len({BY_ID[demo.pair_id].scenario for demo in chosen}) == demos
        for part, names in ((0, ("stereotyped", "contrast")), (1, ("yes", "no"))):
            counts = [sum(number for key, number in cells.items() if key[part] == name) for name in names]
            assert max(counts) - min(counts) <= demos % 2
        over_all += cells
    assert min(over_all.values()) > 0.2 * over_all.total()


def test_a_demonstration_that_says_no_asks_about_the_other_person():
    held_out = hold_out(EMBEDDED, 10, seed=1)
    for demo in demos_for(held_out.evaluated[0], held_out, 10, "balanced", 1):
        pair = BY_ID[demo.pair_id]
        halves = {half.prompt for _, half in pair.halves}
        assert (demo.prompt in halves) == (demo.answer == "yes")


def test_published_demonstrations_all_say_yes():
    held_out = hold_out(EMBEDDED, 10, seed=1)
    chosen = demos_for(held_out.evaluated[0], held_out, 10, "published", 1)
    assert {demo.answer for demo in chosen} == {"yes"}
    assert Counter(cell(demo)[0] for demo in chosen) == {"stereotyped": 5, "contrast": 5}


def test_the_draw_depends_on_seed_and_pair():
    held_out = hold_out(EMBEDDED, 3, seed=1)
    one, two = held_out.evaluated[:2]
    assert demos_for(one, held_out, 3, "balanced", 1) == demos_for(one, held_out, 3, "balanced", 1)
    assert demos_for(one, held_out, 3, "balanced", 1) != demos_for(two, held_out, 3, "balanced", 1)
    assert hold_out(EMBEDDED, 3, seed=1).demo_pairs.keys() != hold_out(EMBEDDED, 3, seed=2).demo_pairs.keys()


def test_too_few_scenarios_are_refused(make_pair: PairMaker):
    few = [pair for pair in EMBEDDED if pair.category == "Age"]
    assert len(hold_out(few, 3, seed=1).demo_pairs) == 4
    for demos in (5, 10):
        with pytest.raises(
            InputError,
            match=rf"demos={demos} is too many for these pairs.* 4 of the 8 scenarios are held out",
        ):
            hold_out(few, demos, seed=1)
    with pytest.raises(InputError, match=r"1 of the 1 scenarios are held out.* only 0 scenarios have"):
        hold_out([make_pair(stereotyped={"prompt": "Did the old cook sleep?"})], 1, seed=1)


@pytest.mark.parametrize(
    ("prompt", "context", "question"),
    [
        ("It rained. Was it wet?", "It rained.", "Was it wet?"),
        ("Why? Nobody knew. Was it wet?", "Why? Nobody knew.", "Was it wet?"),
        ('He said "Stop." Was it wet?', 'He said "Stop."', "Was it wet?"),
        ("He paid 3.50 a day. Did he pay 3.50 a day?", "He paid 3.50 a day.", "Did he pay 3.50 a day?"),
        ("Was it wet?", "", "Was it wet?"),
        ("It rained.", "", "It rained."),
    ],
)
def test_the_question_is_the_last_sentence(prompt: str, context: str, question: str):
    assert split_question(prompt) == (context, question)


def test_negative_questions_are_not_used_as_demonstrations(bbq_pairs: list[Pair]):
    for seed in range(5):
        held_out = hold_out(bbq_pairs, 10, seed)
        questions = [
            split_question(half.prompt)[1]
            for pairs in held_out.demo_pairs.values()
            for pair in pairs
            for _, half in pair.halves
        ]
        assert questions
        assert not [question for question in questions if " not " in question or "n't" in question]


def test_role_swaps_are_distinguished_from_other_pairs(bbq_pairs: list[Pair]):
    assert all(is_role_swap(pair) for pair in EMBEDDED)
    share = sum(is_role_swap(pair) for pair in bbq_pairs) / len(bbq_pairs)
    assert 0.6 < share < 0.75
