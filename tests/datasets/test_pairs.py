"""The pair record: what it accepts, and what it tells of itself."""

from typing import Any

import pytest
from pydantic import ValidationError

from misfire.datasets.pairs import Controls, Half, Pair, category_slug, pair_set_hash
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
    relabeled, reworded = make_pair(0, subcategory="x"), make_pair(0, stereotyped={"prompt": "Else?"})
    sets = ([one, two], [two, one], [one], [relabeled, two], [reworded, two])
    hashes = {pair_set_hash(pairs) for pairs in sets}
    assert len(hashes) == 5
    assert pair_set_hash([one, two]) == pair_set_hash(
        tuple(Pair.model_validate(pair.model_dump()) for pair in (one, two))
    )


CONTROLS = Controls(
    stereotyped_foil=Half(prompt="It rained. Did the young cook sleep?", target="no"),
    contrast_foil=Half(prompt="It rained. Did the old cook sleep?", target="no"),
    stereotyped_ambiguous="Did the old cook sleep?",
    contrast_ambiguous="Did the young cook sleep?",
)


def test_controls_change_the_hash_and_their_absence_does_not(make_pair: PairMaker):
    bare, controlled = make_pair(), make_pair(controls=CONTROLS)
    reworded = make_pair(controls=CONTROLS.model_copy(update={"contrast_ambiguous": "Else?"}))
    assert len({pair_set_hash([pair]) for pair in (bare, controlled, reworded)}) == 3
    assert "controls" not in bare.model_dump()
    assert "controls" not in bare.model_dump_json()
    assert Pair.model_validate(controlled.model_dump()) == controlled


def test_controls_name_their_halves():
    assert [(name, foil.target) for name, foil in CONTROLS.foils] == [
        ("stereotyped", "no"),
        ("contrast", "no"),
    ]
    assert CONTROLS.ambiguous == (
        ("stereotyped", "Did the old cook sleep?"),
        ("contrast", "Did the young cook sleep?"),
    )


def test_a_foil_with_target_yes_and_a_foil_equal_to_its_half_are_refused(make_pair: PairMaker):
    with pytest.raises(ValidationError, match="the correct answer to a foil must be 'no'"):
        Controls.model_validate(
            CONTROLS.model_dump() | {"contrast_foil": {"prompt": "Did it?", "target": "yes"}}
        )
    same = {"prompt": make_pair().contrast.prompt, "target": "no"}
    with pytest.raises(
        ValidationError, match="the foil of the contrast half has the same prompt as the half"
    ):
        make_pair(controls=CONTROLS.model_dump() | {"contrast_foil": same})


@pytest.mark.parametrize(
    ("category", "slug"), [("Gender_identity", "genderidentity"), ("SES", "ses"), ("Race x SES", "racexses")]
)
def test_a_category_has_a_short_form(category: str, slug: str):
    assert category_slug(category) == slug
