"""What is decided on models whose fault is known, and why a number of heads counts or does not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from misfire.datasets.pairs import Pair
from misfire.mechanistic.analyses.ablation import head_effects, head_table
from misfire.mechanistic.analyses.curve import Together, curve_table, top_k
from misfire.mechanistic.conclusions.decision import CurvePoint, Decision, causes, curve_points, decide
from misfire.mechanistic.conclusions.misfiring import misfiring
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import AskedPair
from misfire.mechanistic.selection import probe_pairs
from misfire.mechanistic.session import Session
from tests.mechanistic.simulated import BOTH, GROUP_BLIND, NOISY, OTHER_CAUSE, PLANTED, SINGLE_HEAD, simulate


def decided(organism: Organism, pairs: tuple[Pair, ...] | None = None) -> Decision:
    """What is decided on an organism, by the real sweep and curve."""
    probed = probe_pairs(organism.decoder, organism.pairs if pairs is None else pairs, per_group=16)
    session = Session(organism.decoder, probed)
    effects = head_effects(session)
    curve = curve_table(top_k(session, effects, Together((1, 2), 10)))
    gap = float(
        np.mean([one.margins["contrast"] - one.margins["stereotyped"] for one in probed.of("failure")])
    )
    return decide(misfiring(probed.asked), head_table(effects), curve, gap)


def test_a_single_head_is_named(organism: Organism):
    found = decided(organism)
    assert (found.outcome, found.heads, found.alone) == ("one head", organism.planted, ())
    assert found.misfiring.finding == "misfires"


def test_where_an_mlp_does_it_no_head_is_named():
    found = decided(hand_built(4, "mlp"))
    assert found.misfiring.finding == "misfires"
    assert (found.outcome, found.heads) == ("unconfirmed", ())


def test_the_heads_of_a_redundant_pair_are_named_together_and_not_alone():
    made = hand_built(4, "redundant-pair")
    found = decided(made)
    assert found.outcome == "several heads"
    assert set(found.heads) == set(made.planted)
    assert found.point is not None
    assert found.point.k == 2


def test_a_head_that_acts_at_a_second_position_is_found_with_the_one_that_it_feeds():
    made = hand_built(4, "second-position")
    found = decided(made)
    assert found.outcome == "one head"
    assert {*found.heads, *found.alone} == set(made.planted)
    assert len(found.heads) == 1


@pytest.mark.parametrize("kind", ["threshold", "no-evidence"])
def test_a_head_whose_ablation_makes_the_model_always_say_yes_is_not_named(kind: str):
    made = hand_built(4, "threshold" if kind == "threshold" else "no-evidence")
    found = decided(made)
    assert found.misfiring.finding == "misfires"
    assert (found.outcome, found.heads) == ("unconfirmed", ())
    if kind == "no-evidence":  # it restores all failures, and what speaks against it is the foils
        assert found.point is not None
        assert found.point.recovery == 1
        assert found.point.shortfalls == ("foils",)


def test_nothing_is_claimed_about_a_model_that_errs_for_every_person(group_blind: Organism):
    found = decided(group_blind)
    assert (found.outcome, found.heads, found.alone) == ("indistinct", (), ())


def test_without_foils_or_controls_no_head_is_named(organism: Organism):
    # given the same pairs without their foils
    bare = tuple(pair.model_copy(update={"controls": None}) for pair in organism.pairs)
    found = decided(organism, bare)
    assert (found.outcome, found.heads) == ("unguarded", ())
    assert found.point is not None
    assert found.point.shortfalls == ("few foils",)


def test_noisy_heads_are_not_named_in_any_table():
    # given 20 tables of a model with a head that errs on a fifth of all halves, MAR and BR alike
    tables = [simulate(GROUP_BLIND, seed, curve=False) for seed in range(20)]
    # then the head looks specific on failures in every one, and in none is it a candidate
    looks = pd.concat([table.heads[table.heads["name"] == str(NOISY)] for table in tables])
    assert ((looks["q"] <= 0.05) & (looks["delta_stereotyped_ci_lower"] > 0)).sum() == 20
    assert sum(NOISY in causes(table.heads, table.gap) for table in tables) <= 1
    assert sum(table.misfiring.finding == "misfires" for table in tables) <= 2
    assert not any(simulate(GROUP_BLIND, seed).decision().heads for seed in range(3))


def test_a_planted_head_is_named_in_tables_of_the_same_kind():
    assert [simulate(SINGLE_HEAD, seed).decision().heads for seed in range(3)] == [(PLANTED,)] * 3


def test_only_the_planted_head_is_named_beside_a_head_that_errs_for_every_person():
    tables = [simulate(BOTH, seed) for seed in range(3)]
    found = [one.decision() for one in tables]
    assert all(one.misfiring.mirrored >= 5 for one in tables)
    # with few mirrors it may be undecided whether the planted head repairs them too
    assert sum(PLANTED in one.heads for one in found) >= 2
    assert not any(NOISY in (*one.heads, *one.alone) for one in found)


def test_a_head_that_errs_for_every_person_is_not_the_cause_of_other_misfires():
    for seed in range(3):
        tables = simulate(OTHER_CAUSE, seed)
        assert tables.misfiring.finding == "misfires"
        assert tables.decision().heads == ()


# one point of a curve that counts, and what spoils it
GOOD = CurvePoint(
    k=1, heads_0="L2H1", heads_1="L2H1", pairs=24, scenarios=10,
    recovery=0.9, recovery_ci_lower=0.7, recovery_ci_upper=0.97,
    matched=0.1, above_random=True, draws=100, excess_p=0.001,
    mirrors=12, mirror_scenarios=8, mirror_recovery=0.1, few_mirrors=False, mirror_p=0.004, p_holm=0.01,
    contrast_kept=1.0, contrast_asked=24, control_kept=1.0, control_asked=48, foils_kept=0.95, foils_asked=80,
)  # fmt: skip


def test_a_point_that_meets_every_condition_counts():
    assert GOOD.shortfalls == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"excess_p": 0.2, "p_holm": 0.4}, "random"),
        ({"excess_p": float("nan")}, "random"),
        ({"above_random": False}, "random"),
        ({"mirror_p": 0.3, "mirror_recovery": 0.8}, "mirrors"),
        ({"mirror_p": float("nan")}, "mirrors"),
        ({"mirrors": 0, "mirror_p": 0.3}, "random"),
        ({"p_holm": 0.06}, "chance"),
        ({"contrast_kept": 0.6}, "contrast"),
        ({"control_kept": 0.8}, "controls"),
        ({"foils_kept": 0.5}, "foils"),
        ({"foils_kept": float("nan"), "foils_asked": 0}, "few foils"),
        ({"foils_kept": 1.0, "foils_asked": 3}, "few foils"),
        ({"control_kept": float("nan"), "control_asked": 0}, "few controls"),
        ({"contrast_kept": float("nan"), "contrast_asked": 0}, "few contrast halves"),
    ],
)
def test_a_point_that_fails_a_condition_names_it(change: dict[str, float], why: str):
    assert replace(GOOD, **change).shortfalls == (why,)


MISFIRES = misfiring([AskedPair(f"p{n}", "Age", f"s{n}", -1.0, 1.0) for n in range(10)])


def heads(**best: float) -> pd.DataFrame:
    row = {
        "delta_stereotyped": 5.0,
        "delta_stereotyped_ci_lower": 4.0,
        "delta_stereotyped_ci_upper": 6.0,
        "over_mirrors_ci_lower": 2.0,
        "score": 4.9,
        "q": 0.01,
    }
    dull = row | {"delta_stereotyped": 0.01, "score": 0.001, "q": 0.7}
    return pd.DataFrame([
        {"layer": 2, "head": 1, "name": "L2H1"} | row | best,
        *({"layer": 0, "head": head, "name": f"L0H{head}"} | dull for head in range(3)),
    ])  # fmt: skip


def curve(*points: CurvePoint) -> pd.DataFrame:
    return pd.DataFrame(points)


def test_the_smallest_number_of_heads_that_counts_is_taken():
    worse = replace(GOOD, foils_kept=0.2)
    found = decide(
        MISFIRES,
        heads(),
        curve(worse, replace(GOOD, k=2, heads_0="L2H1,L0H0", heads_1="L0H0,L2H1"), replace(GOOD, k=3)),
        10,
    )
    assert (found.outcome, found.heads, found.tried) == ("several heads", (Head(2, 1), Head(0, 0)), 3)
    assert found.point is not None
    assert len(found.point.chosen) == 1


def test_nothing_is_named_without_a_curve_that_confirms_it():
    # however sure the table of single heads is
    assert causes(heads(), 10) == [Head(2, 1)]
    assert decide(MISFIRES, heads(), curve(), 10).outcome == "not held out"
    assert decide(MISFIRES, heads(), curve(replace(GOOD, recovery=0.0, excess_p=1.0)), 10).heads == ()
    assert decide(MISFIRES, pd.DataFrame(), curve(), 10).outcome == "not analysed"


def test_nothing_is_named_where_the_model_does_not_misfire():
    blind = misfiring(
        [AskedPair(f"p{n}", "Age", f"s{n}", *((-1.0, 1.0) if n % 2 else (1.0, -1.0))) for n in range(10)]
    )
    assert decide(blind, heads(), curve(GOOD), 10) == Decision("indistinct", blind)
    reverse = misfiring([AskedPair(f"p{n}", "Age", f"s{n}", 1.0, -1.0) for n in range(10)])
    assert decide(reverse, heads(), curve(GOOD), 10).outcome == "reversed"


@pytest.mark.parametrize(
    "weak",
    [
        {"q": 0.06},
        {"score": 0.9},
        {"delta_stereotyped": -1.0},
        {"delta_stereotyped_ci_lower": -0.1},
        {"over_mirrors_ci_lower": -0.1},
    ],
)
def test_an_uncertain_small_reversed_or_mirrored_effect_is_no_candidate(
    weak: dict[str, float],
):
    assert causes(heads(**weak), gap=10) == []


def test_the_points_are_the_rows_of_a_real_curve(three: Organism):
    probed = probe_pairs(three.decoder, three.pairs, per_group=8)
    session = Session(three.decoder, probed)
    table = curve_table(top_k(session, head_effects(session), Together((1, 2), 5)))
    assert [point.k for point in curve_points(table)] == [1, 2]
    assert [point.recovery for point in curve_points(table)] == [0, 1]
