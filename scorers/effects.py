"""What a cue does: one arm of the priming experiment against the base arm, pair by pair."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from misfire.scorers.join import PairResult
from misfire.scorers.statistics import (
    NAN,
    Counts,
    Estimate,
    clustered_difference,
    clustered_mean,
    clustered_ratio,
    mcnemar_clustered,
    mcnemar_exact,
)


@dataclass(frozen=True)
class Effect:
    """An arm against the base, over the pairs that are complete in both.

    Attributes:
        pairs: How many those are, counted by epoch.
        delta_mar: MAR of the arm minus MAR of the base.
        delta_br: BR of the arm minus BR of the base.
        amplification: MAR of the arm over MAR of the base; NaN where the base's is 0 (published: amplification).
        newly_misfired: Pairs that misfire in the arm and not in the base.
        no_longer_misfired: Pairs that misfire in the base and not in the arm.
        mcnemar_p: Two-sided p of the exact McNemar test of these two counts; takes pairs as independent.
        mcnemar_p_clustered: The same question, clustered by scenario.
        did: Difference in differences: the change of accuracy on stereotyped halves minus the change on contrast halves. A general shift
            towards "no" cancels out; below 0 the stereotyped halves lose more.
        did_p: Two-sided p of its test against 0, clustered by scenario.
    """

    pairs: int
    delta_mar: Estimate
    delta_br: Estimate
    amplification: Estimate
    newly_misfired: int
    no_longer_misfired: int
    mcnemar_p: float
    mcnemar_p_clustered: float
    did: Estimate
    did_p: float


def compare(base: Sequence[PairResult], arm: Sequence[PairResult]) -> Effect:
    """The effect of an arm.

    Args:
        base: Complete pairs of the base arm.
        arm: Complete pairs of the primed arm.

    Returns:
        The effect over the (pair, epoch)s in both.
    """
    before = {(pair.pair_id, pair.epoch): pair for pair in base}
    matched = [(before[key], pair) for pair in arm if (key := (pair.pair_id, pair.epoch)) in before]
    index = {scenario: row for row, scenario in enumerate(dict.fromkeys(pair.scenario for _, pair in matched))}
    rows = np.array([index[pair.scenario] for _, pair in matched], dtype=int)

    def by_scenario(values: Sequence[float]) -> Counts:
        return np.bincount(rows, weights=np.array(values, dtype=float), minlength=len(index)).astype(np.float64)

    before_pairs, after_pairs = [one for one, _ in matched], [two for _, two in matched]
    newly = by_scenario([two.misfired and not one.misfired for one, two in matched])
    no_longer = by_scenario([one.misfired and not two.misfired for one, two in matched])
    mar, base_mar = [
        (by_scenario([pair.misfired for pair in pairs]), by_scenario([pair.contrast == "right" for pair in pairs]))
        for pairs in (after_pairs, before_pairs)
    ]
    br, base_br = [
        (by_scenario([pair.reversed for pair in pairs]), by_scenario([pair.stereotyped == "right" for pair in pairs]))
        for pairs in (after_pairs, before_pairs)
    ]
    did, did_p = clustered_mean(by_scenario([_did(one, two) for one, two in matched]), by_scenario([1.0] * len(matched)))
    up, down = int(newly.sum()), int(no_longer.sum())
    return Effect(
        pairs=len(matched),
        delta_mar=clustered_difference(*mar, *base_mar),
        delta_br=clustered_difference(*br, *base_br),
        amplification=clustered_ratio(*mar, *base_mar),
        newly_misfired=up,
        no_longer_misfired=down,
        mcnemar_p=mcnemar_exact(up, down) if matched else NAN,
        mcnemar_p_clustered=mcnemar_clustered(newly, no_longer) if matched else NAN,
        did=did,
        did_p=did_p,
    )


def _did(before: PairResult, after: PairResult) -> int:
    """Of one pair, -2 to 2: change of the stereotyped half minus change of the contrast half, right being 1 and all else 0."""
    stereotyped = (after.stereotyped == "right") - (before.stereotyped == "right")
    return stereotyped - ((after.contrast == "right") - (before.contrast == "right"))
