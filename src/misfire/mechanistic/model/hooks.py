"""Hooks on a running model: capture activations, ablate heads, and replace outputs.

All hooks are removed afterward.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from misfire.mechanistic.model.batching import BUDGET, batches
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.layouts import Layer

Ablation = Literal["zero", "mean"]
"""What replaces the output of a head: zero, or its mean over the tokens of control prompts."""

ABLATIONS: tuple[Ablation, ...] = ("zero", "mean")

Site = Literal["residual", "attention", "mlp"]
"""Where activations are patched: the residual stream after a layer, the attention output, or the MLP
output."""

SITES: tuple[Site, ...] = ("residual", "attention", "mlp")

Means = Mapping[int, Tensor]
"""Mean output of the heads of each layer, shape (heads · head_dim,)."""


@contextmanager
def hooked(hooks: Iterable[Any]) -> Generator[None]:
    """Remove hooks on exit, even after an error."""
    handles = list(hooks)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def first(output: Any) -> Tensor:  # noqa: ANN401 (a module returns a tensor, or a tuple that starts with one)
    """Return the tensor in the output of a module."""
    return output[0] if isinstance(output, tuple) else output


def with_first(output: Any, tensor: Tensor) -> Any:  # noqa: ANN401
    """Return the output of a module with its tensor replaced."""
    return (tensor, *output[1:]) if isinstance(output, tuple) else tensor


def module_of(layer: Layer, site: Site) -> nn.Module:
    """Return the module whose output is the site."""
    return {"residual": layer.block, "attention": layer.mixer, "mlp": layer.mlp}[site]


@dataclass
class Captured:
    """Captured activations by layer, with shape (prompts, tokens, …).

    Attributes:
        z: Concatenated outputs of the heads, at the input of the output projection.
        residual: The residual stream after the layer.
        attention: The attention output, before a norm that may follow it (as in Gemma).
        mlp: The MLP output.
    """

    z: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    residual: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    attention: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    mlp: dict[int, Tensor] = field(default_factory=dict[int, Tensor])

    def at(self, site: Site) -> dict[int, Tensor]:
        """Return the captured activations of a site."""
        return {"residual": self.residual, "attention": self.attention, "mlp": self.mlp}[site]


@contextmanager
def capturing(decoder: Decoder, *, z: bool = False, sites: Sequence[Site] = ()) -> Generator[Captured]:
    """Capture activations of the runs in this context.

    Args:
        decoder: The model.
        z: Whether to capture the heads' outputs.
        sites: Which other sites to capture.

    Yields:
        The object that holds the activations of the latest run.
    """
    captured = Captured()

    def keep_z(index: int) -> Callable[..., None]:
        def hook(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            captured.z[index] = arguments[0].detach()

        return hook

    def keep(site: Site, index: int) -> Callable[..., None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:  # noqa: ANN401
            captured.at(site)[index] = first(output).detach()

        return hook

    def hooks() -> Generator[Any]:
        for layer in decoder.layout.layers:
            if z:
                yield layer.out_proj.register_forward_pre_hook(keep_z(layer.index))
            for site in sites:
                yield module_of(layer, site).register_forward_hook(keep(site, layer.index))

    with hooked(hooks()):
        yield captured


@contextmanager
def ablating(
    decoder: Decoder, heads: Sequence[Head] | Sequence[Sequence[Head]], means: Means | None = None
) -> Generator[None]:
    """Ablate heads at the input of the output projection, at all tokens.

    Args:
        decoder: The model.
        heads: The heads to ablate, or one list of heads for each prompt of the batches in this context.
        means: Values that replace the outputs of the heads; zero if None.

    Yields:
        Nothing. Runs in this context are those of the ablated model.
    """
    with hooked(ablation_hooks(decoder, heads, means)):
        yield


def ablation_hooks(
    decoder: Decoder, heads: Sequence[Head] | Sequence[Sequence[Head]], means: Means | None = None
) -> Generator[Any]:
    """Add the hooks of ``ablating`` and return their handles, for use without a context."""
    rows: list[Sequence[Head]] = [heads] if not heads or isinstance(heads[0], Head) else list(heads)  # pyright: ignore[reportAssignmentType]
    for layer in decoder.layout.layers:
        keep = torch.ones(len(rows), layer.heads)
        for row, named in enumerate(rows):
            for head in named:
                if head.layer == layer.index:
                    keep[row, head.index] = 0
        if bool(keep.all()):
            continue
        weight = layer.out_proj.weight
        kept = keep.repeat_interleave(layer.head_dim, dim=1)[:, None, :].to(weight.device, weight.dtype)
        fill = None if means is None else (1 - kept) * means[layer.index].to(weight.device, weight.dtype)
        yield layer.out_proj.register_forward_pre_hook(_ablation(kept, fill))


def _ablation(kept: Tensor, fill: Tensor | None) -> Callable[..., tuple[Tensor]]:
    def hook(_: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor]:
        z = arguments[0] * kept
        return (z if fill is None else z + fill,)

    return hook


@contextmanager
def standing_in(module: nn.Module, output: Any) -> Generator[None]:  # noqa: ANN401
    """Make a module return a fixed output without computing anything. Its hooks still run."""
    had = module.__dict__.get("forward")
    module.forward = lambda *_, **__: output  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        del module.forward
        if had is not None:
            module.forward = had  # pyright: ignore[reportAttributeAccessIssue]


@dataclass(frozen=True)
class Patch:
    """Values that replace those of a site.

    Attributes:
        site: The site.
        layer: Index of the layer.
        rows: Row in the batch of each value, shape (n,).
        tokens: Token position of each value, shape (n,).
        values: The new values, shape (n, width).
    """

    site: Site
    layer: int
    rows: Tensor
    tokens: Tensor
    values: Tensor


@contextmanager
def patching(decoder: Decoder, patch: Patch) -> Generator[None]:
    """Replace the output of a site at some tokens in the runs in this context."""

    def hook(_: nn.Module, __: Any, output: Any) -> Any:  # noqa: ANN401
        tensor = first(output).clone()
        tensor[patch.rows.to(tensor.device), patch.tokens.to(tensor.device)] = patch.values.to(
            tensor.device, tensor.dtype
        )
        return with_first(output, tensor)

    with hooked([module_of(decoder.layout.layers[patch.layer], patch.site).register_forward_hook(hook)]):
        yield


@torch.no_grad()
def mean_outputs(decoder: Decoder, prompts: Sequence[Sequence[int]], budget: int = BUDGET) -> Means:
    """Compute the mean outputs of heads over all tokens of some prompts.

    Args:
        decoder: The model.
        prompts: Token IDs of each prompt. Padding is not counted.
        budget: Memory budget for activations, in bytes.

    Returns:
        The means of each layer, shape (heads · head_dim,), float32.
    """
    totals: dict[int, Tensor] = {}
    count = 0
    for _, batch in batches(decoder, prompts, budget):
        with capturing(decoder, z=True) as captured:
            decoder.run(batch)
        for layer, z in captured.z.items():
            own = (z.float() * batch.mask[..., None].to(z.device)).sum((0, 1))
            totals[layer] = totals[layer] + own if layer in totals else own
        count += int(batch.mask.sum())
    return {layer: total / count for layer, total in totals.items()}
