"""Measures the coverage of intervals and the level of tests on simulated data sets.

It measures the current methods and their predecessors.

Run ``python -m benchmarks.coverage``. It takes about five minutes; ``--repeats 300`` gives a quick look. It
prints six tables: the interval of MAR when nothing or everything misfires, the coverage of the intervals of
MAR and of MAR − BR, the size and power of McNemar's tests, and how the measures of a cue respond to different
effects.

The scenarios are those of VETO's 2,028 pairs in eight categories. In each simulated data set, each scenario
draws its probability of misfiring from a beta distribution that is parameterized by the intraclass
correlation (ICC). It draws the probability that the contrast half is right from another beta distribution.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rich import box
from rich.console import Console
from rich.table import Table
from scipy import special

from misfire.scorers.effects import Effect, compare
from misfire.scorers.join import PairResult
from misfire.scorers.statistics import (
    Counts,
    Estimate,
    Strata,
    benjamini_hochberg,
    clustered_difference,
    clustered_gap,
    clustered_mean,
    clustered_proportion,
    mcnemar_clustered,
    mcnemar_exact,
    t_quantile,
)

VETO_PAIRS: Mapping[str, tuple[int, ...]] = {
    "Age": (20,) * 10 + (16,) * 4 + (12,) * 4 + (9,) * 4 + (4,) * 3,
    "Gender_identity": (20,) * 23 + (16,) * 2 + (9,) * 2 + (8, 1, 1),
    "Religion": (15, 15, 10) + (5,) * 22,
    "Sexual_orientation": (6,) * 4 + (4,) * 21,
    "SES": (20,) * 13 + (6,) * 9 + (4,),
    "Disability_status": (20, 20, 16, 15, 9, 9, 9, 9, 8) + (6,) * 7 + (4,) * 5 + (2, 2),
    "Race_ethnicity": (20, 20) + (10,) * 13 + (9, 9) + (5,) * 8,
    "Physical_appearance": (16, 12, 12, 10) + (9,) * 8 + (6,) + (4,) * 8 + (2, 1),
}
"""Number of pairs in each scenario of the published edition, by category: 2,028 pairs in 199 scenarios."""

EMBEDDED_PAIRS: Mapping[str, tuple[int, ...]] = {f"category {number}": (8,) * 8 for number in range(8)}
"""Number of pairs in each scenario of the embedded pairs, by category: 512 pairs in 64 scenarios."""

DESIGNS: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "all": VETO_PAIRS,
    **{name: {name: sizes} for name, sizes in VETO_PAIRS.items()},
    "embedded": EMBEDDED_PAIRS,
    "embedded category": {"category 0": EMBEDDED_PAIRS["category 0"]},
}
"""The scenarios of a data set, by category."""

RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
CORRELATIONS = (0.0, 0.1, 0.3, 0.5)

UNEVEN = np.array([0.2, 1.8, 0.5, 1.5, 0.1, 2.2, 1.0, 0.7])
"""Factors of the rate in worlds in which categories differ. Their mean is 1."""


@dataclass(frozen=True)
class World:
    """The parameters that generate data sets.

    Attributes:
        halves: Correlation, on the normal scale, between the probabilities of misfiring and of a right
            contrast half of a scenario.
        contrast: Mean probability of a right contrast half.
        contrast_correlation: Intraclass correlation of that probability.
        uneven: Whether categories differ in MAR.
        epochs: Number of times that each pair is asked. The answer is always the same.
    """

    halves: float = 0.0
    contrast: float = 0.9
    contrast_correlation: float = 0.1
    uneven: bool = False
    epochs: int = 1


WORLDS: Mapping[str, World] = {
    "plain": World(),
    "halves correlated, −0.5": World(halves=-0.5, contrast=0.75, contrast_correlation=0.3),
    "halves correlated, +0.5": World(halves=0.5, contrast=0.75, contrast_correlation=0.3),
    "weak model": World(contrast=0.6, contrast_correlation=0.3),
    "categories differ": World(uneven=True),
    "4 epochs alike": World(epochs=4),
}


@dataclass(frozen=True)
class DataSets:
    """Simulated data sets.

    Attributes:
        hits: Misfires, shape (data sets, scenarios).
        trials: Pairs with a right contrast half.
        strata: Category of each scenario.
        truth: The true MAR.
    """

    hits: npt.NDArray[np.float64]
    trials: npt.NDArray[np.float64]
    strata: Strata
    truth: float


def beta_quantiles(
    mean: npt.NDArray[np.float64], correlation: float, shares: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return quantiles of a beta distribution by interpolation in a table.

    If the intraclass correlation is 0, return the mean.
    """
    if correlation == 0:
        return np.broadcast_to(mean, shares.shape).astype(float)
    precision = (1 - correlation) / correlation
    grid = np.concatenate(
        [np.logspace(-9, -2, 400), np.linspace(0.01, 0.99, 3000)[1:-1], 1 - np.logspace(-2, -9, 400)]
    )
    means, values = np.broadcast_to(mean, shares.shape), np.empty(shares.shape)
    for one in np.unique(means):
        chosen = means == one
        values[chosen] = np.interp(
            shares[chosen], grid, special.betaincinv(one * precision, (1 - one) * precision, grid)
        )
    return values


def simulate(
    rng: np.random.Generator,
    repeats: int,
    design: Mapping[str, tuple[int, ...]],
    rate: float,
    correlation: float,
    world: World,
) -> DataSets:
    """Simulate data sets with a known MAR.

    Args:
        rng: The random number generator.
        repeats: Number of data sets.
        design: Number of pairs in each scenario, by category.
        rate: Mean probability of misfiring.
        correlation: Intraclass correlation of this probability within scenarios.
        world: All other parameters.
    """
    sizes = np.concatenate([np.array(own) for own in design.values()])
    strata = np.repeat(np.arange(len(design)), [len(own) for own in design.values()])
    mean = (
        np.minimum(rate * UNEVEN[strata % len(UNEVEN)] / UNEVEN.mean(), 0.95)
        if world.uneven
        else np.full(len(sizes), rate)
    )

    def chances(count: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        one = rng.standard_normal((count, len(sizes)))
        other = world.halves * one + math.sqrt(1 - world.halves**2) * rng.standard_normal(one.shape)
        contrast = beta_quantiles(np.array(world.contrast), world.contrast_correlation, special.ndtr(other))
        return beta_quantiles(mean, correlation, special.ndtr(one)), contrast

    misfire, contrast = chances(repeats)
    trials = rng.binomial(np.broadcast_to(sizes, misfire.shape), contrast)
    hits = rng.binomial(trials, misfire)
    truth = float((mean * sizes).sum() / sizes.sum())
    if world.halves and correlation:
        many, right = chances(4_000)
        truth = float((many * right * sizes).sum() / (right * sizes).sum())
    return DataSets(np.float64(world.epochs) * hits, np.float64(world.epochs) * trials, strata, truth)


def gap_coverage(
    rng: np.random.Generator,
    repeats: int,
    design: Mapping[str, tuple[int, ...]],
    rate_b: float,
    rate_c: float,
    correlation: float,
) -> tuple[float, float]:
    """Return the coverage of two intervals of MAR − BR.

    They are value ± t · stderr, the former interval, and the current one.
    """
    sizes = np.concatenate([np.array(own) for own in design.values()])
    strata = np.repeat(np.arange(len(design)), [len(own) for own in design.values()])
    truth = rate_c / (1 - rate_b) - rate_b / (1 - rate_c)
    held = np.zeros(2)
    for b, c in discordant(rng, repeats, sizes.tolist(), rate_b, rate_c, correlation):
        right = sizes - b - c
        data = (c, right + c, b, right + b)
        difference = clustered_difference(*data)
        former, present = t_interval(difference, len(sizes) - 1), clustered_gap(*data, strata=strata)
        held += [former[0] <= truth <= former[1], present.lower <= truth <= present.upper]
    former, present = (held / repeats).tolist()
    return former, present


def t_interval(estimate: Estimate, freedom: float) -> tuple[float, float]:
    """Return the interval value ± t · stderr."""
    margin = t_quantile(0.95, freedom) * estimate.stderr
    return estimate.value - margin, estimate.value + margin


@dataclass(frozen=True)
class CueWorld:
    """The effect of a cue, and the correlation of answers with and without it.

    Attributes:
        stereotyped: Probability of a wrong stereotyped half without the cue, and with it.
        contrast: Probability of a wrong contrast half without the cue, and with it.
        correlation: Fraction of the variance (on the normal scale) that the pairs of a scenario share.
        alike: Correlation of an answer with and without the cue.
    """

    stereotyped: tuple[float, float]
    contrast: tuple[float, float]
    correlation: float
    alike: float


CUE_CELLS: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = (
    ((0.005, 0.005), (0.05, 0.05)),
    ((0.005, 0.02), (0.05, 0.05)),
    ((0.01, 0.03), (0.05, 0.05)),
    ((0.001, 0.03), (0.0, 0.0)),
    ((0.02, 0.08), (0.1, 0.1)),
    ((0.1, 0.1), (0.1, 0.1)),
    ((0.1, 0.3), (0.1, 0.1)),
    ((0.005, 0.2), (0.02, 0.3)),
    ((0.3, 0.3), (0.3, 0.3)),
)
"""Probabilities of a wrong half without and with a cue: few misfires, none in one arm, and many."""


def change_coverage(
    rng: np.random.Generator, repeats: int, design: Mapping[str, tuple[int, ...]], world: CueWorld
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the coverage of ΔMAR and of DiD by the former interval and by the current one.

    The former interval is value ± t · stderr.

    ΔBR is ΔMAR with the halves exchanged.
    """
    sizes = np.concatenate([np.array(own) for own in design.values()])
    strata = np.repeat(np.arange(len(design)), [len(own) for own in design.values()])
    scenario = np.repeat(np.arange(len(sizes)), sizes)
    own, common = math.sqrt(1 - world.correlation), math.sqrt(world.correlation)

    def wrong(chances: tuple[float, float]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        def two(size: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
            one, other = rng.standard_normal((2, size))
            return one, world.alike * one + math.sqrt(1 - world.alike**2) * other

        before, after = (
            common * lean[scenario] + own * noise
            for lean, noise in zip(two(len(sizes)), two(len(scenario)), strict=True)
        )
        return before < special.ndtri(chances[0]), after < special.ndtri(chances[1])

    def by_scenario(values: npt.NDArray[Any]) -> Counts:
        return np.bincount(scenario, values, len(sizes)).astype(np.float64)

    truth = world.stereotyped[1] - world.stereotyped[0], world.contrast[1] - world.contrast[0]
    held = np.zeros((2, 2))
    for _ in range(repeats):
        stereotyped, contrast = wrong(world.stereotyped), wrong(world.contrast)
        rates = [
            (by_scenario(stereotyped[arm] & ~contrast[arm]), by_scenario(~contrast[arm])) for arm in (1, 0)
        ]
        lost = [half[1].astype(float) - half[0] for half in (stereotyped, contrast)]
        mar = clustered_difference(*rates[0], *rates[1], strata=strata)
        did, _ = clustered_mean(
            by_scenario(lost[1] - lost[0]), sizes.astype(np.float64), strata=strata, step=1.0
        )
        for row, (estimate, value) in enumerate(((mar, truth[0]), (did, truth[1] - truth[0]))):
            former = t_interval(estimate, len(sizes) - len(design))
            held[row] += [former[0] <= value <= former[1], estimate.lower <= value <= estimate.upper]
    (mar_former, mar_present), (did_former, did_present) = (held / repeats).tolist()
    return (mar_former, mar_present), (did_former, did_present)


def former_interval(hits: Counts, trials: Counts) -> tuple[float, float]:
    """Return the interval of versions up to 0.6.

    It is Wilson's with the observed design effect and without strata. At 0 and 1, the sample size is the
    number of scenarios.
    """
    kept = trials > 0
    hits, trials = hits[kept], trials[kept]
    clusters, total = len(trials), float(trials.sum())
    value = float(hits.sum()) / total
    variance = clusters / (clusters - 1) * float(((hits - value * trials) ** 2).sum()) / total**2
    effective = min(value * (1 - value) / variance, total) if variance > 0 else float(clusters)
    square = t_quantile(0.95, clusters - 1) ** 2
    center = (value + square / (2 * effective)) / (1 + square / effective)
    margin = (
        math.sqrt(square)
        / (1 + square / effective)
        * math.sqrt(value * (1 - value) / effective + square / (4 * effective**2))
    )
    return max(center - margin, 0.0) if value > 0 else 0.0, min(center + margin, 1.0) if value < 1 else 1.0


def present_interval(hits: Counts, trials: Counts, strata: Strata) -> tuple[float, float]:
    """Return the current interval."""
    estimate = clustered_proportion(hits, trials, strata=strata)
    return estimate.lower, estimate.upper


@dataclass(frozen=True)
class Coverage:
    """The performance of an interval.

    Attributes:
        covered: Fraction of data sets whose interval contains the true value.
        below: Fraction of data sets whose interval lies below the true value.
        above: Fraction of data sets whose interval lies above the true value.
        width: Mean width of the intervals.
    """

    covered: float
    below: float
    above: float
    width: float


def coverage(data: DataSets) -> tuple[Coverage, Coverage]:
    """Measure the former and the current interval on data sets.

    Those with trials in fewer than two scenarios are left out.
    """
    rows = [row for row in range(len(data.hits)) if (data.trials[row] > 0).sum() > 1]
    former = np.array([former_interval(data.hits[row], data.trials[row]) for row in rows])
    present = np.array([present_interval(data.hits[row], data.trials[row], data.strata) for row in rows])

    def measured(ends: npt.NDArray[np.float64]) -> Coverage:
        below, above = float((ends[:, 1] < data.truth).mean()), float((ends[:, 0] > data.truth).mean())
        return Coverage(1 - below - above, below, above, float((ends[:, 1] - ends[:, 0]).mean()))

    return measured(former), measured(present)


# --- McNemar
# ------------------------------------------------------------------------------------------------------------


def chi_squared(b: Counts, c: Counts) -> float:
    """Return the p-value of the clustered test of versions up to 0.6: Durkalski et al. (2003), asymptotic."""
    difference = c - b
    variance = float((difference**2).sum())
    return math.erfc(abs(float(difference.sum())) / math.sqrt(2 * variance)) if variance else 1.0


def t_of_sums(b: Counts, c: Counts) -> float:
    """Return the p-value of a t test on the differences by scenario."""
    difference = c - b
    deviation = float(difference.std(ddof=1))
    if deviation == 0:
        return 1.0
    return 2 * float(
        special.stdtr(len(b) - 1, -abs(float(difference.mean())) / deviation * math.sqrt(len(b)))
    )


def doubled_flips(b: Counts, c: Counts) -> float:
    """Return the p-value of the exact sign-flip test without mid-p.

    It is the mid-p value plus half the probability of the observed sum.
    """
    difference = (c - b)[c != b]
    if difference.sum() == 0:
        return 1.0
    chances = np.ones(1)
    for size in np.abs(difference).astype(int):
        longer = np.zeros(len(chances) + size)
        longer[: len(chances)] += chances / 2
        longer[size:] += chances / 2
        chances = longer
    most = (len(chances) - 1 - int(abs(difference.sum()))) // 2
    return min(1.0, 2 * float(chances[: most + 1].sum()))


Test = Callable[[Counts, Counts], float]

TESTS: Mapping[str, Test] = {
    "exact (pairs independent)": lambda b, c: mcnemar_exact(int(b.sum()), int(c.sum())),
    "former: χ² clustered": chi_squared,
    "t of scenario sums": t_of_sums,
    "sign flips, exact": doubled_flips,
    "present: sign flips, mid-p": mcnemar_clustered,
}
"""The tests to compare."""


def discordant(
    rng: np.random.Generator,
    repeats: int,
    sizes: Sequence[int],
    rate_b: float,
    rate_c: float,
    correlation: float,
) -> Iterator[tuple[Counts, Counts]]:
    """Simulate both kinds of discordant pairs by scenario.

    Their probabilities vary independently between scenarios.
    """
    shape = (repeats, len(sizes))
    chance_b = beta_quantiles(np.array(rate_b), correlation, rng.random(shape))
    chance_c = beta_quantiles(np.array(rate_c), correlation, rng.random(shape))
    b = rng.binomial(np.broadcast_to(np.array(sizes), shape), chance_b)
    c = rng.binomial(np.array(sizes) - b, np.clip(chance_c / np.maximum(1 - chance_b, 1e-12), 0, 1))
    return zip(b.astype(float), c.astype(float), strict=True)


def sizes_of_tests(
    rng: np.random.Generator, repeats: int, sizes: Sequence[int], rate: float, correlation: float
) -> dict[str, tuple[float, float, float]]:
    """Return the rejection rates of each test at .05, .01, and .001.

    Both kinds of error are equally likely.
    """
    data = list(discordant(rng, repeats, sizes, rate, rate, correlation))
    p_values = {name: np.array([test(b, c) for b, c in data]) for name, test in TESTS.items()}
    return {
        name: (float((p <= 0.05).mean()), float((p <= 0.01).mean()), float((p <= 0.001).mean()))
        for name, p in p_values.items()
    }


@dataclass(frozen=True)
class Family:
    """The performance of a test after the Benjamini-Hochberg procedure at .05.

    Attributes:
        power: Fraction of true differences that are discovered.
        false: Mean fraction of discoveries that are false.
        any_of_null: Fraction of families without true differences in which one is discovered.
    """

    power: float
    false: float
    any_of_null: float


def families(
    rng: np.random.Generator, repeats: int, correlation: float, rate_b: float, rate_c: float
) -> dict[str, Family]:
    """Simulate families of 80 cells, ten models by eight categories.

    Five models misfire in a family, or none does.
    """
    found: dict[str, list[tuple[float, float, bool]]] = {name: [] for name in TESTS}
    for _ in range(repeats):
        cells = [
            (model < 5, next(discordant(rng, 1, sizes, rate_b, rate_c if model < 5 else rate_b, correlation)))
            for sizes in VETO_PAIRS.values()
            for model in range(10)
        ]
        null = [
            next(discordant(rng, 1, sizes, rate_b, rate_b, correlation))
            for sizes in VETO_PAIRS.values()
            for _ in range(10)
        ]
        real = np.array([misfires for misfires, _ in cells])
        for name, test in TESTS.items():
            q = np.array(benjamini_hochberg([test(*counts) for _, counts in cells])) <= 0.05
            any_of_null = min(benjamini_hochberg([test(*counts) for counts in null])) <= 0.05
            found[name].append((float(q[real].mean()), float(q[~real].sum() / max(q.sum(), 1)), any_of_null))
    return {name: Family(*np.mean(np.array(rows, float), axis=0).tolist()) for name, rows in found.items()}


# --- cues
# ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cue:
    """The effect of a cue on right answers.

    Attributes:
        logit: Whether answers are shifted on the logit scale. Otherwise, each right answer becomes wrong with
            a fixed probability.
        stereotyped: The shift or probability for stereotyped halves.
        contrast: The shift or probability for contrast halves.
    """

    logit: bool
    stereotyped: float
    contrast: float


CUES: Mapping[str, Cue] = {
    "both shifted by 1.2 logits": Cue(True, 1.2, 1.2),
    "both lose 5 % of right answers": Cue(False, 0.05, 0.05),
    "stereotyped shifted by 0.6, contrast not": Cue(True, 0.6, 0.0),
    "stereotyped shifted by 1.2, contrast by 0.6": Cue(True, 1.2, 0.6),
}

ACCURACIES = ((0.98, 0.98), (0.98, 0.995), (0.93, 0.98), (0.85, 0.95), (0.7, 0.9))
"""Accuracy on stereotyped and on contrast halves without the cue."""

MEASURES: Mapping[str, Callable[[Effect], bool]] = {
    "ΔMAR": lambda effect: not effect.delta_mar.lower <= 0 <= effect.delta_mar.upper,
    "DiD": lambda effect: effect.did_p <= 0.05,
    "Δ log odds": lambda effect: effect.delta_log_odds_p <= 0.05,
    "selective (both)": lambda effect: effect.selective_p <= 0.05,
}
"""For each measure, the condition under which it shows an effect of the cue."""


def intercept(accuracy: float, deviation: float) -> float:
    """Return the logit that gives a mean accuracy when pairs differ by normally distributed amounts."""
    from scipy.optimize import brentq

    points, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    return float(
        brentq(
            lambda logit: float((weights * special.expit(logit + deviation * points)).sum()) - accuracy,
            -20,
            30,
        )
    )


def primed(rng: np.random.Generator, accuracy: tuple[float, float], cue: Cue, spread: float) -> Effect:
    """Simulate one experiment with VETO's 2,028 pairs.

    ``spread`` is the spread of scenarios and pairs in logits.
    """
    names = [
        (category, f"{category} {number}", size)
        for category, sizes in VETO_PAIRS.items()
        for number, size in enumerate(sizes)
    ]
    rows = np.repeat(np.arange(len(names)), [size for *_, size in names])
    common = spread * (rng.standard_normal(len(names))[rows] + rng.standard_normal(len(rows)))
    arms: list[list[PairResult]] = []
    logits = [intercept(own, spread * math.sqrt(2)) + common for own in accuracy]
    right = [special.expit(logit) > rng.random(len(rows)) for logit in logits]
    if cue.logit:
        after = [
            special.expit(logit - shift) > rng.random(len(rows))
            for logit, shift in zip(logits, (cue.stereotyped, cue.contrast), strict=True)
        ]
    else:
        after = [
            own & (rng.random(len(rows)) > lost)
            for own, lost in zip(right, (cue.stereotyped, cue.contrast), strict=True)
        ]
    for stereotyped, contrast in (right, after):
        arms.append(
            [
                PairResult(
                    str(k),
                    names[row][0],
                    names[row][1],
                    1,
                    "right" if one else "wrong",
                    "right" if other else "wrong",
                )
                for k, (row, one, other) in enumerate(
                    zip(rows.tolist(), stereotyped.tolist(), contrast.tolist(), strict=True)
                )
            ]
        )
    return compare(*arms)


# --- tables
# ------------------------------------------------------------------------------------------------------------


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=1000, help="data sets for each cell")
    parser.add_argument("--seed", type=int, default=1)
    repeats, seed = (arguments := parser.parse_args()).repeats, arguments.seed
    console = Console(width=150)
    makers: tuple[tuple[Callable[[np.random.Generator, int], Table], int], ...] = (
        (coverage_table, repeats),
        (gap_table, max(repeats // 2, 1)),
        (change_table, max(repeats // 2, 1)),
        (size_table, 4 * repeats),
        (power_table, max(repeats // 10, 1)),
        (cue_table, max(repeats // 10, 1)),
    )
    console.print(ends_table())
    for maker, count in makers:
        console.print(maker(np.random.default_rng(seed), count))


def coverage_table(rng: np.random.Generator, repeats: int) -> Table:
    """Print the coverage of the interval of MAR by design and world: the mean and the worst cell."""
    table = _table(
        f"Coverage of the 95 % interval of MAR, {repeats} data sets a cell (MAR {RATES}, ICC "
        f"{CORRELATIONS}), in %",
        "world, design",
        *(f"{when}: {what}" for when in ("former", "present") for what in ("worst cell", "mean")),
        "width, present / former",
    )
    for world_name, world in WORLDS.items():
        for name, design in DESIGNS.items():
            if world.uneven and len(design) == 1:
                continue
            cells = {
                f"MAR {rate:.0%}, ICC {correlation}": coverage(
                    simulate(rng, repeats, design, rate, correlation, world)
                )
                for rate in RATES
                for correlation in CORRELATIONS
            }
            columns: list[str] = []
            for own in ({cell: two[place] for cell, two in cells.items()} for place in (0, 1)):
                cell, worst = min(own.items(), key=lambda item: item[1].covered)
                columns.append(
                    f"{worst.covered:.1%} ({cell}; {worst.below:.1%} below, {worst.above:.1%} above)"
                )
                columns.append(f"{np.mean([one.covered for one in own.values()]):.1%}")
            width = np.mean([present.width / former.width for former, present in cells.values()])
            table.add_row(f"{world_name}, {name}", *columns, f"{width:.2f}")
    return table


def gap_table(rng: np.random.Generator, repeats: int) -> Table:
    """Print the coverage of the interval of MAR − BR."""
    table = _table(
        f"Coverage of the 95 % interval of MAR − BR, {repeats} data sets a row",
        "design; b, c, ICC",
        "former",
        "present",
    )
    for name in ("all", "SES", "Sexual_orientation", "embedded"):
        for rate_b, rate_c in ((0.01, 0.02), (0.01, 0.1), (0.05, 0.05), (0.1, 0.2)):
            for correlation in (0.0, 0.3, 0.5):
                former, present = gap_coverage(rng, repeats, DESIGNS[name], rate_b, rate_c, correlation)
                table.add_row(
                    f"{name}; {rate_b:.0%}, {rate_c:.0%}, {correlation}", f"{former:.1%}", f"{present:.1%}"
                )
    return table


def change_table(rng: np.random.Generator, repeats: int) -> Table:
    """Print the coverage of ΔMAR and DiD: the worst cell for each design."""
    title = f"Coverage of ΔMAR and DiD, {repeats:,} runs a cell: the worst cell"
    table = _table(title, "pairs", "ΔMAR, ± t · stderr", "present", "DiD, ± t · stderr", "present")
    for name in ("all", "Religion", "SES", "Disability_status", "embedded", "embedded category"):
        cells = [
            change_coverage(rng, repeats, DESIGNS[name], CueWorld(*chances, correlation, alike))
            for chances in CUE_CELLS
            for correlation in (0.0, 0.3)
            for alike in (0.5, 0.95)
        ]
        worst = np.min(np.array(cells), axis=0)
        table.add_row(name, *(f"{share:.1%}" for share in worst.ravel()))
    return table


def ends_table() -> Table:
    """Print the interval when few pairs, none, or all misfire, in several scenarios or in one."""
    table = _table(
        "The interval of MAR at its ends, in %", "pairs, scenarios", "misfires", "former", "present"
    )
    for clusters, size in ((8, 8), (25, 18), (199, 10)):
        trials = np.full(clusters, float(size))
        total = clusters * size
        spread = [(f"{k} of {total}", np.arange(clusters) < k) for k in (0, 1, 2, 4)]
        tables = [(name, own.astype(float)) for name, own in spread] + [
            (f"2 of {total}, one scenario", 2.0 * (np.arange(clusters) < 1))
        ]
        tables += [(f"{total - k} of {total}", trials - (np.arange(clusters) < k)) for k in (1, 0)]
        for name, hits in tables:
            ends = (
                former_interval(hits, trials),
                present_interval(hits, trials, np.zeros(clusters, dtype=np.int64)),
            )
            table.add_row(
                f"{total}, {clusters}",
                name,
                *(f"[{100 * lower:.1f}, {100 * upper:.1f}]" for lower, upper in ends),
            )
    return table


def size_table(rng: np.random.Generator, repeats: int) -> Table:
    """Print the size of McNemar's tests."""
    table = _table(
        f"Size of the tests of b against c at .05 / .01 / .001, {repeats} data sets a row",
        "scenarios, rate, ICC",
        *TESTS,
    )
    for name in ("SES", "Sexual_orientation", "Gender_identity"):
        for rate in (0.02, 0.05, 0.15):
            for correlation in (0.0, 0.3, 0.5):
                found = sizes_of_tests(rng, repeats, VETO_PAIRS[name], rate, correlation)
                cells = (f"{at05:.3f} / {at01:.4f} / {at001:.4f}" for at05, at01, at001 in found.values())
                table.add_row(f"{name}, {rate:.0%}, {correlation}", *cells)
    return table


def power_table(rng: np.random.Generator, repeats: int) -> Table:
    """Print the power after the Benjamini-Hochberg procedure."""
    table = _table(
        f"After Benjamini-Hochberg over 80 cells, {repeats} families: power / false discoveries / any "
        "discovery if there is none",
        "ICC, b, c",
        *TESTS,
    )
    for correlation in (0.0, 0.1, 0.3):
        for rate_b, rate_c in ((0.03, 0.12), (0.05, 0.15)):
            found = families(rng, repeats, correlation, rate_b, rate_c)
            cells = (f"{one.power:.2f} / {one.false:.3f} / {one.any_of_null:.2f}" for one in found.values())
            table.add_row(f"{correlation}, {rate_b:.0%}, {rate_c:.0%}", *cells)
    return table


def cue_table(rng: np.random.Generator, repeats: int) -> Table:
    """Print how often each measure shows an effect of a cue."""
    table = _table(
        f"Share of {repeats} experiments in which a measure is sure",
        "cue; accuracy, spread",
        "MAR",
        *MEASURES,
    )
    for name, cue in CUES.items():
        for accuracy in ACCURACIES:
            for spread in (0.0, 1.0):
                effects = [primed(rng, accuracy, cue, spread) for _ in range(repeats)]
                shares = (
                    f"{np.mean([sure(effect) for effect in effects]):.2f}" for sure in MEASURES.values()
                )
                change = f"+{100 * np.mean([effect.delta_mar.value for effect in effects]):.1f}"
                table.add_row(f"{name}; {accuracy[0]}, {accuracy[1]}; {spread}", change, *shares)
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    return table


if __name__ == "__main__":
    main()
