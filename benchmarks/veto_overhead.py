"""What VETO costs beyond the thinnest Inspect task on the same samples: CPU time a sample, as a ratio measured in one run.

    python benchmarks/veto_overhead.py [--pairs 512] [--rounds 3]

Both tasks run in this process, turn about, on the embedded pairs with the simulated model, after a warm-up of each. The thinnest
task has the same samples, Inspect's own ``generate()``, and a scorer that compares the text with the target.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable

from inspect_ai import Task
from inspect_ai import eval as run
from inspect_ai.dataset import MemoryDataset
from inspect_ai.scorer import match
from inspect_ai.solver import generate

from misfire.datasets.pairs import Pair
from misfire.datasets.sources import load_pairs
from misfire.tasks.veto import half_samples, veto


def thinnest(pairs: tuple[Pair, ...]) -> Task:
    """The same samples with nothing of ours around them."""
    return Task(dataset=MemoryDataset(half_samples(pairs, {pair.id: () for pair in pairs})), solver=generate(), scorer=match())


def cpu_seconds(make: Callable[[], Task], log_dir: str, limit: int | None = None) -> float:
    """CPU time of this process, all threads, for one run of a task."""
    task = make()
    start = time.process_time()
    (log,) = run(task, model="simulated/model", log_dir=log_dir, display="none", limit=limit)
    if log.status != "success":
        raise RuntimeError(f"a run ended as {log.status}")
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=512, help="pairs to run (two samples each)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each task")
    arguments = parser.parse_args()

    pairs = load_pairs("embedded").pairs[: arguments.pairs]
    tasks: dict[str, Callable[[], Task]] = {
        "thinnest": lambda: thinnest(pairs),
        "veto": lambda: veto(source="embedded", pairs=len(pairs)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    with tempfile.TemporaryDirectory() as log_dir:
        for make in tasks.values():
            cpu_seconds(make, log_dir, limit=64)
        for _ in range(arguments.rounds):
            for name, make in tasks.items():
                seconds[name].append(cpu_seconds(make, log_dir))

    samples = 2 * len(pairs)
    for name, times in seconds.items():
        each = ", ".join(f"{1000 * t / samples:.2f}" for t in times)
        print(f"{name:>8}: {1000 * min(times) / samples:.2f} ms CPU a sample at best ({each}; {samples} samples)")
    ratios = [ours / thin for ours, thin in zip(seconds["veto"], seconds["thinnest"], strict=True)]
    # what else the machine does only ever adds time, so the best rounds compare best
    best = min(seconds["veto"]) / min(seconds["thinnest"])
    print(f"   ratio: {best:.3f} at best, {statistics.median(ratios):.3f} in the median round (goal ≤ 1.15)")


if __name__ == "__main__":
    main()
