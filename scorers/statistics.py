"""Statistics of paired, clustered yes/no outcomes; pure functions over arrays, no Inspect.

Pairs are not independent: many stem from one scenario, which shares its wording. Intervals here treat the scenario, not the pair, as
the unit that was drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
"""One count a cluster, shape (clusters,)."""

NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A number and how sure it is.

    Attributes:
        value: The estimate; NaN where it is undefined.
        stderr: Its standard error; NaN where it is undefined.
        lower: Lower end of the 95 % interval.
        upper: Upper end of the 95 % interval.
    """

    value: float
    stderr: float
    lower: float
    upper: float


UNDEFINED = Estimate(NAN, NAN, NAN, NAN)


def clustered_proportion(hits: Counts, trials: Counts, level: float = 0.95) -> Estimate:
    """A proportion over clusters, with an interval that allows for their correlation.

    The value is ``sum(hits) / sum(trials)``. Its standard error is the linearised one of a ratio of cluster totals
    (Cochran 1977, Sampling Techniques, section 6.3). The interval is Wilson's with the effective sample size in place of the number
    of trials and a t quantile in place of the normal one (Korn and Graubard 1998, Survey Methodology 24; Franco et al. 2019,
    J. Survey Statistics and Methodology 7); it stays inside [0, 1] and is not symmetric. Where every trial or none is a
    hit, the data cannot show how clusters correlate; the number of clusters then is the effective sample size, the worst case.

    Args:
        hits: Hits by cluster, shape (clusters,).
        trials: Trials by cluster, shape (clusters,); clusters without a trial are left out.
        level: Of the interval.

    Returns:
        Value, standard error and interval. NaN throughout without a trial; standard error and interval NaN with a single cluster.
    """
    kept = trials > 0
    hits, trials = hits[kept], trials[kept]
    clusters, total = len(trials), float(trials.sum())
    if clusters == 0:
        return UNDEFINED
    value = float(hits.sum()) / total
    if clusters == 1:
        return Estimate(value, NAN, NAN, NAN)
    stderr = _ratio_stderr(hits - value * trials, total)
    return Estimate(value, stderr, *unit_interval(value, stderr, clusters, total, level))


def unit_interval(value: float, stderr: float, clusters: int, total: float, level: float = 0.95) -> tuple[float, float]:
    """An interval inside [0, 1] from a clustered standard error: Wilson's, with the effective sample size and a t quantile.

    Args:
        value: The estimate, 0 to 1.
        stderr: Its clustered standard error; 0 where the data show no variation, and then the clusters are the sample size.
        clusters: Number of clusters, from 2.
        total: Number of trials; the effective sample size is never above it.
        level: Of the interval.

    Returns:
        Its ends.
    """
    effective = min(value * (1 - value) / stderr**2, total) if stderr > 0 else float(clusters)
    return _wilson(value, effective, t_quantile(level, clusters - 1))


def clustered_difference(hits: Counts, trials: Counts, other_hits: Counts, other_trials: Counts, level: float = 0.95) -> Estimate:
    """The difference of two proportions measured on the same clusters.

    Args:
        hits: Hits of the first by cluster, shape (clusters,).
        trials: Trials of the first by cluster.
        other_hits: Hits of the second by cluster; same clusters, same order.
        other_trials: Trials of the second by cluster.
        level: Of the interval.

    Returns:
        First minus second, as ``clustered_contrast`` gives it, with an interval inside [-1, 1].
    """
    difference, _ = clustered_contrast([(hits, trials), (other_hits, other_trials)], [1.0, -1.0], level)
    if math.isnan(difference.lower):
        return difference
    return Estimate(difference.value, difference.stderr, max(difference.lower, -1.0), min(difference.upper, 1.0))


def clustered_contrast(rates: Sequence[tuple[Counts, Counts]], weights: Sequence[float], level: float = 0.95) -> tuple[Estimate, float]:
    """A weighted sum of proportions measured on the same clusters, and the test that it is 0.

    Linearised as in ``clustered_proportion``, so the covariances inside a cluster count; the interval is value ± t · stderr.

    Args:
        rates: For each proportion hits and trials by cluster, shape (clusters,); same clusters, same order.
        weights: The weight of each.
        level: Of the interval.

    Returns:
        The sum and the two-sided p of the t test with clusters - 1 degrees of freedom. NaN throughout if a proportion is undefined, for all
        but the value with a single cluster. Where all clusters pull alike the data show no variation to make an interval from: its ends are
        NaN, and p is that of the sign test, 2 · 0.5^clusters, or 1 if the sum is 0.
    """
    totals = [float(trials.sum()) for _, trials in rates]
    if not all(totals):
        return UNDEFINED, NAN
    values = [float(hits.sum()) / total for (hits, _), total in zip(rates, totals, strict=True)]
    kept = np.any([trials > 0 for _, trials in rates], axis=0)
    residual = np.zeros(int(kept.sum()))
    for (hits, trials), total, value, weight in zip(rates, totals, values, weights, strict=True):
        residual += weight * (hits - value * trials)[kept] / total
    return _t_test(sum(weight * value for weight, value in zip(weights, values, strict=True)), residual, level)


def clustered_ratio(hits: Counts, trials: Counts, other_hits: Counts, other_trials: Counts, level: float = 0.95) -> Estimate:
    """The ratio of two proportions measured on the same clusters, with Fieller's interval.

    Fieller's interval (Fieller 1954, J. Royal Statistical Society B 16) holds the ratios that a t test of "first − ratio · second = 0"
    does not reject. It needs no logarithm, so a first proportion of 0 is no trouble, and it says so where the second cannot be told
    from 0: then it has no upper end. Where it is bounded it holds 1 just where ``clustered_difference`` holds 0.

    Args:
        hits: Hits of the first by cluster, shape (clusters,).
        trials: Trials of the first by cluster.
        other_hits: Hits of the second by cluster; same clusters, same order.
        other_trials: Trials of the second by cluster.
        level: Of the interval.

    Returns:
        First over second; the standard error is that of the linearised ratio. NaN throughout where the second is 0 or either is undefined;
        standard error and interval NaN with a single cluster.
    """
    two = _linearise(hits, trials, other_hits, other_trials)
    if two is None or two.other == 0:
        return UNDEFINED
    value, other, ratio = two.value, two.other, two.value / two.other
    if two.clusters == 1:
        return Estimate(ratio, NAN, NAN, NAN)
    correction = two.clusters / (two.clusters - 1)
    variance = correction * float((two.residual**2).sum())
    other_variance = correction * float((two.other_residual**2).sum())
    covariance = correction * float((two.residual * two.other_residual).sum())
    stderr = math.sqrt(max(variance - 2 * ratio * covariance + ratio**2 * other_variance, 0.0)) / other
    if stderr == 0:
        return Estimate(ratio, 0.0, NAN, NAN)
    square = t_quantile(level, two.clusters - 1) ** 2
    # the ratios r with (value - r other)² ≤ t² Var(value - r other): leading r² - 2 middle r + constant ≤ 0
    leading = other**2 - square * other_variance
    middle = value * other - square * covariance
    constant = value**2 - square * variance
    root = math.sqrt(max(middle**2 - leading * constant, 0.0))
    if leading > 0:
        return Estimate(ratio, stderr, max((middle - root) / leading, 0.0), (middle + root) / leading)
    # the second cannot be told from 0, so there is no upper end; 0 itself is left out if the first can be told from 0
    lower = (middle - root) / leading if leading < 0 < constant else 0.0
    return Estimate(ratio, stderr, lower, math.inf)


def clustered_mean(totals: Counts, sizes: Counts, level: float = 0.95) -> tuple[Estimate, float]:
    """The mean of a quantity measured on every unit of some clusters, and the test that it is 0.

    Args:
        totals: Sum of the quantity by cluster, shape (clusters,); the quantity may be negative.
        sizes: Units by cluster.
        level: Of the interval.

    Returns:
        The mean with its clustered standard error and value ± t · stderr, and the two-sided p of the t test with clusters - 1 degrees of
        freedom. NaN without units, or for all but the value with a single cluster. Where all clusters have the same mean the ends are NaN,
        and p is that of the sign test: 2 · 0.5^clusters, or 1 if that mean is 0.
    """
    kept = sizes > 0
    totals, sizes = totals[kept], sizes[kept]
    units = float(sizes.sum())
    if units == 0:
        return UNDEFINED, NAN
    value = float(totals.sum()) / units
    return _t_test(value, (totals - value * sizes) / units, level)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the false discovery rate over a family of tests (Benjamini and Hochberg 1995).

    Args:
        p_values: p-values, NaN for tests that could not be made; these do not count as part of the family.

    Returns:
        q-values in the same order; NaN stays NaN.
    """
    from scipy.stats import false_discovery_control

    tested = [index for index, p in enumerate(p_values) if not math.isnan(p)]
    q_values = [NAN] * len(p_values)
    if tested:
        for index, q in zip(tested, false_discovery_control([p_values[index] for index in tested]), strict=True):
            q_values[index] = float(q)
    return q_values


def mcnemar_exact(b: int, c: int) -> float:
    """Exact McNemar test: are the two kinds of discordant pairs equally likely?

    Args:
        b: Pairs that went one way.
        c: Pairs that went the other way.

    Returns:
        Two-sided p-value, the binomial one of min(b, c) in b + c trials at one half; 1 without discordant pairs. It
        takes pairs as independent; see ``mcnemar_clustered``.
    """
    from scipy.special import bdtr

    if b == c:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(b, c), b + c, 0.5)))


def mcnemar_clustered(b: Counts, c: Counts) -> float:
    """McNemar's test for pairs that come in clusters (Durkalski et al. 2003), which need not be independent inside one.

    Args:
        b: Discordant pairs that went one way, by cluster, shape (clusters,).
        c: Discordant pairs that went the other way, by cluster.

    Returns:
        Two-sided p-value of sum(b - c)² / sum((b - c)²) against chi-squared with one degree of freedom; 1 where
        no cluster leans either way. Asymptotic in the number of clusters.
    """
    difference = b - c
    variance = float((difference**2).sum())
    if variance == 0:
        return 1.0
    return math.erfc(abs(float(difference.sum())) / math.sqrt(2 * variance))


@dataclass(frozen=True)
class _TwoProportions:
    """Two proportions on the same clusters, and how each cluster pulls at them (their linearised residuals, shape (clusters,))."""

    value: float
    other: float
    residual: Counts
    other_residual: Counts
    clusters: int


def _linearise(hits: Counts, trials: Counts, other_hits: Counts, other_trials: Counts) -> _TwoProportions | None:
    """Both proportions over the clusters with a trial of either; None if one has no trial at all."""
    total, other_total = float(trials.sum()), float(other_trials.sum())
    if total == 0 or other_total == 0:
        return None
    kept = (trials > 0) | (other_trials > 0)
    value, other = float(hits.sum()) / total, float(other_hits.sum()) / other_total
    residual, other_residual = (hits - value * trials) / total, (other_hits - other * other_trials) / other_total
    return _TwoProportions(value, other, residual[kept], other_residual[kept], int(kept.sum()))


def _t_test(value: float, residual: Counts, level: float) -> tuple[Estimate, float]:
    """A value with the linearised residual of each cluster: its interval, and p of the test that it is 0."""
    from scipy.special import stdtr

    clusters = len(residual)
    if clusters == 1:
        return Estimate(value, NAN, NAN, NAN), NAN
    stderr = _ratio_stderr(residual, 1.0)
    if stderr == 0:
        return Estimate(value, 0.0, NAN, NAN), 1.0 if value == 0 else 2 * 0.5**clusters
    margin = t_quantile(level, clusters - 1) * stderr
    return Estimate(value, stderr, value - margin, value + margin), 2 * float(stdtr(clusters - 1, -abs(value) / stderr))


def _ratio_stderr(residual: Counts, total: float) -> float:
    clusters = len(residual)
    return math.sqrt(clusters / (clusters - 1) * float((residual**2).sum())) / total


def _wilson(value: float, n: float, quantile: float) -> tuple[float, float]:
    square = quantile**2
    centre = (value + square / (2 * n)) / (1 + square / n)
    margin = quantile / (1 + square / n) * math.sqrt(value * (1 - value) / n + square / (4 * n**2))
    # at 0 and 1 the ends are exact, and rounding must not move them
    lower = 0.0 if value == 0 else max(0.0, centre - margin)
    upper = 1.0 if value == 1 else min(1.0, centre + margin)
    return lower, upper


def t_quantile(level: float, freedom: int) -> float:
    """By how many standard errors a two-sided interval reaches to either side.

    Args:
        level: Of the interval, for example 0.95.
        freedom: Degrees of freedom, from 1.

    Returns:
        The quantile of Student's t distribution.
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))
