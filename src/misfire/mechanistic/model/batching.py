"""How prompts are split into batches whose activations fit a memory budget."""

from collections.abc import Iterator, Sequence

import torch

from misfire.mechanistic.model.decoder import Batch, Decoder

BUDGET = 2 << 30
"""Default memory for activations, in bytes."""

_PARTS = 24
"""Values that one running token holds at a time, in units of the residual stream's width.

These are the stream, its norm, and three vectors of a gated MLP's inner size.
"""

_CPU_TOKENS = 1024
"""Tokens that a pass needs to keep a CPU busy; passes with more tokens leave its caches and are slower."""


def chunks(lengths: Sequence[int], width: int, layers: int, size: int, budget: int) -> Iterator[list[int]]:
    """Split prompts into chunks whose captured activations fit half of a budget.

    Args:
        lengths: Number of tokens of each prompt.
        width: Values that are captured per token, usually the width of the residual stream.
        layers: Layers in which they are captured.
        size: Bytes of a value.
        budget: Memory for activations, in bytes.

    Yields:
        Indices of prompts of similar length, at least one per chunk.
    """
    yield from _fitting(sorted(range(len(lengths)), key=lambda index: lengths[index]), lengths, width, layers, size, budget)


def sweep_chunks(decoder: Decoder, prompts: Sequence[Sequence[int]], budget: int) -> list[list[int]]:
    """Split prompts into replays that fit a budget; prompts that begin alike stay together.

    Args:
        decoder: The model.
        prompts: Token ids of each prompt.
        budget: Memory for activations, in bytes.

    Returns:
        Indices of the prompts in each chunk.
    """
    order = sorted(range(len(prompts)), key=lambda index: tuple(prompts[index]))
    lengths = [len(prompt) for prompt in prompts]
    return list(_fitting(order, lengths, decoder.width, len(decoder.layout.layers), decoder.dtype.itemsize, budget))


def batches(
    decoder: Decoder, prompts: Sequence[Sequence[int]], budget: int = BUDGET, *, layers: int | None = None
) -> Iterator[tuple[list[int], Batch]]:
    """Split prompts of similar length into padded batches that fit a budget.

    Args:
        decoder: The model.
        prompts: Token ids of each prompt.
        budget: Memory for activations, in bytes.
        layers: Layers whose activations are kept while a batch runs. By default these are all layers of the model.

    Yields:
        The indices of the prompts in a batch, and the batch.
    """
    kept = len(decoder.layout.layers) if layers is None else layers
    for chunk in chunks([len(prompt) for prompt in prompts], decoder.width, kept, decoder.dtype.itemsize, budget):
        yield chunk, decoder.batch([prompts[index] for index in chunk])


def _fitting(order: Sequence[int], lengths: Sequence[int], width: int, layers: int, size: int, budget: int) -> Iterator[list[int]]:
    chunk: list[int] = []
    for index in order:
        longest = max(lengths[other] for other in (*chunk, index))
        # two activations a layer and token, the layer's input and its heads' outputs, and what one layer holds while it runs
        if chunk and (2 * layers + _PARTS) * (len(chunk) + 1) * longest * width * size > budget / 2:
            yield chunk
            chunk = []
        chunk.append(index)
    if chunk:
        yield chunk


def copies_in_budget(tokens: int, width: int, size: int, budget: int, device: torch.device) -> int:
    """How many variants of a prompt run side by side in half of a budget, at least one.

    On a CPU the number is limited further, since passes that leave its caches are slower.

    Args:
        tokens: Tokens of one variant.
        width: Width of the residual stream.
        size: Bytes of a value.
        budget: Memory for activations, in bytes.
        device: Where the model runs.
    """
    most = max(1, int(budget / 2 / (_PARTS * tokens * width * size)))
    return min(most, max(1, _CPU_TOKENS // tokens)) if device.type == "cpu" else most
