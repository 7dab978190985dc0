"""Select instances by split, dimension and domain, and draw subsets balanced over domains or dimensions."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from misfire.datasets.misalign.instances import Instance, Split
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, resolve, resolve_dimension
from misfire.errors import InputError

Stratum = Literal["domain", "dimension"]
"""What a subset is balanced over."""

STRATA: tuple[Stratum, ...] = ("domain", "dimension")


@dataclass(frozen=True)
class Selection:
    """Which instances to select. Empty attributes select all.

    Attributes:
        split: Only this split.
        dimensions: Only instances with a domain in one of these dimensions.
        domain_ids: Only instances with one of these domains. A dimension's "none" selects instances without a
            domain in it.
    """

    split: Split | None = None
    dimensions: tuple[Dimension, ...] = ()
    domain_ids: frozenset[str] = frozenset()

    def __call__(self, instance: Instance) -> bool:
        """Check whether an instance is selected."""
        return (
            (self.split is None or instance.split == self.split)
            and (not self.dimensions or any(instance.domains(dimension) for dimension in self.dimensions))
            and (
                not self.domain_ids
                or any(label in self.domain_ids for name in DIMENSIONS for label in instance.labels(name))
            )
        )

    def __str__(self) -> str:
        parts = {
            "split": self.split,
            "dimensions": ",".join(self.dimensions),
            "domains": ",".join(sorted(self.domain_ids)),
        }
        return ", ".join(f"{name}={value}" for name, value in parts.items() if value)


def make_selection(
    split: Split | None = None, dimensions: Sequence[str] = (), domain_names: Sequence[str] = ()
) -> Selection:
    """Create a selection from names as a user writes them.

    Args:
        split: Only this split.
        dimensions: Names of dimensions, for example ["value", "cultural"].
        domain_names: IDs, names or aliases of domains in any dimension.

    Raises:
        InputError: A name is unknown, or occurs in several dimensions.
    """
    wanted = {resolve_dimension(name) for name in dimensions}
    return Selection(
        split,
        tuple(name for name in DIMENSIONS if name in wanted),
        frozenset(resolve(name).id for name in domain_names),
    )


def sample_instances(
    instances: Sequence[Instance], size: int, seed: int, by: Stratum = "domain"
) -> list[Instance]:
    """Draw a random subset with ``size`` instances per stratum, or all of them if a stratum has fewer.

    An instance counts for each of its strata. Strata are processed from the smallest to the largest, and each
    draws the number that it still needs. A large stratum can therefore get more than ``size`` instances
    through the others. An instance without any domain is in no stratum and is never drawn.

    Args:
        instances: The instances to choose from.
        size: Number of instances per stratum, at least 1.
        seed: Random seed; the same seed gives the same subset.
        by: Whether the strata are domains or dimensions.

    Returns:
        The chosen instances, in the order of ``instances``.

    Raises:
        InputError: ``size`` is below 1, or ``by`` is invalid.
    """
    if isinstance(size, bool) or size < 1:
        raise InputError(
            f"per_{by}: {size} instances were requested, but the number must be an integer of at least 1."
        )
    if by not in STRATA:
        raise InputError(f"by: '{by}' is not valid. Available: {', '.join(STRATA)}.")
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index, instance in enumerate(instances):
        for dimension in instance.dimensions:
            for stratum in instance.domains(dimension) if by == "domain" else (dimension,):
                members[stratum].append(index)
    chosen: set[int] = set()
    for stratum in sorted(members, key=lambda name: (len(members[name]), name)):
        rest = [index for index in members[stratum] if index not in chosen]
        # len(members) - len(rest) instances of this stratum are chosen already
        lacking = size - (len(members[stratum]) - len(rest))
        if lacking > 0:
            chosen.update(random.Random(f"{seed}:{stratum}").sample(rest, min(lacking, len(rest))))
    return [instances[index] for index in sorted(chosen)]
