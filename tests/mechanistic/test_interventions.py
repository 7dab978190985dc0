"""Interventions as files and on models."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from misfire.errors import InputError
from misfire.mechanistic.heads import Head
from misfire.mechanistic.hooks import capturing
from misfire.mechanistic.interventions import (
    Intervention,
    check_intervention,
    difference_directions,
    intervening,
    load_intervention,
    parse_layers,
    save_intervention,
)
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.selection import Probed


def test_an_intervention_is_read_as_it_was_written(organism: Organism, probed: Probed, tmp_path: Path):
    directions = difference_directions(organism.decoder, probed)
    made = Intervention((Head(1, 2),), "mean", {1: torch.arange(96.0)}, (2, 3), directions, organism.decoder.fingerprint)
    save_intervention(made, tmp_path / "i.safetensors")
    read = load_intervention(tmp_path / "i.safetensors")
    assert (read.heads, read.ablation, read.layers, read.fingerprint) == (made.heads, "mean", (2, 3), made.fingerprint)
    assert torch.equal(read.means[1], made.means[1])
    assert all(torch.equal(read.directions[layer], directions[layer]) for layer in range(4))
    check_intervention(organism.decoder, read)


def test_what_does_not_fit_the_model_is_refused(organism: Organism, three: Organism):
    decoder = organism.decoder
    for wrong, message in (
        (Intervention((Head(9, 0),)), "no L9H0"),
        (Intervention((Head(1, 0),), "mean"), r"mean outputs of layers \[1\]"),
        (Intervention(layers=(2,)), r"no direction for layers \[2\]"),
        (Intervention(layers=(99,), directions={99: torch.ones(decoder.width)}), "has no layer 99"),
        (Intervention(layers=(-1,), directions={-1: torch.ones(decoder.width)}), "has no layer -1"),
        (Intervention(layers=(2,), directions={2: torch.ones(3)}), r"direction of layer 2: \d+ finite numbers"),
        (Intervention(layers=(2,), directions={2: torch.full((decoder.width,), torch.nan)}), r"direction of layer 2: \d+ finite numbers"),
        (Intervention(layers=(2,), directions={2: torch.zeros(decoder.width)}), "is 0"),
        (Intervention((Head(1, 0),), "mean", {1: torch.ones(5, 5)}), r"mean outputs of layer 1: \d+ finite numbers"),
        (Intervention(fingerprint=three.decoder.fingerprint), "made on another model"),
    ):
        with pytest.raises(InputError, match=message):
            check_intervention(decoder, wrong)


def test_a_file_of_something_else_is_refused(tmp_path: Path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="no intervention that can be read"):
        load_intervention(tmp_path / "x.safetensors")
    with pytest.raises(InputError, match="are not layers"):
        parse_layers("20,-1")


@torch.no_grad()
def test_a_direction_taken_out_is_gone_and_nothing_is_left_behind(organism: Organism, probed: Probed):
    decoder = organism.decoder
    directions = difference_directions(decoder, probed)
    batch = decoder.batch([one.prompts["stereotyped"].ids for one in probed.of("failure")])
    before = decoder.difference(decoder.run(batch), probed.answers)
    planted = organism.planted[0].layer
    with intervening(decoder, Intervention(layers=(planted,), directions=directions)), capturing(decoder, sites=["residual"]) as captured:
        after = decoder.difference(decoder.run(batch), probed.answers)
    assert (captured.residual[planted] @ directions[planted]).abs().max() < 1e-4
    assert (before < 0).all()
    assert (after > before + 5).all()  # the direction is what the planted head writes
    assert torch.equal(decoder.difference(decoder.run(batch), probed.answers), before)


@torch.no_grad()
def test_ablating_the_planted_head_mends_every_failure(organism: Organism, probed: Probed):
    decoder = organism.decoder
    batch = decoder.batch([one.prompts["stereotyped"].ids for one in probed.of("failure")])
    with intervening(decoder, Intervention(organism.planted)):
        assert (decoder.difference(decoder.run(batch), probed.answers) > 0).all()
    assert replace(Intervention(organism.planted), ablation="mean").heads == organism.planted
