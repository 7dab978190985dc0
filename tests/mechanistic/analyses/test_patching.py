"""Activation patching: right tokens in both runs, tautologies marked, planted structure found both ways."""

import numpy as np
import pandas as pd
import pytest

from misfire.mechanistic.analyses.patching import aligned_tokens, patch_all, recovery_table
from misfire.mechanistic.model.head_names import parse_heads
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.prompts import Mention, ProbePrompt
from misfire.mechanistic.session import Session


def test_mentions_are_matched_where_each_run_has_them():
    source = ProbePrompt(tuple(range(12)), (Mention("contrast", 2, 4), Mention("stereotyped", 8, 9)))
    target = ProbePrompt(tuple(range(14)), (Mention("stereotyped", 1, 2), Mention("contrast", 9, 12)))
    # from the last token of a mention backward; what the source lacks gets its first token
    assert aligned_tokens(source, target, "mentions") == [(3, 1), (8, 11), (8, 10), (8, 9)]
    assert aligned_tokens(source, target, "last") == [(11, 13)]


def test_halves_that_name_people_unequally_often_are_left_out_and_not_taken_for_zero(
    organism: Organism, probed: Probed
):
    from dataclasses import replace

    one = probed.pairs[0]
    prompts = dict(one.prompts)
    prompts["contrast"] = replace(prompts["contrast"], mentions=prompts["contrast"].mentions[:-1])
    assert aligned_tokens(prompts["contrast"], prompts["stereotyped"], "mentions") is None
    few = replace(probed, pairs=(replace(one, prompts=prompts), probed.pairs[1]))
    frame = patch_all(Session(organism.decoder, few), wheres=["mentions"])
    assert frame[frame["pair"] == one.pair.id]["patched"].isna().all()
    assert frame[frame["pair"] != one.pair.id]["patched"].notna().all()
    table = recovery_table(frame)
    assert set(table["left_out"]) == {1}
    assert set(table["pairs"]) == {1}


@pytest.fixture(scope="module")
def recovery(unread_session: Session) -> pd.DataFrame:
    return recovery_table(patch_all(unread_session), draws=100)


@pytest.mark.parametrize("direction", ["denoising", "noising"])
def test_the_planted_layer_carries_the_difference(unread: Organism, recovery: pd.DataFrame, direction: str):
    planted = parse_heads(unread.truth.decoys)[0].layer
    own = recovery[recovery["direction"] == direction].set_index(["site", "where", "layer"])["recovery"]
    for layer in range(4):
        assert own["attention", "last", layer] == pytest.approx(float(layer == planted), abs=0.02)
        assert own["mlp", "last", layer] == pytest.approx(0, abs=0.02)
        assert own["residual", "last", layer] == pytest.approx(float(layer >= planted), abs=0.02)
        # at the mentions it is there until the planted head has read it
        assert own["residual", "mentions", layer] == pytest.approx(float(layer < planted), abs=0.02)


def test_results_that_hold_by_construction_are_marked(recovery: pd.DataFrame):
    marked = recovery[recovery["by_construction"]]
    assert {tuple(row) for row in marked[["site", "where", "layer"]].to_numpy().tolist()} == {
        ("residual", "last", 3)
    }
    assert marked["recovery"].to_numpy() == pytest.approx(1, abs=1e-5)


def test_increments_add_up(recovery: pd.DataFrame):
    for _, own in recovery.groupby(["direction", "site", "where"]):
        assert np.cumsum(own["increment"].to_numpy(float)) == pytest.approx(own["recovery"].to_numpy(float))
