"""Robustness checks: whether a MAR is due to the model or to the benchmark.

They compare MAR between editions, with and without an audit flag, and with halves exchanged at random.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from misfire.scorers.join import Cells, PairResult, category_strata, count_cells, scenario_index
from misfire.scorers.statistics import NAN, Counts, Estimate, Strata, clustered_contrast, clustered_proportion

DRAWS = 10_000
"""Number of random exchanges for the baseline."""

SEED = 1
"""Random seed of the exchanges."""

_CHUNK = 500
"""Number of exchanges that are computed at a time, which limits memory."""


@dataclass(frozen=True)
class Exchange:
    """MAR and its baseline.

    Attributes:
        pairs: Number of complete pairs.
        mar: MAR as measured.
        mar_exchanged: Mean MAR over the exchanges.
        mar_exchanged_lower: 2.5 % quantile of MAR over the exchanges.
        mar_exchanged_upper: 97.5 % quantile of MAR over the exchanges.
        exchange_p: Share of exchanges whose MAR is at least the measured MAR. The measured table is included
            as one exchange.
    """

    pairs: int
    mar: float
    mar_exchanged: float
    mar_exchanged_lower: float
    mar_exchanged_upper: float
    exchange_p: float


def exchange_baseline(cells: Cells, draws: int = DRAWS, seed: int = SEED) -> Exchange:
    """Compute the MAR that is expected if it does not matter which half is the stereotyped one.

    For each scenario, the two halves of all its pairs are exchanged with probability 0.5, which swaps its
    cells b and c. Whole scenarios are exchanged because their pairs are not independent.

    Args:
        cells: The measured table by scenario.
        draws: Number of exchanges.
        seed: Random seed.

    Returns:
        The baseline. Values are NaN without pairs, or if the denominator is 0 in all exchanges.
    """
    a, measured = float(cells.a.sum()), cells.mar().value
    if cells.pairs == 0:
        return Exchange(0, NAN, NAN, NAN, NAN, NAN)
    rng = np.random.default_rng(seed)
    total = float((cells.b + cells.c).sum())
    c = np.concatenate(
        [
            cells.c.sum()
            + rng.integers(0, 2, (size, len(cells.a)), dtype=np.int8).astype(np.float64) @ (cells.b - cells.c)
            for size in [_CHUNK] * (draws // _CHUNK) + [draws % _CHUNK]
        ]
    )
    if a + total == 0:
        return Exchange(cells.pairs, measured, NAN, NAN, NAN, NAN)
    with np.errstate(invalid="ignore"):
        mar = np.where(a + c > 0, c / (a + c), np.nan)
    lower, upper = np.nanquantile(mar, [0.025, 0.975])
    larger = float((mar >= measured - 1e-12).sum())
    p = (1 + larger) / (1 + len(mar)) if measured == measured else NAN  # only NaN differs from itself
    return Exchange(cells.pairs, measured, float(np.nanmean(mar)), float(lower), float(upper), p)


def edition_metrics(published: Sequence[PairResult], repaired: Sequence[PairResult]) -> dict[str, object]:
    """Compare MAR and BR of the repaired edition with the published edition, over shared scenarios.

    Args:
        published: Complete pairs of a run on the published edition.
        repaired: Complete pairs of a run of the same model on the repaired edition.

    Returns:
        The values of the frame ``editions``, by column. Differences are paired by scenario.
    """
    shared = {pair.scenario for pair in published} & {pair.scenario for pair in repaired}
    one, two = ([pair for pair in pairs if pair.scenario in shared] for pairs in (published, repaired))
    before, after = _aligned(one, two)
    found: dict[str, object] = {
        "scenarios": len(shared),
        "published_pairs": len(one),
        "repaired_pairs": len(two),
    }
    for name, cells in (("published", before), ("repaired", after)):
        found |= {
            f"{name}_mar": cells.mar().value,
            f"{name}_br": cells.br().value,
            f"{name}_mar_minus_br": cells.mar_minus_br().value,
        }
    mar, br = ([_rate(after, metric), _rate(before, metric)] for metric in ("mar", "br"))
    found |= _contrast("mar", mar, [1, -1], after.strata) | _contrast("br", br, [1, -1], after.strata)
    return found | _contrast("mar_minus_br", [*mar, *br], [1, -1, -1, 1], after.strata)


def flag_metrics(pairs: Sequence[PairResult], audit: Mapping[str, str]) -> dict[str, dict[str, object]]:
    """Compare MAR and BR of the pairs with an audit flag with those of the pairs without it.

    Args:
        pairs: Complete pairs of a run.
        audit: Flags by pair id, separated by spaces. Pairs that are missing here are left out.

    Returns:
        The values of the frame ``flags`` by flag and column, for flags that some but not all pairs have.
    """
    known = [(pair, frozenset(audit[pair.pair_id].split())) for pair in pairs if pair.pair_id in audit]
    rows: dict[str, dict[str, object]] = {}
    for flag in sorted({flag for _, flags in known for flag in flags}):
        with_flag, without = (
            [pair for pair, flags in known if flag in flags],
            [pair for pair, flags in known if flag not in flags],
        )
        if not without:
            continue
        carry, lack = _aligned(with_flag, without)
        found: dict[str, object] = {"pairs_with": len(with_flag), "pairs_without": len(without)}
        for metric in ("mar", "br"):
            for name, cells in (("with", carry), ("without", lack)):
                rate = clustered_proportion(*_rate(cells, metric), strata=cells.strata)
                found |= rate.interval(f"{metric}_{name}")
            found |= _contrast(metric, [_rate(carry, metric), _rate(lack, metric)], [1, -1], carry.strata)
        rows[flag] = found
    return rows


def _aligned(one: Sequence[PairResult], two: Sequence[PairResult]) -> tuple[Cells, Cells]:
    """Return both tables over the scenarios of either, in the same order."""
    order, strata = list(scenario_index((*one, *two))), category_strata((*one, *two))

    def over(pairs: Sequence[PairResult]) -> Cells:
        cells = count_cells(pairs, "all")
        places = [order.index(scenario) for scenario in scenario_index(pairs)]
        table = np.zeros((4, len(order)))
        table[:, places] = np.array([cells.a, cells.b, cells.c, cells.d])
        a, b, c, d = table
        return Cells(a, b, c, d, strata)

    return over(one), over(two)


def _rate(cells: Cells, metric: str) -> tuple[Counts, Counts]:
    return (cells.c, cells.a + cells.c) if metric == "mar" else (cells.b, cells.a + cells.b)


def _contrast(
    metric: str, rates: Sequence[tuple[Counts, Counts]], weights: Sequence[float], strata: Strata | None
) -> dict[str, object]:
    change, p = clustered_contrast(rates, weights, strata=strata)
    if any(hits.sum() in (0, trials.sum()) for hits, trials in rates):
        # a rate of 0 or 1 shows no variation: otherwise six pairs without an error would imply a certain
        # difference
        change, p = Estimate(change.value, NAN, NAN, NAN), NAN
    name = f"delta_{metric}"
    return {**change.flat(name), f"{name}_p": p}
