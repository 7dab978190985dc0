"""Measures the CPU time, memory, and disk space of a model stage by runner and shard size.

The simulated models answer without delay.

    python benchmarks/savacu_runners.py                                # all that is listed below
    python benchmarks/savacu_runners.py inspect scores 1000            # runner, stage, items

Each measurement has its own process. Ray calls a server on this machine, as Inspect does in "inspect-http".
The processes of Ray and of the server only affect the wall-clock time.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from misfire.savacu.prompting.classify import ToClassify, classify_step
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.inspect_runner import InspectRunner
from misfire.savacu.runners.runner import Work
from misfire.savacu.simulated_server import serving

RUNS = (
    ("inspect", "scores", 1),
    ("inspect", "scores", 1000),
    ("inspect", "scores", 5000),
    ("inspect", "questions", 100),
    ("inspect-http", "scores", 1000),
    ("ray", "scores", 1),
    ("ray", "scores", 1000),
)


def measure(runner: str, method: str, count: int) -> None:
    """Run one shard of the classification and print its cost."""
    items = [
        ToClassify(id=f"p{number}", text=f"What do you make of the {number}th feast of my village?")
        for number in range(count)
    ]
    stage = classify_step("questions" if method == "questions" else "scores")
    os.environ["LOOPBACK_API_KEY"] = "none"
    with tempfile.TemporaryDirectory() as folder, serving({"classifier": {}}) as server:
        if runner == "inspect":
            model = ModelSpec(model="simulated-savacu/classifier")
        else:
            model = ModelSpec(
                model="openai-api/loopback/classifier",
                base_url=server.url,
                connections=2 if runner == "ray" else None,
            )
        carrier: Any = InspectRunner()
        if runner == "ray":
            from misfire.savacu.runners.ray_runner import RayRunner

            carrier = RayRunner()
        start, before = time.perf_counter(), time.process_time()
        carrier.run(Work(stage, model, items, "classify/00000", Path(folder)), lambda _: None, lambda _: None)
        wall, processor = time.perf_counter() - start, time.process_time() - before
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        disk = sum(path.stat().st_size for path in Path(folder, "logs").rglob("*.eval")) / count / 1024
    print(
        f"{runner:>12} {method:>9} {count:>6,} items: {wall:7.1f} s, {1000 * wall / count:8.1f} ms an item; "
        f"this process {1000 * processor / count:8.1f} ms of processor an item, {memory:5.0f} MB; log "
        f"{disk:5.1f} kB an item",
        flush=True,
    )


def main() -> None:
    """Run the measurements and print the results."""
    if len(sys.argv) == 4:
        measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))
        return
    for run in RUNS:
        subprocess.run([sys.executable, __file__, *map(str, run)], check=True)


if __name__ == "__main__":
    main()
