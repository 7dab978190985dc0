"""Signal detection over clustered yes/no answers: sensitivity d′, criterion c, and contrasts of them; pure functions, no Inspect.

A *hit* is a "yes" where "yes" is right, a *false alarm* a "yes" where "no" is right. d′ = z(H) − z(F) says how well the two are told
apart, c = −½ (z(H) + z(F)) how much the answers lean towards "no" whatever is right (Macmillan and Creelman 2005, Detection Theory,
chapters 1 and 2). Both are weighted sums of probits, and so are their differences.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from misfire.scorers.statistics import NAN, UNDEFINED, Counts, Estimate, Strata, clustered_variance, t_quantile

_NORMAL = NormalDist()
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Rate:
    """How often something was said, by cluster.

    Attributes:
        hits: How often it was said, shape (clusters,).
        trials: Out of how many answers.
        strata: The stratum of each cluster, shape (clusters,); one stratum unless told.
    """

    hits: Counts
    trials: Counts
    strata: Strata | None = None

    @property
    def corrected(self) -> float:
        """The rate over all clusters with the log-linear correction, strictly between 0 and 1; NaN without a trial.

        (hits + 0.5) / (trials + 1), on the totals and whether or not a rate is 0 or 1 (Hautus 1995, Behavior Research Methods 27).
        """
        total = float(self.trials.sum())
        return (float(self.hits.sum()) + 0.5) / (total + 1) if total else NAN


@dataclass(frozen=True)
class Term:
    """One probit of a contrast.

    Attributes:
        weight: What it is multiplied by.
        rate: The rate whose probit it is.
    """

    weight: float
    rate: Rate


def d_prime(hits: Rate, false_alarms: Rate, weight: float = 1.0) -> list[Term]:
    """The terms of sensitivity, d′ = z(H) − z(F).

    Args:
        hits: Rate of "yes" where it is right.
        false_alarms: Rate of "yes" where it is wrong.
        weight: What all is multiplied by; -1 to take it away from another.

    Returns:
        Terms for ``probit_contrast``.
    """
    return [Term(weight, hits), Term(-weight, false_alarms)]


def criterion(hits: Rate, false_alarms: Rate, weight: float = 1.0) -> list[Term]:
    """The terms of the criterion, c = −½ (z(H) + z(F)): above 0 the answers lean towards "no".

    Args:
        hits: Rate of "yes" where it is right.
        false_alarms: Rate of "yes" where it is wrong.
        weight: What all is multiplied by; -1 to take it away from another.

    Returns:
        Terms for ``probit_contrast``.
    """
    return [Term(-weight / 2, hits), Term(-weight / 2, false_alarms)]


def probit_contrast(terms: Sequence[Term], level: float = 0.95) -> tuple[Estimate, float]:
    """A weighted sum of probits of rates that were measured on the same clusters, and the test that it is 0.

    The value is Σ w z(p) with the log-linear correction of ``Rate.corrected``. The standard error is the delta method's, clustered: each
    cluster's pull at the sum, Σ w (hits − rate · trials) / ((n + 1) φ(z(p))), is squared and summed, so that what the rates have in
    common inside a cluster counts (conventions as in ``misfire.scorers.statistics``). With one trial a cluster and independent rates it is
    the variance of Gourevitch and Galanter (1967, Psychometrika 32), p (1 − p) / (n φ²) for each. A rate of 0 or 1 shows no variation to
    tell its error from; it then adds the variance that it would have with one answer a cluster, the worst case. The interval is
    value ± t · stderr.

    Args:
        terms: The terms; all rates over the same clusters in the same order, with the same strata.
        level: Of the interval.

    Returns:
        Value, standard error and interval, and the two-sided p of the t test, whose degrees of freedom are clusters minus strata. NaN
        throughout if a rate has no trial; all but the value with a single cluster. Where all clusters are alike interval and p are NaN,
        but p is 1 for a value of 0.
    """
    from scipy.special import stdtr

    if not terms or any(term.rate.trials.sum() == 0 for term in terms):
        return UNDEFINED, NAN
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
    return Estimate(value, stderr, value - margin, value + margin), 2 * float(stdtr(freedom, -abs(value) / stderr))


def _pull(rate: Rate) -> Counts:
    """How each cluster pulls at the rate's probit, to first order."""
    total = float(rate.trials.sum())
    return (rate.hits - float(rate.hits.sum()) / total * rate.trials) / ((total + 1) * _density(rate.corrected))


def _unseen_variance(rate: Rate) -> float:
    """The variance of the probit of a rate of 0 or 1; 0 for all others, whose variance the clusters show."""
    if 0 < float(rate.hits.sum()) < float(rate.trials.sum()):
        return 0.0
    clusters = int((rate.trials > 0).sum())
    # φ too is that of one answer a cluster; with φ at the rate of all answers the error would exceed what either number of answers gives
    corrected = 0.5 / (clusters + 1)
    return corrected * (1 - corrected) / (clusters * _density(corrected) ** 2)


def _density(rate: float) -> float:
    """φ(z(p)): by how much a rate changes with its probit."""
    return _NORMAL.pdf(_NORMAL.inv_cdf(rate))
