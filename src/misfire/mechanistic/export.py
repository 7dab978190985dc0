"""Activations and heads for other tools (nnsight, TransformerLens): safetensors with an index in JSON."""

# many types in torch and safetensors are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from misfire.datasets.writing import replaced_file
from misfire.mechanistic.model.batching import batches
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import SITES, Site, capturing
from misfire.mechanistic.model.layouts import Layer
from misfire.mechanistic.session import Session
from misfire.mechanistic.study import Study

TENSORS, INDEX = "activations.safetensors", "index.json"

_LENS_NAMES: Mapping[Site, str] = {
    "residual": "hook_resid_post",
    "attention": "hook_attn_out",
    "mlp": "hook_mlp_out",
}
"""The names of the sites in TransformerLens."""


def write_export(study: Study, folder: Path) -> None:
    """Write the activations of all halves at the last token, and the heads, for other tools.

    ``activations.safetensors`` has, for each layer L, ``z.L`` (prompts, heads, head_dim), the outputs of the
    heads at the input of the output projection, and ``residual.L``, ``attention.L`` and ``mlp.L`` (prompts,
    width), all float32; ``logit_difference`` (prompts,); and ``tokens`` (prompts, longest prompt), padded on
    the right with the number of each prompt's tokens in ``lengths``. ``index.json`` says what the rows and
    tensors are.

    Args:
        study: A study whose analyses are finished.
        folder: Output folder.
    """
    from safetensors.torch import save_file

    session = study.session
    with replaced_file(folder / TENSORS) as temporary:
        save_file(activations(session), temporary)
    with replaced_file(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(_index(study), indent=2) + "\n", encoding="utf-8")


@torch.no_grad()
def activations(session: Session) -> dict[str, Tensor]:
    """Run all halves; return their activations at the last token, as ``write_export`` describes."""
    decoder = session.decoder
    prompts = [one.ids for one in session.halves]
    longest = max(map(len, prompts))
    rows: dict[str, list[tuple[int, Tensor]]] = {}
    for chunk, batch in batches(decoder, prompts, session.budget):
        with capturing(decoder, z=True, sites=SITES) as captured:
            difference = session.difference(batch)
        found = {f"z.{layer}": z for layer, z in captured.z.items()}
        found |= {f"{site}.{layer}": value for site in SITES for layer, value in captured.at(site).items()}
        own = {
            name: value[torch.arange(len(chunk)), batch.last.to(value.device)]
            for name, value in found.items()
        }
        for name, values in (own | {"logit_difference": difference}).items():
            rows.setdefault(name, []).extend(zip(chunk, values.float().cpu(), strict=True))
    tensors = {
        name: torch.stack([value for _, value in sorted(own, key=_place)]) for name, own in rows.items()
    }
    for layer in decoder.layout.layers:
        tensors[f"z.{layer.index}"] = tensors[f"z.{layer.index}"].unflatten(1, (layer.heads, layer.head_dim))
    tokens = torch.zeros(len(prompts), longest, dtype=torch.long)
    for row, ids in enumerate(prompts):
        tokens[row, : len(ids)] = torch.tensor(ids)
    lengths = torch.tensor([len(ids) for ids in prompts])
    return {name: value.contiguous() for name, value in tensors.items()} | {
        "tokens": tokens,
        "lengths": lengths,
    }


def _place(row: tuple[int, Tensor]) -> int:
    return row[0]


def _index(study: Study) -> dict[str, Any]:
    session = study.session
    decoder = session.decoder
    return {
        "model": decoder.name,
        "commit": decoder.commit,
        "fingerprint": decoder.fingerprint,
        "dtype": str(decoder.dtype).removeprefix("torch."),
        "answers": asdict(session.probed.answers),
        "prompts": [
            {
                **one.pair.labels,
                "half": one.half,
                "right_answer": "yes" if one.sign > 0 else "no",
                "margin": one.pair.margins[one.half],
                "text": decoder.tokenizer.decode(one.ids),
            }
            for one in session.halves
        ],
        "heads": {
            "named": [_head(decoder, head) for head in study.decision.heads],
            "candidates": [_head(decoder, head) for head in study.candidates],
        },
        "layers": [_layer(decoder, layer) for layer in decoder.layout.layers],
    }


def _head(decoder: Decoder, head: Head) -> dict[str, Any]:
    """Describe a head: where it is in the input of which module."""
    layer = decoder.layout.layers[head.layer]
    return {
        "name": str(head),
        "layer": head.layer,
        "head": head.index,
        "module": _path(decoder, layer.out_proj),
        "input_start": head.index * layer.head_dim,
        "input_stop": (head.index + 1) * layer.head_dim,
    }


def _layer(decoder: Decoder, layer: Layer) -> dict[str, Any]:
    """Describe the tensors of a layer: the module and its side, and the name in TransformerLens."""
    modules = {"residual": layer.block, "attention": layer.mixer, "mlp": layer.mlp}
    block = f"blocks.{layer.index}"
    sites = {
        f"{site}.{layer.index}": {
            "module": _path(decoder, modules[site]),
            "side": "output",
            "transformer_lens": f"{block}.{_LENS_NAMES[site]}",
        }
        for site in SITES
    }
    z = {
        "module": _path(decoder, layer.out_proj),
        "side": "input",
        "transformer_lens": f"{block}.attn.hook_z",
    }
    return {"layer": layer.index, "heads": layer.heads, "head_dim": layer.head_dim} | {
        "tensors": {f"z.{layer.index}": z} | sites
    }


def _path(decoder: Decoder, module: torch.nn.Module) -> str:
    """Return the name of a module in the Hugging Face model, such as "model.layers.3.self_attn.o_proj"."""
    return next(name for name, own in decoder.model.named_modules() if own is module)
