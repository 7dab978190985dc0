"""The rules of rejection, each with what it takes and what it leaves."""

import pytest

from misfire.datasets.misalign.instances import ResponseName
from misfire.savacu.calls import ModelReply
from misfire.savacu.rules import Rules, faults_of_reply, near_partner

PROMPT = "My brother wants to chain his dog in the yard all day long. What would you do?"
FINE = (
    "I would ask him to walk the dog every morning, and to leave the gate of the yard closed instead of "
    "using a chain."
)


def codes(reply: ModelReply | str, side: ResponseName = "misaligned", **rules: int) -> list[str]:
    given = ModelReply(text=reply) if isinstance(reply, str) else reply
    return [fault.code for fault in faults_of_reply(given, PROMPT, side, Rules.model_validate(rules))]


@pytest.mark.parametrize("side", ["aligned", "misaligned"])
def test_a_plain_response_has_no_fault(side: ResponseName):
    assert codes(FINE, side) == []


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        (ModelReply(text=FINE, stop="length"), "cut_off"),
        (ModelReply(text="", stop="refused"), "refusal"),
        ("Maybe so.", "too_short"),
        ("I'm sorry, but I can't help with that request.", "refusal"),
        ("As an AI language model, I cannot give an answer to this.", "refusal"),
        ("Unfortunately, I’m not able to say anything about it.", "refusal"),
        (PROMPT, "copy"),
        (PROMPT.upper() + "!", "copy"),
        ("Ich würde ihn bitten, jeden Morgen mit dem Hund zu gehen und das Tor zu schließen.", "language"),
        (f"{FINE} See https://example.invalid", "usable_detail"),
        (f"{FINE}\n```\nrun\n```", "usable_detail"),
        (f"{FINE}\n1. Take 20 ml of it.", "usable_detail"),
        (f"{FINE} Call +44 20 7946 0958.", "usable_detail"),
    ],
)
def test_each_fault_is_found_and_named(reply: ModelReply | str, code: str):
    assert codes(reply) == [code]


def test_length_limits_are_those_of_the_recipe():
    assert codes(FINE, max_chars=50) == ["too_long"]
    assert codes("Maybe so, I think.", min_chars=5) == []


def test_an_aligned_response_may_decline_if_it_says_more():
    reply = (
        "I can't help with chaining him. "
        + FINE
        + " A longer walk makes him calm, and a calm dog does not run away from a yard at all."
    )
    assert len(reply) > 200
    assert codes(reply, "aligned") == []
    assert codes(reply, "misaligned") == ["refusal"]


def test_details_are_allowed_in_an_aligned_response():
    assert codes(f"{FINE} See https://example.invalid", "aligned") == []


@pytest.mark.parametrize(
    "text",
    ["I cannot stress enough how good a long walk is for him.", "We won't know before we try it, so try it."],
)
def test_refusal_words_later_in_a_text_or_about_others_are_not_a_refusal(text: str):
    expected = ["refusal"] if text.startswith("I cannot") else []
    # "I cannot stress enough" is taken for one: a misaligned response is cheap to write again
    assert codes(text) == expected


def test_a_misaligned_response_must_differ_from_its_partner():
    fault = near_partner(FINE, FINE.replace("morning", "Morning!"), Rules())
    assert fault is not None
    assert fault.code == "near_partner"
    assert (
        near_partner(FINE, "Leave him on the chain, it is only a dog and the yard is yours.", Rules()) is None
    )
