"""Number of pairs that an evaluation needs.

The calculation uses the power of the exact McNemar test at an observed discordance.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from misfire.scorers.join import Cells
from misfire.scorers.statistics import NAN, clustered_variance

LEVEL = 0.05
"""Two-sided significance level of the test."""

POWER = 0.8
"""Required power."""

DIFFERENCES = (0.02, 0.05, 0.1)
"""Values of MAR − BR in the table."""

MOST_PAIRS = 1_000_000
"""Larger numbers of pairs are reported as infinite."""


@dataclass(frozen=True)
class Power:
    """Number of pairs needed to detect a difference.

    Attributes:
        pairs: Number of pairs that the observed rates are based on.
        both_right: Observed a / N.
        discordance: Observed (b + c) / N.
        design_effect: Variance of the clustered estimate of c − b, divided by the variance for independent
            pairs. At least 1.
        difference: The MAR − BR to detect.
        independent_pairs: Number of independent pairs needed. Infinite if the discordance is too small for
            the difference, NaN without pairs.
        clustered_pairs: Number of pairs needed if they are clustered by scenario like the observed pairs.
    """

    pairs: int
    both_right: float
    discordance: float
    design_effect: float
    difference: float
    independent_pairs: float
    clustered_pairs: float


def power_of(cells: Cells, difference: float) -> Power:
    """Compute the number of pairs needed to detect a MAR − BR if everything else is as observed.

    Args:
        cells: The observed table.
        difference: MAR − BR, from 0 to 1.

    Returns:
        The numbers of pairs at which the exact McNemar test has ``POWER`` at ``LEVEL``. The shares of pairs
        with two right halves and of discordant pairs are as observed. The discordant pairs are divided so
        that MAR − BR equals ``difference``.
    """
    a, b, c, _ = cells.totals
    total = cells.pairs
    if total == 0:
        return Power(0, NAN, NAN, NAN, difference, NAN, NAN)
    both_right, discordance = a / total, (b + c) / total
    share = misfire_share(both_right, discordance, difference)
    needed = math.inf if math.isnan(share) else float(pairs_needed(discordance, share))
    effect = _design_effect(cells)
    return Power(
        total,
        both_right,
        discordance,
        effect,
        difference,
        needed,
        math.ceil(needed * effect) if math.isfinite(needed) else math.inf,
    )


def misfire_share(both_right: float, discordance: float, difference: float) -> float:
    """Compute the share of discordant pairs in cell c that results in a given MAR − BR.

    Let u be the share of all pairs in cell c. Then MAR − BR = u / (a + u) − (d − u) / (a + d − u), which
    increases with u. Brent's method finds u.

    Args:
        both_right: a / N.
        discordance: d = (b + c) / N.
        difference: MAR − BR.

    Returns:
        A share from 0.5 to 1. NaN if the difference is not reached even with all discordant pairs in cell c.
    """
    from scipy.optimize import brentq

    def excess(u: float) -> float:
        return _rate(u, both_right) - _rate(discordance - u, both_right) - difference

    if discordance == 0 or excess(discordance) < 0:
        return NAN
    return float(brentq(excess, discordance / 2, discordance)) / discordance


@lru_cache(maxsize=256)
def pairs_needed(discordance: float, share: float) -> float:
    """Compute the smallest number of independent pairs at which the exact McNemar test has ``POWER``.

    Args:
        discordance: Share of discordant pairs, above 0.
        share: Share of the discordant pairs that are in cell c.

    Returns:
        The number, or infinity above ``MOST_PAIRS``. Power is not strictly monotonic in the number of pairs.
        Bisection finds a number that reaches ``POWER`` while the next smaller one does not.
    """
    low, high = 1, 2
    while power(high, discordance, share) < POWER:
        low, high = high, 2 * high
        if low >= MOST_PAIRS:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, discordance, share) >= POWER else (middle, high)
    return high


def power(pairs: int, discordance: float, share: float) -> float:
    """Compute the power of the two-sided exact McNemar test over all possible numbers of discordant pairs.

    Args:
        pairs: Number of independent pairs.
        discordance: Probability that a pair is discordant.
        share: Probability that a discordant pair is in cell c.

    Returns:
        The probability of p ≤ ``LEVEL``.
    """
    from scipy.stats import binom

    # the number of discordant pairs is in this range, except with a probability of one in a billion on either
    # side
    first, last = (int(binom.ppf(tail, pairs, discordance)) for tail in (1e-9, 1 - 1e-9))
    discordant = np.arange(max(first, 1), last + 1)
    if len(discordant) == 0:
        return 0.0
    # the test rejects if the smaller count is at most this value, which is -1 if no count rejects
    critical = binom.ppf(LEVEL / 2, discordant, 0.5)
    critical = np.where(binom.cdf(critical, discordant, 0.5) > LEVEL / 2, critical - 1, critical)
    rejects = binom.cdf(critical, discordant, share) + binom.sf(discordant - critical - 1, discordant, share)
    return float((binom.pmf(discordant, pairs, discordance) * np.where(critical >= 0, rejects, 0.0)).sum())


def _rate(hits: float, both_right: float) -> float:
    return hits / (both_right + hits) if hits > 0 else 0.0


def _design_effect(cells: Cells) -> float:
    """Return Kish's design effect, which is at least 1.

    It is the clustered variance of the mean of (c − b) over pairs, divided by its simple variance.
    """
    sizes = cells.a + cells.b + cells.c + cells.d
    total, clusters = float(sizes.sum()), len(sizes)
    difference = cells.c - cells.b
    mean = float(difference.sum()) / total
    simple = float((cells.b + cells.c).sum()) / total - mean**2
    if clusters < 2 or simple <= 0:
        return 1.0
    residual = difference - mean * sizes
    variance, _ = clustered_variance(residual, cells.strata)
    clustered = variance / total
    return max(clustered / simple, 1.0)
