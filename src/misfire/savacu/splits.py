"""The split of prompts: 80/10/10 by content id, near-duplicates together, and what was split before stays where it was."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from misfire.datasets.misalign.instances import SPLITS, Split
from misfire.savacu.calls import Record
from misfire.savacu.prompting.respond import Domains

SHARES: dict[Split, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""The paper's."""


class DomainBalance(Record):
    """How a domain is split.

    Attributes:
        counts: Prompts that hold it, by split.
        deviation: The largest difference between a split's share of them and the share wanted.
    """

    counts: dict[Split, int]
    deviation: float


def split_of_id(name: str, salt: str) -> Split:
    """The split of a content id by itself: a draw that its hash makes, the same on every machine.

    Args:
        name: The content id.
        salt: Another salt, another draw.

    Returns:
        One of the three with their shares as probabilities.
    """
    draw = int.from_bytes(hashlib.sha256(f"{salt} {name}".encode()).digest()[:7]) / 2**56
    for split in SPLITS[:-1]:
        draw -= SHARES[split]
        if draw < 0:
            return split
    return SPLITS[-1]


def assign(group_of: Mapping[str, str], salt: str, previous: Mapping[str, Split]) -> tuple[dict[str, Split], list[str]]:
    """The split of each prompt.

    Args:
        group_of: For each content id that of its group: near-duplicates, which stay together.
        salt: Of the draw.
        previous: The splits of prompts that were split before: these never move.

    Returns:
        The splits; and the ids that have none, sorted: new prompts whose group has old ones in different splits (a new prompt joined two
        groups), so that in whichever split they were, they would leak.
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
    """How evenly each domain is split.

    Args:
        domains_of: The domains of each prompt.
        splits: Their splits.

    Returns:
        By id of the domain, for those that a prompt holds, sorted.
    """
    counts: dict[str, Counter[Split]] = {}
    for name, split in splits.items():
        for held in domains_of[name].values():
            for domain in held:
                counts.setdefault(domain, Counter())[split] += 1
    return {domain: _balance(counts[domain]) for domain in sorted(counts)}


def worst(balances: Mapping[str, DomainBalance], at_least: int) -> float:
    """The largest deviation among domains with so many prompts; 0 if there is none."""
    return max((told.deviation for told in balances.values() if sum(told.counts.values()) >= at_least), default=0.0)


def best_salt(domains_of: Mapping[str, Domains], group_of: Mapping[str, str], salts: Iterable[str]) -> tuple[str, float]:
    """The salt that splits domains most evenly: as much stratification as labels that come together and fixed draws allow.

    Args:
        domains_of: The domains of each prompt.
        group_of: Its group.
        salts: The salts to try.

    Returns:
        The salt, and its mean deviation over the domains, each weighted alike.
    """

    def cost(salt: str) -> float:
        balances = balance(domains_of, assign(group_of, salt, {})[0])
        return sum(told.deviation for told in balances.values()) / max(1, len(balances))

    tried = {salt: cost(salt) for salt in salts}
    best = min(tried, key=lambda salt: (tried[salt], salt))
    return best, tried[best]


def _balance(counts: Mapping[Split, int]) -> DomainBalance:
    total = sum(counts.values())
    by_split: dict[Split, int] = {split: counts.get(split, 0) for split in SPLITS}
    return DomainBalance(counts=by_split, deviation=round(max(abs(by_split[split] / total - SHARES[split]) for split in SPLITS), 6))
