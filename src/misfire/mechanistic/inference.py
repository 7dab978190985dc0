"""Statistics of effects on pairs.

The unit of every test is the scenario, because pairs of the same scenario share their wording.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Hashable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from misfire.scorers.statistics import NAN, Estimate, clustered_mean, t_quantile

Floats = npt.NDArray[np.float64]

LEVEL = 0.05
"""Significance level of every test, and false discovery rate."""

UNRESOLVED = 0.3
"""Effects smaller than this many logits are not resolved in bfloat16. They are not reported as effects for
any data type."""

_EXACT = 12
"""Maximum number of clusters for which all sign flips are counted. With more clusters, flips are drawn."""

_AT_ONCE = 2000

_SMALLEST, _LARGEST = -18.0, float(np.log(0.49))
"""Range of log p that is searched in a comparison."""


def codes(clusters: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """Number the clusters from 0, in order of appearance."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(cluster, len(known)) for cluster in clusters], dtype=np.int64)


def by_cluster(values: Floats, own: npt.NDArray[np.int64]) -> Floats:
    """Sum values by cluster, shape (clusters,)."""
    return np.bincount(own, values).astype(np.float64)


def mean(values: Sequence[float] | Floats, clusters: Sequence[Hashable]) -> Estimate:
    """Compute a mean with an interval clustered by scenario.

    Args:
        values: One value for each unit. NaN marks a unit without a measurement, which is left out.
        clusters: The cluster of each unit.

    Returns:
        The estimate; NaN without values.
    """
    array = np.asarray(values, dtype=float)
    kept = ~np.isnan(array)
    if not kept.any():
        return Estimate(NAN, NAN, NAN, NAN)
    own = codes([cluster for cluster, keep in zip(clusters, kept, strict=True) if keep])
    estimate, _ = clustered_mean(by_cluster(array[kept], own), np.bincount(own).astype(float))
    return estimate


def sign_flip(
    scores: Floats, clusters: Sequence[Hashable], *, draws: int | None = None, seed: int = 1
) -> Floats:
    """Test whether each mean is above 0 with one-sided sign flips of whole clusters.

    With up to 12 clusters, all flips are counted and p is exact. Otherwise ``draws`` flips are drawn and p is
    (1 + hits) / (1 + draws).

    Args:
        scores: Scores of shape (units, quantities). Without an effect they are symmetric around 0, or lower.
        clusters: The cluster of each unit.
        draws: Number of flips to draw. The default is 4,000, or 200 for each quantity if that is more, to
            resolve small p among many quantities.
        seed: Random seed.

    Returns:
        p of each quantity, shape (quantities,).
    """
    own = codes(clusters)
    count = int(own.max()) + 1
    totals = np.zeros((count, scores.shape[1]))
    np.add.at(totals, own, scores)
    exact = count <= _EXACT
    drawn = 2**count if exact else draws or max(4000, 200 * scores.shape[1])
    generator = np.random.default_rng(seed)
    every = np.array(list(product((1, -1), repeat=count))) if exact else None
    observed = totals.sum(0)
    hits = np.zeros(scores.shape[1])
    for start in range(0, drawn, _AT_ONCE):
        size = min(_AT_ONCE, drawn - start)
        flips = generator.choice([-1, 1], (size, count)) if every is None else every[start : start + size]
        # equal sums may differ by rounding errors
        hits += (flips @ totals >= observed - 1e-9 * (1 + np.abs(observed))).sum(0)
    return hits / drawn if exact else (1 + hits) / (1 + drawn)


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Compute the difference ``one`` − ``other`` of two means or shares.

    Its interval comes from the intervals of both. The distance of each end from the difference is the root
    of the sum of squares of the two distances that it depends on (Zou and Donner 2008, Statistics in
    Medicine 27). This assumes independent estimates. Estimates on the same scenarios are positively
    correlated, so the interval is then too wide rather than too narrow.

    Returns:
        The difference, with NaN ends if either estimate has no interval.
    """
    value = one.value - other.value
    below = np.hypot(one.value - one.lower, other.upper - other.value)
    above = np.hypot(one.upper - one.value, other.value - other.lower)
    return Estimate(
        value, float(np.hypot(one.stderr, other.stderr)), float(value - below), float(value + above)
    )


def exceeds(
    one: Sequence[float] | Floats, others: Sequence[float] | Floats, scenarios: Sequence[Hashable]
) -> float:
    """Return the one-sided p of the null hypothesis that a share is not larger than another.

    It is the smallest level at which the interval of the difference still contains 0 (``difference``, from
    two intervals that are clustered by scenario and account for a small number of them). Many units from few
    scenarios do not give a small p.

    Args:
        one: 0 or 1 for each unit of the first group.
        others: 0 or 1 for each unit of the second group.
        scenarios: The scenario of each unit, those of the first group first.

    Returns:
        p; 1 if the first share is not larger; NaN if a group is empty or has only one scenario.
    """
    from scipy.optimize import brentq

    first, rest = np.asarray(one, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if not len(first) or not len(rest):
        return NAN
    own, theirs = codes(scenarios[: len(first)]), codes(scenarios[len(first) :])
    hits, trials = by_cluster(first, own), np.bincount(own).astype(float)
    other_hits, other_trials = by_cluster(rest, theirs), np.bincount(theirs).astype(float)

    def lower(log_p: float) -> float:
        level = 1 - 2 * float(np.exp(log_p))
        return difference(_share(hits, trials, level), _share(other_hits, other_trials, level)).lower

    if np.isnan(lower(_LARGEST)):
        return NAN
    if first.mean() <= rest.mean() or lower(_LARGEST) <= 0:
        return 1.0
    return (
        float(np.exp(brentq(lower, _SMALLEST, _LARGEST)))
        if lower(_SMALLEST) < 0
        else float(np.exp(_SMALLEST))
    )


def mean_exceeds(
    one: Sequence[float] | Floats,
    others: Sequence[float] | Floats,
    scenarios: Sequence[Hashable],
    *,
    seed: int = 1,
) -> float:
    """Return the one-sided p of the null hypothesis that a mean is not larger than another, by scenario.

    This is a wild cluster bootstrap with the null imposed (Cameron, Gelbach and Miller 2008, Review of
    Economics and Statistics 90): after subtracting the common mean, the contribution of each scenario to the
    difference of the means gets a random sign.

    Args:
        one: Values of the first group.
        others: Values of the second group.
        scenarios: The scenario of each unit, those of the first group first.
        seed: Random seed for the flips, used if there are too many scenarios to count all.

    Returns:
        p; NaN if a group is empty.
    """
    if not len(one) or not len(others):
        return NAN
    values = np.concatenate([np.asarray(one, dtype=float), np.asarray(others, dtype=float)])
    first = np.arange(len(values)) < len(one)
    centered = values - values.mean()
    return float(
        sign_flip(
            np.where(first, centered / len(one), -centered / len(others))[:, None], scenarios, seed=seed
        )[0]
    )


def _share(hits: Floats, trials: Floats, level: float) -> Estimate:
    """Compute a share with Wilson's interval, using the effective sample size and a t quantile.

    It is valid for very small levels.

    If all clusters have the same share, the effective sample size is the number of clusters, which is the
    worst case (Korn and Graubard 1998, Survey Methodology 24).
    """
    clusters, total = len(trials), float(trials.sum())
    value = float(hits.sum()) / total
    if clusters < 2:
        return Estimate(value, NAN, NAN, NAN)
    stderr = float(np.sqrt(clusters / (clusters - 1) * ((hits - value * trials) ** 2).sum())) / total
    n = min(value * (1 - value) / stderr**2, total) if stderr > 0 else float(clusters)
    square = t_quantile(level, clusters - 1) ** 2
    center = (value + square / (2 * n)) / (1 + square / n)
    margin = np.sqrt(square * value * (1 - value) / n + square**2 / (4 * n**2)) / (1 + square / n)
    return Estimate(value, stderr, float(center - margin), float(center + margin))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for several tests (Holm 1979, Scandinavian Journal of Statistics 6).

    Args:
        p_values: p of each test. NaN counts as 1.

    Returns:
        The adjusted p-values, in the same order.
    """
    plain = [1.0 if np.isnan(p) else p for p in p_values]
    adjusted = [1.0] * len(plain)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(plain)), key=plain.__getitem__)):
        largest = max(largest, min(1.0, (len(plain) - rank) * plain[index]))
        adjusted[index] = largest
    return adjusted


def split_half(scores: Floats, clusters: Sequence[Hashable], *, splits: int = 50, seed: int = 1) -> float:
    """Measure how similarly two halves of the data rank quantities.

    The measure is the mean Spearman correlation over random splits by cluster.

    Args:
        scores: Scores of shape (units, quantities).
        clusters: The cluster of each unit.
        splits: Number of splits.
        seed: Random seed.

    Returns:
        The mean correlation, from −1 to 1; NaN with fewer than two clusters, or if nothing is ranked.
    """
    from scipy.stats import spearmanr

    own = codes(clusters)
    count = int(own.max()) + 1
    if count < 2:
        return NAN
    draw = np.random.default_rng(seed)
    found: list[float] = []
    for _ in range(splits):
        first = np.isin(own, draw.permutation(count)[: count // 2])
        one, other = scores[first].mean(0), scores[~first].mean(0)
        # a half that ranks nothing has no correlation
        if np.ptp(one) > 0 and np.ptp(other) > 0:
            found.append(float(spearmanr(one, other).statistic))
    return float(np.mean(found)) if found else NAN


def bootstrap(
    statistic: Callable[[npt.NDArray[np.int64]], Floats],
    clusters: Sequence[Hashable],
    *,
    draws: int = 1000,
    seed: int = 1,
) -> tuple[Floats, Floats, Floats]:
    """Compute percentile intervals of statistics by drawing whole clusters with replacement.

    Args:
        statistic: Function from indices of units to the statistics, shape (n,).
        clusters: The cluster of each unit.
        draws: Number of draws.
        seed: Random seed.

    Returns:
        The statistics of all units, and the lower and upper ends of their 95 % intervals (NaN with fewer than
        two clusters), each of shape (n,).
    """
    own = codes(clusters)
    members = [np.flatnonzero(own == code) for code in range(int(own.max()) + 1)]
    value = statistic(np.arange(len(own)))
    if len(members) < 2:
        return value, np.full_like(value, NAN), np.full_like(value, NAN)
    draw = np.random.default_rng(seed)
    found = np.array(
        [
            statistic(
                np.concatenate([members[index] for index in draw.integers(0, len(members), len(members))])
            )
            for _ in range(draws)
        ]
    )
    lower, upper = np.full_like(value, NAN), np.full_like(value, NAN)
    known = ~np.isnan(found).all(0)
    lower[known], upper[known] = np.nanquantile(found[:, known], [0.025, 0.975], axis=0)
    return value, lower, upper


def ratio_of_means(
    parts: Floats, wholes: Floats, clusters: Sequence[Hashable], *, draws: int = 1000, seed: int = 1
) -> tuple[float, float, float]:
    """Compute a ratio of means with a percentile interval from draws of whole clusters.

    Args:
        parts: Numerator of each unit.
        wholes: Denominator of each unit.
        clusters: The cluster of each unit.
        draws: Number of bootstrap draws.
        seed: Random seed.

    Returns:
        mean(parts) / mean(wholes), NaN if the denominator is 0, and the ends of its 95 % interval.
    """

    def ratio(units: npt.NDArray[np.int64]) -> Floats:
        whole = wholes[units].mean()
        return np.array([parts[units].mean() / whole if whole else np.nan])

    value, lower, upper = bootstrap(ratio, clusters, draws=draws, seed=seed)
    return float(value[0]), float(lower[0]), float(upper[0])


def folds(clusters: Sequence[Hashable], *, seed: int = 1) -> npt.NDArray[np.int64]:
    """Split units into two folds that share no cluster and have similar sizes.

    Args:
        clusters: The cluster of each unit.
        seed: Random seed.

    Returns:
        The fold of each unit, 0 or 1.
    """
    own = codes(clusters)
    draw = np.random.default_rng(seed)
    sizes = np.zeros(2)
    placed = np.zeros(int(own.max()) + 1, dtype=np.int64)
    for cluster in draw.permutation(len(placed)):
        placed[cluster] = int(np.argmin(sizes))
        sizes[placed[cluster]] += int((own == cluster).sum())
    return placed[own]
