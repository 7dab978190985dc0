"""What the fast sweep over all heads saves: against whole forwards of all prompts a head, and against one forward a head and prompt.

    python benchmarks/head_sweep.py [--layers 12] [--heads 12] [--pairs 8] [--device cpu] [--dtype float32]

One model with random weights, one process. All heads are swept by replay; the two slow ways are timed on some heads of every layer and
scaled up, since a whole forward costs the same whatever head is ablated, and compared with replay head by head. Prompts are 70 to 90
tokens that begin with 30 alike, as a system message and a chat template make them.
"""

import argparse
import resource
import time
from typing import Any

import torch

from misfire.mechanistic.ablation import naive_sweep
from misfire.mechanistic.decoder import DTYPES, AnswerTokens, Decoder
from misfire.mechanistic.organisms.language import word_tokenizer
from misfire.mechanistic.replay import Replay, chunks, copies_in_budget

ANSWERS = AnswerTokens((5, 6), (7,))
SHARED = 30


def random_model(arguments: argparse.Namespace) -> Decoder:
    """A Llama with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    width = arguments.head_dim * arguments.heads
    config = LlamaConfig(
        vocab_size=1024,
        hidden_size=width,
        intermediate_size=arguments.inner or 4 * width,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.heads,
        num_key_value_heads=arguments.kv_heads or arguments.heads,
        head_dim=arguments.head_dim,
        pad_token_id=1,
    )
    torch.manual_seed(0)
    dtype = DTYPES[arguments.dtype]
    with torch.device(arguments.device):
        default = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        model = LlamaForCausalLM(config)
        torch.set_default_dtype(default)
    return Decoder(model, word_tokenizer(["a"]), "random")


def sweep(decoder: Decoder, prompts: list[list[int]], budget: int) -> torch.Tensor:
    """All heads by replay, shape (prompts, layers, heads)."""
    shape = decoder.layout.shape
    found = torch.zeros(len(prompts), len(shape), max(shape))
    size = decoder.dtype.itemsize
    for chunk in chunks([len(prompt) for prompt in prompts], decoder.width, len(shape), size, budget):
        replay = Replay(decoder, [prompts[index] for index in chunk], ANSWERS)
        width = copies_in_budget(replay.prefix + len(chunk) * (replay.tokens - replay.prefix), decoder.width, size, budget, decoder.device)
        for layer, heads in enumerate(shape):
            for start in range(0, heads, width):
                group = range(start, min(start + width, heads))
                found[chunk, layer, start : start + len(group)] = replay.ablated(layer, group).T.cpu()
    return found


def naive(decoder: Decoder, prompts: list[list[int]], layer: int, heads: int) -> torch.Tensor:
    """The first heads of a layer by whole forwards, shape (heads, prompts)."""
    return naive_sweep(decoder, prompts, ANSWERS, layer, heads=range(heads))


def timed(device: str, work: Any) -> tuple[float, Any]:  # noqa: ANN401
    """Seconds of some work, and what it gives; on a CPU those of this process alone, since other work must not count."""
    if device == "cpu":
        start = time.process_time()
        given = work()
        return time.process_time() - start, given
    torch.cuda.synchronize()
    start = time.perf_counter()
    given = work()
    torch.cuda.synchronize()
    return time.perf_counter() - start, given


def matrix_rate(device: str, dtype: torch.dtype) -> float:
    """Floating point operations a second of a large matrix product."""
    size = 8192 if device != "cpu" else 1024
    one = torch.randn(size, size, device=device, dtype=dtype)
    _ = one @ one
    seconds, _ = timed(device, lambda: [one @ one for _ in range(10)])
    return 10 * 2 * size**3 / seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("layers", 12), ("heads", 12), ("head-dim", 64), ("kv-heads", 0), ("inner", 0), ("pairs", 8), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--tokens", type=int, nargs=2, default=(70, 90), help="shortest and longest prompt")
    parser.add_argument("--reference-heads", type=int, default=1, help="heads of every layer that the slow ways are timed on")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=list(DTYPES))
    parser.add_argument("--budgets", type=float, nargs="+", default=[2.0], help="GiB")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    decoder = random_model(arguments)
    draw = torch.Generator().manual_seed(0)
    start = torch.randint(4, 1000, (SHARED,), generator=draw).tolist()
    lengths = torch.randint(arguments.tokens[0], arguments.tokens[1] + 1, (2 * arguments.pairs,), generator=draw).tolist()
    prompts = [start + torch.randint(4, 1000, (length - SHARED,), generator=draw).tolist() for length in lengths]
    _ = sweep(decoder, prompts[:2], 2**30)

    heads = len(decoder.heads)
    reference = [(layer, min(arguments.reference_heads, own)) for layer, own in enumerate(decoder.layout.shape)]
    share = sum(count for _, count in reference) / heads
    device = arguments.device
    together, slow = timed(device, lambda: [naive(decoder, prompts, layer, count) for layer, count in reference])
    alone, _ = timed(device, lambda: [naive(decoder, [prompt], layer, count) for layer, count in reference for prompt in prompts])
    together, alone = together / share, alone / share
    print(
        f"{arguments.layers} layers x {arguments.heads} heads, width {decoder.width}, {len(prompts)} prompts, {device}, {arguments.dtype}"
    )
    print(f"one forward a head and prompt: {alone:8.1f} s (measured on {share:.0%} of heads)")
    print(f"one forward a head, batched:   {together:8.1f} s (measured on {share:.0%} of heads)")
    for budget in arguments.budgets:
        if device != "cpu":
            torch.cuda.reset_peak_memory_stats()
        seconds, fast = timed(device, lambda budget=budget: sweep(decoder, prompts, int(budget * 2**30)))
        deviation = max(
            float((fast[:, layer, :count] - own.T.cpu()).abs().max()) for (layer, count), own in zip(reference, slow, strict=True)
        )
        peak = torch.cuda.max_memory_allocated() if device != "cpu" else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        memory = f", peak {peak / 2**30:.2f} GiB"
        print(
            f"replay, budget {budget:g} GiB: {seconds:8.1f} s, {together / seconds:.2f} x batched, {alone / seconds:.2f} x one by one, "
            f"max |difference| {deviation:.1e}{memory}"
        )
    rate = matrix_rate(device, decoder.dtype)
    weights = sum(weight.numel() for layer in decoder.layout.layers for weight in layer.block.parameters())
    work = 2 * weights * sum(lengths) * heads
    print(f"whole forwards need {work:.2e} operations: {work / rate:.1f} s at the measured matrix rate of {rate / 1e9:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
