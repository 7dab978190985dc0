"""The top-K curve: held out, beside random heads, with what else breaks."""

import pandas as pd
import pytest

from misfire.mechanistic.analyses.ablation import head_effects
from misfire.mechanistic.analyses.curve import curve_table, top_k
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.session import Session


@pytest.fixture(scope="module")
def curve(three_session: Session) -> pd.DataFrame:
    effects = head_effects(three_session)
    return top_k(three_session, effects, ks=(1, 2, 3), draws=20)


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
    made = top_k(three_session, effects, ks=(1,), draws=1)
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
    made = top_k(
        Session(organism.decoder, few), head_effects(Session(organism.decoder, few)), ks=(1,), draws=2
    )
    assert made.empty
    assert curve_table(made).empty
