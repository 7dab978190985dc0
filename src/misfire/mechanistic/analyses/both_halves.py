"""Clean runs of both halves of pairs, so that activations of one half can be put into runs of the other."""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from misfire.datasets.pairs import HalfName
from misfire.mechanistic.model.batching import chunks
from misfire.mechanistic.model.decoder import Batch
from misfire.mechanistic.model.hooks import Captured, Site, capturing
from misfire.mechanistic.model.rerun import Rerun
from misfire.mechanistic.probed_pairs import ProbedPair
from misfire.mechanistic.prompts import ProbePrompt
from misfire.mechanistic.session import Session

Direction = Literal["denoising", "noising"]
"""``denoising`` puts contrast activations into stereotyped runs; ``noising`` does the reverse."""

FROM_TO: Mapping[Direction, tuple[HalfName, HalfName]] = {
    "denoising": ("contrast", "stereotyped"),
    "noising": ("stereotyped", "contrast"),
}
"""The half that activations are taken from, and the half whose run receives them."""


@dataclass(frozen=True)
class Pairs:
    """Pairs that run together in one direction.

    Attributes:
        number: Index of the chunk of pairs, from 0. Names of stored pieces contain it.
        pairs: The pairs.
        direction: Which activations are put into which run.
    """

    number: int
    pairs: tuple[ProbedPair, ...]
    direction: Direction

    @property
    def source(self) -> HalfName:
        """The half that activations are taken from."""
        return FROM_TO[self.direction][0]

    @property
    def target(self) -> HalfName:
        """The half whose run receives the activations."""
        return FROM_TO[self.direction][1]


@dataclass(frozen=True)
class HalfRun:
    """A clean run of one half of some pairs.

    Attributes:
        prompts: The prompts.
        batch: The prompts as a padded batch.
        difference: Logit differences yes − no, shape (pairs,).
        captured: The captured activations.
        rerun: The run, which can be repeated from any layer on.
    """

    prompts: tuple[ProbePrompt, ...]
    batch: Batch
    difference: Tensor
    captured: Captured
    rerun: Rerun


@dataclass(frozen=True)
class BothHalves:
    """Clean runs of both halves: activations of ``source`` are put into runs of ``target``."""

    source: HalfRun
    target: HalfRun


def pair_chunks(
    session: Session, pairs: Sequence[ProbedPair], directions: Sequence[Direction], layers: int
) -> Iterator[Pairs]:
    """Split pairs into chunks that fit the budget.

    Args:
        session: The model.
        pairs: The pairs.
        directions: Each chunk is yielded once for each direction.
        layers: Number of layers whose activations are kept; a layer counts as its input and its head outputs.

    Yields:
        Pairs that run together.
    """
    decoder = session.decoder
    lengths = [max(len(prompt.ids) for prompt in one.prompts.values()) for one in pairs]
    split = chunks(lengths, decoder.width, layers, decoder.dtype.itemsize, session.budget)
    for number, chunk in enumerate(split):
        for direction in directions:
            yield Pairs(number, tuple(pairs[index] for index in chunk), direction)


def run_half(
    session: Session, pairs: Pairs, half: HalfName, *, z: bool = False, sites: Sequence[Site] = ()
) -> HalfRun:
    """Run one half of some pairs.

    Args:
        session: The model.
        pairs: The pairs.
        half: Which half.
        z: Whether to capture the outputs of the heads.
        sites: Which other activations to capture.
    """
    prompts = tuple(one.prompts[half] for one in pairs.pairs)
    batch = session.decoder.batch([prompt.ids for prompt in prompts])
    with capturing(session.decoder, z=z, sites=sites) as captured:
        rerun = Rerun(session.decoder, batch)
    difference = session.decoder.difference(rerun.final, session.probed.answers)
    return HalfRun(prompts, batch, difference, captured, rerun)


def patched_rows(
    pairs: Pairs,
    runs: BothHalves,
    found: Tensor,
    labels: Mapping[str, Any],
    ends: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return a row for each pair, with its margins before and after a patch.

    Args:
        pairs: The pairs.
        runs: Clean runs of the pairs.
        found: Logit differences of the patched target half, shape (pairs,).
        labels: Columns with the same value for all pairs, placed before the margins.
        ends: For each pair, columns that follow the margins ``own``, ``other`` and ``patched``, or replace
            one of them.
    """
    own, other, patched = runs.target.difference.tolist(), runs.source.difference.tolist(), found.tolist()
    return [
        {
            **one.labels,
            **labels,
            "own": one.sign(pairs.target) * own[place],
            "other": one.sign(pairs.target) * other[place],
            "patched": one.sign(pairs.target) * patched[place],
            **end,
        }
        for place, (one, end) in enumerate(zip(pairs.pairs, ends, strict=True))
    ]
