"""Groups near-duplicate prompts into clusters.

The result does not depend on the order or partition of the input.
"""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from misfire.savacu.near_duplicates.neighbors import Pairs
    from misfire.savacu.prompts import Prompt

LARGEST = 20
"""Maximum number of clusters to show. The largest are shown first."""

SHOWN_MEMBERS = 10
"""Maximum number of prompts to show for each cluster."""

SAMPLED = 60
"""Maximum number of merged pairs to show. They are taken from all distances in turn."""


class MergedPair(BaseModel):
    """Two prompts that are near-duplicates.

    Attributes:
        distance: Number of bits (of 64) in which their fingerprints differ.
        first: Text of one prompt.
        second: Text of the other prompt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    distance: int
    first: str
    second: str


class DedupReport(BaseModel):
    """A report to inspect before a radius is trusted.

    Attributes:
        tau: The radius: the maximum distance of near-duplicates.
        prompts: Number of prompts.
        kept: Number of prompts that were kept, one from each cluster.
        pairs: Number of pairs within the radius, by distance. A set of n equal fingerprints counts as n - 1
            pairs at distance 0.
        sizes: Number of clusters of each size above 1. At a large radius, chains of neighbors form large
            clusters.
        largest: Texts of the largest clusters. The first text of each is the one that was kept.
        samples: A sample of merged pairs to read.
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
    """Group prompts into clusters: the connected components of the graph of near-duplicates.

    Args:
        ids: Content ids of the prompts, without repetition.
        pairs: Near-duplicates, as pairs of indices into ``ids``.
        before: Ids that sort before all others: those of a data set that was built earlier.

    Returns:
        For each id, the first id of its cluster. This id names the cluster and is the one that is kept. The
        result depends only on the set of prompts, not on their order or on how the search was distributed.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array(
        (np.ones(len(pairs), np.uint8), (pairs.first, pairs.second)), shape=(len(ids), len(ids))
    )
    components: list[int] = connected_components(graph, directed=False)[1].tolist()
    first: dict[int, str] = {}
    for name, component in zip(ids, components, strict=True):
        first[component] = min(name, first.get(component, name), key=lambda name: (name not in before, name))
    return {name: first[component] for name, component in zip(ids, components, strict=True)}


def dedup_report(
    prompts: "Sequence[Prompt]", pairs: "Pairs", cluster_of: dict[str, str], tau: int
) -> DedupReport:
    """Summarize a search for near-duplicates. The report depends only on the set of prompts.

    Args:
        prompts: The prompts. The pairs contain indices into this sequence.
        pairs: The near-duplicates.
        cluster_of: The cluster of each prompt.
        tau: The radius.
    """
    text_of = {prompt.id: prompt.text for prompt in prompts}
    members: dict[str, list[str]] = {}
    for name in sorted(cluster_of):
        members.setdefault(cluster_of[name], []).append(name)
    large = sorted(
        (names for names in members.values() if len(names) > 1), key=lambda names: (-len(names), names[0])
    )
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
    found: Iterable[tuple[int, int, int]] = zip(
        pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist(), strict=True
    )
    for one, other, distance in found:
        first, second = sorted((one, other), key=lambda index: prompts[index].id)
        by_distance.setdefault(distance, []).append((prompts[first].id, prompts[second].id, first, second))
    waiting = [
        iter([(distance, *pair) for pair in sorted(near)]) for distance, near in sorted(by_distance.items())
    ]
    taken: list[MergedPair] = []
    while waiting and len(taken) < SAMPLED:
        for source in list(waiting):
            drawn = next(source, None)
            if drawn is None:
                waiting.remove(source)
            elif len(taken) < SAMPLED:
                taken.append(
                    MergedPair(distance=drawn[0], first=prompts[drawn[3]].text, second=prompts[drawn[4]].text)
                )
    return sorted(taken, key=lambda pair: (pair.distance, pair.first, pair.second))
