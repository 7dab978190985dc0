"""Effects of cues.

They are checked against brute force, statsmodels and the bootstrap, and by simulation with planted effects.
"""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from benchmarks.coverage import CUES, MEASURES, primed
from misfire.scorers.effects import compare
from misfire.scorers.join import PairResult
from misfire.scorers.outcomes import Outcome
from misfire.scorers.statistics import (
    Counts,
    benjamini_hochberg,
    clustered_difference,
    clustered_log_odds_change,
    clustered_mean,
    clustered_ratio,
    mcnemar_clustered,
    mcnemar_exact,
)

outcomes = st.sampled_from(["right", "wrong", "refused"])


def pair(k: int, stereotyped: Outcome, contrast: Outcome, scenario: int = 0) -> PairResult:
    return PairResult(f"p{k}", "Age", f"s{scenario}", 1, stereotyped, contrast)


@given(st.lists(st.tuples(outcomes, outcomes, outcomes, outcomes), max_size=40))
def test_counts_and_rates_agree_with_a_count_by_hand(rows: list[tuple[Outcome, Outcome, Outcome, Outcome]]):
    base = [pair(k, row[0], row[1], k % 5) for k, row in enumerate(rows)]
    arm = [pair(k, row[2], row[3], k % 5) for k, row in enumerate(rows)]
    effect = compare(base, arm)
    mis = [((s0 != "right") and c0 == "right", (s1 != "right") and c1 == "right") for s0, c0, s1, c1 in rows]
    assert effect.pairs == len(rows)
    assert effect.newly_misfired == mis.count((False, True))
    assert effect.no_longer_misfired == mis.count((True, False))
    right = [sum(row[k] == "right" for row in rows) for k in range(4)]
    if rows:
        assert effect.did.value == pytest.approx((right[2] - right[0] - (right[3] - right[1])) / len(rows))
    if right[1] and right[3]:
        mar0, mar1 = sum(m for m, _ in mis) / right[1], sum(m for _, m in mis) / right[3]
        assert effect.delta_mar.value == pytest.approx(mar1 - mar0)
        assert effect.amplification.value == pytest.approx(mar1 / mar0 if mar0 else math.nan, nan_ok=True)


def test_pairs_that_one_arm_lacks_are_left_out():
    effect = compare(
        [pair(1, "right", "right"), pair(2, "right", "right")],
        [pair(2, "wrong", "right"), pair(3, "wrong", "right")],
    )
    assert (effect.pairs, effect.newly_misfired) == (1, 1)


def test_effects_without_common_pairs_are_undefined():
    effect = compare([pair(1, "right", "right")], [])
    numbers = [
        effect.delta_mar.value,
        effect.amplification.value,
        effect.did.value,
        effect.did_p,
        effect.mcnemar_p,
    ]
    assert all(math.isnan(number) for number in numbers)


def test_a_shift_toward_no_on_both_halves_gives_a_difference_in_differences_of_0():
    base = [pair(k, "right", "right", k) for k in range(40)]
    arm = [pair(k, "wrong" if k < 10 else "right", "wrong" if k < 10 else "right", k) for k in range(40)]
    assert compare(base, arm).did.value == 0


def test_the_change_of_log_odds_agrees_with_discordant_pairs():
    base = [
        pair(k, "right" if k >= 4 else "wrong", "right" if not 4 <= k < 6 else "wrong", k) for k in range(40)
    ]
    arm = [
        pair(k, "right" if k >= 12 else "wrong", "right" if not 12 <= k < 14 else "wrong", k)
        for k in range(40)
    ]
    effect = compare(base, arm)
    assert effect.delta_log_odds.value == pytest.approx(math.log(12.5 / 2.5) - math.log(4.5 / 2.5))
    assert compare(arm, base).delta_log_odds.value == pytest.approx(-effect.delta_log_odds.value)
    assert compare(base, base).delta_log_odds_p == 1


def test_the_standard_error_of_the_change_of_log_odds_agrees_with_the_bootstrap():
    rng = np.random.default_rng(5)
    counts = [rng.poisson(rng.gamma(1.5, mean / 1.5, 199)).astype(float) for mean in (0.8, 0.4, 0.5, 0.3)]
    draws = np.random.default_rng(6).integers(0, 199, (4000, 199))
    c1, b1, c0, b0 = (own[draws].sum(axis=1) + 0.5 for own in counts)
    bootstrap = (np.log(c1 / b1) - np.log(c0 / b0)).std()
    estimate, _ = clustered_log_odds_change((counts[0], counts[1]), (counts[2], counts[3]))
    assert estimate.stderr == pytest.approx(bootstrap, rel=0.06)


def test_without_discordant_pairs_the_log_odds_are_unknown_and_not_certain():
    one = [pair(k, "right", "right", k) for k in range(30)]
    effect = compare(one, one)
    assert effect.delta_log_odds.value == 0
    assert effect.delta_log_odds.upper > 3
    assert effect.delta_log_odds.lower < -3
    assert math.isnan(compare(one, []).delta_log_odds_p)


@pytest.mark.parametrize(
    ("cue", "accuracy", "misled"),
    [
        ("both shifted by 1.2 logits", (0.93, 0.98), {"ΔMAR", "DiD"}),
        ("both lose 5 % of right answers", (0.93, 0.98), {"ΔMAR", "Δ log odds"}),
        ("both lose 5 % of right answers", (0.98, 0.98), {"ΔMAR"}),
        ("stereotyped shifted by 1.2, contrast by 0.6", (0.85, 0.95), set(MEASURES)),
    ],
)
def test_a_cue_that_harms_both_halves_equally_is_not_called_selective(
    cue: str, accuracy: tuple[float, float], misled: set[str]
):
    rng = np.random.default_rng(20260610)
    effects = [primed(rng, accuracy, CUES[cue], 0.0) for _ in range(25)]
    sure = {name: sum(is_sure(effect) for effect in effects) for name, is_sure in MEASURES.items()}
    # a measure that keeps its level of 5 % is sure in more than 6 of 25 once in 5,000 times
    assert {name for name, count in sure.items() if count > 6} == misled
    assert all(sure[name] >= 18 for name in misled)


def test_scales_that_disagree_make_no_claim():
    # stereotyped halves lose more right answers, but misfires grow less than reverse errors do
    base = [pair(k, "right", "right", k) for k in range(300)] + [
        pair(300 + k, "wrong", "right", 300 + k) for k in range(4)
    ]
    arm = [
        pair(k, "wrong" if k < 60 else "right", "wrong" if 60 <= k < 90 else "right", k) for k in range(304)
    ]
    effect = compare(base, arm)
    assert effect.did.value < 0
    assert effect.delta_log_odds.value < 0
    assert effect.selective_p == 1


def test_amplification_at_base_0_is_undefined():
    base = [pair(k, "right", "right", k) for k in range(10)]
    assert math.isnan(compare(base, [pair(k, "wrong", "right", k) for k in range(10)]).amplification.value)


def test_the_clustered_mean_is_a_cluster_robust_regression():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), rng.integers(3, 12, 60))
    values = rng.choice([-1, 0, 1], len(groups), p=[0.3, 0.5, 0.2]) + rng.normal(0, 0.3, 60)[groups]
    fit = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    # statsmodels multiplies the variance by (N - 1) / (N - k), which is 1 for k = 1
    estimate, p = clustered_mean(np.bincount(groups, values), np.bincount(groups).astype(np.float64))  # pyright: ignore[reportArgumentType]
    assert estimate.value == pytest.approx(fit.params[0])
    assert estimate.stderr == pytest.approx(fit.bse[0])
    assert (estimate.lower, estimate.upper) == pytest.approx(tuple(fit.conf_int()[0]))
    assert p == pytest.approx(fit.pvalues[0])


def arrays(
    rng: np.random.Generator, scenarios: int, mar: float, flip: float
) -> tuple[Counts, Counts, Counts, Counts]:
    correlation = 0.15
    precision = (1 - correlation) / correlation
    trials = rng.binomial(rng.integers(2, 21, scenarios), 0.8)
    base = rng.binomial(trials, rng.beta(mar * precision, (1 - mar) * precision, scenarios))
    arm = base + rng.binomial(trials - base, flip)
    return arm.astype(float), trials.astype(float), base.astype(float), trials.astype(float)


def test_the_standard_error_of_the_ratio_agrees_with_the_bootstrap():
    hits, trials, other_hits, other_trials = arrays(np.random.default_rng(2), 199, 0.1, 0.2)
    draws = np.random.default_rng(3).integers(0, 199, (4000, 199))
    ratios = (hits[draws].sum(1) / trials[draws].sum(1)) / (
        other_hits[draws].sum(1) / other_trials[draws].sum(1)
    )
    estimate = clustered_ratio(hits, trials, other_hits, other_trials)
    assert estimate.stderr == pytest.approx(ratios.std(), rel=0.1)
    assert estimate.lower == pytest.approx(np.quantile(ratios, 0.025), rel=0.06)
    assert estimate.upper == pytest.approx(np.quantile(ratios, 0.975), rel=0.06)


@given(st.integers(0, 2**32))
def test_the_intervals_of_ratio_and_difference_agree_on_no_effect(seed: int):
    data = arrays(np.random.default_rng(seed), 60, 0.15, 0.02)
    ratio, difference = clustered_ratio(*data), clustered_difference(*data)
    if math.isfinite(ratio.upper):
        assert (ratio.lower <= 1 <= ratio.upper) == (
            abs(difference.value) <= stats.t.ppf(0.975, 59) * difference.stderr
        )


def not_rejected(data: tuple[Counts, Counts, Counts, Counts], ratio: float) -> bool:
    """Whether a clustered t test of "first - ratio * second = 0" leaves a ratio standing.

    This is Fieller's definition, by itself.
    """
    hits, trials, other_hits, other_trials = data
    value, other, clusters = hits.sum() / trials.sum(), other_hits.sum() / other_trials.sum(), len(hits)
    residual = (hits - value * trials) / trials.sum() - ratio * (
        other_hits - other * other_trials
    ) / other_trials.sum()
    stderr = math.sqrt(clusters / (clusters - 1) * (residual**2).sum())
    return abs(value - ratio * other) <= stats.t.ppf(0.975, clusters - 1) * stderr


@pytest.mark.parametrize("misfires", [1, 2, 3, 4, 8, 30])
@pytest.mark.parametrize("arm_rate", [0.02, 0.4])
def test_the_interval_of_the_ratio_is_fiellers_set(misfires: int, arm_rate: float):
    rng = np.random.default_rng(4)
    trials, base = np.full(64, 8.0), np.zeros(64)
    base[:misfires] = 1
    data = (rng.binomial(8, arm_rate, 64).astype(float), trials, base, trials)
    estimate = clustered_ratio(*data)
    grid = np.arange(0, 400, 0.05)
    standing = grid[[not_rejected(data, ratio) for ratio in grid]]
    assert estimate.lower == pytest.approx(standing.min(), abs=0.06)
    assert min(estimate.upper, grid[-1]) == pytest.approx(standing.max(), abs=0.06)


def test_without_variation_there_is_no_interval():
    same, trials = np.full(30, 2.0), np.full(30, 5.0)
    ratio = clustered_ratio(same, trials, same, trials)
    assert ratio.stderr == 0
    assert math.isnan(ratio.lower)
    assert math.isnan(ratio.upper)
    mean, p = clustered_mean(-np.ones(6), np.ones(6))
    assert math.isnan(mean.lower)
    # the sign test over clusters
    assert p == pytest.approx(stats.binomtest(0, 6).pvalue)
    assert clustered_mean(np.zeros(6), np.ones(6))[1] == 1


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_q_values_agree_with_statsmodels(p_values: list[float]):
    assert benjamini_hochberg(p_values) == pytest.approx(list(multipletests(p_values, method="fdr_bh")[1]))  # pyright: ignore[reportArgumentType]


def test_tests_that_were_not_made_are_not_part_of_the_family():
    q_values = benjamini_hochberg([0.01, math.nan, 0.04])
    assert q_values[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(q_values[1])
    assert benjamini_hochberg([]) == []


@pytest.mark.slow
@pytest.mark.parametrize(("mar", "flip"), [(0.09, 0.3), (0.09, 0.05), (0.2, 0.1)])
def test_intervals_cover_planted_effects(mar: float, flip: float):
    rng = np.random.default_rng(20260607)
    delta, ratio, difference_covered, ratio_covered = flip * (1 - mar), (mar + flip * (1 - mar)) / mar, 0, 0
    for _ in range(1000):
        data = arrays(rng, 199, mar, flip)
        one, two = clustered_difference(*data), clustered_ratio(*data)
        difference_covered += one.lower <= delta <= one.upper
        ratio_covered += two.lower <= ratio <= two.upper
    assert 920 <= difference_covered <= 980
    assert 920 <= ratio_covered <= 980


@pytest.mark.slow
def test_a_planted_zero_is_found_significant_in_5_of_100_runs():
    rng = np.random.default_rng(20260608)
    found = np.zeros(4)
    for _ in range(1000):
        # answers of one scenario lean alike, and those of the arm are a new draw with the same chances
        lean = rng.beta(8, 2, 120)
        rights = rng.binomial(1, np.repeat(lean, 6)[:, np.newaxis], (720, 4)).tolist()
        base = [pair(k, _outcome(s), _outcome(c), k // 6) for k, (s, c, _, _) in enumerate(rights)]
        arm = [pair(k, _outcome(s), _outcome(c), k // 6) for k, (_, _, s, c) in enumerate(rights)]
        effect = compare(base, arm)
        found += [
            effect.mcnemar_p < 0.05,
            effect.mcnemar_p_clustered < 0.05,
            effect.did_p < 0.05,
            not effect.delta_mar.lower <= 0 <= effect.delta_mar.upper,
        ]
    assert all(30 <= count <= 70 for count in found), found


@pytest.mark.slow
@pytest.mark.parametrize("epochs", [1, 4])
def test_the_clustered_test_keeps_its_level_where_scenarios_lean_and_epochs_repeat(epochs: int):
    rng = np.random.default_rng(20260609)
    exact = clustered = 0
    for _ in range(600):
        # a scenario leans toward one arm, at random; a model at temperature 0 answers alike in every epoch
        lean = rng.beta(1, 1, 100)
        discordant = rng.binomial(5, 0.3, 100)
        newly = rng.binomial(discordant, lean) * epochs
        no_longer = discordant * epochs - newly
        exact += mcnemar_exact(int(newly.sum()), int(no_longer.sum())) < 0.05
        clustered += mcnemar_clustered(newly.astype(float), no_longer.astype(float)) < 0.05
    assert 0.03 <= clustered / 600 <= 0.07
    # which the exact test, taking pairs as independent, does not
    assert exact / 600 > 0.07


def _outcome(right: int) -> Outcome:
    return "right" if right else "wrong"
