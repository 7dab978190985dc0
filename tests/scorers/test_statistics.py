"""The statistics, against scipy, statsmodels and brute force, and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from misfire.scorers.statistics import clustered_difference, clustered_proportion, mcnemar_clustered, mcnemar_exact

clusters = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=30).map(
    lambda rows: (np.array([min(h, t) for h, t in rows], float), np.array([t for _, t in rows], float))
)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_exact_test_is_the_binomial_one(b: int, c: int):
    expected = stats.binomtest(min(b, c), b + c, 0.5).pvalue if b + c else 1.0
    assert mcnemar_exact(b, c) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("b", "c"), [(3, 10), (0, 7), (25, 12), (5, 5)])
def test_the_exact_test_is_that_of_statsmodels(b: int, c: int):
    assert mcnemar_exact(b, c) == pytest.approx(mcnemar([[9, b], [c, 4]], exact=True).pvalue)  # pyright: ignore[reportAttributeAccessIssue]


@given(clusters)
def test_a_proportion_lies_in_its_interval(data):
    hits, trials = data
    estimate = clustered_proportion(hits, trials)
    if trials.sum() == 0:
        assert math.isnan(estimate.value)
        assert math.isnan(estimate.lower)
    elif (trials > 0).sum() == 1:
        assert math.isnan(estimate.stderr)
        assert math.isnan(estimate.lower)
    else:
        assert estimate.value == pytest.approx(hits.sum() / trials.sum())
        assert 0 <= estimate.lower <= estimate.value <= estimate.upper <= 1


@given(clusters)
def test_clusters_without_trials_change_nothing(data):
    hits, trials = data
    more = clustered_proportion(np.append(hits, 0), np.append(trials, 0))
    assert repr(more) == repr(clustered_proportion(hits, trials))


def test_the_standard_error_is_the_jackknife_s_to_first_order():
    rng = np.random.default_rng(7)
    trials = rng.integers(5, 20, 200).astype(float)
    hits = rng.binomial(trials.astype(int), rng.beta(2, 8, 200)).astype(float)
    leave_one_out = (hits.sum() - hits) / (trials.sum() - trials)
    n = len(hits)
    jackknife = math.sqrt((n - 1) / n * ((leave_one_out - leave_one_out.mean()) ** 2).sum())
    assert clustered_proportion(hits, trials).stderr == pytest.approx(jackknife, rel=0.02)


def test_the_standard_error_is_the_bootstrap_s():
    rng = np.random.default_rng(8)
    trials = rng.integers(5, 20, 150).astype(float)
    hits = rng.binomial(trials.astype(int), rng.beta(1, 6, 150)).astype(float)
    draws = rng.integers(0, 150, (4000, 150))
    bootstrap = (hits[draws].sum(axis=1) / trials[draws].sum(axis=1)).std()
    assert clustered_proportion(hits, trials).stderr == pytest.approx(bootstrap, rel=0.06)


def test_independent_trials_give_nearly_wilson_s_interval():
    rng = np.random.default_rng(9)
    hits = rng.binomial(1, 0.2, 5000).astype(float)
    estimate = clustered_proportion(hits, np.ones(5000))
    assert (estimate.lower, estimate.upper) == pytest.approx(proportion_confint(hits.sum(), 5000, method="wilson"), abs=2e-4)


@pytest.mark.parametrize("rate", [0, 1])
def test_at_the_ends_the_clusters_count_and_not_the_trials(rate: int):
    trials = np.full(25, 10.0)
    estimate = clustered_proportion(rate * trials, trials)
    quantile = stats.t.ppf(0.975, 24)
    width = quantile**2 / (25 + quantile**2)
    assert (estimate.lower, estimate.upper) == pytest.approx((0, width) if rate == 0 else (1 - width, 1))


def test_copies_of_a_trial_inside_a_cluster_add_no_certainty():
    rng = np.random.default_rng(10)
    hits = rng.binomial(1, 0.3, 120).astype(float)
    once, tenfold = clustered_proportion(hits, np.ones(120)), clustered_proportion(10 * hits, np.full(120, 10.0))
    assert tenfold.stderr == pytest.approx(once.stderr)


def test_the_difference_to_itself_is_certain():
    hits, trials = np.array([1.0, 2, 0, 3]), np.array([4.0, 4, 4, 4])
    estimate = clustered_difference(hits, trials, hits, trials)
    assert (estimate.value, estimate.stderr) == (0, 0)
    assert math.isnan(estimate.lower)


def test_the_difference_allows_for_covariance_as_the_bootstrap_does():
    rng = np.random.default_rng(11)
    level = rng.beta(2, 6, 150)
    trials = rng.integers(5, 20, 150)
    one, other = rng.binomial(trials, level).astype(float), rng.binomial(trials, level).astype(float)
    weights = trials.astype(float)
    draws = rng.integers(0, 150, (4000, 150))
    total = weights[draws].sum(axis=1)
    bootstrap = ((one[draws] - other[draws]).sum(axis=1) / total).std()
    assert clustered_difference(one, weights, other, weights).stderr == pytest.approx(bootstrap, rel=0.06)


def test_without_clusters_the_clustered_test_is_mcnemar_s_chi_squared():
    b, c = np.repeat([1.0, 0, 0], [30, 15, 60]), np.repeat([0.0, 1, 0], [30, 15, 60])
    expected = mcnemar([[60, 30], [15, 0]], exact=False, correction=False).pvalue  # pyright: ignore[reportAttributeAccessIssue]
    assert mcnemar_clustered(b, c) == pytest.approx(expected)


def test_no_discordant_pair_is_no_evidence():
    assert mcnemar_exact(0, 0) == 1
    assert mcnemar_clustered(np.zeros(3), np.zeros(3)) == 1


def correlated(rng: np.random.Generator, scenarios: int, rate: float, correlation: float) -> tuple[np.ndarray, np.ndarray]:
    """Misfires and contrast-right pairs by scenario; the rate varies between scenarios (beta-binomial)."""
    precision = (1 - correlation) / correlation
    level = rng.beta(rate * precision, (1 - rate) * precision, scenarios)
    trials = rng.binomial(rng.integers(2, 21, scenarios), 0.75)
    return rng.binomial(trials, level).astype(float), trials.astype(float)


@pytest.mark.slow
@pytest.mark.parametrize(("scenarios", "rate", "correlation"), [(199, 0.10, 0.1), (199, 0.10, 0.3), (199, 0.05, 0.2), (64, 0.15, 0.2)])
def test_the_interval_covers_a_known_mar_in_95_of_100_data_sets(scenarios: int, rate: float, correlation: float):
    rng = np.random.default_rng(20260606)
    estimates = [clustered_proportion(*correlated(rng, scenarios, rate, correlation)) for _ in range(1000)]
    coverage = sum(estimate.lower <= rate <= estimate.upper for estimate in estimates) / len(estimates)
    assert 0.92 <= coverage <= 0.98


def test_an_interval_that_took_pairs_as_independent_would_not_cover():
    rng = np.random.default_rng(20260606)
    covered = 0
    for _ in range(300):
        hits, trials = correlated(rng, 199, 0.10, 0.3)
        lower, upper = (float(end) for end in proportion_confint(hits.sum(), trials.sum(), method="wilson"))  # pyright: ignore[reportGeneralTypeIssues, reportArgumentType]
        covered += lower <= 0.10 <= upper
    assert covered / 300 < 0.9


@pytest.mark.slow
def test_the_clustered_test_keeps_its_level_under_correlation():
    rng = np.random.default_rng(12)
    rejected = 0
    for _ in range(1000):
        lean = rng.beta(2, 2, 199)
        discordant = rng.binomial(10, 0.2, 199)
        b = rng.binomial(discordant, lean).astype(float)
        rejected += mcnemar_clustered(b, discordant.astype(float) - b) < 0.05
    assert 0.03 <= rejected / 1000 <= 0.07
