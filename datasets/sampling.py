"""Choosing whole pairs: by category, and a seeded subset that keeps the balance of scenarios.

``--limit`` and ``--sample-shuffle`` of Inspect work on samples and would cut pairs apart; these do not.
"""

import random
from collections import defaultdict
from collections.abc import Sequence

from misfire.datasets.pairs import Pair, category_slug
from misfire.errors import InputError


def select_categories(pairs: Sequence[Pair], categories: Sequence[str]) -> list[Pair]:
    """The pairs of some categories.

    Args:
        pairs: The pairs to choose from.
        categories: Category names; capitals, spaces, '-' and '_' do not matter.

    Returns:
        Their pairs, in the order of ``pairs``.

    Raises:
        InputError: A name fits no pair.
    """
    present = {category_slug(pair.category): pair.category for pair in pairs}
    wanted = {category_slug(name) for name in match_categories(categories, list(present.values()))}
    return [pair for pair in pairs if category_slug(pair.category) in wanted]


def match_categories(categories: Sequence[str], known: Sequence[str]) -> list[str]:
    """Names as a user writes them, to the names as the data has them.

    Args:
        categories: For example ["age", "gender-identity"]; twice the same counts once.
        known: The names there are.

    Returns:
        For example ["Age", "Gender_identity"], in the order of ``known``.

    Raises:
        InputError: A name is not known.
    """
    by_slug = {category_slug(name): name for name in known}
    unknown = [name for name in categories if category_slug(name) not in by_slug]
    if unknown:
        raise InputError(f"categories: no such category: {', '.join(unknown)}. There are: {', '.join(known)}.")
    wanted = {category_slug(name) for name in categories}
    return [name for slug, name in by_slug.items() if slug in wanted]


def sample_pairs(pairs: Sequence[Pair], size: int, seed: int) -> list[Pair]:
    """A random subset of whole pairs, stratified by scenario.

    Every scenario gives its proportional share of pairs: the whole part of it for certain, and the
    places that remain go to scenarios drawn at random, more likely the larger their fraction (systematic
    sampling over scenarios in random order). So each pair has the same chance, size / len(pairs).

    Args:
        pairs: The pairs to choose from.
        size: How many, 1 to ``len(pairs)``.
        seed: Of the draw; the same seed gives the same subset.

    Returns:
        The chosen pairs, in the order of ``pairs``.

    Raises:
        InputError: ``size`` is out of range.
    """
    if not 1 <= size <= len(pairs):
        raise InputError(f"pairs: {size} pairs were asked for; a number from 1 to {len(pairs)} can be had.")
    rng = random.Random(seed)
    scenarios: defaultdict[str, list[int]] = defaultdict(list)
    for index, pair in enumerate(pairs):
        scenarios[pair.scenario].append(index)
    order = sorted(scenarios)
    rng.shuffle(order)

    # positions of pairs, scenario after scenario, on a line; every (len/size)-th point of it is taken
    line: list[int] = []
    for name in order:
        members = scenarios[name]
        rng.shuffle(members)
        line.extend(members)
    offset = rng.randrange(len(pairs))
    chosen = {line[(k * len(pairs) + offset) // size] for k in range(size)}
    return [pairs[index] for index in sorted(chosen)]
