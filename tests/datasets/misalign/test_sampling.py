"""Choosing instances: by what they are, balanced, and the same for the same seed."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.datasets.misalign.instances import Instance
from misfire.datasets.misalign.sampling import make_selection, sample_instances
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.errors import InputError
from tests.datasets.misalign.conftest import InstanceMaker

IDS = {
    "safety": ["safety_self_harm", "safety_animal_abuse"],
    "value": ["value_honesty", "value_wealth", "value_health"],
    "culture": ["culture_tv", "culture_opera"],
}


def instance(k: int, **labels: tuple[str, ...]) -> Instance:
    return Instance.model_validate(
        {
            "id": f"i{k}",
            "prompt": "p",
            "aligned": "a",
            "misaligned": "b",
            "provenance": "a test",
            "split": "test",
            **labels,
        }
    )


labeled = st.fixed_dictionaries(
    {name: st.lists(st.sampled_from(ids), unique=True, max_size=2).map(tuple) for name, ids in IDS.items()}
)
sets = st.lists(labeled, min_size=1, max_size=60).map(
    lambda rows: [instance(k, **row) for k, row in enumerate(rows)]
)


def counts(instances: list[Instance], by: str) -> Counter[str]:
    if by == "dimension":
        return Counter(name for one in instances for name in one.dimensions)
    return Counter(label for one in instances for name in DIMENSIONS for label in one.domains(name))


@given(sets, st.integers(1, 8), st.integers(), st.sampled_from(["domain", "dimension"]))
def test_every_stratum_contributes_the_requested_number_or_all_it_has(
    instances: list[Instance], size: int, seed: int, by: str
):
    chosen = sample_instances(instances, size, seed, by=by)  # pyright: ignore[reportArgumentType]
    whole, part = counts(instances, by), counts(chosen, by)
    assert [name for name in whole if part[name] < min(size, whole[name])] == []
    assert [one for one in instances if one in chosen] == chosen
    assert all(one.dimensions for one in chosen)


@given(sets, st.integers(1, 8), st.integers())
def test_no_more_are_drawn_than_the_strata_need(instances: list[Instance], size: int, seed: int):
    chosen = sample_instances(instances, size, seed)
    assert len(chosen) <= sum(min(size, count) for count in counts(instances, "domain").values())


def test_with_one_domain_each_the_subset_is_exact():
    instances = [instance(k, value=(IDS["value"][k % 3],)) for k in range(90)]
    assert counts(sample_instances(instances, 7, seed=1), "domain") == dict.fromkeys(IDS["value"], 7)
    assert len(sample_instances(instances, 7, seed=1, by="dimension")) == 7


def test_the_seed_decides():
    instances = [instance(k, value=("value_honesty",)) for k in range(50)]
    assert sample_instances(instances, 10, seed=1) == sample_instances(instances, 10, seed=1)
    assert sample_instances(instances, 10, seed=1) != sample_instances(instances, 10, seed=2)


def test_every_instance_of_a_stratum_has_the_same_chance():
    instances = [instance(k, value=("value_honesty",)) for k in range(10)]
    drawn = Counter(one.id for seed in range(4000) for one in sample_instances(instances, 3, seed))
    # expected 1,200 each; 5 standard deviations are 145
    assert all(1055 < drawn[one.id] < 1345 for one in instances)


@pytest.mark.parametrize(
    ("size", "by", "said"),
    [(0, "domain", "per_domain: 0"), (-1, "dimension", "per_dimension: -1"), (1, "split", "'split'")],
)
def test_an_impossible_sample_is_refused(size: int, by: str, said: str):
    with pytest.raises(InputError, match=said):
        sample_instances([instance(0)], size, seed=1, by=by)  # pyright: ignore[reportArgumentType]


def test_instances_are_selected_by_split_dimension_and_domain(make_instance: InstanceMaker):
    one = make_instance(1, split="test", value=("value_honesty",), culture=("culture_tv",))
    two = make_instance(2, split="train", value=("value_wealth",))
    three = make_instance(3, safety=("safety_self_harm",))
    four = make_instance(4)

    def kept(**wanted: object) -> list[Instance]:
        selection = make_selection(**wanted)  # pyright: ignore[reportArgumentType]
        return [instance for instance in (one, two, three, four) if selection(instance)]

    assert kept() == [one, two, three, four]
    assert kept(split="train") == [two]
    assert kept(dimensions=["values"]) == [one, two]
    assert kept(dimensions=["cultural", "Safety"]) == [one, three]
    assert kept(domain_names=["honest", "self_harm"]) == [one, three]
    assert kept(domain_names=["value_none"]) == [three, four]
    assert kept(split="test", dimensions=["value"], domain_names=["Wealth"]) == []


def test_a_selection_describes_itself():
    selection = make_selection("test", ["value"], ["Wealth", "TV"])
    assert str(selection) == "split=test, dimensions=value, domains=culture_tv,value_wealth"


@pytest.mark.parametrize(
    ("wanted", "said"),
    [({"dimensions": ["ethics"]}, "'ethics'"), ({"domain_names": ["Welth"]}, "Did you mean 'Wealth'")],
)
def test_unknown_names_are_refused(wanted: dict[str, list[str]], said: str):
    with pytest.raises(InputError, match=said):
        make_selection(**wanted)  # pyright: ignore[reportArgumentType]
