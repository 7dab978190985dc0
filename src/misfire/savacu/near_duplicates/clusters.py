"""Near-duplicates put together: clusters of prompts, of which one stays, whatever the order or partition of the input."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from misfire.savacu.near_duplicates.neighbors import Pairs
    from misfire.savacu.prompts import Prompt

LARGEST = 20
"""So many clusters are shown, the largest first."""

SHOWN_MEMBERS = 10
"""So many members of each."""

SAMPLED = 60
"""So many merged pairs are shown, as many of each distance as there are, in turn."""


class MergedPair(BaseModel):
    """Two prompts that count as one.

    Attributes:
        distance: How many of 64 bits their fingerprints differ in.
        first: One text.
        second: The other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    distance: int
    first: str
    second: str


class DedupReport(BaseModel):
    """What there is to look at before a radius is trusted.

    Attributes:
        tau: The radius.
        prompts: How many there were.
        kept: How many stayed: one of each cluster.
        pairs: Pairs within the radius, by distance; equal fingerprints are chained, n of them counting n - 1.
        sizes: How many clusters there are of each size above 1. Chains of neighbours make large clusters at a wide radius.
        largest: The texts of the largest clusters, the one that stays first.
        samples: Merged pairs to read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tau: int
    prompts: int
    kept: int
    pairs: dict[int, int]
    sizes: dict[int, int]
    largest: tuple[tuple[str, ...], ...]
    samples: tuple[MergedPair, ...]


def clusters(ids: Sequence[str], pairs: "Pairs", before: Container[str] = ()) -> dict[str, str]:
    """The cluster of each prompt: all that hang together by near-duplicates.

    Args:
        ids: Content ids of the prompts, each once.
        pairs: Pairs of their indices.
        before: Ids that come before all others, whatever their order: those of a data set that was built before.

    Returns:
        For each id, the first id of its cluster, by which the cluster goes and which stays of it. It depends on the set of prompts
        alone: neither on their order nor on how the search was shared out.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), np.uint8), (pairs.first, pairs.second)), shape=(len(ids), len(ids)))
    components: list[int] = connected_components(graph, directed=False)[1].tolist()
    first: dict[int, str] = {}
    for name, component in zip(ids, components, strict=True):
        first[component] = min(name, first.get(component, name), key=lambda name: (name not in before, name))
    return {name: first[component] for name, component in zip(ids, components, strict=True)}


def dedup_report(prompts: "Sequence[Prompt]", pairs: "Pairs", cluster_of: dict[str, str], tau: int) -> DedupReport:
    """The report on a search.

    Args:
        prompts: The prompts that were searched, in the order that the pairs count by.
        pairs: What was found.
        cluster_of: The cluster of each prompt.
        tau: The radius.

    Returns:
        Counts, the largest clusters, and a sample of pairs; the same for the same set of prompts.
    """
    text_of = {prompt.id: prompt.text for prompt in prompts}
    members: dict[str, list[str]] = {}
    for name in sorted(cluster_of):
        members.setdefault(cluster_of[name], []).append(name)
    large = sorted((names for names in members.values() if len(names) > 1), key=lambda names: (-len(names), names[0]))
    return DedupReport(
        tau=tau,
        prompts=len(prompts),
        kept=len(members),
        pairs=dict(sorted(Counter(cast("list[int]", pairs.distance.tolist())).items())),
        sizes=dict(sorted(Counter(len(names) for names in large).items())),
        largest=tuple(tuple(text_of[name] for name in names[:SHOWN_MEMBERS]) for names in large[:LARGEST]),
        samples=tuple(_samples(prompts, pairs)),
    )


def _samples(prompts: "Sequence[Prompt]", pairs: "Pairs") -> Iterable[MergedPair]:
    by_distance: dict[int, list[tuple[str, str, int, int]]] = {}
    found: Iterable[tuple[int, int, int]] = zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist(), strict=True)
    for one, other, distance in found:
        first, second = sorted((one, other), key=lambda index: prompts[index].id)
        by_distance.setdefault(distance, []).append((prompts[first].id, prompts[second].id, first, second))
    waiting = [iter([(distance, *pair) for pair in sorted(near)]) for distance, near in sorted(by_distance.items())]
    taken: list[MergedPair] = []
    while waiting and len(taken) < SAMPLED:
        for source in list(waiting):
            drawn = next(source, None)
            if drawn is None:
                waiting.remove(source)
            elif len(taken) < SAMPLED:
                taken.append(MergedPair(distance=drawn[0], first=prompts[drawn[3]].text, second=prompts[drawn[4]].text))
    return sorted(taken, key=lambda pair: (pair.distance, pair.first, pair.second))
