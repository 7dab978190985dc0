"""Probes: the prompts for a pair (its evidence halves and its controls), and how their answers are joined.

A pair has up to eight probes per epoch: four kinds for each half.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from misfire.datasets.pairs import HalfName
from misfire.scorers.answers import YES_NO, YES_NO_UNKNOWN, Answers, GivenAnswer
from misfire.scorers.join import HalfResult
from misfire.scorers.outcomes import Outcome

Probe = Literal["evidence", "foil", "ambiguous", "three_way"]
"""``evidence``: the pair's own half. ``foil``: its context with a question about the other person.
``ambiguous``: its question after the context without the evidence, with "unknown" as a third answer.
``three_way``: the pair's own half with the third answer."""

PROBES: tuple[Probe, ...] = ("evidence", "foil", "ambiguous", "three_way")

TARGETS: dict[Probe, GivenAnswer] = {
    "evidence": "yes",
    "foil": "no",
    "ambiguous": "unknown",
    "three_way": "yes",
}
"""The correct answers for a pair with controls."""


def allowed_answers(probe: Probe) -> Answers:
    """Return the answers that a probe allows: yes, no, and for two kinds of probes "unknown"."""
    return YES_NO_UNKNOWN if probe in ("ambiguous", "three_way") else YES_NO


@dataclass(frozen=True)
class ProbeResult:
    """The result of one probe of a pair in one epoch.

    Attributes:
        probe: The kind of probe.
        result: Pair, half, epoch and outcome.
        answer: The answer, or None if there is no valid answer.
    """

    probe: Probe
    result: HalfResult
    answer: GivenAnswer | None


def answer_of(probe: Probe, outcome: Outcome, logged: str | None) -> GivenAnswer | None:
    """Return the answer to a probe.

    The outcome takes precedence over the logged answer, since it may have been edited.

    Args:
        probe: The kind of probe.
        outcome: The outcome.
        logged: The answer in the log, or the beginning of the model's text.

    Returns:
        The correct answer if the outcome is right, a wrong answer if the outcome is wrong and it is known
        which, otherwise None.
    """
    if outcome == "right":
        return TARGETS[probe]
    wrong: list[GivenAnswer] = [word for word in allowed_answers(probe).words if word != TARGETS[probe]]
    if outcome != "wrong":
        return None
    return wrong[0] if len(wrong) == 1 else next((word for word in wrong if word == logged), None)


@dataclass(frozen=True)
class PairProbes:
    """The probes of one pair in one epoch that have an outcome.

    Attributes:
        pair_id: ID of the pair.
        scenario: Scenario of the pair, the unit for clustering of intervals.
        category: Category of the pair, the stratum of the scenario.
        epoch: The epoch, from 1.
        results: The results by kind and half.
    """

    pair_id: str
    scenario: str
    category: str
    epoch: int
    results: Mapping[tuple[Probe, HalfName], ProbeResult]

    def answer(self, probe: Probe, half: HalfName) -> GivenAnswer | None:
        """Return the answer to a probe, or None if it was not asked, failed, or was not answered."""
        found = self.results.get((probe, half))
        return found.answer if found else None

    def right(self, probe: Probe, half: HalfName) -> bool:
        """Check whether a probe was answered correctly."""
        found = self.results.get((probe, half))
        return found is not None and found.result.outcome == "right"


def join_probes(results: Iterable[ProbeResult]) -> tuple[PairProbes, ...]:
    """Join probes on (pair ID, epoch).

    A failed probe counts as one that was not asked, since nothing was measured. If a probe occurs twice, for
    example after a re-run, the later one counts.

    Args:
        results: Probes, in any order.

    Returns:
        One entry per (pair, epoch), in order of first appearance. An entry may lack probes.
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
