"""Is it the model or the benchmark: the differences and the baseline against independent computations."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from misfire.reports.pairs.robustness import edition_metrics, exchange_baseline, flag_metrics
from misfire.scorers.join import Cells, PairResult, count_cells
from misfire.scorers.outcomes import Outcome


def some_pairs(
    seed: int, count: int, scenarios: int, mar: float = 0.3, prefix: str = "p"
) -> list[PairResult]:
    rng = np.random.default_rng(seed)
    words: tuple[Outcome, Outcome] = ("wrong", "right")
    pairs: list[PairResult] = []
    for k in range(count):
        stereotyped, contrast = words[int(rng.random() > mar)], words[int(rng.random() > 0.15)]
        pairs.append(
            PairResult(f"{prefix}{k}", "Age", f"age_q{rng.integers(scenarios)}", 1, stereotyped, contrast)
        )
    return pairs


def frame(pairs: list[PairResult]) -> pd.DataFrame:
    columns = {
        "scenario": [p.scenario for p in pairs],
        "cell": [p.cell for p in pairs],
        "id": [p.pair_id for p in pairs],
    }
    return pd.DataFrame(columns)


def mar_of(rows: pd.DataFrame) -> float:
    return float((rows["cell"] == "c").sum() / rows["cell"].isin(["a", "c"]).sum())


def br_of(rows: pd.DataFrame) -> float:
    return float((rows["cell"] == "b").sum() / rows["cell"].isin(["a", "b"]).sum())


def test_editions_are_compared_over_the_scenarios_that_both_have():
    # given a published run on scenarios 0 to 29, and a repaired one on 10 to 39
    one = [p for p in some_pairs(1, 900, 40) if int(p.scenario[5:]) < 30]
    two = [p for p in some_pairs(2, 700, 40, mar=0.15, prefix="r") if int(p.scenario[5:]) >= 10]
    found = edition_metrics(one, two)
    shared = [f"age_q{k}" for k in range(10, 30)]
    before, after = (rows[rows["scenario"].isin(shared)] for rows in (frame(one), frame(two)))
    assert (found["scenarios"], found["published_pairs"], found["repaired_pairs"]) == (
        20,
        len(before),
        len(after),
    )
    assert (found["published_mar"], found["repaired_mar"]) == pytest.approx((mar_of(before), mar_of(after)))
    assert found["delta_mar"] == pytest.approx(mar_of(after) - mar_of(before))
    gap = (mar_of(after) - br_of(after)) - (mar_of(before) - br_of(before))
    assert found["delta_mar_minus_br"] == pytest.approx(gap)
    # and its standard error is near that of the jackknife over scenarios
    left_out = [
        mar_of(after[after["scenario"] != name])
        - br_of(after[after["scenario"] != name])
        - mar_of(before[before["scenario"] != name])
        + br_of(before[before["scenario"] != name])
        for name in shared
    ]
    jackknife = math.sqrt(19 / 20 * float(((np.array(left_out) - np.mean(left_out)) ** 2).sum()))
    assert found["delta_mar_minus_br_stderr"] == pytest.approx(jackknife, rel=0.08)
    stderr = found["delta_mar_stderr"]
    assert isinstance(stderr, float)
    p = 2 * stats.t.sf(abs(mar_of(after) - mar_of(before)) / stderr, 19)
    assert found["delta_mar_p"] == pytest.approx(p)


def test_nothing_is_compared_without_a_shared_scenario():
    one, two = some_pairs(1, 50, 5), [PairResult("r", "Age", "age_q99", 1, "right", "right")]
    found = edition_metrics(one, two)
    assert found["scenarios"] == 0
    assert all(
        math.isnan(float(str(found[key])))
        for key in ("published_mar", "delta_mar", "delta_mar_p", "delta_mar_minus_br")
    )


def test_flags_split_the_pairs():
    pairs = some_pairs(3, 400, 40)
    audit = {
        pair.pair_id: " ".join(["minimal"] * (k % 3 == 0) + ["always"])
        for k, pair in enumerate(pairs)
        if k != 7
    }
    found = flag_metrics(pairs, audit)
    assert set(found) == {"minimal"}  # a flag that every pair carries splits nothing
    rows = frame(pairs)
    rows = rows[rows["id"] != "p7"]  # a pair without flags in the log takes no part
    carries = rows["id"].map({name: "minimal" in flags.split() for name, flags in audit.items()}).astype(bool)
    row = found["minimal"]
    assert (row["pairs_with"], row["pairs_without"]) == (carries.sum(), (~carries).sum())
    assert (row["mar_with"], row["mar_without"]) == pytest.approx(
        (mar_of(rows[carries]), mar_of(rows[~carries]))
    )
    assert row["delta_br"] == pytest.approx(br_of(rows[carries]) - br_of(rows[~carries]))


def test_a_few_pairs_without_an_error_are_not_a_certain_difference():
    # given a flag on six pairs that are all right, among many that are not
    flagged = [PairResult(f"f{k}", "Age", f"age_q{k}", 1, "right", "right") for k in range(6)]
    others = some_pairs(4, 600, 30)
    found = flag_metrics(
        [*flagged, *others], {p.pair_id: "duplicate" for p in flagged} | {p.pair_id: "" for p in others}
    )["duplicate"]
    # then the difference is reported, without interval or test
    assert found["delta_br"] == pytest.approx(-br_of(frame(others)))
    assert all(
        math.isnan(float(str(found[f"delta_br{end}"]))) for end in ("_stderr", "_ci_lower", "_ci_upper", "_p")
    )


def test_the_baseline_is_the_mean_over_every_exchange():
    # given five scenarios, all 32 exchanges can be listed
    cells = count_cells(some_pairs(4, 60, 5), "all")
    a = cells.a.sum()
    every = []
    for number in range(32):
        swap = np.array([(number >> k) & 1 for k in range(5)])
        c = np.where(swap, cells.b, cells.c).sum()
        every.append(c / (a + c))
    found = exchange_baseline(cells, draws=40_000)
    assert found.mar_exchanged == pytest.approx(np.mean(every), abs=0.002)
    assert found.exchange_p == pytest.approx(np.mean(np.array(every) >= found.mar - 1e-12), abs=0.01)
    for end in (found.mar_exchanged_lower, found.mar_exchanged_upper):
        assert min(abs(end - value) for value in every) < 1e-12


def test_the_baseline_holds_its_level_where_halves_do_not_matter_and_finds_misfiring():
    small = 0
    for seed in range(200):
        pairs = some_pairs(seed, 150, 30, mar=0.15)  # as often as the contrast half
        small += exchange_baseline(count_cells(pairs, "all"), draws=400).exchange_p <= 0.05
    assert 0.01 <= small / 200 <= 0.10
    assert exchange_baseline(count_cells(some_pairs(1, 150, 30, mar=0.5), "all")).exchange_p < 0.001


def test_the_baseline_is_undefined_without_pairs_to_exchange():
    empty = np.zeros(0)
    assert math.isnan(exchange_baseline(Cells(empty, empty, empty, empty)).mar_exchanged)
    wrong = np.array([2.0, 1.0])
    none = np.zeros(2)
    found = exchange_baseline(Cells(none, none, none, wrong))
    assert (found.pairs, math.isnan(found.mar), math.isnan(found.mar_exchanged)) == (3, True, True)
