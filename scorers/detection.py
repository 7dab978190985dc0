"""Signal detection with clustered yes/no answers: sensitivity d′, criterion c, and their contrasts.

Pure functions without Inspect.

A *hit* is a "yes" where "yes" is correct, a *false alarm* a "yes" where "no" is correct. d′ = z(H) − z(F)
measures how well the two cases are distinguished, and c = −½ (z(H) + z(F)) the preference for "no" regardless
of the case (Macmillan and Creelman 2005, Detection Theory, chapters 1 and 2). Both are weighted sums of
probits, and so are their differences.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from misfire.scorers.statistics import (
    NAN,
    UNDEFINED,
    Counts,
    Estimate,
    Strata,
    clustered_variance,
    t_quantile,
)

_NORMAL = NormalDist()
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Rate:
    """Frequency of an answer by cluster.

    Attributes:
        hits: Number of times that the answer was given, shape (clusters,).
        trials: Number of all answers, shape (clusters,).
        strata: Stratum of each cluster, shape (clusters,). None means a single stratum.
    """

    hits: Counts
    trials: Counts
    strata: Strata | None = None

    @property
    def corrected(self) -> float:
        """The rate over all clusters with the log-linear correction, strictly between 0 and 1.

        NaN without trials.

        This is (hits + 0.5) / (trials + 1) on the totals, also if the rate is not 0 or 1 (Hautus 1995,
        Behavior Research Methods 27).
        """
        total = float(self.trials.sum())
        return (float(self.hits.sum()) + 0.5) / (total + 1) if total else NAN


@dataclass(frozen=True)
class Term:
    """One probit in a contrast.

    Attributes:
        weight: The factor of the probit.
        rate: The rate whose probit is taken.
    """

    weight: float
    rate: Rate


def d_prime(hits: Rate, false_alarms: Rate, weight: float = 1.0) -> list[Term]:
    """Return the terms of sensitivity, d′ = z(H) − z(F), for ``probit_contrast``.

    Args:
        hits: Rate of "yes" where it is correct.
        false_alarms: Rate of "yes" where it is wrong.
        weight: Factor for all terms, for example -1 to subtract this d′ from another.
    """
    return [Term(weight, hits), Term(-weight, false_alarms)]


def criterion(hits: Rate, false_alarms: Rate, weight: float = 1.0) -> list[Term]:
    """Return the terms of the criterion, c = −½ (z(H) + z(F)), for ``probit_contrast``.

    Above 0, "no" is preferred.

    Args:
        hits: Rate of "yes" where it is correct.
        false_alarms: Rate of "yes" where it is wrong.
        weight: Factor for all terms, for example -1 to subtract this criterion from another.
    """
    return [Term(-weight / 2, hits), Term(-weight / 2, false_alarms)]


def probit_contrast(terms: Sequence[Term], level: float = 0.95) -> tuple[Estimate, float]:
    """Estimate a weighted sum of probits of rates measured on the same clusters, and test whether it is 0.

    The value is Σ w z(p) with the log-linear correction of ``Rate.corrected``. The standard error follows the
    delta method with clusters: each cluster's contribution to the sum, Σ w (hits − rate · trials) / ((n + 1)
    φ(z(p))), is squared and summed, which accounts for the correlation of the rates within a cluster
    (conventions as in ``misfire.scorers.statistics``). With one trial per cluster and independent rates, this
    is the variance of Gourevitch and Galanter (1967, Psychometrika 32), p (1 − p) / (n φ²) for each rate. A
    rate of 0 or 1 shows no variation from which its error could be estimated; it adds the variance that it
    would have with one answer per cluster, the worst case. The interval is value ± t · stderr.

    Args:
        terms: The terms. All rates must have the same clusters in the same order, with the same strata.
        level: Confidence level of the interval.

    Returns:
        Value, standard error and interval, and the two-sided p-value of the t test with clusters minus strata
        degrees of freedom. All are NaN if a rate has no trials, and all but the value are NaN with a single
        cluster. If all clusters are equal, interval and p are NaN, but p is 1 for a value of 0.
    """
    from scipy.special import stdtr

    if not terms or any(term.rate.trials.sum() == 0 for term in terms):
        return UNDEFINED, NAN
    # clusters with a trial of at least one rate
    kept = np.logical_or.reduce([term.rate.trials > 0 for term in terms])
    clusters = int(kept.sum())
    value = sum(term.weight * _NORMAL.inv_cdf(term.rate.corrected) for term in terms)
    if clusters == 1:
        return Estimate(value, NAN, NAN, NAN), NAN
    pull = np.sum([term.weight * _pull(term.rate) for term in terms], axis=0)[kept]
    strata = terms[0].rate.strata
    seen, freedom = clustered_variance(pull, None if strata is None else strata[kept])
    variance = seen + sum(term.weight**2 * _unseen_variance(term.rate) for term in terms)
    stderr = math.sqrt(variance)
    if stderr < _ROUNDING:
        return Estimate(value, 0.0, NAN, NAN), 1.0 if abs(value) < _ROUNDING else NAN
    margin = t_quantile(level, freedom) * stderr
    return Estimate(value, stderr, value - margin, value + margin), 2 * float(
        stdtr(freedom, -abs(value) / stderr)
    )


def _pull(rate: Rate) -> Counts:
    """Return the first-order contribution of each cluster to the rate's probit."""
    total = float(rate.trials.sum())
    return (rate.hits - float(rate.hits.sum()) / total * rate.trials) / (
        (total + 1) * _density(rate.corrected)
    )


def _unseen_variance(rate: Rate) -> float:
    """Return the variance of the probit of a rate of 0 or 1.

    It is 0 for all other rates, whose variance the clusters show.
    """
    if 0 < float(rate.hits.sum()) < float(rate.trials.sum()):
        return 0.0
    clusters = int((rate.trials > 0).sum())
    # φ is also that of one answer per cluster; with φ at the rate of all answers, the error would be larger
    # than for either number
    corrected = 0.5 / (clusters + 1)
    return corrected * (1 - corrected) / (clusters * _density(corrected) ** 2)


def _density(rate: float) -> float:
    """Return φ(z(p)), the derivative of a rate with respect to its probit."""
    return _NORMAL.pdf(_NORMAL.inv_cdf(rate))
