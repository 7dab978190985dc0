"""The domains: their number, their names, and what a label is resolved to."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.datasets.misalign.taxonomy import (
    DIMENSIONS,
    Dimension,
    Domain,
    domain_of_id,
    domains,
    label_key,
    none_id,
    resolve,
    resolve_dimension,
    taxonomy,
)
from misfire.errors import InputError

NAMED = [domain for domain in taxonomy() if not domain.is_none]

COLUMN_OF: dict[Dimension, str] = {
    "safety": "safety_name",
    "value": "values_name",
    "culture": "cultural_name",
}


@pytest.mark.parametrize(("dimension", "count"), [("safety", 14), ("value", 56), ("culture", 41)])
def test_each_dimension_has_its_published_number_of_domains_and_none(dimension: Dimension, count: int):
    assert len(domains(dimension)) == count
    assert domain_of_id(none_id(dimension)).is_none


def test_there_are_no_other_domains():
    assert len(taxonomy()) == 14 + 56 + 41 + 3
    assert [domain.dimension for domain in taxonomy()] == sorted(
        (d.dimension for d in taxonomy()), key=DIMENSIONS.index
    )


def test_ids_consist_of_dimension_and_name():
    def slug(name: str) -> str:
        return re.sub(r"[^a-z0-9]+", "_", name.lower().replace("'", "").replace("&", " and ")).strip("_")

    assert [d.id for d in taxonomy() if d.id != f"{d.dimension}_{slug(d.name)}"] == []
    assert len({d.id for d in taxonomy()}) == len(taxonomy())


def test_no_spelling_means_two_domains_of_a_dimension():
    spellings = Counter(
        (d.dimension, key) for d in taxonomy() for key in {label_key(label) for label in d.labels}
    )
    assert [spelling for spelling, count in spellings.items() if count > 1] == []


def test_named_domains_can_be_told_apart_without_their_dimension():
    keys = Counter(key for d in NAMED for key in {label_key(label) for label in d.labels})
    assert [key for key, count in keys.items() if count > 1] == []


def test_no_alias_repeats_the_name():
    assert [d.id for d in taxonomy() if d.name in d.aliases or len(set(d.aliases)) < len(d.aliases)] == []


def test_definitions_are_short_and_different_sentences():
    definitions = [d.definition for d in taxonomy()]
    assert len(set(definitions)) == len(definitions)
    assert [text for text in definitions if not re.fullmatch(r"[A-Z].{15,138}\.", text)] == []


def test_only_cultural_domains_have_a_unesco_group():
    assert [d.id for d in NAMED if (d.group is not None) != (d.dimension == "culture")] == []
    assert Counter(d.group for d in domains("culture")) == {
        "Cultural and Natural Heritage": 9,
        "Performance and Celebration": 8,
        "Visual Arts and Crafts": 4,
        "Books and Press": 4,
        "Audio-visual and Interactive Media": 7,
        "Design and Creative Services": 5,
        "Sports and Recreation": 1,
        "Intangible Cultural Heritage": 3,
    }


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_label_of_the_authors_file_is_exactly_one_domain(shared: Path, dimension: Dimension):
    file = shared / "savacu" / "prompts_with_domains.csv"
    if not file.is_file():
        pytest.skip("needs the authors' CSV (savacu/prompts_with_domains.csv) in the shared data")
    with file.open(encoding="utf-8", newline="") as text:
        labels = {row[COLUMN_OF[dimension]] for row in csv.DictReader(text)} - {""}
    found = {label: resolve(label, dimension).id for label in labels - {"Unknown"}}
    assert len(set(found.values())) == len(found)
    assert {d.id for d in taxonomy() if d.dimension == dimension} == set(found.values())
    assert all(domain_of_id(domain_id).name == label for label, domain_id in found.items())


BEAVERTAILS = [
    "animal_abuse",
    "child_abuse",
    "controversial_topics,politics",
    "discrimination,stereotype,injustice",
    "drug_abuse,weapons,banned_substance",
    "financial_crime,property_crime,theft",
    "hate_speech,offensive_language",
    "misinformation_regarding_ethics,laws_and_safety",
    "non_violent_unethical_behavior",
    "privacy_violation",
    "self_harm",
    "sexually_explicit,adult_content",
    "terrorism,organized_crime",
    "violence,aiding_and_abetting,incitement",
]


def test_the_names_in_beavertails_are_the_safety_domains():
    assert [resolve(name, "safety") for name in BEAVERTAILS] == list(domains("safety"))


@pytest.mark.parametrize(
    ("label", "domain_id"),
    [
        ("honouring of parents and elders", ""),
        ("Honoring of Parents and Elders", "value_honoring_parents_and_elders"),
        ("a world at peace", "value_world_at_peace"),
        ("ACCEPTING MY PORTION IN LIFE", "value_accepting_ones_lot"),
        ("non-violent unethical behaviour", "safety_non_violent_unethical_behavior"),
        ("Terrorism and Organized Crime", "safety_terrorism_and_organized_crime"),
        ("culture_tv", "culture_tv"),
        ("Television", "culture_tv"),
    ],
)
def test_other_spellings_are_known(label: str, domain_id: str):
    if domain_id:
        assert resolve(label).id == domain_id
    else:
        with pytest.raises(InputError, match="Did you mean 'Honoring parents & elders'"):
            resolve(label)


def any_spelling() -> Iterator[tuple[Domain, str]]:
    return ((d, label) for d in taxonomy() for label in d.labels)


@given(st.sampled_from(list(any_spelling())), st.data())
def test_capitals_and_punctuation_do_not_matter(spelling: tuple[Domain, str], data: st.DataObject):
    domain, label = spelling
    changed = "".join(
        data.draw(st.sampled_from([char.lower(), char.upper()]))
        if char.isalpha()
        else data.draw(st.sampled_from([" ", "-", "_", ", "])) + char
        for char in label
    )
    assert resolve(f" {changed} ", domain.dimension) == domain


@pytest.mark.parametrize(
    ("label", "dimension", "said"),
    [
        (
            "Anmal abuse",
            "safety",
            r"'Anmal abuse' is not a domain of dimension safety\. Did you mean 'Animal abuse'",
        ),
        ("Opera", "value", r"'Opera' is not a domain of dimension value"),
        ("xqzw", None, r"'xqzw' is not a domain\. .*taxonomy\.jsonl lists"),
        ("", None, r"'' is not a domain"),
        ("None", None, r"'None' could be safety_none or value_none or culture_none"),
        ("Unknown", "value", r"'Unknown' means that the authors' classifier could not decide"),
    ],
)
def test_an_unknown_domain_is_refused_with_similar_names(label: str, dimension: Dimension | None, said: str):
    with pytest.raises(InputError, match=said):
        resolve(label, dimension)


def test_an_unknown_id_is_refused():
    with pytest.raises(InputError, match="Did you mean 'value_health'"):
        domain_of_id("value_helth")


@pytest.mark.parametrize(
    ("name", "dimension"),
    [("Safety", "safety"), ("values", "value"), ("Cultural", "culture"), ("culture", "culture")],
)
def test_dimensions_are_recognized_by_their_names(name: str, dimension: Dimension):
    assert resolve_dimension(name) == dimension


def test_an_unknown_dimension_is_refused():
    with pytest.raises(InputError, match=r"'ethics' is not a dimension\. Available: safety, value, culture"):
        resolve_dimension("ethics")
