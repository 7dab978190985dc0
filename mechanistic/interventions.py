"""An intervention as a thing that can be kept in a file and put on a model: heads to ablate, directions to take out of layers.

``misfire localise`` writes one beside its frames, and the provider ``intervened/…`` reads it.
"""

# safetensors leaves its types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from misfire.datasets.pairs import HALF_NAMES
from misfire.datasets.writing import replaced_file
from misfire.errors import InputError
from misfire.mechanistic.decoder import Decoder
from misfire.mechanistic.heads import Head, parse_heads
from misfire.mechanistic.hooks import Ablation, Means, ablation_hooks, capturing, first, hooked, with_first
from misfire.mechanistic.replay import chunks
from misfire.mechanistic.selection import BUDGET, Probed


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


def save_intervention(intervention: Intervention, path: Path) -> None:
    """Write an intervention as a safetensors file.

    Args:
        intervention: The intervention.
        path: The file.

    Raises:
        InputError: It cannot be written.
    """
    from safetensors.torch import save_file

    tensors = {f"means.{layer}": value.float().cpu().contiguous() for layer, value in intervention.means.items()}
    tensors |= {f"directions.{layer}": value.float().cpu().contiguous() for layer, value in intervention.directions.items()}
    metadata = {
        "heads": ",".join(map(str, intervention.heads)),
        "ablation": intervention.ablation,
        "layers": ",".join(map(str, intervention.layers)),
        "fingerprint": intervention.fingerprint or "",
    }
    with replaced_file(path) as temporary:
        save_file(tensors or {"none": torch.zeros(1)}, temporary, metadata)


def load_intervention(path: Path) -> Intervention:
    """Read an intervention.

    Args:
        path: A file that ``misfire localise`` wrote.

    Returns:
        The intervention.

    Raises:
        InputError: It is no such file.
    """
    from safetensors import SafetensorError, safe_open

    means: dict[int, Tensor] = {}
    directions: dict[int, Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
            for key in file.keys():  # noqa: SIM118 (safetensors has no iterator)
                kind, _, layer = key.partition(".")
                if layer:
                    (means if kind == "means" else directions)[int(layer)] = file.get_tensor(key)
        ablation = checked_ablation(metadata["ablation"])
        layers = tuple(int(layer) for layer in metadata["layers"].split(",") if layer)
        heads = parse_heads(metadata["heads"]) if metadata["heads"] else ()
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(
            f"{path}: no intervention that can be read ({error}). `misfire localise` writes one, intervention.safetensors."
        ) from error
    return Intervention(heads, ablation, means, layers, directions, metadata.get("fingerprint") or None)


def checked_ablation(ablation: str) -> Ablation:
    """An ablation by its name.

    Raises:
        InputError: There is none of that name.
    """
    if ablation == "zero" or ablation == "mean":
        return ablation
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
    if beyond := [layer for layer in intervention.layers if not 0 <= layer < count]:
        raise InputError(f"layers: {decoder.name} has no layer {beyond[0]}; it has {count}, counted from 0.")
    for layer in intervention.layers:
        _check_vector(f"the direction of layer {layer}", intervention.directions[layer], decoder.width)
        if not intervention.directions[layer].any():
            raise InputError(f"the direction of layer {layer} is 0 and can be taken out of nothing.")
    for layer in needed:
        _check_vector(f"the mean outputs of layer {layer}", intervention.means[layer], decoder.layout.layers[layer].out_proj.in_features)


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


@contextmanager
def intervening(decoder: Decoder, intervention: Intervention) -> Generator[None]:
    """A model with an intervention on, for a while."""
    with hooked(intervention_hooks(decoder, intervention)):
        yield


def _without(direction: Tensor) -> Callable[..., Any]:
    unit = direction / direction.norm()

    def hook(_: nn.Module, __: Any, output: Any) -> Any:  # noqa: ANN401
        hidden = first(output)
        own = unit.to(hidden.device, hidden.dtype)
        return with_first(output, hidden - (hidden @ own)[..., None] * own)

    return hook


@torch.no_grad()
def difference_directions(decoder: Decoder, probed: Probed, budget: int = BUDGET) -> dict[int, Tensor]:
    """By layer the direction in which contrast and stereotyped halves of failures differ at the last token, a unit vector."""
    totals: dict[int, Tensor] = {}
    asked = [(one.prompts[half].ids, 1 if half == "contrast" else -1) for one in probed.of("failure") for half in HALF_NAMES]
    layers = len(decoder.layout.layers)
    for chunk in chunks([len(ids) for ids, _ in asked], decoder.width, layers, decoder.dtype.itemsize, budget):
        batch = decoder.batch([asked[index][0] for index in chunk])
        signs = torch.tensor([asked[index][1] for index in chunk], dtype=torch.float32)
        with capturing(decoder, sites=["residual"]) as captured:
            decoder.run(batch)
        for layer, residual in captured.residual.items():
            rows = torch.arange(len(chunk), device=residual.device)
            own = (residual[rows, batch.last.to(residual.device)].float().cpu() * signs[:, None]).sum(0)
            totals[layer] = totals[layer] + own if layer in totals else own
    return {layer: total / total.norm().clamp(min=1e-12) for layer, total in totals.items()}


def parse_layers(layers: str | int | Sequence[str | int]) -> tuple[int, ...]:
    """Layers as a command line gives them: ``20,21``.

    Raises:
        InputError: One is no number from 0.
    """
    items = layers.split(",") if isinstance(layers, str) else [layers] if isinstance(layers, int) else list(layers)
    try:
        found = tuple(int(item) for item in items)
    except ValueError as error:
        raise InputError(f"layers: {layers!r} are not layers. Write numbers from 0: 20,21.") from error
    if any(layer < 0 for layer in found):
        raise InputError(f"layers: {layers!r} are not layers. Write numbers from 0: 20,21.")
    return found
