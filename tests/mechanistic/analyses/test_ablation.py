"""Head effects: planted heads come out on top, by whichever exact method, under any budget, and once only."""

from pathlib import Path

import numpy as np
import pytest
import torch

from misfire.datasets.pairs import HALF_NAMES
from misfire.errors import InputError
from misfire.mechanistic.analyses import ablation
from misfire.mechanistic.analyses.ablation import (
    attributions,
    canary,
    choose_method,
    effect_matrices,
    head_effects,
    head_table,
    last_token_effects,
    ranked,
)
from misfire.mechanistic.model.decoder import AnswerTokens, Decoder
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed, ProbedPair
from misfire.mechanistic.prompts import ProbePrompt
from misfire.mechanistic.selection import probe_pairs
from misfire.mechanistic.session import Session
from misfire.mechanistic.store import Store
from tests.mechanistic.families import FAMILIES, random_decoder, random_prompts


@pytest.mark.parametrize("kind", ["zero", "mean"])
def test_the_planted_head_is_ranked_first(organism: Organism, session: Session, kind: ablation.Ablation):
    table = head_table(head_effects(session, ablation=kind))
    assert ranked(table)[0] == organism.planted[0]
    assert table["q"].iloc[0] <= 0.05
    assert table["score"].iloc[0] > 20 * table["score"].iloc[1]


def test_all_three_planted_heads_are_ranked_first(three: Organism, three_session: Session):
    table = head_table(head_effects(three_session))
    assert set(ranked(table)[:3]) == set(three.planted)
    assert (table["q"].iloc[:3] <= 0.05).all()


@pytest.mark.parametrize("seed", range(20, 24))
def test_planted_heads_are_found_with_any_seed(seed: int):
    made = hand_built(seed)
    found = head_table(
        head_effects(Session(made.decoder, probe_pairs(made.decoder, made.pairs, per_group=12)))
    )
    assert ranked(found)[0] == made.planted[0]


def test_replay_and_whole_runs_agree_under_any_budget(organism: Organism, probed: Probed, session: Session):
    replayed = head_effects(session)
    key = ["pair", "half", "layer", "head"]
    for other in (
        head_effects(session, method="naive"),
        head_effects(Session(organism.decoder, probed, 400_000)),
    ):
        both = replayed.merge(other, on=key, suffixes=("", "_other"))
        assert len(both) == len(replayed) == len(other)
        assert np.abs(both["ablated"] - both["ablated_other"]).max() < 5e-4  # of margins up to 30


def test_finished_pieces_are_not_computed_again(
    organism: Organism, probed: Probed, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # given a run that is killed in its third layer
    class KilledError(Exception):
        pass

    calls: list[int] = []
    own = ablation.Replay.ablated

    def counted(self: ablation.Replay, layer: int, *arguments: object) -> torch.Tensor:
        if layer == 2 and 2 not in calls:
            calls.append(layer)
            raise KilledError
        calls.append(layer)
        return own(self, layer, *arguments)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(ablation.Replay, "ablated", counted)
    with pytest.raises(KilledError):
        head_effects(Session(organism.decoder, probed, store=Store(tmp_path, {"run": 1}, resume=False)))
    assert set(calls) == {0, 1, 2}
    # when it is resumed
    calls.clear()
    calls.append(2)
    again = head_effects(Session(organism.decoder, probed, store=Store(tmp_path, {"run": 1}, resume=True)))
    # then the first two layers are not done again, and the result is whole
    assert set(calls) == {2, 3}
    assert again["delta"].to_numpy() == pytest.approx(head_effects(session)["delta"].to_numpy())
    with pytest.raises(InputError, match="--resume"):
        Store(tmp_path, {"run": 1}, resume=False)
    with pytest.raises(InputError, match="cannot be resumed"):
        Store(tmp_path, {"run": 2}, resume=True)


def test_in_bfloat16_a_head_with_zero_output_changes_nothing():
    # given coarse numbers, whose sums differ by how many tokens run together, and a head whose output goes
    # nowhere
    made = random_decoder()
    with torch.no_grad():
        made.layout.layers[1].out_proj.weight[:, 8:16] = 0
    decoder = Decoder(made.model.bfloat16(), made.tokenizer, "coarse")
    pairs = [
        ProbedPair(
            pair,
            "failure",
            {half: ProbePrompt(tuple(ids)) for half, ids in zip(HALF_NAMES, prompts, strict=True)},
            {},
        )
        for pair, prompts in zip(
            hand_built(3).pairs, zip(*[iter(random_prompts(12))] * 2, strict=True), strict=False
        )
    ]
    effects = head_effects(
        Session(decoder, Probed(tuple(pairs), AnswerTokens((5, 6), (7,)), "word", 6, 6, 0))
    )
    dead = (effects["layer"] == 1) & (effects["head"] == 1)
    assert dead.sum() == 12
    assert (effects.loc[dead, "delta"] == 0).all()
    assert (effects.loc[~dead, "delta"] != 0).mean() > 0.9


@pytest.mark.parametrize("family", FAMILIES)
def test_the_self_check_passes_on_every_family(family: str):
    assert canary(random_decoder(family), random_prompts(), AnswerTokens((5,), (7,))) < 1e-4


def test_a_wrong_replay_is_abandoned(session: Session, monkeypatch: pytest.MonkeyPatch):
    own = ablation.Replay.ablated
    monkeypatch.setattr(ablation.Replay, "ablated", lambda self, *arguments: own(self, *arguments) + 1)
    method, difference = choose_method(session)
    assert method == "naive"
    assert difference == pytest.approx(1, abs=1e-3)


def test_the_prescreens_have_their_own_names_and_agree_in_direction(organism: Organism, session: Session):
    real = head_effects(session)
    for guess, name in (
        (attributions(session), "attribution, zero"),
        (last_token_effects(session), "last token, zero"),
    ):
        assert set(guess["ablation"]) == {name}
        assert ranked(head_table(guess))[0] == organism.planted[0]
        assert np.corrcoef(effect_matrices(real)[3].mean(0), effect_matrices(guess)[3].mean(0))[0, 1] > 0.9


def test_heads_that_carry_the_evidence_are_not_ranked_high():
    # given a head that repairs the stereotyped half and breaks the contrast half as much, and one that only
    # repairs
    import pandas as pd

    rows = [
        {
            "pair": f"p{k}",
            "scenario": f"s{k}",
            "category": "Age",
            "group": "failure",
            "half": half,
            "layer": 0,
            "head": head,
            "delta": delta,
        }
        for k in range(8)
        for head, by_half in enumerate(
            ({"stereotyped": 3.0, "contrast": -4.0}, {"stereotyped": 2.0, "contrast": 0.1})
        )
        for half, delta in by_half.items()
    ]
    table = head_table(pd.DataFrame(rows))
    assert table["name"].tolist() == ["L0H1", "L0H0"]
    assert table["specificity"].tolist() == pytest.approx([1.9, 7.0])
    assert table["score"].tolist() == pytest.approx([1.9, -1.0])
