"""Planted behavior: how a simulated model answers halves and controls of pairs, given random draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from misfire.datasets.pairs import Answer, HalfName


class PlantedRates:
    """The joint distribution of a pair's two outcomes that has the planted conditional rates.

    A share of the pairs fails both halves. The cells of the other pairs (named as in arXiv 2606.18656,
    section 2) are split so that c / (a + c) = MAR and b / (a + b) = BR, that is a : b : c = 1 : br / (1 - br)
    : mar / (1 - mar).

    Args:
        mar: MAR, from 0 to below 1.
        br: BR, from 0 to below 1.
        both_wrong: Share of pairs that fail both halves, from 0 to 1.

    Attributes:
        a: Probability that both halves are right.
        b: Probability that only the contrast half is wrong.
        c: Probability that only the stereotyped half is wrong.
    """

    def __init__(self, mar: float, br: float, both_wrong: float) -> None:
        odds_b, odds_c = br / (1 - br), mar / (1 - mar)
        self.a = (1 - both_wrong) / (1 + odds_b + odds_c)
        self.b = self.a * odds_b
        self.c = self.a * odds_c

    def right(self, half: HalfName, draw: float) -> bool:
        """Decide whether a half is answered correctly.

        Args:
            half: The half.
            draw: A uniform draw from [0, 1) that both halves of the pair share.

        Returns:
            True in cells a and b for the stereotyped half, in cells a and c for the contrast half.
        """
        if draw < self.a:
            return True
        if draw < self.a + self.b:
            return half == "stereotyped"
        if draw < self.a + self.b + self.c:
            return half == "contrast"
        return False

    def share_right(self, half: HalfName) -> float:
        """Return the probability that a half is answered correctly."""
        return self.a + (self.b if half == "stereotyped" else self.c)


@dataclass(frozen=True)
class PlantedEffects:
    """The effects of priming cues on the halves that carry them.

    Attributes:
        base_mar: MAR without a cue.
        mar: MAR with a cue beside the stereotyped half, by cue. Cues that are not listed do not change MAR.
            If the MAR is lower than ``base_mar``, wrong stereotyped halves are corrected at random, including
            those of pairs that fail both halves.
        shift: Probability that a cue turns a correct answer of the half that carries it into a wrong one, by
            cue.
    """

    base_mar: float
    mar: Mapping[str, float]
    shift: Mapping[str, float]

    def right(self, right: bool, cue: str, half: HalfName, draws: tuple[float, float]) -> bool:
        """Decide whether a half is answered correctly with a cue.

        Args:
            right: Whether it is answered correctly without the cue.
            cue: The cue.
            half: The half.
            draws: Two uniform draws from [0, 1) that belong to this half and cue.

        Returns:
            The outcome after the change of MAR and then the shift.
        """
        base, wanted = self.base_mar, self.mar.get(cue, self.base_mar)
        if half == "stereotyped" and wanted > base and draws[0] < (wanted - base) / (1 - base):
            right = False
        if half == "stereotyped" and wanted < base and draws[0] < (base - wanted) / base:
            right = True
        return right and draws[1] >= self.shift.get(cue, 0.0)


@dataclass(frozen=True)
class PlantedLeanings:
    """Errors other than misfiring, which controls are meant to detect.

    Attributes:
        no_bias: By half, the probability that a correct "yes" becomes "no". This shifts the model's criterion
            in that
            context: where "no" is correct, a wrong "yes" becomes "no" as often as it takes to keep d′
                unchanged.
        blind: By half, the probability that the model ignores this context of a pair and answers all its
            questions at random.
        slip: Probability, for each prompt, of another answer than intended.
        unfounded_yes: By half, the probability of "yes" if there is no evidence; otherwise the answer is
            "unknown".
    """

    no_bias: Mapping[HalfName, float]
    blind: Mapping[HalfName, float]
    slip: float
    unfounded_yes: Mapping[HalfName, float]

    def silenced(self, half: HalfName, target: Answer, right: float) -> float:
        """Return the probability that a "yes" becomes "no".

        Args:
            half: The half whose context the question is about.
            target: The correct answer.
            right: Probability that the model intends a correct "yes" in this context. It never intends a
                wrong one.

        Returns:
            ``no_bias`` if "yes" is correct. Otherwise the probability that lowers the false alarm rate by as
            many probits as ``no_bias`` lowers the hit rate.
        """
        lost = self.no_bias[half]
        hits, false_alarms = self._yes(half, right), self._yes(half, 0.0)
        if target == "yes" or lost in {0, 1} or not 0 < false_alarms < 1 or not 0 < hits < 1:
            return lost
        normal = NormalDist()
        shift = normal.inv_cdf(hits * (1 - lost)) - normal.inv_cdf(hits)
        return 1 - normal.cdf(normal.inv_cdf(false_alarms) + shift) / false_alarms

    def _yes(self, half: HalfName, intended: float) -> float:
        """Probability of "yes" before ``no_bias``, given the probability that "yes" is intended."""
        read = 1 - self.blind[half]
        return read * (intended * (1 - self.slip) + (1 - intended) * self.slip) + self.blind[half] / 2
