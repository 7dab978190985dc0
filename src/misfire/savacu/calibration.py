"""Compares the probabilities of a classifier with known labels.

It gives a reliability curve, a calibration error, and thresholds.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from misfire.datasets.misalign.taxonomy import Dimension
from misfire.savacu.calls import Record
from misfire.savacu.prompting.classify import DELTA, Classified, all_domains

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BINS = 10
"""Number of bins of equal width in the reliability curve."""

LEAST_POSITIVES = 10
"""Minimum number of labeled prompts that touch a domain for it to get its own threshold. With fewer, the
best threshold is noise."""


class Bin(Record):
    """A bin of the reliability curve.

    Attributes:
        low: Lower end of the bin. The bin ends where the next one begins.
        count: Number of (prompt, domain) pairs in the bin.
        predicted: Mean predicted probability of these pairs.
        observed: Fraction of these pairs whose label is positive.
    """

    low: float
    count: int
    predicted: float
    observed: float


class Calibration(Record):
    """The comparison of a classifier with labeled prompts.

    Attributes:
        prompts: Number of labeled prompts.
        error: Expected calibration error over all (prompt, domain) pairs: the mean of |predicted − observed|
            over the bins, weighted by their counts.
        curve: The bins that are not empty.
        thresholds: For each domain with enough labeled prompts, the probability threshold with the best F1.
        precision: Precision over all domains at these thresholds (at δ for domains without one); None if
            nothing was predicted.
        recall: Recall at the same thresholds; None if no prompt touches a domain.
        precision_at_delta: Precision with the threshold δ for every domain.
        recall_at_delta: Recall with the threshold δ for every domain.
    """

    prompts: int
    error: float
    curve: tuple[Bin, ...]
    thresholds: dict[str, float]
    precision: float | None
    recall: float | None
    precision_at_delta: float | None
    recall_at_delta: float | None

    @property
    def name(self) -> str:
        """A short hash. Every row of the data set that was labeled with this calibration contains it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


Labels = Mapping[str, Mapping[Dimension, Sequence[str]]]
"""For each content id and dimension, the ids of the domains that the prompt touches. A missing dimension
is unknown."""


def calibrate(classified: Sequence[Classified], labels: Labels, delta: float = DELTA) -> Calibration:
    """Compare the probabilities of a classifier with known labels.

    Args:
        classified: The output of the classifier. Prompts without labels are ignored.
        labels: The known labels.
        delta: The threshold for domains that do not get their own.

    Returns:
        The comparison. A label whose probability is undefined counts as not predicted and is not in any bin.
    """
    import numpy as np

    domains = all_domains()
    rows = [row for row in classified if row.id in labels]
    probability = np.array(
        [[row.probabilities.get(domain.id, np.nan) for domain in domains] for row in rows]
    ).reshape(len(rows), len(domains))
    known = np.array(
        [[domain.dimension in labels[row.id] for domain in domains] for row in rows], bool
    ).reshape(probability.shape)
    holds = np.array(
        [[domain.id in labels[row.id].get(domain.dimension, ()) for domain in domains] for row in rows], bool
    )
    holds = holds.reshape(probability.shape)
    thresholds = {
        domain.id: _best_threshold(probability[known[:, place], place], holds[known[:, place], place])
        for place, domain in enumerate(domains)
        if holds[known[:, place], place].sum() >= LEAST_POSITIVES
    }
    chosen = np.array([thresholds.get(domain.id, delta) for domain in domains])
    usable = known & ~np.isnan(probability)
    curve = _curve(probability[usable], holds[usable])
    total = sum(bin_.count for bin_ in curve)
    precision, recall = _precision_recall(probability >= chosen, holds, known)
    precision_at_delta, recall_at_delta = _precision_recall(probability >= delta, holds, known)
    return Calibration(
        prompts=len(rows),
        error=round(sum(bin_.count * abs(bin_.predicted - bin_.observed) for bin_ in curve) / total, 6)
        if total
        else 0.0,
        curve=curve,
        thresholds=thresholds,
        precision=precision,
        recall=recall,
        precision_at_delta=precision_at_delta,
        recall_at_delta=recall_at_delta,
    )


def _curve(probability: "NDArray[np.float64]", holds: "NDArray[np.bool_]") -> tuple[Bin, ...]:
    import numpy as np

    places = np.minimum((probability * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(
            low=place / BINS,
            count=int((places == place).sum()),
            predicted=round(float(probability[places == place].mean()), 6),
            observed=round(float(holds[places == place].mean()), 6),
        )
        for place in range(BINS)
        if (places == place).any()
    )


def _best_threshold(probability: "NDArray[np.float64]", holds: "NDArray[np.bool_]") -> float:
    """Return the threshold with the best F1.

    Of several, return the one closest to 0.5, so that a small sample changes it little.
    """
    import numpy as np

    defined = ~np.isnan(probability)
    order = np.argsort(-probability[defined], kind="stable")
    ranked, right = probability[defined][order], np.cumsum(holds[defined][order])
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    f1 = 2 * right[ends] / (ends + 1 + holds.sum())
    best = f1 >= f1.max() - 1e-12
    # every threshold down to the next probability gives the same result: take 0.5 if it lies between the two,
    # otherwise the middle
    high = ranked[ends]
    low = np.append(high[1:], 0.0)
    middle = np.where((low < DELTA) & (high >= DELTA), DELTA, (low + high) / 2)
    candidates = middle[best]
    return round(float(candidates[np.argmin(np.abs(candidates - DELTA))]), 6)


def _precision_recall(
    said: "NDArray[np.bool_]", holds: "NDArray[np.bool_]", known: "NDArray[np.bool_]"
) -> tuple[float | None, float | None]:
    right = int((said & holds & known).sum())
    labeled_count, there = int((said & known).sum()), int((holds & known).sum())
    return (round(right / labeled_count, 6) if labeled_count else None), (
        round(right / there, 6) if there else None
    )
