"""What is exported for nnsight and TransformerLens is what these tools find in the model."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from misfire.mechanistic.export import INDEX, TENSORS, write_export
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import ablating
from misfire.mechanistic.session import Session
from misfire.mechanistic.study import Plan, Study


@pytest.fixture(scope="module")
def small(session: Session) -> Session:
    """Six pairs of the organism."""
    kept = tuple(one for place, one in enumerate(session.probed.pairs) if place % 7 == 0)
    return Session(session.decoder, replace(session.probed, pairs=kept))


@pytest.fixture(scope="module")
def folder(small: Session, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of that session."""
    place = tmp_path_factory.mktemp("export")
    write_export(Study(small, None, Plan(("lens",))), place)
    return place


def test_rows_are_the_prompts_and_columns_what_the_index_says(small: Session, folder: Path):
    tensors, index = load_file(folder / TENSORS), json.loads((folder / INDEX).read_text())
    assert len(index["prompts"]) == len(small.halves) == len(tensors["tokens"])
    for row, (one, about) in enumerate(zip(small.halves, index["prompts"], strict=True)):
        assert (about["pair"], about["half"], about["group"]) == (one.pair.pair.id, one.half, one.pair.group)
        assert tuple(tensors["tokens"][row, : int(tensors["lengths"][row])].tolist()) == one.ids
        assert float(tensors["logit_difference"][row]) * one.sign == pytest.approx(about["margin"], abs=1e-4)
    for layer in index["layers"]:
        assert tensors[f"z.{layer['layer']}"].shape[1:] == (layer["heads"], layer["head_dim"])
        assert set(layer["tensors"]) == {
            f"{name}.{layer['layer']}" for name in ("z", "residual", "attention", "mlp")
        }


def test_nnsight_finds_the_exported_activations_and_ablates_the_same_heads(small: Session, folder: Path):
    from nnsight import TransformersModel

    tensors, index = load_file(folder / TENSORS), json.loads((folder / INDEX).read_text())
    decoder = small.decoder
    row = 3
    ids = tensors["tokens"][row : row + 1, : int(tensors["lengths"][row])]
    batch = decoder.batch([ids[0].tolist()])
    heads = [Head(1, 0), Head(1, 3), Head(3, 2)]
    with torch.no_grad():
        clean = decoder.logits(batch)[0]
        with ablating(decoder, heads):
            ours = decoder.logits(batch)[0]
    model = TransformersModel(decoder.model, task="text-generation", tokenizer=decoder.tokenizer)
    names = {name: where["module"] for layer in index["layers"] for name, where in layer["tensors"].items()}
    # when nnsight reads what the index names, then it is what the file holds
    with torch.no_grad(), model.trace(ids):
        read = model.get(names["z.2"]).input[0, -1].save()
        stream = model.get(names["residual.2"]).output.save()
    torch.testing.assert_close(read, tensors["z.2"][row].flatten(), atol=1e-5, rtol=0)
    stream = stream[0] if isinstance(stream, tuple) else stream
    torch.testing.assert_close(
        stream.reshape(-1, decoder.width)[-1], tensors["residual.2"][row], atol=1e-5, rtol=0
    )
    # and when it sets the same heads to zero, the logits of the next word are ours
    with torch.no_grad(), model.trace(ids):
        for head in heads:
            layer = index["layers"][head.layer]
            start = head.index * layer["head_dim"]
            model.get(names[f"z.{head.layer}"]).input[:, :, start : start + layer["head_dim"]] = 0
        theirs = model.lm_head.output[0, -1].save()
    torch.testing.assert_close(theirs, ours, atol=1e-5, rtol=0)
    assert (ours - clean).abs().max() > 1e-3
