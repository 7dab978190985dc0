"""The verdict claims no more than the numbers allow."""

import pandas as pd
import pytest

from misfire.mechanistic.heads import Head
from misfire.mechanistic.verdict import Findings, causes, convincing, verdict

NONE = pd.DataFrame()


def heads(**best: float) -> pd.DataFrame:
    row = {
        "delta_stereotyped": 5.0,
        "delta_stereotyped_ci_lower": 4.0,
        "delta_stereotyped_ci_upper": 6.0,
        "delta_contrast": 0.1,
        "score": 4.9,
        "q": 0.01,
    }
    dull = row | {"delta_stereotyped": 0.01, "score": 0.001, "q": 0.7}
    return pd.DataFrame([
        {"layer": 2, "head": 1, "name": "L2H1"} | row | best,
        *({"layer": 0, "head": head, "name": f"L0H{head}"} | dull for head in range(3)),
    ])  # fmt: skip


def curve(**changes: float) -> pd.DataFrame:
    row: dict[str, float] = {
        "k": 1, "pairs": 24, "scenarios": 8,
        "recovery": 0.9, "recovery_ci_lower": 0.7, "recovery_ci_upper": 0.97, "matched": 0.1, "matched_upper": 0.3,
        "excess": 0.8, "excess_ci_lower": 0.6, "contrast_kept": 1.0, "control_kept": 1.0, "foils_kept": 0.95,
    }  # fmt: skip
    return pd.DataFrame([row | changes])


def test_a_sure_and_large_effect_is_named_with_its_interval():
    assert causes(heads(), gap=10) == [Head(2, 1)]
    (said,) = verdict(Findings(heads(), NONE, NONE, NONE), 10, 12)
    assert "L2H1" in said
    assert "5.00 logits (4.00 to 6.00) of a gap of 10.00" in said


@pytest.mark.parametrize("weak", [{"q": 0.06}, {"score": 0.9}, {"delta_stereotyped": -1.0}, {"delta_stereotyped_ci_lower": -0.1}])
def test_what_is_unsure_small_or_wrong_way_round_is_not_named(weak: dict[str, float]):
    assert causes(heads(**weak), gap=10) == []
    (said,) = verdict(Findings(heads(**weak), NONE, NONE, NONE), 10, 12)
    assert said.startswith("No single head was found")
    assert ("sure but small" in said) == ("q" not in weak)


def test_too_few_scenarios_are_told_of():
    (said,) = verdict(Findings(heads(q=0.5), NONE, NONE, NONE), 10, 4)
    assert "With 4 scenarios no head could be told from chance among 4" in said


def test_recovery_counts_if_it_exceeds_random_heads_and_little_else_breaks():
    (said,) = verdict(Findings(NONE, curve(), NONE, NONE), 10, 12)
    assert "more than random heads do, and little else that was looked at breaks" in said


def test_where_nothing_varies_the_number_of_scenarios_decides():
    alike = {"recovery": 1.0, "matched": 0.0, "excess": 1.0, "excess_ci_lower": float("nan")}
    assert convincing(curve(**alike, scenarios=6)) == [1]
    assert convincing(curve(**alike, scenarios=5)) == []


def test_without_foils_the_verdict_says_what_that_leaves_open():
    (said,) = verdict(Findings(NONE, curve(foils_kept=float("nan")), NONE, NONE), 10, 12)
    assert "merely says yes" in said


@pytest.mark.parametrize(
    "spoilt", [{"excess_ci_lower": -0.1}, {"matched_upper": 0.95}, {"contrast_kept": 0.6}, {"foils_kept": 0.5}, {"control_kept": 0.8}]
)
def test_recovery_that_random_heads_reach_or_that_breaks_much_is_no_evidence(spoilt: dict[str, float]):
    (said,) = verdict(Findings(NONE, curve(**spoilt), NONE, NONE), 10, 12)
    assert "no evidence of a circuit" in said


def test_without_a_rise_that_is_taken_back_the_lens_shows_none():
    rows = [("peak", 0.1, -0.2, 0.4), ("layer", 3, 0, 5), ("drop", 2.0, 1.0, 3.0), ("handover", float("nan"), float("nan"), float("nan"))]
    lens = pd.DataFrame(rows, columns=["statistic", "value", "ci_lower", "ci_upper"]).assign(model="model", group="failure")
    (said,) = verdict(Findings(NONE, NONE, lens, NONE), 10, 12)
    assert "shows no noticeable rise" in said
    lens.loc[0, ["value", "ci_lower", "ci_upper"]] = [3.0, 2.0, 4.0]
    (said,) = verdict(Findings(NONE, NONE, lens, NONE), 10, 12)
    assert "read and then overruled" in said
    # a peak that is sure but tiny beside the gap is not told of
    (said,) = verdict(Findings(NONE, NONE, lens, NONE), 100, 12)
    assert "shows no noticeable rise" in said
