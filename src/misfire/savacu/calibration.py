"""How far a classifier's probabilities can be trusted, from prompts whose labels are known: reliability, calibration error, thresholds."""

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
"""Bins of equal width of the reliability curve."""

LEAST_POSITIVES = 10
"""A domain gets a threshold of its own if at least so many labelled prompts hold it: with fewer the best threshold is chance."""


class Bin(Record):
    """A bin of the reliability curve.

    Attributes:
        low: Its lower end; the upper one is the next bin's.
        count: How many (prompt, domain) pairs fall into it.
        predicted: Their mean probability.
        observed: The share of them that hold.
    """

    low: float
    count: int
    predicted: float
    observed: float


class Calibration(Record):
    """What labelled data say of a classifier.

    Attributes:
        prompts: How many labelled prompts there were.
        error: Expected calibration error over all (prompt, domain) pairs: mean of |predicted − observed| of the bins, weighted by count.
        curve: The bins that hold anything.
        thresholds: For each domain with labelled prompts enough, the probability that gives the best F1.
        precision: At these thresholds (δ elsewhere) over all domains; none where nothing is labelled so.
        recall: The same; none where no prompt holds a domain.
        precision_at_delta: At δ everywhere.
        recall_at_delta: The same.
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
        """A short hash, which the rows carry that were labelled by it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


Labels = Mapping[str, Mapping[Dimension, Sequence[str]]]
"""By content id, for each dimension the ids of the domains that hold. A dimension that is missing is not known."""


def calibrate(classified: Sequence[Classified], labels: Labels, delta: float = DELTA) -> Calibration:
    """Compare probabilities with labels.

    Args:
        classified: What the classifier said; prompts without labels are left out.
        labels: What holds.
        delta: The threshold of domains without one of their own.

    Returns:
        The comparison. A label whose probability is undefined counts as not predicted, and is in no bin.
    """
    import numpy as np

    domains = all_domains()
    rows = [row for row in classified if row.id in labels]
    probability = np.array([[row.probabilities.get(domain.id, np.nan) for domain in domains] for row in rows]).reshape(
        len(rows), len(domains)
    )
    known = np.array([[domain.dimension in labels[row.id] for domain in domains] for row in rows], bool).reshape(probability.shape)
    holds = np.array([[domain.id in labels[row.id].get(domain.dimension, ()) for domain in domains] for row in rows], bool)
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
        error=round(sum(bin_.count * abs(bin_.predicted - bin_.observed) for bin_ in curve) / total, 6) if total else 0.0,
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
    """The threshold with the best F1; of several the one nearest to 0.5, so that little data move it little."""
    import numpy as np

    defined = ~np.isnan(probability)
    order = np.argsort(-probability[defined], kind="stable")
    ranked, right = probability[defined][order], np.cumsum(holds[defined][order])
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    f1 = 2 * right[ends] / (ends + 1 + holds.sum())
    best = f1 >= f1.max() - 1e-12
    # any threshold down to the next probability does the same; the middle is as far from both as can be, or 0.5 where it lies between
    high = ranked[ends]
    low = np.append(high[1:], 0.0)
    middle = np.where((low < DELTA) & (high >= DELTA), DELTA, (low + high) / 2)
    candidates = middle[best]
    return round(float(candidates[np.argmin(np.abs(candidates - DELTA))]), 6)


def _precision_recall(
    said: "NDArray[np.bool_]", holds: "NDArray[np.bool_]", known: "NDArray[np.bool_]"
) -> tuple[float | None, float | None]:
    right = int((said & holds & known).sum())
    told, there = int((said & known).sum()), int((holds & known).sum())
    return (round(right / told, 6) if told else None), (round(right / there, 6) if there else None)
