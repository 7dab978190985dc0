"""Simulated roles: what is planted comes out, whatever the order of calls, and by either way of asking."""

import json
from collections import Counter
from urllib.request import Request, urlopen

import pytest

from misfire.datasets.misalign.taxonomy import domains
from misfire.errors import InputError
from misfire.savacu.calls import Call, ModelReply, Settings, reply_object, yes_probability
from misfire.savacu.prompting.classify import ToClassify, all_domains, classify_step
from misfire.savacu.prompting.expand import ExpandStep, ToExpand
from misfire.savacu.prompting.judge import JudgeStep, ToJudge
from misfire.savacu.prompting.respond import RespondStep, ToRespond
from misfire.savacu.prompts import content_id
from misfire.savacu.rules import Rules
from misfire.savacu.simulated import FAULTS, SimulatedRole, simulated_role
from misfire.savacu.simulated_server import serving

TEXTS = [f"What do you make of the {number}th feast of my village?" for number in range(60)]
HELD = domains("value")[0].id
RESPOND = RespondStep(Settings(temperature=0.7, max_tokens=512), Rules())


def item(number: int) -> ToRespond:
    return ToRespond(
        id=f"p{number}_a",
        prompt_id=f"p{number}",
        text=TEXTS[number],
        domains={"value": (HELD,)},
        generator="a",
    )


def ask(role: SimulatedRole, call: Call) -> ModelReply:
    return role.reply(call.messages, logprobs=call.settings.top_logprobs is not None)


def test_the_classifier_has_the_planted_errors():
    role = SimulatedRole(
        "classifier",
        labels={content_id(text): {"value": (HELD,)} for text in TEXTS},
        miss=0.3,
        false_alarm=0.1,
    )
    missed = made_up = 0
    for text in TEXTS:
        for domain in all_domains():
            says = role.probability(text, domain.id) >= 0.5
            missed += domain.id == HELD and not says
            made_up += domain.id != HELD and says
    assert 7 <= missed <= 29
    assert made_up / (110 * len(TEXTS)) == pytest.approx(0.1, abs=0.015)


def test_both_ways_of_asking_give_the_same_probability():
    role = SimulatedRole(
        "classifier", labels={content_id(TEXTS[0]): {"value": (HELD,)}}, miss=0.2, false_alarm=0.2
    )
    asked = ToClassify(id="p0", text=TEXTS[0])
    questions = {
        call.name: yes_probability(ask(role, call)) for call in classify_step("questions").calls(asked)
    }
    stage = classify_step("scores")
    scores = stage.parse(asked, {call.name: ask(role, call) for call in stage.calls(asked)}).model_dump()[
        "probabilities"
    ]
    assert questions == pytest.approx(scores, abs=1e-4)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "contrary"])
def test_rules_find_each_planted_fault(fault: str):
    role = SimulatedRole("generator-a", faults={fault: 1.0})
    outcome = RESPOND.parse(
        item(0), {call.name: ask(role, call) for call in RESPOND.calls(item(0))}
    ).model_dump()["drafts"]
    assert [found["code"] for found in outcome["misaligned"]["faults"]] == [fault]
    expected = [] if fault in {"usable_detail", "near_partner"} else [fault]
    assert [found["code"] for found in outcome["aligned"]["faults"]] == expected


def test_a_generator_without_faults_passes_and_its_name_decides_its_words():
    replies = [
        ask(SimulatedRole(f"generator-{name}"), call).text
        for name in "ab"
        for number in range(20)
        for call in RESPOND.calls(item(number))
    ]
    assert len(set(replies)) == len(replies)
    role = SimulatedRole("generator-a")
    for number in range(20):
        drafts = RESPOND.parse(
            item(number), {call.name: ask(role, call) for call in RESPOND.calls(item(number))}
        ).model_dump()["drafts"]
        assert not any(draft["faults"] for draft in drafts.values())


def test_planted_fault_rates_are_recovered():
    role = SimulatedRole("generator-a", faults={"empty": 0.2, "contrary": 0.5})
    drawn = Counter(role.fault_of(f"message {number}", "aligned") for number in range(2000))
    assert drawn["empty"] / 2000 == pytest.approx(0.2, abs=0.04)
    assert drawn["contrary"] / 2000 == pytest.approx(0.5, abs=0.05)


def test_the_evaluator_finds_what_the_generator_planted():
    responses = {
        "aligned": "So be it. This is a simulated aligned reply.",
        "misaligned": "So be it. This is a simulated misaligned reply.",
    }
    calls = JudgeStep().calls(
        ToJudge.model_validate(
            {"id": "p", "text": TEXTS[0], "domains": {"value": (HELD,)}, "responses": responses}
        )
    )
    for rate, verdicts in ((0.0, ["aligned", "misaligned"]), (1.0, ["misaligned", "aligned"])):
        answers = [
            reply_object(ask(SimulatedRole("evaluator", miss=rate, false_alarm=rate), call)) or {}
            for call in calls
        ]
        assert [verdict["verdict"] for verdict in answers] == verdicts
    assert reply_object(ask(SimulatedRole("evaluator", unreadable=1.0), calls[0])) is None


@pytest.mark.parametrize(("astray", "holds"), [(0.0, True), (1.0, False)])
def test_the_writer_stays_on_its_topic_as_planted_and_the_classifier_sees_it(astray: float, holds: bool):
    stage = ExpandStep(Settings(temperature=1, max_tokens=100))
    call = stage.calls(ToExpand(id="x", domain=HELD, number=1, examples=()))[0]
    text = ask(SimulatedRole("writer", astray=astray), call).text
    assert (SimulatedRole("classifier").probability(text, HELD) >= 0.5) == holds


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("judge", {}, "begin with a role"),
        ("generator", {"faults": "laziness:0.1"}, "is not a fault"),
        ("generator", {"faults": "empty=0.1"}, "does not have the form"),
        ("generator", {"faults": "empty:much"}, "should have the form"),
        ("generator", {"faults": "empty:0.7,copy:0.7"}, "must be a probability"),
        ("classifier", {"misses": 0.1}, "has no argument 'misses'"),
        ("classifier", {"miss": 1.1}, "must be a probability"),
        ("classifier", {"labels": "/nowhere.csv"}, "cannot be read"),
    ],
)
def test_invalid_arguments_are_reported(name: str, given: dict[str, object], said: str):
    with pytest.raises(InputError, match=said):
        simulated_role(name, **given)  # pyright: ignore[reportArgumentType]


def test_the_server_answers_like_the_role():
    (call,) = classify_step("questions").calls(ToClassify(id="p0", text=TEXTS[0]))[:1]
    messages = [{"role": message.role, "content": message.text} for message in call.messages]
    with serving({"classifier": {}}) as server:
        url = f"{server.url}/chat/completions"
        body = json.dumps(
            {"model": "classifier", "messages": messages, "logprobs": True, "top_logprobs": 20}
        ).encode()
        with urlopen(Request(url, body, {"Content-Type": "application/json"})) as response:  # noqa: S310 (loopback)
            choice = json.load(response)["choices"][0]
        assert server.asked.total() == 1
    expected = ask(SimulatedRole("classifier"), call)
    assert choice["message"]["content"] == expected.text
    top = choice["logprobs"]["content"][0]["top_logprobs"]
    assert tuple((each["token"], each["logprob"]) for each in top) == expected.first_token
