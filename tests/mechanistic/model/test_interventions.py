"""Interventions as files and on models."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from misfire.errors import InputError
from misfire.mechanistic.analyses.directions import difference_directions
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import capturing, hooked, mean_outputs
from misfire.mechanistic.model.interventions import (
    Intervention,
    check_intervention,
    intervention_hooks,
    load_intervention,
    parse_layers,
    save_intervention,
)
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.session import Session
from tests.mechanistic.families import random_decoder, random_prompts


def test_an_intervention_is_read_as_it_was_written(organism: Organism, session: Session, tmp_path: Path):
    directions = difference_directions(session)
    made = Intervention(
        (Head(1, 2),), "mean", {1: torch.arange(96.0)}, (2, 3), directions, organism.decoder.fingerprint
    )
    save_intervention(made, tmp_path / "i.safetensors")
    read = load_intervention(tmp_path / "i.safetensors")
    assert (read.heads, read.ablation, read.layers, read.fingerprint) == (
        made.heads,
        "mean",
        (2, 3),
        made.fingerprint,
    )
    assert torch.equal(read.means[1], made.means[1])
    assert all(torch.equal(read.directions[layer], directions[layer]) for layer in range(4))
    check_intervention(organism.decoder, read)


def test_an_intervention_that_does_not_fit_the_model_is_refused(organism: Organism, three: Organism):
    decoder = organism.decoder
    for wrong, message in (
        (Intervention((Head(9, 0),)), "no L9H0"),
        (Intervention((Head(1, 0),), "mean"), r"mean outputs of layers \[1\]"),
        (Intervention(layers=(2,)), r"no direction for layers \[2\]"),
        (Intervention(layers=(99,), directions={99: torch.ones(decoder.width)}), "has no layer 99"),
        (Intervention(layers=(-1,), directions={-1: torch.ones(decoder.width)}), "has no layer -1"),
        (
            Intervention(layers=(2,), directions={2: torch.ones(3)}),
            r"direction of layer 2: expected \d+ finite numbers",
        ),
        (
            Intervention(layers=(2,), directions={2: torch.full((decoder.width,), torch.nan)}),
            r"direction of layer 2: expected \d+ finite numbers",
        ),
        (Intervention(layers=(2,), directions={2: torch.zeros(decoder.width)}), "is 0"),
        (
            Intervention((Head(1, 0),), "mean", {1: torch.ones(5, 5)}),
            r"mean outputs of layer 1: expected \d+ finite numbers",
        ),
        (Intervention(fingerprint=three.decoder.fingerprint), "made for a model other than"),
    ):
        with pytest.raises(InputError, match=message):
            check_intervention(decoder, wrong)


def test_a_file_of_another_kind_is_refused(tmp_path: Path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a readable intervention"):
        load_intervention(tmp_path / "x.safetensors")


def write_by_hand(path: Path, tensors: dict[str, torch.Tensor], **metadata: str) -> Path:
    """An intervention file as an earlier version, or another program, would write it: without a checksum."""
    save_file(tensors, path, {"heads": "", "ablation": "zero", "layers": "", "fingerprint": ""} | metadata)
    return path


@pytest.mark.parametrize(
    ("tensors", "metadata", "words"),
    [
        (
            {"directions.1": torch.full((4,), torch.nan)},
            {"layers": "1,2"},
            "'directions.1' holds numbers that are not finite",
        ),
        (
            {"directions.1": torch.full((4,), torch.inf)},
            {},
            "'directions.1' holds numbers that are not finite",
        ),
        (
            {"means.0": torch.tensor([1.0, -torch.inf])},
            {"ablation": "mean"},
            "'means.0' holds numbers that are not finite",
        ),
        ({"directions.1": torch.ones(4, dtype=torch.int32)}, {}, "or not floating-point"),
        ({"direction.1": torch.ones(4)}, {}, "'direction.1' is an unknown key"),
        ({"directions.one": torch.ones(4)}, {}, "'directions.one' is an unknown key"),
        ({"means.-1": torch.ones(4)}, {}, "'means.-1' is an unknown key"),
        ({"none": torch.zeros(1)}, {"layer": "1"}, "'layer' is an unknown key"),
        ({"none": torch.zeros(1)}, {"layers": "one"}, "'one' is not a layer"),
        ({"none": torch.zeros(1)}, {"heads": "L1"}, "'L1' is not the name of a head"),
        ({"none": torch.zeros(1)}, {"ablation": "half"}, "neither zero nor mean"),
    ],
)
def test_values_that_a_file_cannot_store_are_reported(
    tmp_path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str], words: str
):
    with pytest.raises(InputError, match=re.escape(words)):
        load_intervention(write_by_hand(tmp_path / "x.safetensors", tensors, **metadata))


def test_a_file_of_an_earlier_version_is_read_without_a_checksum(tmp_path: Path):
    path = write_by_hand(
        tmp_path / "x.safetensors", {"directions.1": torch.ones(4)}, layers="1", heads="L0H0,L2H1"
    )
    assert load_intervention(path).layers == (1,)
    assert load_intervention(path).heads == (Head(0, 0), Head(2, 1))


def test_no_flipped_bit_of_an_intervention_file_changes_what_is_read(tmp_path: Path):
    # given a file
    directions = {layer: torch.randn(8, generator=torch.Generator().manual_seed(layer)) for layer in range(3)}
    made = Intervention((Head(1, 2),), "mean", {1: torch.arange(6.0)}, (0, 2), directions, "f" * 64)
    path = tmp_path / "i.safetensors"
    save_intervention(made, path)
    whole = path.read_bytes()
    noticed = 0
    for bit in range(0, 8 * len(whole), 7):
        # when one of its bits flips
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        # then it is refused, or says what it said (some bits are white space)
        try:
            read = load_intervention(path)
        except InputError:
            noticed += 1
            continue
        assert (read.heads, read.ablation, read.layers, read.fingerprint) == (
            made.heads,
            made.ablation,
            made.layers,
            made.fingerprint,
        )
        assert all(torch.equal(read.directions[layer], directions[layer]) for layer in range(3))
        assert torch.equal(read.means[1], made.means[1])
    assert noticed > 0.95 * 8 * len(whole) / 7


@pytest.mark.parametrize(
    ("given", "layers"),
    [
        ("20,21", (20, 21)),
        ("20", (20,)),
        (20, (20,)),
        ([20, "21"], (20, 21)),
        (["1", " 2"], (1, 2)),
        ("none", ()),
        (0, (0,)),
        ([], ()),
    ],
)
def test_layers_are_read_in_every_form_of_the_command_line(given: object, layers: tuple[int, ...]):
    assert parse_layers(given) == layers


@pytest.mark.parametrize("wrong", ["20,-1", "a", True, 1.5, "1-3", "1:3", [1, [2]], "", "1,1", {"1": 2}])
def test_invalid_layers_are_reported(wrong: object):
    with pytest.raises(InputError, match=r"^layers: "):
        parse_layers(wrong)


@torch.no_grad()
def test_a_removed_direction_is_gone_and_the_hooks_are_removed(organism: Organism, probed: Probed):
    decoder = organism.decoder
    directions = difference_directions(Session(decoder, probed))
    batch = decoder.batch([one.prompts["stereotyped"].ids for one in probed.of("failure")])
    before = decoder.difference(decoder.run(batch), probed.answers)
    planted = organism.planted[0].layer
    with (
        hooked(intervention_hooks(decoder, Intervention(layers=(planted,), directions=directions))),
        capturing(decoder, sites=["residual"]) as captured,
    ):
        after = decoder.difference(decoder.run(batch), probed.answers)
    assert (captured.residual[planted] @ directions[planted]).abs().max() < 1e-4
    assert (before < 0).all()
    assert (after > before + 5).all()  # the direction is what the planted head writes
    assert torch.equal(decoder.difference(decoder.run(batch), probed.answers), before)


@torch.no_grad()
def test_ablating_the_planted_head_repairs_every_failure(organism: Organism, probed: Probed):
    decoder = organism.decoder
    batch = decoder.batch([one.prompts["stereotyped"].ids for one in probed.of("failure")])
    with hooked(intervention_hooks(decoder, Intervention(organism.planted))):
        assert (decoder.difference(decoder.run(batch), probed.answers) > 0).all()
    assert replace(Intervention(organism.planted), ablation="mean").heads == organism.planted


def test_means_exclude_padding():
    decoder = random_decoder()
    prompts = random_prompts()
    together = mean_outputs(decoder, prompts)
    alone = [mean_outputs(decoder, [prompt]) for prompt in prompts]
    for layer, own in together.items():
        weighted = sum(len(prompt) * one[layer] for prompt, one in zip(prompts, alone, strict=True)) / sum(
            map(len, prompts)
        )
        torch.testing.assert_close(own, torch.as_tensor(weighted), atol=1e-5, rtol=0)
