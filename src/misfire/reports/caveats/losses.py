"""What is missing from a run, and whether it is missing by chance: errors that fall on one kind of half bias MAR and BR."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from misfire.datasets.pairs import HALF_NAMES
from misfire.reports.pairs.records import EVIDENCE, HalfRecord
from misfire.scorers.half_notes import BASE
from misfire.scorers.judgements import Judged
from misfire.scorers.statistics import mcnemar_exact

LEVEL = 0.05
"""Below this p what is missing is not taken to be missing by chance."""


@dataclass(frozen=True)
class Loss:
    """Outcomes that a run lacks, by the two sides whose comparison they would bias.

    Attributes:
        sides: Names of the sides, for example stereotyped and contrast halves.
        missing: How many outcomes each side lacks, of those that began; the rest of the run may lack both.
        alone: How many of these lack an outcome while their other side has one.
        p: Exact two-sided p that what is missing alone falls on both sides alike (McNemar's test); 1 where nothing is.
    """

    sides: tuple[str, str]
    missing: tuple[int, int]
    alone: tuple[int, int]
    p: float

    @property
    def one_sided(self) -> bool:
        """Whether one side lacks more than chance explains."""
        return self.p < LEVEL

    @property
    def words(self) -> str:
        """How many on each side, and the test."""
        told = " and ".join(f"{number} {side}" for number, side in zip(self.missing, self.sides, strict=True))
        return f"{told} have no outcome (exact p = {self.p:.2g})"


def pair_loss(records: Sequence[HalfRecord], arm: str = BASE) -> Loss:
    """What an arm of a run over pairs lacks, by half.

    Args:
        records: The halves of the run.
        arm: The arm.

    Returns:
        The loss, over the (pair, epoch)s of which at least one half stands in the log.
    """
    found: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for record in records:
        if record.probe == EVIDENCE and record.arm == arm:
            key = (record.pair_id, record.epoch)
            found[key].update({record.half} if record.outcome != "failed" else ())
    return _loss(("stereotyped halves", "contrast halves"), HALF_NAMES, list(found.values()))


def detect_loss(judged: Judged) -> Loss:
    """What a detect run lacks, by kind of response.

    Args:
        judged: Its responses.

    Returns:
        The loss, over the (instance, epoch)s of which at least one response was judged.
    """
    found: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for judgement in judged.judgements:
        found[judgement.instance_id, judgement.epoch].add(judgement.response)
    return _loss(("misaligned responses", "aligned responses"), ("misaligned", "aligned"), list(found.values()))


def _loss(names: tuple[str, str], sides: Sequence[str], found: Sequence[set[str]]) -> Loss:
    missing = Counter(side for there in found for side in sides if side not in there)
    alone = Counter(side for there in found for side in sides if side not in there and there)
    one, other = sides
    p = mcnemar_exact(alone[one], alone[other]) if alone else 1.0
    return Loss(names, (missing[one], missing[other]), (alone[one], alone[other]), p)
