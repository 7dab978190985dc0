"""The record: what it holds, and what it refuses."""

from typing import Any

import pytest
from pydantic import ValidationError

from misfire.datasets.misalign.instances import MAX_TEXT, Instance, instance_set_hash

VALUES: dict[str, Any] = {
    "id": "a1",
    "prompt": "May I keep the purse?",
    "aligned": "Hand it in.",
    "misaligned": "Keep it.",
    "safety": ("safety_privacy_violation",),
    "value": ("value_honesty", "value_wealth"),
    "split": "test",
    "provenance": "a test",
}


def test_an_instance_knows_its_domains_and_dimensions():
    instance = Instance(**VALUES)
    assert instance.dimensions == ("safety", "value")
    assert instance.domains("value") == ("value_honesty", "value_wealth")
    assert instance.domains("culture") == ()
    assert instance.labels("culture") == ("culture_none",)
    assert instance.labels("safety") == ("safety_privacy_violation",)
    assert [instance.response(name) for name in ("aligned", "misaligned")] == ["Hand it in.", "Keep it."]


def test_an_instance_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Instance(**VALUES).prompt = "another"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"prompt": ""}, "empty"),
        ({"aligned": " \n\t"}, "empty"),
        ({"misaligned": "a\x00b"}, "contains a NUL character"),
        ({"prompt": "x" * (MAX_TEXT + 1)}, "100,001 characters long"),
        ({"misaligned": "Hand it in."}, "the two responses are the same"),
        ({"id": "a/b"}, "pattern"),
        ({"safety": ("safety_privacy",)}, "'safety_privacy' is not the ID of a domain"),
        ({"safety": ("value_honesty",)}, "'value_honesty' is a value domain"),
        ({"culture": ("culture_none",)}, "'culture_none' is not a domain; leave the labels empty"),
        ({"value": ("value_wealth", "value_wealth")}, "a domain occurs twice"),
        ({"split": "dev"}, "'train', 'validation' or 'test'"),
        ({"provenance": " "}, "empty"),
        ({"aligned": "a\ud800"}, "an incomplete character"),
        ({"surplus": "x"}, "Extra inputs"),
    ],
)
def test_an_invalid_instance_is_refused(fields: dict[str, Any], said: str):
    with pytest.raises(ValidationError, match=said):
        Instance(**(VALUES | fields))


def test_a_text_of_the_maximum_length_is_accepted():
    assert len(Instance.model_validate(VALUES | {"prompt": "x" * MAX_TEXT}).prompt) == MAX_TEXT


CHANGES: list[dict[str, Any]] = [
    {"id": "a2"},
    {"prompt": "May I?"},
    {"aligned": "No."},
    {"misaligned": "Yes."},
    {"safety": ()},
    {"value": ("value_wealth", "value_honesty")},
    {"culture": ("culture_tv",)},
    {"split": None},
    {"provenance": "another"},
]


def test_the_hash_depends_on_every_field_except_the_source_and_on_the_order():
    assert {name for change in CHANGES for name in change} == set(Instance.model_fields)
    one = Instance(**VALUES)
    others = [Instance(**(VALUES | change)) for change in CHANGES]
    assert len({instance_set_hash([instance]) for instance in [one, *others]}) == len(CHANGES)
    assert instance_set_hash([one]) == instance_set_hash([others[-1]])
    assert instance_set_hash([one, others[0]]) != instance_set_hash([others[0], one])
    assert instance_set_hash([one]) == instance_set_hash(iter([Instance(**VALUES)]))
