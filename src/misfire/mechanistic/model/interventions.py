"""Interventions that can be saved to a file and applied to a model.

An intervention lists heads to ablate and directions to remove from layers. ``misfire localise`` writes one
next to its frames, and the provider ``intervened/…`` reads it.
"""

# many types in safetensors are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import json
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import torch
from torch import Tensor, nn

from misfire.datasets.user_files import require_regular
from misfire.datasets.writing import replaced_file
from misfire.errors import InputError
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.model.head_names import Head, listed, parse_heads
from misfire.mechanistic.model.hooks import Ablation, Means, ablation_hooks, first, with_first


@dataclass(frozen=True)
class Intervention:
    """Changes to a model.

    Attributes:
        heads: Heads to ablate at all tokens.
        ablation: What replaces their outputs.
        means: Mean outputs by layer for the ablation ``mean``, shape (heads · head_dim,).
        layers: Layers after which the direction is removed from the residual stream, at all tokens.
        directions: Unit vector by layer: the mean difference between contrast and stereotyped halves of
            failures at the last token.
        fingerprint: Fingerprint of the model for which it was made; None if it fits any model.
    """

    heads: tuple[Head, ...] = ()
    ablation: Ablation = "zero"
    means: Means = field(default_factory=dict[int, Tensor])
    layers: tuple[int, ...] = ()
    directions: Means = field(default_factory=dict[int, Tensor])
    fingerprint: str | None = None

    def __str__(self) -> str:
        parts = [f"{self.ablation} ablation of {', '.join(map(str, self.heads))}"] if self.heads else []
        parts += [f"direction out of layers {', '.join(map(str, self.layers))}"] if self.layers else []
        return "; ".join(parts) or "no intervention"


_LAYER = re.compile(r"[0-9]+")
_KEYS = {"heads", "ablation", "layers", "fingerprint"}
_CHECKSUM = "sha256"
_TENSOR = re.compile(r"(means|directions)\.(0|[1-9][0-9]*)")
_EMPTY = "none"
"""The tensor in a file that has no other tensor, because safetensors does not support an empty file."""


def save_intervention(intervention: Intervention, path: Path) -> None:
    """Write an intervention to a safetensors file, with a checksum of its whole content.

    Raises:
        InputError: The file cannot be written.
    """
    from safetensors.torch import save_file

    tensors = {
        f"means.{layer}": value.float().cpu().contiguous() for layer, value in intervention.means.items()
    }
    tensors |= {
        f"directions.{layer}": value.float().cpu().contiguous()
        for layer, value in intervention.directions.items()
    }
    tensors = tensors or {_EMPTY: torch.zeros(1)}
    metadata = {
        "heads": ",".join(map(str, intervention.heads)),
        "ablation": intervention.ablation,
        "layers": ",".join(map(str, intervention.layers)),
        "fingerprint": intervention.fingerprint or "",
    }
    with replaced_file(path) as temporary:
        save_file(tensors, temporary, metadata | {_CHECKSUM: _checksum(tensors, metadata)})


def load_intervention(path: Path) -> Intervention:
    """Read an intervention.

    Args:
        path: A file from ``misfire localise``. Files from an earlier version have no checksum and are read
            without one.

    Returns:
        The intervention.

    Raises:
        InputError: The file is not an intervention, was changed after it was written, or holds unknown keys
            or numbers that are not finite.
    """
    from safetensors import SafetensorError, safe_open

    tensors: dict[str, Tensor] = {}
    try:
        require_regular(Path(path))
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            for key in file.keys():  # noqa: SIM118 (safetensors has no iterator)
                tensors[key] = file.get_tensor(key)
        checksum = metadata.pop(_CHECKSUM, None)
        _check_content(path, tensors, metadata)
        if checksum is not None and checksum != _checksum(tensors, metadata):
            raise InputError(
                f"{path}: the file was changed or damaged after `misfire localise` wrote it: its checksum "
                "does not match. Write it again."
            )
        layers = parse_layers(metadata["layers"]) if metadata["layers"] else ()
        heads = parse_heads(metadata["heads"]) if metadata["heads"] else ()
        ablation = checked_ablation(metadata["ablation"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: not a readable intervention ({error}). `misfire localise` writes one, "
            "intervention.safetensors."
        ) from error
    by_kind: dict[str, dict[int, Tensor]] = {"means": {}, "directions": {}}
    for key, tensor in tensors.items():
        if match := _TENSOR.fullmatch(key):
            by_kind[match[1]][int(match[2])] = tensor
    return Intervention(
        heads, ablation, by_kind["means"], layers, by_kind["directions"], metadata.get("fingerprint") or None
    )


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Compute the SHA-256 of all tensors and metadata, in a fixed order."""
    digest = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _check_content(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Raise an error for content that does not belong in an intervention file, even if unused."""
    unknown = [
        *sorted(metadata.keys() - _KEYS),
        *sorted(key for key in tensors if key != _EMPTY and not _TENSOR.fullmatch(key)),
    ]
    if unknown:
        raise InputError(
            f"{path}: '{unknown[0]}' is an unknown key. An intervention file holds "
            f"{', '.join(sorted(_KEYS))}, and tensors named means.N and directions.N, where N is the number "
            "of a layer. Use the file that `misfire localise` wrote with this version."
        )
    for key, tensor in sorted(tensors.items()):
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise InputError(
                f"{path}: '{key}' holds numbers that are not finite (NaN or infinite), or not floating-point."
            )


def checked_ablation(ablation: object) -> Ablation:
    """Check the name of an ablation.

    Raises:
        InputError: There is no ablation with that name.
    """
    if ablation in get_args(Ablation):
        return cast(Ablation, ablation)
    raise InputError(f"ablation: '{ablation}' is neither zero nor mean.")


def check_intervention(decoder: Decoder, intervention: Intervention) -> None:
    """Raise an error for an intervention that does not fit a model.

    Raises:
        InputError: The model does not have the heads or layers, the intervention was made for another model,
            or something is missing.
    """
    decoder.check_heads(intervention.heads)
    if intervention.fingerprint is not None and intervention.fingerprint != decoder.fingerprint:
        raise InputError(
            f"the intervention was made for a model other than {decoder.name}, or with a data type other "
            f"than {decoder.dtype}. Its means and directions do not fit this model. Load the model as "
            "`misfire localise` did (-M dtype=…), or run it again."
        )
    needed = {head.layer for head in intervention.heads} if intervention.ablation == "mean" else set[int]()
    if missing := needed - intervention.means.keys():
        raise InputError(
            f"mean ablation needs the mean outputs of layers {sorted(missing)}, which the intervention does "
            "not contain."
        )
    if missing := set(intervention.layers) - intervention.directions.keys():
        raise InputError(
            f"there is no direction for layers {sorted(missing)}. Use the file that `misfire localise` wrote."
        )
    count = len(decoder.layout.layers)
    if beyond := [
        layer
        for layer in (*intervention.layers, *intervention.directions, *intervention.means)
        if not 0 <= layer < count
    ]:
        raise InputError(
            f"layers: {decoder.name} has no layer {beyond[0]}. It has {count} layers, counted from 0."
        )
    for layer, direction in intervention.directions.items():
        _check_vector(f"the direction of layer {layer}", direction, decoder.width)
    for layer in intervention.layers:
        if not intervention.directions[layer].any():
            raise InputError(f"the direction of layer {layer} is 0, so it cannot be removed.")
    for layer, means in intervention.means.items():
        _check_vector(
            f"the mean outputs of layer {layer}", means, decoder.layout.layers[layer].out_proj.in_features
        )


def _check_vector(what: str, vector: Tensor, width: int) -> None:
    if vector.shape != (width,) or not vector.is_floating_point() or not vector.isfinite().all():
        raise InputError(
            f"{what}: expected {width} finite numbers, not {tuple(vector.shape)} of {vector.dtype}. Use the "
            "file that `misfire localise` wrote for this model."
        )


def intervention_hooks(decoder: Decoder, intervention: Intervention) -> Generator[Any]:
    """Apply an intervention to a model; yield the handles that remove it.

    Args:
        decoder: The model.
        intervention: The intervention, already checked by ``check_intervention``.

    Yields:
        Handles of the hooks.
    """
    yield from ablation_hooks(
        decoder, intervention.heads, intervention.means if intervention.ablation == "mean" else None
    )
    for layer in intervention.layers:
        yield decoder.layout.layers[layer].block.register_forward_hook(
            _without(intervention.directions[layer])
        )


def _without(direction: Tensor) -> Callable[..., Any]:
    unit = direction / direction.norm()

    def hook(_: nn.Module, __: Any, output: Any) -> Any:  # noqa: ANN401
        hidden = first(output)
        own = unit.to(hidden.device, hidden.dtype)
        return with_first(output, hidden - (hidden @ own)[..., None] * own)

    return hook


def parse_layers(layers: object) -> tuple[int, ...]:
    """Parse layers from a command line.

    Args:
        layers: ``20,21``, one number, a list, or ``none`` for no layer.

    Returns:
        The layers, in the order given.

    Raises:
        InputError: An item is not a whole number from 0, or a layer is named twice.
    """
    items = listed(layers)
    if [item.lower() for item in items] == ["none"]:
        return ()
    if wrong := [item for item in items if not _LAYER.fullmatch(item)]:
        raise InputError(
            f"layers: '{wrong[0]}' is not a layer. Write whole numbers from 0, separated by commas: 20,21."
        )
    found = tuple(map(int, items))
    if twice := [layer for layer in found if found.count(layer) > 1]:
        raise InputError(f"layers: {twice[0]} is named twice.")
    return found
