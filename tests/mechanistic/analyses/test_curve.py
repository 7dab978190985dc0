"""The top-K curve: held out, beside random heads, with what else breaks."""

import pandas as pd
import pytest

from misfire.mechanistic.analyses.ablation import head_effects
from misfire.mechanistic.analyses.curve import Together, curve_table, random_hits, top_k
from misfire.mechanistic.draw_rule import USUAL, DrawRule, Look
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.session import Session


@pytest.fixture(scope="module")
def curve(three_session: Session) -> pd.DataFrame:
    effects = head_effects(three_session)
    return top_k(three_session, effects, Together((1, 2, 3), 20))


def test_three_heads_that_share_the_work_recover_from_two_on(curve: pd.DataFrame):
    table = curve_table(curve).set_index("k")
    assert table["recovery"].tolist() == [0.0, 1.0, 1.0]
    assert table["pairs"].tolist() == [24, 24, 24]
    assert (table["contrast_kept"] == 1).all()
    assert (table["control_kept"] == 1).all()
    assert table["matched"].max() < 0.5
    assert table["excess"].tolist()[1] > 0.5
    assert (table["foils_kept"] == 1).all()
    assert (table["foils_asked"] == 2 * 24 + 2 * 16).all()


def test_heads_are_chosen_and_tested_on_different_scenarios(three_session: Session, curve: pd.DataFrame):
    # given effects in which the failures of one fold point at a head that the other's do not
    tested = curve[curve["choice"] == "ranked"]
    fold_of = dict(zip(tested["scenario"], tested["fold"], strict=True))
    assert tested.groupby("scenario")["fold"].nunique().max() == 1
    effects = head_effects(three_session)
    first = effects["scenario"].map(fold_of) == 0
    here, there = (
        (effects["layer"] == 0) & (effects["head"] == 0),
        (effects["layer"] == 0) & (effects["head"] == 1),
    )
    stereotyped = effects["half"] == "stereotyped"
    effects.loc[first & here & stereotyped, "delta"] = 100.0
    effects.loc[~first & there & stereotyped, "delta"] = 100.0
    made = top_k(three_session, effects, Together((1,), 1))
    chosen = made[made["choice"] == "ranked"].groupby("fold")["heads"].first()
    assert chosen.to_dict() == {0: "L0H1", 1: "L0H0"}


def test_random_heads_are_different_heads_of_the_same_number(curve: pd.DataFrame):
    best = curve[curve["choice"] == "ranked"].groupby(["fold", "k"])["heads"].first()
    for (fold, k, choice), own in curve[curve["choice"] != "ranked"].groupby(["fold", "k", "choice"]):
        chosen = set(str(best.to_dict()[fold, k]).split(","))
        assert own["draw"].nunique() == 20
        for heads in own["heads"].unique():
            assert len(set(heads.split(","))) == k
            assert not set(heads.split(",")) & chosen
            if choice == "layer-matched":
                assert sorted(head.split("H")[0] for head in heads.split(",")) == sorted(
                    head.split("H")[0] for head in chosen
                )


def test_a_single_scenario_cannot_be_held_out(organism: Organism, probed: Probed):
    from dataclasses import replace

    one = probed.pairs[0].pair.scenario
    few = replace(probed, pairs=tuple(own for own in probed.pairs if own.pair.scenario == one))
    session = Session(organism.decoder, few)
    made = top_k(session, head_effects(session), Together((1,), 2))
    assert made.empty
    assert curve_table(made).empty


def test_the_curve_is_the_same_by_replay_and_by_whole_runs(three_session: Session, curve: pd.DataFrame):
    effects = head_effects(three_session)
    whole = top_k(three_session, effects, Together((1, 2, 3), 20, method="naive"))
    # every row is there, in the same order, and its margin too
    columns = [name for name in whole.columns if name != "ablated"]
    pd.testing.assert_frame_equal(curve[columns], whole[columns])
    assert (curve["ablated"] - whole["ablated"]).abs().max() < 5e-4  # of margins up to 30
    counts = [name for name in curve_table(whole).columns if not name.startswith("delta")]
    pd.testing.assert_frame_equal(curve_table(curve)[counts], curve_table(whole)[counts], check_exact=True)


def test_a_mean_ablation_is_the_same_by_replay_and_by_whole_runs(three_session: Session):
    effects = head_effects(three_session, ablation="mean")
    fast, slow = (
        top_k(three_session, effects, Together((2,), 4, "mean", method)) for method in ("replay", "naive")
    )
    assert (fast["ablated"] - slow["ablated"]).abs().max() < 5e-4
    assert (fast["ablated"] - fast["clean"]).abs().max() > 1


def test_a_rule_draws_the_same_sets_and_stops_when_it_is_decided(three_session: Session, curve: pd.DataFrame):
    # given a rule that decides after at most 20 draws
    rule = DrawRule(step=4, looks=(Look(12, 0), Look(20, 1)), give_up=2)
    drawn = top_k(three_session, head_effects(three_session), Together((1, 2, 3), rule))
    table = curve_table(drawn, draws=rule).set_index("k")
    # then its draws are the first ones of a fixed number of draws, with the same margins
    key = ["fold", "k", "choice", "draw", "heads", "pair", "probe"]
    both = drawn.merge(curve, on=key, suffixes=("", "_fixed"))
    assert len(both) == len(drawn)
    assert (both["ablated"] - both["ablated_fixed"]).abs().max() < 5e-4
    # one head restores no more than random ones do, two restore more, and the rule needs few draws to say so
    for k, above in zip((1, 2, 3), table["above_random"].tolist(), strict=True):
        hits = random_hits([drawn[drawn["k"] == k]])
        fixed = random_hits([curve[curve["k"] == k]])
        assert hits == fixed[: len(hits)]
        assert (len(hits), "above" if above else "not above") == rule.stop(fixed)
    assert table["above_random"].tolist() == [False, True, True]
    assert table["draws"].tolist()[:2] == [4, 12]
    # and what the best heads do is the same
    best = table[["recovery", "contrast_kept", "control_kept", "foils_kept", "mirrors"]]
    pd.testing.assert_frame_equal(best, curve_table(curve).set_index("k")[list(best.columns)])


def test_the_usual_rule_needs_no_more_draws_than_a_hundred(three_session: Session):
    drawn = top_k(three_session, head_effects(three_session), Together((1, 2), USUAL))
    table = curve_table(drawn, draws=USUAL).set_index("k")
    assert table["draws"].tolist() == [20, 60]
    assert table["hits"].tolist()[1] == 0
