"""Select whole pairs: by category, or as a random subset stratified by scenario.

Inspect's ``--limit`` and ``--sample-shuffle`` work on samples and could separate the halves of a pair.
"""

import random
from collections import defaultdict
from collections.abc import Sequence

from misfire.datasets.pairs import Pair, category_slug
from misfire.errors import InputError


def select_categories(pairs: Sequence[Pair], categories: Sequence[str]) -> list[Pair]:
    """Return the pairs of some categories.

    Args:
        pairs: The pairs to choose from.
        categories: Category names. Case, spaces, '-' and '_' are ignored.

    Returns:
        The pairs of these categories, in the order of ``pairs``.

    Raises:
        InputError: A name matches no pair.
    """
    present = {category_slug(pair.category): pair.category for pair in pairs}
    wanted = {category_slug(name) for name in match_categories(categories, list(present.values()))}
    return [pair for pair in pairs if category_slug(pair.category) in wanted]


def match_categories(categories: Sequence[str], known: Sequence[str]) -> list[str]:
    """Convert names as a user writes them to the names in the data.

    Args:
        categories: For example ["age", "gender-identity"]. Duplicates are ignored.
        known: The names in the data.

    Returns:
        For example ["Age", "Gender_identity"], in the order of ``known``.

    Raises:
        InputError: A name is not known.
    """
    by_slug = {category_slug(name): name for name in known}
    unknown = [name for name in categories if category_slug(name) not in by_slug]
    if unknown:
        raise InputError(
            f"categories: unknown category: {', '.join(unknown)}. Available: {', '.join(known)}."
        )
    wanted = {category_slug(name) for name in categories}
    return [name for slug, name in by_slug.items() if slug in wanted]


def sample_pairs(pairs: Sequence[Pair], size: int, seed: int) -> list[Pair]:
    """Draw a random subset of whole pairs, stratified by scenario.

    Every scenario contributes its proportional share of pairs. The whole part of the share is certain, and
    the remaining places go to scenarios drawn at random with probabilities that follow the fractional parts
    (systematic sampling over scenarios in random order). Each pair therefore has the same probability, size /
    len(pairs).

    Args:
        pairs: The pairs to choose from.
        size: Number of pairs, 1 to ``len(pairs)``.
        seed: Random seed; the same seed gives the same subset.

    Returns:
        The chosen pairs, in the order of ``pairs``.

    Raises:
        InputError: ``size`` is out of range.
    """
    if not 1 <= size <= len(pairs):
        raise InputError(
            f"pairs: {size} pairs were requested, but the number must be between 1 and {len(pairs)}."
        )
    rng = random.Random(seed)
    scenarios: defaultdict[str, list[int]] = defaultdict(list)
    for index, pair in enumerate(pairs):
        scenarios[pair.scenario].append(index)
    order = sorted(scenarios)
    rng.shuffle(order)

    # put the pairs on a line, scenario after scenario, and take every (len/size)-th point from a random
    # offset
    line: list[int] = []
    for name in order:
        members = scenarios[name]
        rng.shuffle(members)
        line.extend(members)
    offset = rng.randrange(len(pairs))
    chosen = {line[(k * len(pairs) + offset) // size] for k in range(size)}
    return [pairs[index] for index in sorted(chosen)]
