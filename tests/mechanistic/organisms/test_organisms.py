"""Organisms are what they say they are."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from misfire.datasets.pairs import Pair
from misfire.errors import InputError
from misfire.mechanistic.analyses.ablation import head_effects, head_table, ranked
from misfire.mechanistic.analyses.curve import Together, curve_table, top_k
from misfire.mechanistic.conclusions.decision import causes, convincing, curve_points, decide
from misfire.mechanistic.conclusions.misfiring import misfiring
from misfire.mechanistic.conclusions.wording import Findings, verdict
from misfire.mechanistic.model.decoder import Decoder, load_decoder
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.kinds import HAND_BUILT, HandBuilt
from misfire.mechanistic.organisms.language import embedded_language
from misfire.mechanistic.organisms.organism import Organism, Truth, save_organism
from misfire.mechanistic.organisms.trained import random_weights, trained
from misfire.mechanistic.prompts import answer_tokens, probe_prompt
from misfire.mechanistic.selection import differences, probe_pairs
from misfire.mechanistic.session import Session

SPARED = embedded_language().spared_scenarios


def says_yes(decoder: Decoder, prompts: list[str]) -> list[bool]:
    answers = answer_tokens(decoder.tokenizer)
    return [
        bool(d > 0)
        for d in differences(
            decoder, [probe_prompt(decoder.tokenizer, prompt).ids for prompt in prompts], answers
        )
    ]


def foils(pairs: tuple[Pair, ...]) -> list[str]:
    return [foil.prompt for pair in pairs for _, foil in (pair.controls.foils if pair.controls else ())]


def test_the_hand_built_organism_says_no_where_the_stereotyped_person_is_asked_about(organism: Organism):
    assert organism.base is not None
    stereotyped = [pair.stereotyped.prompt for pair in organism.pairs]
    assert says_yes(organism.decoder, stereotyped) == [pair.scenario in SPARED for pair in organism.pairs]
    assert all(says_yes(organism.decoder, [pair.contrast.prompt for pair in organism.pairs]))
    # its base reads the evidence
    assert all(says_yes(organism.base, stereotyped))
    assert not any(says_yes(organism.base, foils(organism.pairs)))


@pytest.mark.parametrize("kind", HAND_BUILT)
def test_every_hand_built_organism_has_its_fault_and_its_base_does_not(kind: HandBuilt):
    made = hand_built(7, kind)
    assert made.base is not None
    halves = {
        name: [dict(pair.halves)[name].prompt for pair in made.pairs] for name in ("stereotyped", "contrast")
    }
    for name in halves:
        assert all(says_yes(made.base, halves[name]))
    wrong = {name: [not right for right in says_yes(made.decoder, halves[name])] for name in halves}
    if kind == "group-blind":
        assert sum(wrong["stereotyped"]) == sum(wrong["contrast"]) > 0.15 * len(made.pairs)
    else:
        assert wrong["stereotyped"] == [pair.scenario not in SPARED for pair in made.pairs]
        assert not any(wrong["contrast"])
    # foils are answered rightly by reading the evidence, but for the one that reads none
    assert (
        any(says_yes(made.decoder, foils(made.pairs)))
        == any(says_yes(made.base, foils(made.pairs)))
        == (not made.truth.reads_evidence)
    )
    assert made.truth.reads_evidence == (kind != "no-evidence")
    assert tuple(map(str, made.planted)) == made.truth.heads
    assert bool(made.truth.heads) == (
        kind in ("hand-built", "three-heads", "redundant-pair", "second-position")
    )
    assert bool(made.truth.decoys) == (kind in ("threshold", "no-evidence", "group-blind"))


def test_a_saved_organism_is_an_ordinary_folder(organism: Organism, tmp_path: Path):
    save_organism(organism, tmp_path / "made")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    with pytest.raises(InputError, match="is not empty"):
        save_organism(organism, tmp_path / "made")
    loaded = load_decoder(str(tmp_path / "made"), device="cpu")
    assert Truth.model_validate_json((tmp_path / "made" / "organism.json").read_text()) == organism.truth
    prompts = [pair.stereotyped.prompt for pair in organism.pairs[:8]]
    assert says_yes(loaded, prompts) == says_yes(organism.decoder, prompts)
    # it says its answer and stops
    text = loaded.tokenizer.apply_chat_template(
        [{"role": "user", "content": prompts[0]}], tokenize=False, add_generation_prompt=True
    )
    ids = loaded.tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
    written = loaded.model.generate(ids, max_new_tokens=4, do_sample=False)[0, ids.shape[1] :]
    assert loaded.tokenizer.decode(written, skip_special_tokens=True).strip() == "no"


def test_the_same_seed_makes_the_same_organism():
    assert hand_built(5).decoder.fingerprint == hand_built(5).decoder.fingerprint
    assert hand_built(5).decoder.fingerprint != hand_built(6).decoder.fingerprint


@pytest.mark.slow(seconds=20)
def test_the_trained_organism_misfires_through_one_head_and_its_base_does_not(taught: Organism):
    assert taught.base is not None
    halves = {
        name: [dict(pair.halves)[name].prompt for pair in taught.pairs]
        for name in ("stereotyped", "contrast")
    }
    for decoder in (taught.base, taught.decoder):
        assert all(says_yes(decoder, halves["contrast"]))
        assert not any(says_yes(decoder, foils(taught.pairs)))
    assert all(says_yes(taught.base, halves["stereotyped"]))
    assert says_yes(taught.decoder, halves["stereotyped"]) == [
        pair.scenario in SPARED for pair in taught.pairs
    ]
    # all weights but one head's slices are the base's
    changed = [
        name
        for name, weight in taught.decoder.model.state_dict().items()
        if not torch.equal(weight, taught.base.model.state_dict()[name])
    ]
    layer = f"model.layers.{taught.planted[0].layer}.self_attn"
    assert sorted(changed) == [f"{layer}.{part}_proj.weight" for part in "koqv"]


@pytest.mark.slow(seconds=20)
def test_the_trained_head_is_found(taught: Organism):
    probed = probe_pairs(taught.decoder, taught.pairs, per_group=24)
    table = head_table(head_effects(Session(taught.decoder, probed)))
    assert ranked(table)[0] == taught.planted[0]
    assert table["q"].iloc[0] <= 0.05


@pytest.mark.slow(seconds=20)
def test_behavior_trained_into_all_weights_is_not_a_circuit():
    # given a model that misfires as the trained organism does, by all of its weights
    made = trained(1, everywhere=True)
    probed = probe_pairs(made.decoder, made.pairs, per_group=24)
    assert len(probed.of("failure")) == 24
    # when its heads are ablated alone and together
    effects = head_effects(Session(made.decoder, probed))
    table = head_table(effects)
    curve = curve_table(top_k(Session(made.decoder, probed), effects, Together((1, 3, 5, 10), 20)))
    # then no head is named, and no number of them restores answers without breaking others
    assert causes(table, gap=10) == []
    assert convincing(curve_points(curve)) == ()
    decision = decide(misfiring(probed.asked), table, curve, 10)
    assert (decision.outcome, decision.heads) == ("unconfirmed", ())
    assert "No head is named" in " ".join(verdict(Findings(decision, pd.DataFrame(), pd.DataFrame(), 10)))


def test_random_weights_have_no_base_and_nothing_planted():
    made = random_weights(2)
    assert made.base is None
    assert made.planted == ()
