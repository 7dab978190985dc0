"""Split prompts into batches whose activations fit a memory budget."""

from collections.abc import Iterator, Sequence

import torch

from misfire.mechanistic.model.decoder import Batch, Decoder

BUDGET = 2 << 30
"""Default memory budget for activations, in bytes."""

_PARTS = 24
"""Number of values that one token holds at a time while a layer runs, in multiples of the width of the
residual stream.

These are the stream, its norm, and three vectors of a gated MLP's inner size.
"""

_CPU_TOKENS = 1024
"""Maximum number of tokens per pass on a CPU. Larger passes do not fit the CPU caches and are slower."""


def chunks(lengths: Sequence[int], width: int, layers: int, size: int, budget: int) -> Iterator[list[int]]:
    """Split prompts into chunks whose captured activations fit half of a budget.

    Args:
        lengths: Number of tokens in each prompt.
        width: Number of values captured per token, usually the width of the residual stream.
        layers: Number of layers in which they are captured.
        size: Size of a value in bytes.
        budget: Memory budget for activations, in bytes.

    Yields:
        Indices of prompts of similar length; each chunk has at least one.
    """
    yield from _fitting(
        sorted(range(len(lengths)), key=lambda index: lengths[index]), lengths, width, layers, size, budget
    )


def sweep_chunks(decoder: Decoder, prompts: Sequence[Sequence[int]], budget: int) -> list[list[int]]:
    """Split prompts into replays that fit a budget. Prompts with a common beginning stay together.

    Args:
        decoder: The model.
        prompts: Token IDs of each prompt.
        budget: Memory budget for activations, in bytes.

    Returns:
        Indices of the prompts in each chunk.
    """
    order = sorted(range(len(prompts)), key=lambda index: tuple(prompts[index]))
    lengths = [len(prompt) for prompt in prompts]
    return list(
        _fitting(order, lengths, decoder.width, len(decoder.layout.layers), decoder.dtype.itemsize, budget)
    )


def batches(
    decoder: Decoder, prompts: Sequence[Sequence[int]], budget: int = BUDGET, *, layers: int | None = None
) -> Iterator[tuple[list[int], Batch]]:
    """Split prompts of similar length into padded batches that fit a budget.

    Args:
        decoder: The model.
        prompts: Token IDs of each prompt.
        budget: Memory budget for activations, in bytes.
        layers: Number of layers whose activations are kept while a batch runs. The default is all layers of
            the model.

    Yields:
        The indices of the prompts in a batch, and the batch.
    """
    kept = len(decoder.layout.layers) if layers is None else layers
    for chunk in chunks(
        [len(prompt) for prompt in prompts], decoder.width, kept, decoder.dtype.itemsize, budget
    ):
        yield chunk, decoder.batch([prompts[index] for index in chunk])


def _fitting(
    order: Sequence[int], lengths: Sequence[int], width: int, layers: int, size: int, budget: int
) -> Iterator[list[int]]:
    chunk: list[int] = []
    for index in order:
        longest = max(lengths[other] for other in (*chunk, index))
        # per layer and token, two activations are kept: the input of the layer and the outputs of its heads;
        # _PARTS more values are held while one layer runs
        if chunk and (2 * layers + _PARTS) * (len(chunk) + 1) * longest * width * size > budget / 2:
            yield chunk
            chunk = []
        chunk.append(index)
    if chunk:
        yield chunk


def copies_in_budget(tokens: int, width: int, size: int, budget: int, device: torch.device) -> int:
    """Return how many variants of a prompt can run side by side in half of a budget; at least 1.

    On a CPU the number is limited further, because passes that do not fit its caches are slower.

    Args:
        tokens: Number of tokens in one variant.
        width: Width of the residual stream.
        size: Size of a value in bytes.
        budget: Memory budget for activations, in bytes.
        device: The device on which the model runs.
    """
    most = max(1, int(budget / 2 / (_PARTS * tokens * width * size)))
    return min(most, max(1, _CPU_TOKENS // tokens)) if device.type == "cpu" else most
