"""Statistics of paired, clustered yes/no outcomes. Pure functions on arrays, without Inspect.

Pairs are not independent, since many come from one scenario and share its wording. Intervals and tests
therefore treat the scenario, not the pair, as the sampling unit. If clusters belong to categories that are
fixed by design, these are strata: differences between them are not sampling error. ``benchmarks/coverage.py``
measures the coverage of the intervals and the size and power of the tests.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
"""One count per cluster, shape (clusters,)."""

Strata = npt.NDArray[np.int64]
"""The stratum number of each cluster, shape (clusters,); see ``stratum_numbers``."""

NAN = float("nan")

PRIOR_CORRELATION = 0.7
"""Assumed correlation within clusters when few hits do not yet show it. Chosen by simulation; see
``unit_interval``."""

PRIOR_CLUSTERS = 3.0
"""Weight of this assumption as a number of clusters."""

CHANGE_CORRELATION = 0.3
"""Correlation within clusters of the additional pair that intervals of differences assume; see
``_assumed_variance``."""

_ROUNDING = 1e-12

_DIRECT = 20_000_000
"""Maximum number of additions for computing the distribution of a sign-flip test directly. Beyond it, an FFT
is used (absolute error below 1e-12)."""


@dataclass(frozen=True)
class Estimate:
    """A value with its uncertainty.

    Attributes:
        value: The estimate. NaN if undefined.
        stderr: The standard error. NaN if undefined.
        lower: Lower limit of the 95 % interval.
        upper: Upper limit of the 95 % interval.
    """

    value: float
    stderr: float
    lower: float
    upper: float

    def flat(self, name: str) -> dict[str, float]:
        """Return the estimate as metrics and frames contain it, with its standard error.

        Args:
            name: Key of the value.

        Returns:
            The values under ``<name>``, ``<name>_stderr``, ``<name>_ci_lower`` and ``<name>_ci_upper``.
        """
        return {name: self.value, f"{name}_stderr": self.stderr, **_ends(name, self)}

    def interval(self, name: str) -> dict[str, float]:
        """Return the same as ``flat`` without the standard error."""
        return {name: self.value, **_ends(name, self)}

    @classmethod
    def of(cls, values: Mapping[str, Any], name: str) -> Self:
        """Read an estimate back; the inverse of ``flat`` and ``interval``.

        Args:
            values: Metrics by key, or a row of a frame.
            name: Key of the value.

        Returns:
            The estimate. Its standard error is NaN if the values have none.

        Raises:
            KeyError: The value or a limit of its interval is missing.
        """
        ends = (float(values[f"{name}_ci_{end}"]) for end in ("lower", "upper"))
        return cls(float(values[name]), float(values.get(f"{name}_stderr", NAN)), *ends)


def _ends(name: str, estimate: Estimate) -> dict[str, float]:
    return {f"{name}_ci_lower": estimate.lower, f"{name}_ci_upper": estimate.upper}


UNDEFINED = Estimate(NAN, NAN, NAN, NAN)


def stratum_numbers(names: Sequence[str]) -> Strata:
    """Number the strata of some clusters.

    Args:
        names: The name of each cluster's stratum, for example the category of a scenario.

    Returns:
        Numbers in alphabetical order of the names, so that nothing depends on the order of the clusters.
    """
    numbers = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([numbers[name] for name in names], dtype=np.int64)


def clustered_variance(pulls: Counts, strata: Strata | None = None) -> tuple[float, int]:
    """Return the variance of an estimate from the contribution of each cluster.

    Clusters are independent draws within their stratum (Cochran 1977, Sampling Techniques, section 11.11):
    the variance is the sum over strata of n / (n - 1) times the sum of squared deviations from the stratum's
    mean. Strata with one cluster are pooled; if only one such cluster exists, it joins the smallest other
    stratum. If no stratum shows any variation, strata are ignored.

    Args:
        pulls: The linearized residual of each cluster, shape (clusters,), at least 2 clusters.
        strata: The stratum of each cluster. None means a single stratum.

    Returns:
        The variance of the sum of the residuals, and its degrees of freedom (clusters minus strata).
    """
    clusters = len(pulls)
    if strata is None:
        # linearized residuals sum to 0 over all clusters, so their mean need not be subtracted
        return clusters / (clusters - 1) * float((pulls**2).sum()), clusters - 1
    numbers = _pooled(strata)
    sizes = np.bincount(numbers).astype(float)
    # deviation of each cluster from the mean of its stratum
    own = pulls - (np.bincount(numbers, pulls) / sizes)[numbers]
    variance = float((sizes / (sizes - 1) * np.bincount(numbers, own**2)).sum())
    if variance < _ROUNDING * float((pulls**2).sum()):
        return clustered_variance(pulls)
    return variance, clusters - len(sizes)


def _pooled(strata: Strata) -> Strata:
    """Return the strata numbered from 0 without gaps, after pooling those with one cluster."""
    _, numbers, sizes = np.unique(strata, return_inverse=True, return_counts=True)
    single = sizes == 1
    if not single.any() or len(sizes) == 1:
        return numbers.astype(np.int64)
    # several singletons are merged with each other, a lone one with the smallest stratum that has more
    # clusters
    target = (
        int(np.argmax(single)) if single.sum() > 1 else int(np.argmin(np.where(single, sizes.sum(), sizes)))
    )
    _, numbers = np.unique(np.where(single[numbers], target, numbers), return_inverse=True)
    return numbers.astype(np.int64)


def clustered_proportion(
    hits: Counts, trials: Counts, level: float = 0.95, strata: Strata | None = None
) -> Estimate:
    """Estimate a proportion over clusters, with an interval that accounts for their correlation.

    The value is ``sum(hits) / sum(trials)``. Its standard error is that of a linearized ratio of cluster
    totals (Cochran 1977, Sampling Techniques, section 6.3), within strata. ``unit_interval`` describes the
    interval.

    Args:
        hits: Hits by cluster, shape (clusters,).
        trials: Trials by cluster, shape (clusters,). Clusters without trials are ignored.
        level: Confidence level of the interval.
        strata: The stratum of each cluster, shape (clusters,). None means a single stratum.

    Returns:
        Value, standard error and interval. All are NaN without trials; with a single cluster, only the value
        is defined.
    """
    kept = trials > 0
    hits, trials = hits[kept], trials[kept]
    clusters, total = len(trials), float(trials.sum())
    if clusters == 0:
        return UNDEFINED
    value = float(hits.sum()) / total
    if clusters == 1:
        return Estimate(value, NAN, NAN, NAN)
    pulls, own = (hits - value * trials) / total, None if strata is None else strata[kept]
    variance, _ = clustered_variance(pulls, own)
    return Estimate(value, math.sqrt(variance), *unit_interval(value, pulls, trials, level, own))


def unit_interval(
    value: float, pulls: Counts, trials: Counts, level: float = 0.95, strata: Strata | None = None
) -> tuple[float, float]:
    """Return an interval within [0, 1] for a proportion over clusters.

    This is Wilson's interval with the effective sample size n / d instead of the number of trials n, and a t
    quantile (Korn and Graubard 1998, Survey Methodology 24; Franco et al. 2019, J. Survey Statistics and
    Methodology 7). d is the design effect. With few hits the data cannot show it: a variance that depends on
    one or two clusters is mostly too small. The logarithm of d is therefore a weighted mean of the logarithms
    of two design effects. The observed one has as weight the effective number of clusters behind the
    variance, (Σ e²)² / Σ e⁴. The one that ``PRIOR_CORRELATION`` implies, 1 + (m - 1) · correlation with m = Σ
    t² / Σ t, has the weight ``PRIOR_CLUSTERS``. The assumed part has no sampling error, so the degrees of
    freedom are divided by the weight of the observed part. Neither design effect is below 1.

    Without hits, the upper limit is the proportion at which no hit would occur in a share 1 - level of all
    data sets if the trials in a cluster were beta-binomial with that correlation. No table with the same
    trials has an upper limit below it, and none with a hit has an upper limit below that of a single hit: two
    hits in two clusters show less clumping than one hit can, and would otherwise suggest that hits are rarer.
    The same holds for the lower limit if all, or all but one, trials were hits.

    Args:
        value: The estimate, 0 to 1.
        pulls: The linearized residual of each cluster, in units of the estimate, shape (clusters,), at least
            2 clusters.
        trials: Trials by cluster, shape (clusters,), all above 0.
        level: Confidence level of the interval.
        strata: The stratum of each cluster. None means a single stratum.

    Returns:
        The lower and the upper limit.
    """
    chance = 1 - level  # all of it on one side, since the other limit is exact
    if value <= 0:
        return 0.0, _bound_without_hits(trials, chance)
    if value >= 1:
        return 1 - _bound_without_hits(trials, chance), 1.0
    total = float(trials.sum())
    variance, freedom = clustered_variance(pulls, strata)
    squares = pulls**2
    observed = max(variance * total / (value * (1 - value)), 1.0)
    assumed = max(1 + (float((trials**2).sum()) / total - 1) * PRIOR_CORRELATION, 1.0)
    fourth = float((squares**2).sum())
    # effective number of clusters behind the variance (participation ratio of the squared residuals)
    informative = max(float(squares.sum()) ** 2 / fourth, 1.0) if fourth > 0 else 1.0

    def ends(center: float, observed: float, informative: float) -> tuple[float, float]:
        weight = informative / (informative + PRIOR_CLUSTERS)
        effect = observed**weight * assumed ** (1 - weight)
        return _wilson(center, total / effect, t_quantile(level, freedom / weight))

    lower, upper = ends(value, observed, informative)
    # the upper limit for a single hit, which comes from one cluster and has an observed design effect of
    # about 1
    _, least = ends(min(1 / total, 0.5), 1.0, 1.0)
    if _log_chance_without_hits(least, trials) > math.log(chance):
        least = _bound_without_hits(trials, chance)
    upper = least if value * total <= 1 + _ROUNDING else max(upper, least)
    lower = 1 - least if (1 - value) * total <= 1 + _ROUNDING else min(lower, 1 - least)
    return lower, upper


def _log_chance_without_hits(rate: float, trials: Counts) -> float:
    """Return the log probability of no hit with beta-binomial trials and ``PRIOR_CORRELATION``."""
    precision = (1 - PRIOR_CORRELATION) / PRIOR_CORRELATION
    sizes = trials.astype(np.int64)
    # number of clusters with more than k trials, for each k; trial k + 1 misses after k misses with
    # probability ((1 - rate) s + k) / (s + k)
    with_more = len(sizes) - np.cumsum(np.bincount(sizes))[:-1]
    steps = np.arange(len(with_more))
    return float((with_more * np.log(((1 - rate) * precision + steps) / (precision + steps))).sum())


def _bound_without_hits(trials: Counts, chance: float) -> float:
    """Return the rate at which the probability of no hit equals ``chance``."""
    from scipy.optimize import brentq

    def excess(rate: float) -> float:
        return _log_chance_without_hits(rate, trials) - math.log(chance)

    return float(brentq(excess, 0.0, 1 - 1e-12, xtol=1e-12))


def clustered_difference(
    hits: Counts,
    trials: Counts,
    other_hits: Counts,
    other_trials: Counts,
    level: float = 0.95,
    strata: Strata | None = None,
) -> Estimate:
    """Estimate the difference of two proportions measured on the same clusters.

    Args:
        hits: Hits of the first by cluster, shape (clusters,).
        trials: Trials of the first by cluster.
        other_hits: Hits of the second by cluster, with the same clusters in the same order.
        other_trials: Trials of the second by cluster.
        level: Confidence level of the interval.
        strata: The stratum of each cluster. None means a single stratum.

    Returns:
        First minus second as in ``clustered_contrast``, with an interval within [-1, 1]. With at least two
        clusters, the interval always has a width, since two measurements that agree in every trial can still
        differ in the next.
    """
    difference, _ = clustered_contrast(
        [(hits, trials), (other_hits, other_trials)], [1.0, -1.0], level, strata
    )
    if math.isnan(difference.lower):
        return difference
    return Estimate(
        difference.value, difference.stderr, max(difference.lower, -1.0), min(difference.upper, 1.0)
    )


def clustered_gap(
    hits: Counts,
    trials: Counts,
    other_hits: Counts,
    other_trials: Counts,
    level: float = 0.95,
    strata: Strata | None = None,
) -> Estimate:
    """Estimate the difference of two proportions with mutually exclusive hits, such as MAR and BR.

    The interval is constructed from those of the two proportions (MOVER, Zou and Donner 2008, Statistics in
    Medicine 27, with the correlation that the clusters show), so that few or no hits make it wide instead of
    narrow. For two measurements of the same events, which are strongly correlated, ``clustered_difference``
    is better.

    Args:
        hits: Hits of the first by cluster, shape (clusters,).
        trials: Trials of the first by cluster.
        other_hits: Hits of the second by cluster, with the same clusters in the same order.
        other_trials: Trials of the second by cluster.
        level: Confidence level of the interval.
        strata: The stratum of each cluster. None means a single stratum.

    Returns:
        First minus second with its standard error. NaN if either proportion is undefined; the interval is NaN
        if either interval is.
    """
    difference = clustered_difference(hits, trials, other_hits, other_trials, level, strata)
    one = clustered_proportion(hits, trials, level, strata)
    other = clustered_proportion(other_hits, other_trials, level, strata)
    if math.isnan(difference.stderr) or math.isnan(one.lower) or math.isnan(other.lower):
        return Estimate(difference.value, difference.stderr, NAN, NAN)
    both = 2 * one.stderr * other.stderr
    # from Var(one - other) = Var(one) + Var(other) - 2 Cov
    correlation = (one.stderr**2 + other.stderr**2 - difference.stderr**2) / both if both > 0 else 0.0
    correlation = min(max(correlation, -1.0), 1.0)

    def margin(first: float, second: float) -> float:
        return math.sqrt(max(first**2 + second**2 - 2 * correlation * first * second, 0.0))

    return Estimate(
        difference.value,
        difference.stderr,
        max(difference.value - margin(one.value - one.lower, other.upper - other.value), -1.0),
        min(difference.value + margin(one.upper - one.value, other.value - other.lower), 1.0),
    )


def clustered_contrast(
    rates: Sequence[tuple[Counts, Counts]],
    weights: Sequence[float],
    level: float = 0.95,
    strata: Strata | None = None,
) -> tuple[Estimate, float]:
    """Estimate a weighted sum of proportions measured on the same clusters, and test whether it is 0.

    The sum is linearized as in ``clustered_proportion``, so covariances within clusters are included. The
    interval is value ± t · √(stderr² + the assumed variance), see ``_assumed_variance``: it always has a
    width, and is wide enough if few or no trials changed. The test uses stderr only.

    Args:
        rates: Hits and trials by cluster for each proportion, shape (clusters,), with the same clusters in
            the same order.
        weights: The weight of each proportion.
        level: Confidence level of the interval.
        strata: The stratum of each cluster. None means a single stratum.

    Returns:
        The sum, and the two-sided p-value of the t test with clusters minus strata degrees of freedom. All
        are NaN if a proportion is undefined; with a single cluster, only the value is defined. If all
        clusters contribute equally, p is that of the sign test, 2 · 0.5^clusters, or 1 if the sum is 0.
    """
    totals = [float(trials.sum()) for _, trials in rates]
    if not all(totals):
        return UNDEFINED, NAN
    values = [float(hits.sum()) / total for (hits, _), total in zip(rates, totals, strict=True)]
    kept = np.any([trials > 0 for _, trials in rates], axis=0)
    residual = np.zeros(int(kept.sum()))
    for (hits, trials), total, value, weight in zip(rates, totals, values, weights, strict=True):
        residual += weight * (hits - value * trials)[kept] / total
    assumed = sum(
        weight**2 * _assumed_variance(trials) for (_, trials), weight in zip(rates, weights, strict=True)
    )
    value = sum(weight * value for weight, value in zip(weights, values, strict=True))
    return _t_test(value, residual, assumed, level, _of_kept(strata, kept))


def clustered_ratio(
    hits: Counts,
    trials: Counts,
    other_hits: Counts,
    other_trials: Counts,
    level: float = 0.95,
    strata: Strata | None = None,
) -> Estimate:
    """Estimate the ratio of two proportions measured on the same clusters, with Fieller's interval.

    Fieller's interval (Fieller 1954, J. Royal Statistical Society B 16) contains the ratios for which a t
    test does not reject "first − ratio · second = 0". It needs no logarithm, so a first proportion of 0 is
    allowed, and it has no upper limit if the second proportion is not significantly different from 0. A
    bounded interval contains 1 exactly if the difference is within t standard errors of 0.

    Args:
        hits: Hits of the first by cluster, shape (clusters,).
        trials: Trials of the first by cluster.
        other_hits: Hits of the second by cluster, with the same clusters in the same order.
        other_trials: Trials of the second by cluster.
        level: Confidence level of the interval.
        strata: The stratum of each cluster. None means a single stratum.

    Returns:
        First divided by second, with the standard error of the linearized ratio. All are NaN if the second is
        0 or either is undefined; with a single cluster, only the value is defined.
    """
    two = _linearise(hits, trials, other_hits, other_trials)
    if two is None or two.other == 0:
        return UNDEFINED
    value, other, ratio = two.value, two.other, two.value / two.other
    if two.clusters == 1:
        return Estimate(ratio, NAN, NAN, NAN)
    own = _of_kept(strata, (trials > 0) | (other_trials > 0))
    pulls = (two.residual, two.other_residual, two.residual + two.other_residual)
    found = [clustered_variance(one, own) for one in pulls]
    if len({freedom for _, freedom in found}) > 1:
        # if strata are ignored for one of them, they must be ignored for all
        found = [clustered_variance(one) for one in pulls]
    (variance, freedom), (other_variance, _), (both, _) = found
    covariance = (both - variance - other_variance) / 2
    stderr = math.sqrt(max(variance - 2 * ratio * covariance + ratio**2 * other_variance, 0.0)) / other
    if stderr == 0:
        return Estimate(ratio, 0.0, NAN, NAN)
    square = t_quantile(level, freedom) ** 2
    # the interval contains the ratios r with (value - r other)² ≤ t² Var(value - r other): leading r² - 2
    # middle r + constant ≤ 0
    # coefficients of the quadratic inequality
    leading = other**2 - square * other_variance
    middle = value * other - square * covariance
    constant = value**2 - square * variance
    root = math.sqrt(max(middle**2 - leading * constant, 0.0))
    if leading > 0:
        return Estimate(ratio, stderr, max((middle - root) / leading, 0.0), (middle + root) / leading)
    # the second is not significantly different from 0, so there is no upper limit; 0 is excluded if the first
    # differs from 0
    lower = (middle - root) / leading if leading < 0 < constant else 0.0
    return Estimate(ratio, stderr, lower, math.inf)


def clustered_mean(
    totals: Counts, sizes: Counts, level: float = 0.95, strata: Strata | None = None, *, step: float = 0.0
) -> tuple[Estimate, float]:
    """Estimate the mean of a quantity measured on every unit of some clusters, and test whether it is 0.

    Args:
        totals: Sum of the quantity by cluster, shape (clusters,). The quantity may be negative.
        sizes: Number of units by cluster.
        level: Confidence level of the interval.
        strata: The stratum of each cluster. None means a single stratum.
        step: For a counted quantity, such as a change from right to wrong, the size of one change. The
            interval then assumes one additional unit that changed in either direction, as in
            ``clustered_contrast``. 0 for a measured quantity.

    Returns:
        The mean with its clustered standard error and interval value ± t · √(stderr² + the assumed variance),
        and the two-sided p-value of the t test with clusters minus strata degrees of freedom. All are NaN
        without units; with a single cluster, only the value is defined. If all clusters have the same mean, p
        is that of the sign test, 2 · 0.5^clusters, or 1 if the mean is 0, and without a step the interval is
        NaN.
    """
    kept = sizes > 0
    totals, sizes = totals[kept], sizes[kept]
    units = float(sizes.sum())
    if units == 0:
        return UNDEFINED, NAN
    value = float(totals.sum()) / units
    return _t_test(
        value,
        (totals - value * sizes) / units,
        2 * step**2 * _assumed_variance(sizes),
        level,
        _of_kept(strata, kept),
    )


def clustered_log_odds_change(
    after: tuple[Counts, Counts],
    before: tuple[Counts, Counts],
    level: float = 0.95,
    strata: Strata | None = None,
) -> tuple[Estimate, float]:
    """Estimate the change of the log odds of discordant pairs between conditions, and test whether it is 0.

    This is log((c + ½) / (b + ½)) after, minus the same before (Haldane's correction). The matched log odds
    ratio log(c / b) does not change if a condition shifts both members of each pair equally on the logit
    scale, whatever their accuracy. The standard error is linearized and clustered; the half pair that the
    correction adds to each count is a cluster of its own, so that a count of 0 also has an error.

    Args:
        after: c and b of the second condition by cluster, each of shape (clusters,).
        before: c and b of the first condition, with the same clusters in the same order.
        level: Confidence level of the interval.
        strata: The stratum of each cluster. None means a single stratum.

    Returns:
        The change with interval value ± t · stderr, and the two-sided p-value of the t test. Interval and p
        are NaN with fewer than 2 clusters.
    """
    from scipy.special import stdtr

    counts = [(1.0, after[0]), (-1.0, after[1]), (-1.0, before[0]), (1.0, before[1])]
    totals = [float(cluster.sum()) + 0.5 for _, cluster in counts]
    value = sum(sign * math.log(total) for (sign, _), total in zip(counts, totals, strict=True))
    if len(after[0]) < 2:
        return Estimate(value if len(after[0]) else NAN, NAN, NAN, NAN), NAN
    # d log(total) = d total / total
    pulls = np.sum(
        [sign * cluster / total for (sign, cluster), total in zip(counts, totals, strict=True)], axis=0
    )
    variance, freedom = clustered_variance(pulls - pulls.mean(), strata)
    stderr = math.sqrt(variance + sum(0.5 / total**2 for total in totals))
    margin = t_quantile(level, freedom) * stderr
    return Estimate(value, stderr, value - margin, value + margin), 2 * float(
        stdtr(freedom, -abs(value) / stderr)
    )


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values to control the false discovery rate of some tests (Benjamini and Hochberg 1995).

    Args:
        p_values: The p-values. NaN stands for tests that could not be made, which are not part of the family.

    Returns:
        q-values in the same order; NaN stays NaN.
    """
    from scipy.stats import false_discovery_control

    tested = [index for index, p in enumerate(p_values) if not math.isnan(p)]
    q_values = [NAN] * len(p_values)
    if tested:
        for index, q in zip(
            tested, false_discovery_control([p_values[index] for index in tested]), strict=True
        ):
            q_values[index] = float(q)
    return q_values


def mcnemar_exact(b: int, c: int) -> float:
    """Exact McNemar test of whether the two kinds of discordant pairs are equally likely.

    Args:
        b: Number of pairs of one kind.
        c: Number of pairs of the other kind.

    Returns:
        Two-sided p-value from the binomial distribution of min(b, c) in b + c trials with probability one
        half. 1 without discordant pairs. Pairs are assumed to be independent; see ``mcnemar_clustered``.
    """
    from scipy.special import bdtr

    if b == c:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5)))


def mcnemar_clustered(b: Counts, c: Counts) -> float:
    """McNemar's test for clustered pairs, which need not be independent: an exact sign-flip test with mid-p.

    If neither kind of discordant pair is favored, the difference c - b of a cluster has either sign with
    equal probability. The sum of the differences is compared with its distribution over all 2^clusters
    assignments of signs to the observed sizes, computed by convolution, without random draws or a normal
    approximation. With independent pairs in clusters of one, this is the mid-p exact McNemar test (Fagerland
    et al. 2013, BMC Medical Research Methodology 13). Among the tests compared in ``benchmarks/coverage.py``
    that keep their size at .05, .01 and .001, it has the most power, and it controls the false discovery rate
    with Benjamini-Hochberg.

    Args:
        b: Discordant pairs of one kind by cluster, shape (clusters,); integers.
        c: Discordant pairs of the other kind by cluster.

    Returns:
        Two-sided mid-p: the probability of a sum further from 0 than the observed one, plus half the
        probability of an equal distance. 1 if the sum is 0.
    """
    differences = np.abs(c - b).astype(np.int64)
    differences = differences[differences > 0]
    observed = abs(round(float((c - b).sum())))
    if observed == 0:
        return 1.0
    # dividing all sizes by their greatest common divisor keeps the test the same and shortens the
    # distribution
    differences //= (divisor := int(np.gcd.reduce(differences)))
    chances = _signed_sums(differences)
    # entry k is the probability that the positive differences add up to k, so that the sum of all is 2 k -
    # total
    most = (int(differences.sum()) - observed // divisor) // 2
    return min(1.0, 2 * float(chances[:most].sum()) + float(chances[most]))


def _signed_sums(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the distribution of the sum of a random subset, with each integer in it with probability ½.

    The result has shape (sum of all sizes + 1,).
    """
    from scipy.special import gammaln

    chances = np.ones(1)
    values, counts = np.unique(sizes, return_counts=True)
    for value, count in zip(map(int, values), map(int, counts), strict=True):
        picked = np.arange(count + 1)
        # binomial distribution of how many of ``count`` equal sizes are picked
        own = np.exp(
            gammaln(count + 1) - gammaln(picked + 1) - gammaln(count - picked + 1) - count * math.log(2)
        )
        # convolve the distribution so far with that of ``count`` sizes of this value, which is nonzero at
        # multiples of the value
        longer = np.zeros(len(chances) + value * count)
        if len(chances) == 1:
            longer[::value] = own
        elif len(chances) * len(own) <= _DIRECT:
            for number, chance in enumerate(own):
                longer[value * number : value * number + len(chances)] += chance * chances
        else:
            from scipy.signal import fftconvolve

            spread = np.zeros(value * count + 1)
            spread[::value] = own
            longer = np.maximum(fftconvolve(chances, spread), 0.0)
        chances = longer
    return chances


@dataclass(frozen=True)
class _TwoProportions:
    """Two proportions on the same clusters, and their linearized residuals, shape (clusters,)."""

    value: float
    other: float
    residual: Counts
    other_residual: Counts
    clusters: int


def _linearise(
    hits: Counts, trials: Counts, other_hits: Counts, other_trials: Counts
) -> _TwoProportions | None:
    """Return both proportions over the clusters with a trial of either, or None if one has no trials."""
    total, other_total = float(trials.sum()), float(other_trials.sum())
    if total == 0 or other_total == 0:
        return None
    kept = (trials > 0) | (other_trials > 0)
    value, other = float(hits.sum()) / total, float(other_hits.sum()) / other_total
    residual, other_residual = (
        (hits - value * trials) / total,
        (other_hits - other * other_trials) / other_total,
    )
    return _TwoProportions(value, other, residual[kept], other_residual[kept], int(kept.sum()))


def _assumed_variance(trials: Counts) -> float:
    """Return the variance that intervals of differences assume for each rate, besides the observed one.

    It is that of one additional hit, with the design effect of ``CHANGE_CORRELATION``: (1 + (m - 1) ·
    correlation) / n² for n trials in clusters with m = Σ t² / Σ t. A paired difference thus has one
    additional pair that changed in either direction, as in the adjusted intervals of Agresti and Min (2005,
    Statistics in Medicine 24) and Bonett and Price (2012, J. Educational and Behavioral Statistics 37), but
    with clusters and without moving the estimate. Without it, intervals are too narrow with few changes and
    points with none (``benchmarks/coverage.py``: 54 % coverage in the worst cell, 93 % with it). With many
    changes it hardly matters.

    Args:
        trials: Trials by cluster, shape (clusters,), not all 0.

    Returns:
        The variance, in units of the rate.
    """
    total = float(trials.sum())
    effect = max(1 + (float((trials**2).sum()) / total - 1) * CHANGE_CORRELATION, 1.0)
    return effect / total**2


def _t_test(
    value: float, residual: Counts, assumed: float, level: float, strata: Strata | None
) -> tuple[Estimate, float]:
    """Return the interval of a value from linearized residuals, and the p-value of the test that it is 0.

    The interval includes an assumed variance in addition to the observed one. Standard error and test do not.
    """
    from scipy.special import stdtr

    clusters = len(residual)
    if clusters == 1:
        return Estimate(value, NAN, NAN, NAN), NAN
    variance, freedom = clustered_variance(residual, strata)
    stderr = math.sqrt(variance)
    margin = (
        t_quantile(level, freedom) * math.sqrt(variance + assumed)
        if stderr >= _ROUNDING or assumed > 0
        else NAN
    )
    if stderr < _ROUNDING:
        return Estimate(value, 0.0, value - margin, value + margin), 1.0 if abs(
            value
        ) < _ROUNDING else 2 * 0.5**clusters
    return Estimate(value, stderr, value - margin, value + margin), 2 * float(
        stdtr(freedom, -abs(value) / stderr)
    )


def _of_kept(strata: Strata | None, kept: npt.NDArray[np.bool_]) -> Strata | None:
    return None if strata is None else strata[kept]


def _wilson(value: float, n: float, quantile: float) -> tuple[float, float]:
    square = quantile**2
    center = (value + square / (2 * n)) / (1 + square / n)
    margin = quantile / (1 + square / n) * math.sqrt(value * (1 - value) / n + square / (4 * n**2))
    # at 0 and 1 the limits are exact and must not be changed by rounding
    lower = 0.0 if value == 0 else max(0.0, center - margin)
    upper = 1.0 if value == 1 else min(1.0, center + margin)
    return lower, upper


def t_quantile(level: float, freedom: float) -> float:
    """Return the half-width of a two-sided interval in standard errors, from Student's t distribution.

    Args:
        level: Confidence level of the interval, for example 0.95.
        freedom: Degrees of freedom, at least 1; need not be an integer.
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))
