"""Missing outcomes of a run, and whether they are missing by chance.

Errors on only one kind of half bias MAR and BR.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from misfire.datasets.pairs import HALF_NAMES
from misfire.reports.pairs.records import EVIDENCE, HalfRecord
from misfire.scorers.half_notes import BASE
from misfire.scorers.judgments import Judged
from misfire.scorers.statistics import mcnemar_exact

LEVEL = 0.05
"""If p is below this value, outcomes are considered not to be missing by chance."""


@dataclass(frozen=True)
class Loss:
    """Missing outcomes of a run on the two sides that its rates compare.

    Attributes:
        sides: Names of the two sides, for example stereotyped and contrast halves.
        missing: Number of missing outcomes on each side, among the items that the run started.
        alone: Number of items that lack an outcome on this side but have one on the other side.
        p: Two-sided p-value of the exact McNemar test that ``alone`` is equally likely on both sides. 1 if
            nothing is missing.
    """

    sides: tuple[str, str]
    missing: tuple[int, int]
    alone: tuple[int, int]
    p: float

    @property
    def one_sided(self) -> bool:
        """Whether more outcomes are missing from one side than chance explains."""
        return self.p < LEVEL

    @property
    def words(self) -> str:
        """The number of missing outcomes on each side, and the p-value, as a clause."""
        counts = " and ".join(
            f"{number} {side}" for number, side in zip(self.missing, self.sides, strict=True)
        )
        return f"{counts} have no outcome (exact p = {self.p:.2g})"


def pair_loss(records: Sequence[HalfRecord], arm: str = BASE) -> Loss:
    """Return the missing outcomes of one arm of a run over pairs, by half.

    Args:
        records: The halves of the run.
        arm: Name of the arm.

    Returns:
        The loss over all (pair, epoch) combinations with at least one half in the log.
    """
    found: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for record in records:
        if record.probe == EVIDENCE and record.arm == arm:
            key = (record.pair_id, record.epoch)
            found[key].update({record.half} if record.outcome != "failed" else ())
    return _loss(("stereotyped halves", "contrast halves"), HALF_NAMES, list(found.values()))


def detect_loss(judged: Judged) -> Loss:
    """Return the missing outcomes of a detect run, by kind of response.

    Args:
        judged: The judged responses of the run.

    Returns:
        The loss over all (instance, epoch) combinations with at least one judged response.
    """
    found: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for judgment in judged.judgments:
        found[judgment.instance_id, judgment.epoch].add(judgment.response)
    return _loss(
        ("misaligned responses", "aligned responses"), ("misaligned", "aligned"), list(found.values())
    )


def _loss(names: tuple[str, str], sides: Sequence[str], found: Sequence[set[str]]) -> Loss:
    missing = Counter(side for there in found for side in sides if side not in there)
    alone = Counter(side for there in found for side in sides if side not in there and there)
    one, other = sides
    p = mcnemar_exact(alone[one], alone[other]) if alone else 1.0
    return Loss(names, (missing[one], missing[other]), (alone[one], alone[other]), p)
