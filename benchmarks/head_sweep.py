"""Compares the fast sweep over all heads with two slow methods.

One runs a full forward pass of all prompts per head, the other runs one per head and prompt.

    python benchmarks/head_sweep.py [--layers 12] [--heads 12] [--pairs 8] [--prompts embedded] [--device cpu]
    [--dtype float32]

It uses one model with random weights in one process. All heads are swept by replay. The slow methods are
timed on some heads of every layer and scaled up, because a full forward pass costs the same for every ablated
head. Their results are compared with those of the replay, head by head. The prompts are those of the probe,
from embedded pairs of as many scenarios as possible, or random ones of 70 to 90 tokens with a common prefix
of 30. Peak memory is measured in one process for each budget, which sweeps the first layer because its
replays are the longest. It is the maximum memory beyond that of the loaded model.
"""

import argparse
import multiprocessing
import resource
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from misfire.datasets.sources import PairSettings, load_pairs
from misfire.mechanistic.analyses.ablation import naive_last_token, naive_sweep
from misfire.mechanistic.model.batching import copies_in_budget, sweep_chunks
from misfire.mechanistic.model.decoder import DTYPES, AnswerTokens, Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import ablating
from misfire.mechanistic.model.replay import Replay
from misfire.mechanistic.organisms.language import word_tokenizer
from misfire.mechanistic.prompts import probe_prompt

ANSWERS = AnswerTokens((5, 6), (7,))
SHARED = 30
GIB = 2**30

Settings = argparse.Namespace

Reference = Sequence[tuple[int, range]]
"""The heads of each layer on which the slow methods are timed."""


def random_model(settings: Settings) -> Decoder:
    """Make a Llama model with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(settings.threads)
    width = settings.head_dim * settings.heads
    config = LlamaConfig(
        vocab_size=settings.vocabulary,
        hidden_size=width,
        intermediate_size=settings.inner or 4 * width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.kv_heads or settings.heads,
        head_dim=settings.head_dim,
        pad_token_id=1,
    )
    torch.manual_seed(0)
    default = torch.get_default_dtype()
    with torch.device(settings.device):
        torch.set_default_dtype(DTYPES[settings.dtype])
        model = LlamaForCausalLM(config)
        torch.set_default_dtype(default)
    return Decoder(model, word_tokenizer(["a"]), "random")


def prompts_of(settings: Settings) -> list[list[int]]:
    """Return the prompts for both halves of every pair."""
    if settings.prompts == "random":
        draw = torch.Generator().manual_seed(0)
        start = torch.randint(4, 1000, (SHARED,), generator=draw).tolist()
        lengths = torch.randint(70, 91, (2 * settings.pairs,), generator=draw).tolist()
        return [
            start + torch.randint(4, 1000, (length - SHARED,), generator=draw).tolist() for length in lengths
        ]
    pairs = load_pairs(PairSettings("embedded")).pairs
    by_scenario = {
        scenario: [pair for pair in pairs if pair.scenario == scenario]
        for scenario in dict.fromkeys(p.scenario for p in pairs)
    }
    chosen = [own[place] for place in range(len(pairs)) for own in by_scenario.values() if place < len(own)][
        : settings.pairs
    ]
    words = word_tokenizer(
        [half.prompt for pair in chosen for _, half in pair.halves] + [probe_words()], None
    )
    return [list(probe_prompt(words, half.prompt).ids) for pair in chosen for _, half in pair.halves]


def probe_words() -> str:
    """Put the text of the prompt template around a question."""
    from misfire.tasks.prompts import WORD_REQUEST, WORD_SYSTEM_MESSAGE

    return f"{WORD_SYSTEM_MESSAGE} {WORD_REQUEST} Answer:"


def sweep(
    decoder: Decoder, prompts: list[list[int]], budget: int, *, last: bool = False, layers: int | None = None
) -> torch.Tensor:
    """Sweep all heads by replay, optionally only in the first layers or only at the last token.

    Shape (prompts, layers, heads).
    """
    shape = decoder.layout.shape[:layers]
    found = torch.zeros(len(prompts), len(shape), max(shape))
    size = decoder.dtype.itemsize
    for chunk in sweep_chunks(decoder, prompts, budget):
        replay = Replay(decoder, [prompts[index] for index in chunk], ANSWERS)
        width = (
            max(shape)
            if last
            else copies_in_budget(replay.tokens, decoder.width, size, budget, decoder.device)
        )
        for layer, heads in enumerate(shape):
            for start in range(0, heads, width):
                group = range(start, min(start + width, heads))
                ablated = replay.ablated_at_last(layer, group) if last else replay.ablated(layer, group)
                found[chunk, layer, start : start + len(group)] = ablated.T.cpu()
    return found


@torch.no_grad()
def plain(decoder: Decoder, prompt: list[int], head: Head) -> float:
    """Run one standard Hugging Face forward pass, with logits of the whole vocabulary at every token."""
    with ablating(decoder, [head]):
        logits = (
            decoder.model(input_ids=torch.tensor([prompt], device=decoder.device), use_cache=False)
            .logits[0, -1]
            .float()
        )
    return float(torch.logsumexp(logits[list(ANSWERS.yes)], 0) - torch.logsumexp(logits[list(ANSWERS.no)], 0))


def timed(device: str, work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the time of some work in seconds and its result.

    On a CPU, this is the CPU time of this process, to exclude other work.
    """
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
    """Return the floating point operations per second of a large matrix product."""
    size = 8192 if device != "cpu" else 1024
    one = torch.randn(size, size, device=device, dtype=dtype)
    _ = one @ one
    seconds, _ = timed(device, lambda: [one @ one for _ in range(10)])
    return 10 * 2 * size**3 / seconds


def peak(settings: Settings, budget: float) -> int:
    """Return the peak memory in bytes that a sweep of the first layer adds.

    On a CPU, memory is sampled every millisecond.
    """
    decoder, prompts = random_model(settings), prompts_of(settings)
    _ = sweep(
        decoder, [prompts[0][:4]], GIB, layers=1
    )  # warm up: memory that the first pass loads is not for activations
    if settings.device != "cpu":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        sweep(decoder, prompts, int(budget * GIB), layers=1)
        return torch.cuda.max_memory_allocated() - before
    before, most, done = resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.001):
            most = max(most, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    sweep(decoder, prompts, int(budget * GIB), layers=1)
    done.set()
    watcher.join()
    return most - before


def resident() -> int:
    """Return the current memory of this process in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def floor(settings: Settings, tokens: int, nodes: int) -> float:
    """Return the maximum speed-up by replay.

    It is the matrix products of full forward passes over those of replays, with shared prefixes once.

    After a head of layer l, a replay runs the MLP of l, all layers up to the last, and the attention of the
    last layer. In the last layer, it only processes the last token.
    """
    width, inner, head_dim = (
        settings.head_dim * settings.heads,
        settings.inner or 4 * settings.head_dim * settings.heads,
        settings.head_dim,
    )
    attention = 2 * width * head_dim * (settings.heads + (settings.kv_heads or settings.heads))
    mlp = 3 * width * inner
    layers = settings.layers
    replays = sum(mlp + (layers - 2 - layer) * (attention + mlp) + attention for layer in range(layers - 1))
    return layers * layers * (attention + mlp) * tokens / (replays * nodes)


def parsed_settings() -> Settings:
    """Return the settings of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (
        ("layers", 12),
        ("heads", 12),
        ("head-dim", 64),
        ("kv-heads", 0),
        ("inner", 0),
        ("pairs", 8),
        ("threads", 1),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--prompts", choices=["embedded", "random"], default="embedded")
    parser.add_argument(
        "--reference-heads",
        type=int,
        default=1,
        help="number of heads in each layer on which the slow methods are timed",
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32", choices=list(DTYPES))
    parser.add_argument("--budget", type=float, default=2.0, help="memory budget of the timed sweep in GiB")
    parser.add_argument(
        "--memory",
        type=float,
        nargs="*",
        default=[0.1, 0.5, 2.0],
        help="budgets in GiB for which peak memory is measured",
    )
    return parser.parse_args()


def deviation(fast: torch.Tensor, slow: Sequence[torch.Tensor], reference: Reference) -> float:
    """Return the largest difference between a replay, shape (prompts, layers, heads), and whole forwards."""
    return max(
        float((fast[:, layer, own].T - ref.cpu()).abs().max())
        for (layer, own), ref in zip(reference, slow, strict=True)
    )


def whole_sweeps(
    decoder: Decoder, prompts: list[list[int]], reference: Reference
) -> dict[str, Callable[[], Any]]:
    """Return the slow ways to ablate the heads, by name."""
    return {
        "one forward a head, all prompts": lambda: [
            naive_sweep(decoder, prompts, ANSWERS, layer, heads=own) for layer, own in reference
        ],
        "one forward a head and prompt": lambda: [
            naive_sweep(decoder, [prompt], ANSWERS, layer, heads=own)
            for layer, own in reference
            for prompt in prompts
        ],
        "the same, logits of all tokens": lambda: [
            plain(decoder, prompt, Head(layer, head))
            for layer, own in reference
            for head in own
            for prompt in prompts
        ],
    }


def time_sweeps(
    settings: Settings, decoder: Decoder, prompts: list[list[int]], reference: Reference, share: float
) -> None:
    """Print how long the replay of all heads takes, and how long the slow ways take."""
    seconds: dict[str, float] = {}
    results: dict[str, Any] = {}
    for name, work in whole_sweeps(decoder, prompts, reference).items():
        taken, results[name] = timed(settings.device, work)
        seconds[name] = taken / share
        print(f"{name + ':':36}{seconds[name]:9.1f} s (measured on {share:.0%} of heads)", flush=True)
    taken, fast = timed(settings.device, lambda: sweep(decoder, prompts, int(settings.budget * GIB)))
    largest = deviation(fast, results["one forward a head, all prompts"], reference)
    ratios = ", ".join(f"{all_of / taken:.2f} x" for all_of in seconds.values())
    print(f"{'replay, all heads:':36}{taken:9.1f} s: {ratios}; max |difference| {largest:.1e}", flush=True)


def time_last_token(
    settings: Settings, decoder: Decoder, prompts: list[list[int]], reference: Reference, share: float
) -> None:
    """Print how long the ablation at the last token alone takes, with and without kept keys."""
    slow_seconds, slow = timed(
        settings.device,
        lambda: [naive_last_token(decoder, prompts, ANSWERS, layer, own) for layer, own in reference],
    )
    taken, fast = timed(
        settings.device, lambda: sweep(decoder, prompts, int(settings.budget * GIB), last=True)
    )
    print(
        f"{'last token alone, whole forwards:':36}{slow_seconds / share:9.1f} s (measured on {share:.0%} "
        "of heads)"
    )
    print(
        f"{'last token alone, kept keys:':36}{taken:9.1f} s: {slow_seconds / share / taken:.1f} x; max "
        f"|difference| {deviation(fast, slow, reference):.1e}",
        flush=True,
    )


def print_limits(settings: Settings, decoder: Decoder, tokens: int) -> None:
    """Print the time that whole forwards need at the measured matrix rate, and the peak memory by budget."""
    rate = matrix_rate(settings.device, decoder.dtype)
    weights = sum(weight.numel() for layer in decoder.layout.layers for weight in layer.block.parameters())
    work = 2 * weights * tokens * len(decoder.heads)
    print(
        f"whole forwards need {work:.2e} operations: {work / rate:.1f} s at the measured matrix rate of "
        f"{rate / 1e9:.0f} GFLOP/s"
    )
    for budget in settings.memory:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            used = pool.apply(peak, (settings, budget))
        print(f"budget {budget:g} GiB: at most {used / GIB:.3f} GiB beyond the loaded model", flush=True)


def main() -> None:
    """Run the measurements and print the results."""
    settings = parsed_settings()
    decoder, prompts = random_model(settings), prompts_of(settings)
    lengths = [len(prompt) for prompt in prompts]
    _ = sweep(decoder, prompts[:2], GIB, layers=1)
    reference = [
        (layer, range(min(settings.reference_heads, own))) for layer, own in enumerate(decoder.layout.shape)
    ]
    share = sum(len(own) for _, own in reference) / len(decoder.heads)
    nodes = Replay(decoder, prompts, ANSWERS).tokens
    print(
        f"{settings.layers} layers x {settings.heads} heads, width {decoder.width}, {settings.device}, "
        f"{settings.dtype}, {settings.threads} threads"
    )
    print(
        f"{len(prompts)} {settings.prompts} prompts of {min(lengths)} to {max(lengths)} tokens, "
        f"{sum(lengths)} in all, {nodes} as a tree"
    )
    time_sweeps(settings, decoder, prompts, reference, share)
    padded, summed = (
        floor(settings, tokens, nodes) for tokens in (max(lengths) * len(prompts), sum(lengths))
    )
    print(f"floor by matrix products: {padded:.2f} x all prompts (padded), {summed:.2f} x each by itself")
    time_last_token(settings, decoder, prompts, reference, share)
    print_limits(settings, decoder, sum(lengths))


if __name__ == "__main__":
    main()
