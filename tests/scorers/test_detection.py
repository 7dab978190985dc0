"""Signal detection over clustered answers.

It is checked by hand, against scipy, the textbook, jackknife and bootstrap, and by simulation.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from misfire.scorers.detection import Rate, Term, criterion, d_prime, probit_contrast

Floats = NDArray[np.float64]


def rate(hits: list[int] | Floats, trials: list[int] | Floats) -> Rate:
    return Rate(np.array(hits, float), np.array(trials, float))


def z(rate: Rate) -> float:
    """The probit of a rate with the log-linear correction, by scipy."""
    return float(stats.norm.ppf((rate.hits.sum() + 0.5) / (rate.trials.sum() + 1)))


@st.composite
def rates(draw: st.DrawFn, count: int, min_clusters: int = 1) -> list[Rate]:
    """Some rates over the same clusters."""
    clusters = draw(st.integers(min_clusters, 8))
    numbers = np.array(
        draw(st.lists(st.integers(0, 9), min_size=2 * count * clusters, max_size=2 * count * clusters)), float
    )
    one, other = numbers.reshape(2, count, clusters)
    return [Rate(*two) for two in zip(np.minimum(one, other), other, strict=True)]


def defined(measured: list[Rate]) -> bool:
    return all(one.trials.sum() > 0 for one in measured)


def contexts(measured: list[Rate]) -> list[Term]:
    """The difference of criterion between two contexts, out of four rates."""
    hits, false_alarms, other_hits, other_false_alarms = measured
    return criterion(hits, false_alarms) + criterion(other_hits, other_false_alarms, -1)


# the value


def test_a_recognition_experiment_agrees_with_a_computation_by_hand():
    # Macmillan and Creelman 2005, section 1.1: 20 of 25 old faces and 10 of 25 new ones are called old; d' =
    # 0.842 + 0.253, c = -0.29
    hits, false_alarms = rate([20], [25]), rate([10], [25])
    # with the correction 20.5 / 26 = 0.788 and 10.5 / 26 = 0.404, whose probits a table gives as 0.801 and
    # -0.243
    assert hits.corrected == pytest.approx(0.78846, abs=1e-5)
    assert false_alarms.corrected == pytest.approx(0.40385, abs=1e-5)
    assert probit_contrast(d_prime(hits, false_alarms))[0].value == pytest.approx(0.801 + 0.243, abs=2e-3)
    assert probit_contrast(criterion(hits, false_alarms))[0].value == pytest.approx(
        -(0.801 - 0.243) / 2, abs=1e-3
    )


@pytest.mark.parametrize(
    ("hits", "false_alarms", "d", "c"),
    [
        # corrected to 0.85 and 0.15; z(0.85) = 1.0364
        ((8, 9), (1, 9), 2.0729, 0.0),
        # corrected to 0.65 and 0.15; z(0.65) = 0.3853
        ((6, 9), (1, 9), 1.4217, 0.3256),
        # a perfect observer (Hautus 1995): 20.5 / 21 and 0.5 / 21; z(0.97619) = 1.9808
        ((20, 20), (0, 20), 3.9616, 0.0),
        # always "no": 0.5 / 10 twice; z(0.05) = -1.6449
        ((0, 9), (0, 9), 0.0, 1.6449),
    ],
)
def test_rates_agree_with_a_computation_by_hand(
    hits: tuple[int, int], false_alarms: tuple[int, int], d: float, c: float
):
    yes, no = rate([hits[0]], [hits[1]]), rate([false_alarms[0]], [false_alarms[1]])
    assert probit_contrast(d_prime(yes, no))[0].value == pytest.approx(d, abs=2e-4)
    assert probit_contrast(criterion(yes, no))[0].value == pytest.approx(c, abs=2e-4)


@given(rates(2))
def test_d_prime_and_criterion_use_scipys_probits_of_the_corrected_rates(measured: list[Rate]):
    if not defined(measured):
        return
    hits, false_alarms = measured
    assert probit_contrast(d_prime(hits, false_alarms))[0].value == pytest.approx(
        z(hits) - z(false_alarms), abs=1e-9
    )
    assert probit_contrast(criterion(hits, false_alarms))[0].value == pytest.approx(
        -(z(hits) + z(false_alarms)) / 2, abs=1e-9
    )


@given(rates(4))
def test_a_contrast_is_the_difference_of_its_parts(measured: list[Rate]):
    if not defined(measured):
        return
    first, second = (
        probit_contrast(criterion(hits, alarms))[0].value for hits, alarms in (measured[:2], measured[2:])
    )
    assert probit_contrast(contexts(measured))[0].value == pytest.approx(first - second, abs=1e-9)


@given(rates(2))
def test_the_correction_keeps_a_rate_between_0_and_1_and_between_itself_and_a_half(measured: list[Rate]):
    for one in measured:
        if one.trials.sum() == 0:
            assert math.isnan(one.corrected)
        else:
            raw = one.hits.sum() / one.trials.sum()
            assert 0 < one.corrected < 1
            assert min(raw, 0.5) - 1e-12 <= one.corrected <= max(raw, 0.5) + 1e-12


# the standard error


@pytest.mark.parametrize(
    ("hits", "signals", "false_alarms", "noises"),
    [(170, 200, 30, 150), (20, 25, 10, 25), (300, 400, 390, 400)],
)
def test_independent_answers_have_the_textbook_variance(
    hits: int, signals: int, false_alarms: int, noises: int
):
    # given one answer a cluster: so many clusters with a question to say "yes" to, the others with one to say
    # "no" to
    clusters = signals + noises
    answers = np.zeros((4, clusters))
    answers[0, :hits], answers[1, :signals] = 1, 1
    answers[2, signals : signals + false_alarms], answers[3, signals:] = 1, 1
    measured = Rate(answers[0], answers[1]), Rate(answers[2], answers[3])
    # when Gourevitch and Galanter's variance is computed for both, p (1 - p) / (n φ²), with n + 1 for n as
    # the correction has it
    expected = sum(
        n * (k / n) * (1 - k / n) / ((n + 1) ** 2 * stats.norm.pdf(stats.norm.ppf((k + 0.5) / (n + 1))) ** 2)
        for k, n in ((hits, signals), (false_alarms, noises))
    )
    # then both are the same, but for the factor of a variance out of so many clusters
    estimate, _ = probit_contrast(d_prime(*measured))
    assert estimate.stderr**2 == pytest.approx(expected * clusters / (clusters - 1), rel=1e-9)
    # and c, half a sum of the same probits, has a quarter of it
    assert probit_contrast(criterion(*measured))[0].stderr == pytest.approx(estimate.stderr / 2, rel=1e-9)


def correlated(
    rng: np.random.Generator, clusters: int, repeats: int, means: list[float], spread: float
) -> tuple[Floats, Floats]:
    """Counts of "yes" and of trials, of clusters that share a leaning.

    Each has the shape (repeats, rates, clusters).

    A cluster's probits are ``means`` plus a leaning of the cluster and one of the rate in that cluster, both
    normal. A mean probit μ then is one of μ / √(1 + variance) over all clusters.
    """
    shared = rng.normal(0, spread, (repeats, 1, clusters))
    own = rng.normal(0, spread / 2, (repeats, len(means), clusters))
    chance = stats.norm.cdf(np.array(means)[None, :, None] + shared + own)
    trials = rng.integers(4, 12, chance.shape)
    return rng.binomial(trials, chance).astype(float), trials.astype(float)


def marginal(mean: float, spread: float) -> float:
    """The probit over all clusters of a mean probit in ``correlated``."""
    return mean / math.sqrt(1 + spread**2 + spread**2 / 4)


def one_data_set(seed: int, clusters: int = 150) -> list[Rate]:
    hits, trials = correlated(np.random.default_rng(seed), clusters, 1, [0.6, -1.0, 1.0, -1.2], 0.7)
    return [Rate(*two) for two in zip(hits[0], trials[0], strict=True)]


def difference(measured: list[Rate], kept: NDArray[np.int_]) -> float:
    """The difference of criterion over some of the clusters, from scipy's probits."""
    one, two, three, four = (z(Rate(one.hits[kept], one.trials[kept])) for one in measured)
    return -(one + two) / 2 + (three + four) / 2


def test_the_standard_error_agrees_with_the_jackknife_to_first_order():
    measured = one_data_set(3)
    n = len(measured[0].hits)
    left_out = np.array([difference(measured, np.delete(np.arange(n), k)) for k in range(n)])
    jackknife = math.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum())
    assert probit_contrast(contexts(measured))[0].stderr == pytest.approx(jackknife, rel=0.02)


def test_the_standard_error_agrees_with_the_cluster_bootstrap():
    measured = one_data_set(4)
    n = len(measured[0].hits)
    draws = np.random.default_rng(5).integers(0, n, (2000, n))
    bootstrap = np.std([difference(measured, draw) for draw in draws])
    assert probit_contrast(contexts(measured))[0].stderr == pytest.approx(bootstrap, rel=0.06)


def test_the_covariance_of_rates_within_a_cluster_counts():
    # given clusters whose leaning toward "yes" is the same in both contexts
    measured = one_data_set(6)
    together = probit_contrast(contexts(measured))[0].stderr
    # when the clusters of the second context are taken for others than those of the first
    none = np.zeros_like(measured[0].hits)
    apart = [
        *(Rate(np.append(one.hits, none), np.append(one.trials, none)) for one in measured[:2]),
        *(Rate(np.append(none, one.hits), np.append(none, one.trials)) for one in measured[2:]),
    ]
    # then the difference of criterion, in which that leaning cancels out, seems less sure than it is
    assert together < 0.8 * probit_contrast(contexts(apart))[0].stderr


@pytest.mark.parametrize("value", [0, 1])
def test_a_rate_of_0_or_1_adds_the_variance_of_one_answer_per_cluster(value: int):
    # given 30 clusters of four answers each, and a rate of 0 or 1
    flat = rate([4 * value] * 30, [4] * 30)
    varied = rate([1, 3] * 15, [4] * 30)
    p = (30 * value + 0.5) / 31
    unseen = p * (1 - p) / (30 * stats.norm.pdf(stats.norm.ppf(p)) ** 2)
    seen = probit_contrast([Term(1.0, varied)])[0].stderr ** 2
    assert probit_contrast(d_prime(flat, varied))[0].stderr ** 2 == pytest.approx(seen + unseen, rel=1e-9)


def test_the_error_of_a_rate_does_not_jump_when_its_last_hit_is_removed():
    # given 64 clusters of eight answers: one "yes" in all of them, and none
    one = probit_contrast([Term(1.0, rate([1] + [0] * 63, [8] * 64))])[0]
    none = probit_contrast([Term(1.0, rate([0] * 64, [8] * 64))])[0]
    # then what is not seen is less sure than what is seen, but by no more than the probit of one answer a
    # cluster
    assert one.stderr < none.stderr < 3 * one.stderr


# interval and test


@given(rates(4, min_clusters=2))
def test_interval_and_p_value_agree(measured: list[Rate]):
    estimate, p = probit_contrast(contexts(measured))
    if math.isnan(p) or math.isnan(estimate.lower):
        return
    freedom = int(sum(any(one.trials[k] for one in measured) for k in range(len(measured[0].trials)))) - 1
    assert p == pytest.approx(
        2 * stats.t.sf(abs(estimate.value) / estimate.stderr, freedom), rel=1e-6, abs=1e-12
    )
    margin = stats.t.ppf(0.975, freedom) * estimate.stderr
    assert (estimate.lower, estimate.upper) == pytest.approx(
        (estimate.value - margin, estimate.value + margin), rel=1e-6, abs=1e-9
    )
    if abs(p - 0.05) > 1e-6:
        assert (p > 0.05) == (estimate.lower < 0 < estimate.upper)


@given(rates(4), st.randoms(use_true_random=False))
def test_the_order_of_clusters_does_not_matter(measured: list[Rate], random):
    order = list(range(len(measured[0].hits)))
    random.shuffle(order)
    shuffled = [Rate(one.hits[order], one.trials[order]) for one in measured]
    estimate, p = probit_contrast(contexts(measured))
    again, again_p = probit_contrast(contexts(shuffled))
    values = estimate.value, estimate.stderr, estimate.lower, estimate.upper, p
    assert (again.value, again.stderr, again.lower, again.upper, again_p) == pytest.approx(
        values, rel=1e-9, abs=1e-9, nan_ok=True
    )


@given(rates(4))
def test_clusters_without_an_answer_change_nothing(measured: list[Rate]):
    more = [Rate(np.append(one.hits, 0), np.append(one.trials, 0)) for one in measured]
    assert repr(probit_contrast(contexts(more))) == repr(probit_contrast(contexts(measured)))


@given(rates(2, min_clusters=2))
def test_a_contrast_of_a_condition_with_itself_is_0_with_p_1(measured: list[Rate]):
    if not defined(measured) or sum((measured[0].trials > 0) | (measured[1].trials > 0)) < 2:
        return
    estimate, p = probit_contrast(contexts([*measured, *measured]))
    assert estimate.value == pytest.approx(0, abs=1e-9)
    assert p == pytest.approx(1, abs=1e-6)


def test_two_contexts_that_differ_only_by_chance_have_a_large_p():
    # the second context has the same counts as the first, in other clusters
    hits, false_alarms = rate([7, 5, 8, 6, 4, 9], [10] * 6), rate([1, 2, 0, 3, 2, 1], [10] * 6)
    other_hits, other_false_alarms = rate([5, 8, 6, 4, 9, 7], [10] * 6), rate([2, 0, 3, 2, 1, 1], [10] * 6)
    estimate, p = probit_contrast(contexts([hits, false_alarms, other_hits, other_false_alarms]))
    assert estimate.stderr > 0.1
    assert p > 0.999


REPEATS = 1500


def test_the_interval_covers_the_true_difference_in_95_of_100_data_sets():
    # given 64 correlated clusters, as many as the embedded pairs have, with a true difference of criterion
    means = [0.3, -1.4, 1.0, -1.0]
    truth = (
        -(marginal(means[0], 0.6) + marginal(means[1], 0.6)) / 2
        + (marginal(means[2], 0.6) + marginal(means[3], 0.6)) / 2
    )
    assert truth > 0.4
    hits, trials = correlated(np.random.default_rng(11), 64, REPEATS, means, 0.6)
    covered = 0
    for repeat in range(REPEATS):
        measured = [Rate(hits[repeat, k], trials[repeat, k]) for k in range(4)]
        estimate, _ = probit_contrast(contexts(measured))
        covered += estimate.lower <= truth <= estimate.upper
    assert 0.92 <= covered / REPEATS <= 0.98


@pytest.mark.parametrize("false_alarm", [0.002, 0.005])
def test_the_interval_covers_where_false_alarms_are_so_rare_that_many_data_sets_have_none(false_alarm: float):
    # given clusters that differ in how often they mislead, with an intraclass correlation of 0.3
    rng = np.random.default_rng(13)
    chance = rng.beta(false_alarm * 0.7 / 0.3, (1 - false_alarm) * 0.7 / 0.3, (REPEATS, 64))
    alarms, hits, trials = (
        rng.binomial(8, chance).astype(float),
        rng.binomial(8, 0.9, (REPEATS, 64)).astype(float),
        np.full(64, 8.0),
    )
    truth = stats.norm.ppf(0.9) - stats.norm.ppf(false_alarm)
    estimates = [
        probit_contrast(d_prime(Rate(hit, trials), Rate(alarm, trials)))[0]
        for hit, alarm in zip(hits, alarms, strict=True)
    ]
    assert (alarms.sum(axis=1) == 0).mean() > 0.2
    assert np.mean([estimate.lower <= truth <= estimate.upper for estimate in estimates]) > 0.93


def test_p_is_uniform_where_there_is_no_difference():
    hits, trials = correlated(np.random.default_rng(12), 64, REPEATS, [0.8, -1.2, 0.8, -1.2], 0.6)
    p_values = [
        probit_contrast(contexts([Rate(hits[repeat, k], trials[repeat, k]) for k in range(4)]))[1]
        for repeat in range(REPEATS)
    ]
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.02)


# what is undefined


def test_without_answers_for_one_rate_everything_is_undefined():
    estimate, p = probit_contrast(d_prime(rate([3, 4], [5, 5]), rate([0, 0], [0, 0])))
    assert all(map(math.isnan, (estimate.value, estimate.stderr, estimate.lower, estimate.upper, p)))
    assert math.isnan(rate([], []).corrected)
    assert math.isnan(probit_contrast([])[0].value)


def test_a_single_cluster_has_a_value_and_no_error():
    # the second cluster has no answer and is none
    estimate, p = probit_contrast(d_prime(rate([8, 0], [9, 0]), rate([1, 0], [9, 0])))
    assert estimate.value == pytest.approx(2.0729, abs=1e-4)
    assert all(map(math.isnan, (estimate.stderr, estimate.lower, estimate.upper, p)))


def test_with_equal_clusters_there_is_no_interval_and_p_only_shows_no_difference():
    half, third = rate([2] * 5, [4] * 5), rate([3] * 5, [9] * 5)
    different, p = probit_contrast(d_prime(half, third))
    assert different.stderr == 0
    assert all(map(math.isnan, (different.lower, different.upper, p)))
    alike, p = probit_contrast(d_prime(half, half))
    assert (alike.value, alike.stderr, p) == (0, 0, 1)


def test_a_perfect_observer_still_has_an_interval():
    estimate, p = probit_contrast(d_prime(rate([8] * 64, [8] * 64), rate([0] * 64, [8] * 64)))
    assert estimate.value == pytest.approx(2 * stats.norm.ppf(512.5 / 513))
    assert 0 < estimate.lower < estimate.value < estimate.upper < math.inf
    assert p < 0.001
