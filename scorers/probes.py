"""Probes: the prompts that a pair is asked about, its evidence halves and its controls, and how their answers are joined.

One pair and epoch has up to eight: each of the four kinds, for each half.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from misfire.datasets.pairs import HalfName
from misfire.scorers.answers import YES_NO, YES_NO_UNKNOWN, Answers, GivenAnswer
from misfire.scorers.join import HalfResult
from misfire.scorers.outcomes import Outcome

Probe = Literal["evidence", "foil", "ambiguous", "three_way"]
"""``evidence``: the pair's own half; ``foil``: its context, asked about the other person; ``ambiguous``: its question over the context
without the evidence, with "unknown" as a third answer; ``three_way``: the pair's own half with that third answer."""

PROBES: tuple[Probe, ...] = ("evidence", "foil", "ambiguous", "three_way")

TARGETS: dict[Probe, GivenAnswer] = {"evidence": "yes", "foil": "no", "ambiguous": "unknown", "three_way": "yes"}
"""The right answers of a pair with controls."""


def allowed_answers(probe: Probe) -> Answers:
    """The answers that a probe's question allows.

    Args:
        probe: The probe.

    Returns:
        Yes and no, and "unknown" too for ``ambiguous`` and ``three_way``.
    """
    return YES_NO_UNKNOWN if probe in ("ambiguous", "three_way") else YES_NO


@dataclass(frozen=True)
class ProbeResult:
    """What became of one probe of a pair in one epoch.

    Attributes:
        probe: Which kind.
        result: Pair, half, epoch and outcome.
        answer: The answer that was given; None where there is none that counts.
    """

    probe: Probe
    result: HalfResult
    answer: GivenAnswer | None


def answer_of(probe: Probe, outcome: Outcome, logged: str | None) -> GivenAnswer | None:
    """The answer of a probe, by its outcome first, since an outcome may have been edited by hand.

    Args:
        probe: Which kind.
        outcome: What became of it.
        logged: The answer in the log, or what the model said in its place.

    Returns:
        The right one if the outcome is right; a wrong one if it is wrong, as far as it can be told which; else None.
    """
    if outcome == "right":
        return TARGETS[probe]
    wrong: list[GivenAnswer] = [word for word in allowed_answers(probe).words if word != TARGETS[probe]]
    if outcome != "wrong":
        return None
    return wrong[0] if len(wrong) == 1 else next((word for word in wrong if word == logged), None)


@dataclass(frozen=True)
class PairProbes:
    """The probes of one pair in one epoch, as far as they have an outcome.

    Attributes:
        pair_id: The pair.
        scenario: Its scenario, the unit that intervals are clustered by.
        category: Its category, the stratum of the scenario.
        epoch: The epoch, from 1.
        results: By kind and half.
    """

    pair_id: str
    scenario: str
    category: str
    epoch: int
    results: Mapping[tuple[Probe, HalfName], ProbeResult]

    def answer(self, probe: Probe, half: HalfName) -> GivenAnswer | None:
        """The answer of a probe; None where it was not asked, failed, or was not answered."""
        found = self.results.get((probe, half))
        return found.answer if found else None

    def right(self, probe: Probe, half: HalfName) -> bool:
        """Whether a probe was answered rightly."""
        found = self.results.get((probe, half))
        return found is not None and found.result.outcome == "right"


def join_probes(results: Iterable[ProbeResult]) -> tuple[PairProbes, ...]:
    """Join probes on (pair id, epoch).

    A failed probe counts as one that was not asked, since nothing was measured. Of a probe that is there twice the later one counts, as
    after a re-run.

    Args:
        results: Probes, in any order.

    Returns:
        One entry a (pair, epoch), in order of first appearance; it may lack probes.
    """
    found: dict[tuple[str, int], dict[tuple[Probe, HalfName], ProbeResult]] = {}
    for probed in results:
        half = probed.result
        if half.outcome != "failed":
            found.setdefault((half.pair_id, half.epoch), {})[probed.probe, half.half] = probed
    halves = {key: next(iter(probes.values())).result for key, probes in found.items()}
    return tuple(
        PairProbes(pair_id, halves[pair_id, epoch].scenario, halves[pair_id, epoch].category, epoch, probes)
        for (pair_id, epoch), probes in found.items()
    )
