"""What is done to a running model: capturing what its parts give, ablating heads, replacing outputs; no trace is left."""

# torch and pandas leave many types open
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
"""What a head's output becomes: nothing, or its mean over the tokens of control prompts."""

Site = Literal["residual", "attention", "mlp"]
"""Where activations are patched: the residual stream after a layer, or what its attention or its MLP gives."""

SITES: tuple[Site, ...] = ("residual", "attention", "mlp")

Means = Mapping[int, Tensor]
"""By layer the mean output of its heads, shape (heads · head_dim,)."""


@contextmanager
def hooked(hooks: Iterable[Any]) -> Generator[None]:
    """Takes hooks away again, whatever happens."""
    handles = list(hooks)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def first(output: Any) -> Tensor:  # noqa: ANN401 (a module gives a tensor, or a tuple that begins with one)
    """The tensor of a module's output."""
    return output[0] if isinstance(output, tuple) else output


def with_first(output: Any, tensor: Tensor) -> Any:  # noqa: ANN401
    """A module's output with another tensor in its place."""
    return (tensor, *output[1:]) if isinstance(output, tuple) else tensor


def module_of(layer: Layer, site: Site) -> nn.Module:
    """The module whose output a site is."""
    return {"residual": layer.block, "attention": layer.mixer, "mlp": layer.mlp}[site]


@dataclass
class Captured:
    """What was captured, by layer; tensors of shape (prompts, tokens, …).

    Attributes:
        z: The heads' outputs side by side, at the input of the output projection.
        residual: The residual stream after the layer.
        attention: What the attention gave (before a norm that may follow it, as in Gemma).
        mlp: What the MLP gave.
    """

    z: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    residual: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    attention: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    mlp: dict[int, Tensor] = field(default_factory=dict[int, Tensor])

    def at(self, site: Site) -> dict[int, Tensor]:
        """What a site gave."""
        return {"residual": self.residual, "attention": self.attention, "mlp": self.mlp}[site]


@contextmanager
def capturing(decoder: Decoder, *, z: bool = False, sites: Sequence[Site] = ()) -> Generator[Captured]:
    """Capture activations of the runs inside.

    Args:
        decoder: The model.
        z: Whether to capture the heads' outputs.
        sites: Which other sites.

    Yields:
        Where they will be, of the latest run.
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
def ablating(decoder: Decoder, heads: Sequence[Head] | Sequence[Sequence[Head]], means: Means | None = None) -> Generator[None]:
    """Ablate heads at the input of the output projection, at every token.

    Args:
        decoder: The model.
        heads: The heads; or as many lists of heads as the batches inside have prompts, one a prompt.
        means: What takes the place of a head's output; zero without.

    Yields:
        Nothing; runs inside are those of the ablated model.
    """
    with hooked(ablation_hooks(decoder, heads, means)):
        yield


def ablation_hooks(decoder: Decoder, heads: Sequence[Head] | Sequence[Sequence[Head]], means: Means | None = None) -> Generator[Any]:
    """The hooks of ``ablating``, to be kept for as long as one likes."""
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
    """Let a module give a fixed output without computing anything; its hooks run as ever."""
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
    """Values that take the place of a site's own.

    Attributes:
        site: Where.
        layer: In which layer.
        rows: Rows of the batch, shape (n,).
        tokens: A token of each, shape (n,).
        values: What stands there then, shape (n, width).
    """

    site: Site
    layer: int
    rows: Tensor
    tokens: Tensor
    values: Tensor


@contextmanager
def patching(decoder: Decoder, patch: Patch) -> Generator[None]:
    """Replace a site's output at some tokens in the runs inside."""

    def hook(_: nn.Module, __: Any, output: Any) -> Any:  # noqa: ANN401
        tensor = first(output).clone()
        tensor[patch.rows.to(tensor.device), patch.tokens.to(tensor.device)] = patch.values.to(tensor.device, tensor.dtype)
        return with_first(output, tensor)

    with hooked([module_of(decoder.layout.layers[patch.layer], patch.site).register_forward_hook(hook)]):
        yield


@torch.no_grad()
def mean_outputs(decoder: Decoder, prompts: Sequence[Sequence[int]], budget: int = BUDGET) -> Means:
    """What heads give on average over all tokens of some prompts.

    Args:
        decoder: The model.
        prompts: Token ids of each prompt; padding does not count.
        budget: Memory for activations, in bytes.

    Returns:
        The mean of each layer, shape (heads · head_dim,), float32.
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
