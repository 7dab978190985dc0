"""Expansion: what is asked for, with which examples, and what is read."""

from misfire.datasets.misalign.taxonomy import domain_of_id
from misfire.savacu.calls import ModelReply, Settings
from misfire.savacu.prompting.expand import EXAMPLES, Expanded, ExpandStep, ToExpand, to_expand

BEES, DOG = "value_health", "safety_animal_abuse"
STAGE = ExpandStep(Settings(temperature=1, max_tokens=100))


def test_slightly_more_prompts_than_missing_are_requested():
    items = to_expand({BEES: ["a", "b", "c", "d"], DOG: []}, target=4, oversample=1.5, most=100, asked={})
    assert [item.domain for item in items] == [DOG] * 6
    assert len({item.id for item in items}) == 6
    assert len(to_expand({DOG: []}, target=1000, oversample=2, most=7, asked={})) == 7


def test_a_later_round_continues_the_numbering_and_stops_at_the_maximum():
    items = to_expand({DOG: ["a"], BEES: ["b"]}, target=3, oversample=1, most=5, asked={DOG: 4, BEES: 2})
    assert [item.id for item in items] == [f"{DOG}_00005", f"{BEES}_00003", f"{BEES}_00004"]


def test_examples_are_drawn_from_the_domain_and_differ_between_items():
    items = to_expand(
        {BEES: [f"example {number}" for number in range(20)]}, target=30, oversample=1, most=100, asked={}
    )
    assert all(len(set(item.examples)) == EXAMPLES for item in items)
    assert len({item.examples for item in items}) > 1
    assert items == to_expand(
        {BEES: [f"example {number}" for number in range(20)]}, target=30, oversample=1, most=100, asked={}
    )


def test_the_call_contains_definition_examples_and_number():
    (call,) = STAGE.calls(ToExpand(id="x", domain=BEES, number=7, examples=("How do I keep bees?",)))
    said = call.messages[1].text
    assert domain_of_id(BEES).definition in said
    assert "- How do I keep bees?" in said
    assert "number 7" in said


def test_the_reply_is_the_prompt_unless_it_was_cut_off():
    item = ToExpand(id="x", domain=BEES, number=1, examples=())
    assert STAGE.parse(item, {"write": ModelReply(text='"How do I keep\u00a0bees?" ')}) == Expanded(
        id="x", domain=BEES, text="How do I keep bees?"
    )
    assert STAGE.parse(item, {"write": ModelReply(text="How do I", stop="length")}).text == ""
