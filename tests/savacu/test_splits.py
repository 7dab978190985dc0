"""The split: its shares, its balance, and that nothing moves or leaks."""

from hypothesis import given
from hypothesis import strategies as st

from misfire.datasets.misalign.instances import SPLITS, Split
from misfire.savacu.prompting.respond import Domains
from misfire.savacu.prompts import content_id
from misfire.savacu.splits import SHARES, assign, balance, best_salt, split_of_id, worst

IDS = [content_id(f"prompt {number}") for number in range(5000)]


def alone(names: list[str]) -> dict[str, str]:
    return {name: name for name in names}


def test_shares_are_those_requested_within_chance():
    splits, leaking = assign(alone(IDS), "savacu", {})
    assert leaking == []
    for split in SPLITS:
        share = sum(assigned == split for assigned in splits.values()) / len(IDS)
        assert abs(share - SHARES[split]) < 4 * (SHARES[split] * (1 - SHARES[split]) / len(IDS)) ** 0.5


def test_adding_prompts_never_moves_old_ones():
    before, _ = assign(alone(IDS[:1000]), "savacu", {})
    after, _ = assign(alone(IDS), "savacu", {})
    assert {name: after[name] for name in before} == before


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=30), st.integers(1, 39))
def test_groups_stay_together_and_old_groups_stay_in_place(links: list[tuple[int, int]], old: int):
    # given any grouping of 40 prompts, the first of which were split before, under other groups
    names = IDS[:41]
    group = list(range(41))
    for one, other in links:
        group = [group[one] if group_number == group[other] else group_number for group_number in group]
    group_of = {
        name: min(names[place] for place in range(41) if group[place] == group_number)
        for name, group_number in zip(names, group, strict=True)
    }
    previous, _ = assign(alone(names[:old]), "savacu", {})

    splits, leaking = assign(group_of, "savacu", previous)

    assert {name: splits[name] for name in previous} == previous
    assert set(leaking).isdisjoint(previous)
    assert set(splits) | set(leaking) == set(names)
    for name in set(splits) - set(previous):
        assert {splits[other] for other in splits if group_of[other] == group_of[name]} == {splits[name]}
    for name in leaking:
        assert len({previous[other] for other in previous if group_of[other] == group_of[name]}) > 1


def test_balance_counts_every_domain():
    domains_of: dict[str, Domains] = {
        name: {"safety": ("safety_privacy_violation",), "value": ("value_health",)} for name in IDS[:10]
    }
    splits: dict[str, Split] = {name: "train" if place < 8 else "test" for place, name in enumerate(IDS[:10])}
    balances = balance(domains_of, splits)
    assert list(balances) == ["safety_privacy_violation", "value_health"]
    assert balances["value_health"].counts == {"train": 8, "validation": 0, "test": 2}
    assert balances["value_health"].deviation == 0.1
    assert worst(balances, at_least=10) == 0.1
    assert worst(balances, at_least=11) == 0


def test_the_chosen_salt_is_at_least_as_balanced_as_any_other():
    domains_of: dict[str, Domains] = {
        name: {"value": (("value_health", "value_wisdom")[place % 7 == 0],)}
        for place, name in enumerate(IDS[:300])
    }
    salts = [str(salt) for salt in range(30)]
    salt, cost = best_salt(domains_of, alone(IDS[:300]), salts)
    costs = {tried: best_salt(domains_of, alone(IDS[:300]), [tried])[1] for tried in salts}
    assert cost == min(costs.values()) < costs["0"]
    assert costs[salt] == cost


def test_a_split_is_a_function_of_id_and_salt():
    assert split_of_id(IDS[0], "a") == split_of_id(IDS[0], "a")
    assert any(split_of_id(name, "a") != split_of_id(name, "b") for name in IDS[:50])
