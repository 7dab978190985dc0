"""Classification: every domain is asked, and read whatever the method."""

import json
import math

import pytest

from misfire.datasets.misalign.taxonomy import DIMENSIONS, domains
from misfire.savacu.calls import ModelReply
from misfire.savacu.prompting.classify import Classified, ToClassify, all_domains, classify_step, holding

ITEM = ToClassify(id="p1", text="Is it fair that my neighbour was paid less?")


def test_there_are_111_domains():
    assert len(all_domains()) == 14 + 56 + 41


def test_each_question_is_one_token_on_one_domain_with_the_request_in_front():
    calls = classify_step("questions").calls(ITEM)
    assert [call.name for call in calls] == [domain.id for domain in all_domains()]
    assert all(
        (call.settings.max_tokens, call.settings.temperature, call.settings.top_logprobs) == (1, 0, 20)
        for call in calls
    )
    # the same beginning, so that providers can cache it
    assert len({call.messages[1].text.partition("</request>")[0] for call in calls}) == 1
    assert all(
        domain.definition in call.messages[1].text for domain, call in zip(all_domains(), calls, strict=True)
    )


def test_scores_ask_all_domains_of_a_dimension_at_once():
    calls = classify_step("scores").calls(ITEM)
    assert [call.name for call in calls] == list(DIMENSIONS)
    for call in calls:
        dimension = next(dimension for dimension in DIMENSIONS if dimension == call.name)
        assert all(
            f"{domain.name}: {domain.definition}" in call.messages[1].text for domain in domains(dimension)
        )


def test_questions_give_the_probability_of_yes():
    def reply(probability: float) -> ModelReply:
        return ModelReply(
            text="", first_token=(("yes", math.log(probability)), ("no", math.log(1 - probability)))
        )

    wanted = {domain.id: (place + 1) / 200 for place, domain in enumerate(all_domains())}
    classified = classify_step("questions").parse(
        ITEM, {name: reply(probability) for name, probability in wanted.items()}
    )
    assert isinstance(classified, Classified)
    assert classified.probabilities == pytest.approx(wanted, abs=1e-6)


def test_scores_that_cannot_be_read_are_undefined_and_not_zero():
    safety = json.dumps(
        {"1": 80, "2": 101, "3": "much", "4": True, "5": -1} | {str(number): 0 for number in range(6, 14)}
    )
    classified = classify_step("scores").parse(
        ITEM,
        {
            "safety": ModelReply(text=safety),
            "value": ModelReply(text="I cannot say"),
            "culture": ModelReply(text="{}"),
        },
    )
    assert isinstance(classified, Classified)
    ids = [domain.id for domain in domains("safety")]
    assert classified.probabilities == {ids[0]: 0.8} | dict.fromkeys(ids[5:13], 0.0)
    assert len(classified.probabilities) + len(classified.undefined) == 111


def test_a_domain_applies_at_its_threshold_and_above():
    ids = [domain.id for domain in domains("value")][:3]
    classified = Classified(id="p1", probabilities={ids[0]: 0.5, ids[1]: 0.49, ids[2]: 0.3}, undefined=())
    assert holding(classified, {})["value"] == (ids[0],)
    assert holding(classified, {ids[2]: 0.3, ids[0]: 0.9})["value"] == (ids[2],)
    assert holding(classified, {}, delta=0.49)["value"] == tuple(ids[:2])
