"""An intervention as a thing that can be kept in a file and put on a model: heads to ablate, directions to take out of layers.

``misfire localise`` writes one beside its frames, and the provider ``intervened/…`` reads it.
"""

# safetensors leaves its types open
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
    """What is done to a model.

    Attributes:
        heads: Heads to ablate at every token.
        ablation: What their outputs become.
        means: By layer the mean outputs for ``mean``, shape (heads · head_dim,).
        layers: Layers behind which the direction is taken out of the residual stream, at every token.
        directions: By layer a unit vector: the mean difference between contrast and stereotyped halves of failures at the last token.
        fingerprint: Of the model that it was made on; none if it fits any.
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
"""The tensor of a file that holds no other, since safetensors keeps no empty file."""


def save_intervention(intervention: Intervention, path: Path) -> None:
    """Write an intervention as a safetensors file, with a checksum over all that it says.

    Args:
        intervention: The intervention.
        path: The file.

    Raises:
        InputError: It cannot be written.
    """
    from safetensors.torch import save_file

    tensors = {f"means.{layer}": value.float().cpu().contiguous() for layer, value in intervention.means.items()}
    tensors |= {f"directions.{layer}": value.float().cpu().contiguous() for layer, value in intervention.directions.items()}
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
        path: A file that ``misfire localise`` wrote. One of an earlier version has no checksum, and is read without.

    Returns:
        The intervention.

    Raises:
        InputError: It is no such file, it was changed since it was written, or it holds what is not known or not finite.
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
                f"{path}: the file was changed or broken since `misfire localise` wrote it: its checksum is another one. Write it again."
            )
        layers = parse_layers(metadata["layers"]) if metadata["layers"] else ()
        heads = parse_heads(metadata["heads"]) if metadata["heads"] else ()
        ablation = checked_ablation(metadata["ablation"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: no intervention that can be read ({error}). `misfire localise` writes one, intervention.safetensors."
        ) from error
    by_kind: dict[str, dict[int, Tensor]] = {"means": {}, "directions": {}}
    for key, tensor in tensors.items():
        if match := _TENSOR.fullmatch(key):
            by_kind[match[1]][int(match[2])] = tensor
    return Intervention(heads, ablation, by_kind["means"], layers, by_kind["directions"], metadata.get("fingerprint") or None)


def _checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """SHA-256 over all tensors and all that is said beside them, in an order of their own."""
    digest = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _check_content(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Refuse what an intervention file cannot hold, whether or not it would be used."""
    unknown = [*sorted(metadata.keys() - _KEYS), *sorted(key for key in tensors if key != _EMPTY and not _TENSOR.fullmatch(key))]
    if unknown:
        raise InputError(
            f"{path}: '{unknown[0]}' is not known in an intervention file; it holds {', '.join(sorted(_KEYS))}, and tensors named means.N "
            "and directions.N with the number of a layer. Give the file that `misfire localise` wrote with this version."
        )
    for key, tensor in sorted(tensors.items()):
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise InputError(f"{path}: '{key}' holds numbers that are not finite (NaN or infinite), or are not numbers of floating point.")


def checked_ablation(ablation: object) -> Ablation:
    """An ablation by its name.

    Raises:
        InputError: There is none of that name.
    """
    if ablation in get_args(Ablation):
        return cast(Ablation, ablation)
    raise InputError(f"ablation: '{ablation}' is neither zero nor mean.")


def check_intervention(decoder: Decoder, intervention: Intervention) -> None:
    """Refuse an intervention that does not fit a model.

    Args:
        decoder: The model.
        intervention: The intervention.

    Raises:
        InputError: The model has no such heads or layers, was not the one it was made on, or something is missing.
    """
    decoder.check_heads(intervention.heads)
    if intervention.fingerprint is not None and intervention.fingerprint != decoder.fingerprint:
        raise InputError(
            f"the intervention was made on another model than {decoder.name}, or in another dtype than {decoder.dtype}: its means and "
            "directions are not this model's. Load the model as `misfire localise` did (-M dtype=…), or run that again."
        )
    needed = {head.layer for head in intervention.heads} if intervention.ablation == "mean" else set[int]()
    if missing := needed - intervention.means.keys():
        raise InputError(f"mean ablation needs the mean outputs of layers {sorted(missing)}; the intervention has none of them.")
    if missing := set(intervention.layers) - intervention.directions.keys():
        raise InputError(f"there is no direction for layers {sorted(missing)}. Give the file that `misfire localise` wrote.")
    count = len(decoder.layout.layers)
    if beyond := [layer for layer in (*intervention.layers, *intervention.directions, *intervention.means) if not 0 <= layer < count]:
        raise InputError(f"layers: {decoder.name} has no layer {beyond[0]}; it has {count}, counted from 0.")
    for layer, direction in intervention.directions.items():
        _check_vector(f"the direction of layer {layer}", direction, decoder.width)
    for layer in intervention.layers:
        if not intervention.directions[layer].any():
            raise InputError(f"the direction of layer {layer} is 0 and can be taken out of nothing.")
    for layer, means in intervention.means.items():
        _check_vector(f"the mean outputs of layer {layer}", means, decoder.layout.layers[layer].out_proj.in_features)


def _check_vector(what: str, vector: Tensor, width: int) -> None:
    if vector.shape != (width,) or not vector.is_floating_point() or not vector.isfinite().all():
        raise InputError(
            f"{what}: {width} finite numbers were expected, not {tuple(vector.shape)} of {vector.dtype}. Give the file that "
            "`misfire localise` wrote for this model."
        )


def intervention_hooks(decoder: Decoder, intervention: Intervention) -> Generator[Any]:
    """Put an intervention on a model; yields the handles that take it off again.

    Args:
        decoder: The model.
        intervention: The intervention; ``check_intervention`` has seen it.

    Yields:
        Handles of hooks.
    """
    yield from ablation_hooks(decoder, intervention.heads, intervention.means if intervention.ablation == "mean" else None)
    for layer in intervention.layers:
        yield decoder.layout.layers[layer].block.register_forward_hook(_without(intervention.directions[layer]))


def _without(direction: Tensor) -> Callable[..., Any]:
    unit = direction / direction.norm()

    def hook(_: nn.Module, __: Any, output: Any) -> Any:  # noqa: ANN401
        hidden = first(output)
        own = unit.to(hidden.device, hidden.dtype)
        return with_first(output, hidden - (hidden @ own)[..., None] * own)

    return hook


def parse_layers(layers: object) -> tuple[int, ...]:
    """Layers as a command line gives them.

    Args:
        layers: ``20,21``, one number, a list, or ``none`` for no layer.

    Returns:
        The layers, in the order given.

    Raises:
        InputError: One is not a whole number from 0, or stands there twice.
    """
    items = listed(layers)
    if [item.lower() for item in items] == ["none"]:
        return ()
    if wrong := [item for item in items if not _LAYER.fullmatch(item)]:
        raise InputError(f"layers: '{wrong[0]}' is not a layer. Write whole numbers from 0, with commas between: 20,21.")
    found = tuple(map(int, items))
    if twice := [layer for layer in found if found.count(layer) > 1]:
        raise InputError(f"layers: {twice[0]} is named twice.")
    return found
