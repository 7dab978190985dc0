"""Splits prompts 80/10/10 by content id.

Near-duplicates stay together, and prompts of a previous data set keep their split.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from misfire.datasets.misalign.instances import SPLITS, Split
from misfire.savacu.calls import Record
from misfire.savacu.prompting.respond import Domains

SHARES: dict[Split, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""The fractions in the paper."""


class DomainBalance(Record):
    """How a domain is split.

    Attributes:
        counts: Number of prompts that touch the domain, by split.
        deviation: The largest absolute difference between the fraction of these prompts in a split and the
            target fraction.
    """

    counts: dict[Split, int]
    deviation: float


def split_of_id(name: str, salt: str) -> Split:
    """Draw the split of a content id from its hash, so that it is the same on every machine.

    Args:
        name: The content id.
        salt: Text that seeds the draw. A different salt gives a different split.

    Returns:
        A split. Its probability is the target fraction of the split.
    """
    draw = int.from_bytes(hashlib.sha256(f"{salt} {name}".encode()).digest()[:7]) / 2**56
    for split in SPLITS[:-1]:
        draw -= SHARES[split]
        if draw < 0:
            return split
    return SPLITS[-1]


def assign(
    group_of: Mapping[str, str], salt: str, previous: Mapping[str, Split]
) -> tuple[dict[str, Split], list[str]]:
    """Assign each prompt to a split.

    Args:
        group_of: For each content id, the id of its group of near-duplicates. A group stays in one split.
        salt: Text that seeds the draw.
        previous: The splits of prompts in the previous data set. They do not change.

    Returns:
        The splits, and the sorted ids of prompts without a split. The latter are new prompts whose group
        contains old prompts in different splits (a new prompt can join two groups). They would leak in any
        split.
    """
    old: dict[str, set[Split]] = {}
    for name, group in group_of.items():
        if name in previous:
            old.setdefault(group, set()).add(previous[name])
    splits: dict[str, Split] = {}
    leaking: list[str] = []
    for name, group in group_of.items():
        there = old.get(group, set())
        if name in previous:
            splits[name] = previous[name]
        elif len(there) > 1:
            leaking.append(name)
        else:
            splits[name] = next(iter(there)) if there else split_of_id(group, salt)
    return splits, sorted(leaking)


def balance(domains_of: Mapping[str, Domains], splits: Mapping[str, Split]) -> dict[str, DomainBalance]:
    """Measure how evenly each domain is split.

    Args:
        domains_of: The domains of each prompt.
        splits: The split of each prompt.

    Returns:
        The balance of each domain that at least one prompt touches, sorted by the id of the domain.
    """
    counts: dict[str, Counter[Split]] = {}
    for name, split in splits.items():
        for held in domains_of[name].values():
            for domain in held:
                counts.setdefault(domain, Counter())[split] += 1
    return {domain: _balance(counts[domain]) for domain in sorted(counts)}


def worst(balances: Mapping[str, DomainBalance], at_least: int) -> float:
    """Return the largest deviation among domains with at least ``at_least`` prompts, or 0 without any."""
    return max(
        (balance_.deviation for balance_ in balances.values() if sum(balance_.counts.values()) >= at_least),
        default=0.0,
    )


def best_salt(
    domains_of: Mapping[str, Domains], group_of: Mapping[str, str], salts: Iterable[str]
) -> tuple[str, float]:
    """Find the salt that splits the domains most evenly.

    Prompts touch several domains and splits are fixed by hashes, so choosing the salt is the only way to
    stratify the split.

    Args:
        domains_of: The domains of each prompt.
        group_of: The group of each prompt.
        salts: The salts to try.

    Returns:
        The salt, and its mean deviation over the domains. All domains have the same weight.
    """

    def cost(salt: str) -> float:
        balances = balance(domains_of, assign(group_of, salt, {})[0])
        return sum(balance_.deviation for balance_ in balances.values()) / max(1, len(balances))

    tried = {salt: cost(salt) for salt in salts}
    best = min(tried, key=lambda salt: (tried[salt], salt))
    return best, tried[best]


def _balance(counts: Mapping[Split, int]) -> DomainBalance:
    total = sum(counts.values())
    by_split: dict[Split, int] = {split: counts.get(split, 0) for split in SPLITS}
    return DomainBalance(
        counts=by_split,
        deviation=round(max(abs(by_split[split] / total - SHARES[split]) for split in SPLITS), 6),
    )
