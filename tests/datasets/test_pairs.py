"""The pair record: what it accepts, and what it tells of itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from misfire.datasets.pairs import Half, Pair, category_slug, pair_set_hash
from tests.conftest import PairMaker


def test_a_pair_names_its_scenario_and_its_halves(make_pair: PairMaker):
    pair = make_pair(3, "12", "Gender_identity")
    assert (pair.id, pair.scenario) == ("genderidentity_q12_p3", "genderidentity_q12")
    assert [name for name, _ in pair.halves] == ["stereotyped", "contrast"]


def test_a_pair_cannot_be_changed(make_pair: PairMaker):
    with pytest.raises(ValidationError):
        make_pair().id = "other"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "a/b"},
        {"id": ""},
        {"id": "a\n"},
        {"id": "-a"},
        {"id": "a" * 201},
        {"category": " "},
        {"stereotyped_group": ""},
        {"question_index": 1},
        {"priming_sentence": ""},
        {"surplus": "x"},
        {"stereotyped": {"prompt": "Did it?", "target": "maybe"}},
        {"stereotyped": {"prompt": "  "}},
        {"stereotyped": {"prompt": "a lone surrogate \ud800"}},
        {"stereotyped": {"prompt": "Did it?", "example_id": "7"}},
    ],
)
def test_a_bad_field_is_refused(make_pair: PairMaker, fields: dict[str, Any]):
    with pytest.raises(ValidationError):
        make_pair(**fields)


def test_halves_with_the_same_prompt_are_refused(make_pair: PairMaker):
    with pytest.raises(ValidationError, match="same prompt"):
        make_pair(stereotyped=Half(prompt="Did it?"), contrast=Half(prompt="Did it?"))


def test_the_hash_depends_on_every_field_and_on_the_order(make_pair: PairMaker):
    one, two = make_pair(0), make_pair(1)
    relabelled, reworded = make_pair(0, subcategory="x"), make_pair(0, stereotyped={"prompt": "Else?"})
    sets = ([one, two], [two, one], [one], [relabelled, two], [reworded, two])
    hashes = {pair_set_hash(pairs) for pairs in sets}
    assert len(hashes) == 5
    assert pair_set_hash([one, two]) == pair_set_hash(tuple(Pair.model_validate(pair.model_dump()) for pair in (one, two)))


@pytest.mark.parametrize(("category", "slug"), [("Gender_identity", "genderidentity"), ("SES", "ses"), ("Race x SES", "racexses")])
def test_a_category_has_a_short_form(category: str, slug: str):
    assert category_slug(category) == slug
