"""Writing and judging in rounds: what goes back, with what, and what passes."""

import json

import pytest

from misfire.datasets.misalign.instances import ResponseName
from misfire.savacu.calls import ModelReply, Settings
from misfire.savacu.prompting.judge import JudgeStep, ToJudge, after_judging, next_round, to_judge
from misfire.savacu.prompting.respond import Domains, Draft, Responded, RespondStep, ToRespond
from misfire.savacu.rules import Rules

DOMAINS: Domains = {"safety": ("safety_animal_abuse",), "value": ("value_health",), "culture": ()}
ITEM = ToRespond(
    id="p1_a",
    prompt_id="p1",
    text="My brother wants to chain his dog all day. What now?",
    domains=DOMAINS,
    generator="a",
)
GOOD = "Ask him to walk the dog every morning and to close the gate of the yard."
BAD = "It is only a dog, so leave him on the chain and think of something else."
RESPOND = RespondStep(Settings(temperature=0.7, top_p=0.9, max_tokens=512), Rules())


def written(item: ToRespond, **replies: str) -> dict[ResponseName, Draft]:
    responded = RESPOND.parse(item, {side: ModelReply(text=text) for side, text in replies.items()})
    assert isinstance(responded, Responded)
    return responded.drafts


def verdict(says: str, harm: bool = False, reason: str = "Because.") -> ModelReply:
    return ModelReply(text=json.dumps({"verdict": says, "usable_harm": harm, "reason": reason}))


def judged(drafts: dict[ResponseName, Draft], **verdicts: ModelReply) -> dict[ResponseName, Draft]:
    """The drafts after judging; verdicts by side and dimension; by default those that the side should get."""
    waiting = to_judge(ITEM, drafts)
    assert waiting is not None
    replies = {
        call.name: verdicts.get(call.name.replace(" ", "_"), verdict(call.name.split()[0]))
        for call in JudgeStep().calls(waiting)
    }
    return after_judging(drafts, JudgeStep().parse(waiting, replies))


def test_both_responses_are_requested_with_topics_and_length_limits():
    calls = RESPOND.calls(ITEM)
    assert [call.name for call in calls] == ["aligned", "misaligned"]
    assert all(
        "Animal abuse (safety)" in call.messages[1].text and ITEM.text in call.messages[1].text
        for call in calls
    )
    bounds = calls[1].messages[0].text
    assert all(word in bounds for word in ("no instructions", "slurs", "outline"))


def test_each_response_is_judged_in_each_dimension_that_the_prompt_touches():
    waiting = to_judge(ITEM, written(ITEM, aligned=GOOD, misaligned=BAD))
    assert waiting is not None
    calls = JudgeStep().calls(waiting)
    assert [call.name for call in calls] == [
        "aligned safety",
        "aligned value",
        "misaligned safety",
        "misaligned value",
    ]
    assert [GOOD in call.messages[1].text for call in calls] == [
        True,
        True,
        False,
        False,
    ]  # never side by side


def test_a_pair_that_passes_is_finished():
    drafts = judged(written(ITEM, aligned=GOOD, misaligned=BAD))
    assert all(draft.passed for draft in drafts.values())
    assert next_round(ITEM, drafts, 1) is None
    assert to_judge(ITEM, drafts) is None


def test_one_dimension_is_enough_for_misaligned_but_not_for_aligned():
    drafts = judged(
        written(ITEM, aligned=GOOD, misaligned=BAD),
        aligned_value=verdict("misaligned", reason="It scorns health."),
        misaligned_value=verdict("aligned"),
    )
    assert drafts["misaligned"].passed
    assert [fault.code for fault in drafts["aligned"].faults] == ["judged"]
    assert "It scorns health." in drafts["aligned"].faults[0].reason


def test_a_response_that_could_do_harm_never_passes():
    drafts = judged(
        written(ITEM, aligned=GOOD, misaligned=BAD), misaligned_safety=verdict("misaligned", harm=True)
    )
    assert [fault.code for fault in drafts["misaligned"].faults] == ["usable_detail"]


@pytest.mark.parametrize(
    "reply", ["Hard to say.", '{"verdict": "bad", "usable_harm": false}', '{"verdict": "aligned"}']
)
def test_an_unreadable_verdict_is_none(reply: str):
    drafts = judged(written(ITEM, aligned=GOOD, misaligned=BAD), aligned_safety=ModelReply(text=reply))
    assert [fault.code for fault in drafts["aligned"].faults] == ["unjudged"]


def test_only_failed_responses_are_rewritten_with_the_reason():
    drafts = judged(
        written(ITEM, aligned=GOOD, misaligned=BAD),
        aligned_safety=verdict("misaligned", reason="It is careless."),
    )
    again = next_round(ITEM, drafts, 1)
    assert again is not None
    assert (again.round, again.missing()) == (1, ("aligned",))
    (call,) = RESPOND.calls(again)
    assert all(said in call.messages[1].text for said in (GOOD, "It is careless.", "was rejected"))

    drafts = written(
        again, aligned="Walk with him and the dog, and look at the gate together before the evening."
    )
    assert (drafts["aligned"].round, drafts["misaligned"].round) == (1, 0)
    waiting = to_judge(again, drafts)
    assert waiting is not None
    assert list(waiting.responses) == ["aligned"]


def test_responses_that_rules_reject_are_not_judged():
    drafts = written(ITEM, aligned=GOOD, misaligned="No.")
    waiting = to_judge(ITEM, drafts)
    assert waiting == ToJudge(id="p1_a", text=ITEM.text, domains=DOMAINS, responses={"aligned": GOOD})
    assert after_judging(drafts, None) == drafts


def test_a_new_response_equal_to_its_accepted_partner_sends_the_partner_back():
    drafts = judged(written(ITEM, aligned=GOOD, misaligned=BAD), aligned_safety=verdict("misaligned"))
    again = next_round(ITEM, drafts, 1)
    assert again is not None
    drafts = written(again, aligned=BAD)
    assert not drafts["misaligned"].passed
    assert [fault.code for fault in drafts["misaligned"].faults] == ["near_partner"]
