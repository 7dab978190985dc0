"""Run a batch once, then rerun it from any layer on, with the same numbers as a whole run to the last bit."""

# many types in transformers are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

import torch
from torch import Tensor, nn

from misfire.mechanistic.model.decoder import Batch, Decoder
from misfire.mechanistic.model.hooks import first, hooked
from misfire.mechanistic.model.layouts import Layer


class Rerun:
    """A clean run of a batch that keeps what enters each layer.

    Hooks that are on the model during the clean run see it, too. A rerun repeats the same operations on
    tensors of the same shapes, so nothing is rounded differently. Layers before its first one must not be
    hooked.

    Args:
        decoder: The model.
        batch: The prompts.

    Attributes:
        final: The residual stream after the final norm at the last token of each prompt, shape (prompts,
            width).
    """

    @torch.no_grad()
    def __init__(self, decoder: Decoder, batch: Batch) -> None:
        self.decoder, self.batch = decoder, batch
        self._entering: list[tuple[Tensor, dict[str, Any]]] = []

        def keep(_: nn.Module, arguments: tuple[Tensor, ...], keywords: dict[str, Any]) -> None:
            self._entering.append((arguments[0].detach(), keywords | {"use_cache": False}))

        layers = decoder.layout.layers
        with hooked([layer.block.register_forward_pre_hook(keep, with_kwargs=True) for layer in layers]):
            self.final = decoder.run(batch)

    @torch.no_grad()
    def from_layer(self, layer: int) -> Tensor:
        """Run this layer and all later ones, with any hooks on them.

        Returns:
            The residual stream as in ``final``.
        """
        self.decoder.forwards += len(self.batch.ids)
        hidden = self._entering[layer][0]
        for part in self.decoder.layout.layers[layer:]:
            hidden = self._block(part, hidden)
        hidden = self.decoder.layout.norm(hidden)
        return hidden[torch.arange(len(hidden), device=hidden.device), self.batch.last.to(hidden.device)]

    @torch.no_grad()
    def one_layer(self, layer: int) -> Tensor:
        """Run one layer alone, with any hooks on it; return the residual stream after it."""
        self.decoder.forwards += len(self.batch.ids)
        return self._block(self.decoder.layout.layers[layer], self._entering[layer][0])

    def _block(self, part: Layer, hidden: Tensor) -> Tensor:
        return first(part.block(hidden, **self._entering[part.index][1]))
