"""Measures the cost of misfire relative to Inspect itself.

Each line of its table is the ratio of two measurements of the same work.

    python -m benchmarks.speed [--pairs 256 2032 8128] [--latencies 0.1 0.4] [--parts tasks loopback start]

Run it from the root of the repository. ``tasks`` compares the CPU time and memory of VETO per sample with a
minimal Inspect task, with a model that answers without delay. Each measurement has its own process.
``loopback`` compares the end-to-end time against a server with some latency with that of a serial client that
waits 0.5 s between calls (extrapolated from ten calls) and of asyncio with the same number of connections. It
also shows the cost of Inspect's live log. ``start`` compares commands with those of Inspect alone.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import inspect_ai
from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import read_eval_log
from inspect_ai.model import Model, get_model
from inspect_ai.scorer import match
from inspect_ai.solver import generate
from rich.console import Console
from rich.table import Table

from misfire.datasets.pair_files import write_pairs
from misfire.datasets.pairs import Half
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.reports import read_results
from misfire.reports.write import write_report
from misfire.scorers.veto import veto_outcome
from misfire.tasks.veto import half_samples, veto

CONNECTIONS = 10
"""Number of connections of asyncio and of the runs compared with it. By default, Inspect starts with twice
as many and adapts it."""

PACING = 0.5
"""Time in seconds that the published client waits between calls."""


def many_pairs(number: int, path: Path) -> None:
    """Write copies of the embedded pairs with distinct texts."""
    embedded = load_pairs(PairSettings("embedded")).pairs
    made = [
        pair.model_copy(
            update={
                "id": f"{pair.id}_{index}",
                "stereotyped": _numbered(pair.stereotyped, index),
                "contrast": _numbered(pair.contrast, index),
            }
        )
        for index in range(number)
        for pair in (embedded[index % len(embedded)],)
    ]
    write_pairs(made, path)


def _numbered(half: Half, index: int) -> Half:
    return half.model_copy(update={"prompt": f"Case {index}. {half.prompt}"})


def _samples(path: Path) -> list[Sample]:
    pairs = load_pairs(PairSettings("file", path=str(path))).pairs
    return half_samples(pairs, {pair.id: () for pair in pairs})


def _thinnest(path: Path) -> Task:
    return Task(dataset=MemoryDataset(_samples(path)), solver=generate(), scorer=match())


def run_veto(path: Path, folder: Path) -> None:
    """Run VETO in the same way as a user, on a model that answers without delay."""
    _run(veto(source="file", path=str(path)), folder, _instant(path))


def run_thinnest(path: Path, folder: Path) -> None:
    """Run a minimal task without any code of misfire on the same samples."""
    _run(_thinnest(path), folder, _instant(path))


def build(path: Path, folder: Path) -> None:
    """Read and audit pairs from a file, and make a task of them."""
    _ = folder
    veto(source="file", path=str(path))


def recompute(path: Path, folder: Path) -> None:
    """Compute all metrics of a log again."""
    _ = path
    (file,) = folder.glob("*.eval")
    inspect_ai.score(read_eval_log(str(file)), veto_outcome(), action="overwrite", display="none")


def report(path: Path, folder: Path) -> None:
    """Write the report on a log in all formats."""
    write_report(read_results(str(folder)), path.with_suffix(".report"))


def _instant(path: Path) -> Model:
    """Make a model that knows the pairs.

    It would search for unknown pairs, and that time is not part of a task.
    """
    return get_model("simulated/model", pairs=str(path))


def _run(
    task: Task,
    folder: Path,
    model: str | Model,
    url: str | None = None,
    connections: int | None = None,
    *,
    live: bool = True,
) -> None:
    (log,) = inspect_ai.eval(
        task,
        model=model,
        model_base_url=url,
        log_dir=str(folder),
        log_realtime=live,
        max_connections=connections,
        display="none",
    )
    if log.status != "success":
        raise RuntimeError(f"a run ended as {log.status}")


@dataclass(frozen=True)
class Cost:
    """The cost of some work.

    Attributes:
        cpu: CPU time in seconds.
        memory: Peak memory of the process in MB.
    """

    cpu: float
    memory: float


def measured(work: Callable[[Path, Path], None], path: Path, folder: Path) -> Cost:
    """Measure some work in its own process, after a warm-up on a few pairs."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (work, path, folder))


def _measure(work: Callable[[Path, Path], None], path: Path, folder: Path) -> Cost:
    # imports during a first run are not part of the cost of a sample
    few = folder.with_name(f"{folder.name}-few")
    many_pairs(4, few.with_suffix(".jsonl"))
    work(few.with_suffix(".jsonl"), few)
    cpu = time.process_time()
    work(path, folder)
    return Cost(time.process_time() - cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def tasks(sizes: list[int], table: Table, root: Path) -> None:
    """Compare VETO with a minimal task."""
    for number in sizes:
        path = root / f"{number}.jsonl"
        many_pairs(number, path)
        ours, thin = (
            measured(run_veto, path, root / f"veto{number}"),
            measured(run_thinnest, path, root / f"thin{number}"),
        )
        each = 1000 / (2 * number)
        table.add_row(
            f"CPU a sample, {2 * number:,} samples: VETO, thinnest task",
            f"{ours.cpu * each:.1f} ms",
            f"{thin.cpu * each:.1f} ms",
            f"{ours.cpu / thin.cpu:.2f}",
        )
        table.add_row(
            f"peak memory, {2 * number:,} samples: VETO, thinnest task",
            f"{ours.memory:.0f} MB",
            f"{thin.memory:.0f} MB",
            f"{ours.memory / thin.memory:.2f}",
        )
        for name, work in (("pair building", build), ("metric recomputation", recompute), ("report", report)):
            took = measured(work, path, root / f"veto{number}")
            table.add_row(
                f"{name}, {2 * number:,} samples: CPU beside the run's",
                f"{took.cpu:.2f} s",
                f"{ours.cpu:.1f} s",
                f"{took.cpu / ours.cpu:.2f}",
            )


@contextmanager
def server(latency: float) -> Iterator[str]:
    """Run the loopback server in its own process."""
    command = [sys.executable, "-m", "tests.providers", "--latency", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101
        yield process.stdout.readline().strip()
        process.kill()


@dataclass(frozen=True)
class Took:
    """The time of some work.

    Attributes:
        seconds: Wall-clock time in seconds.
        cpu: CPU time of this process in seconds.
    """

    seconds: float
    cpu: float


def timed(work: Callable[[], object]) -> Took:
    """Run some work and measure its time."""
    cpu, started = time.process_time(), time.perf_counter()
    work()
    return Took(time.perf_counter() - started, time.process_time() - cpu)


def loopback(pairs: int, latency: float, table: Table, root: Path) -> None:
    """Compare the end-to-end time with the serial client and with the optimum of asyncio."""
    root = root / f"loopback{latency}"
    root.mkdir()
    path = root / "pairs.jsonl"
    many_pairs(pairs, path)
    questions = [str(sample.input) + '\n\nRespond with "answer".' for sample in _samples(path)]
    with server(latency) as url:
        ten = timed(lambda: _one_by_one(url, questions[:10]))
        optimum = timed(lambda: asyncio.run(_all_at_once(url, questions)))

        def run(task: Task, name: str, connections: int | None = CONNECTIONS, *, live: bool = True) -> Took:
            return timed(
                lambda: _run(task, root / name, "openai/gpt-4o-mini", f"{url}/v1", connections, live=live)
            )

        # imports during a first call are not part of the work, for any of the clients
        run(veto(source="embedded", pairs=4), "warm")
        by_default = run(veto(source="file", path=str(path)), "default", None)
        ours, thin = run(veto(source="file", path=str(path)), "veto"), run(_thinnest(path), "thin")
        quiet = run(veto(source="file", path=str(path)), "quiet", live=False)
    serial = ten.seconds / 10 * len(questions)
    name, each = f"{len(questions):,} calls of {1000 * latency:.0f} ms", 1000 / len(questions)

    def row(what: str, one: float, other: float, unit: str) -> None:
        table.add_row(f"{name}: {what}", f"{one:.1f} {unit}", f"{other:.1f} {unit}", f"{one / other:.2f}")

    row(f"serial client with {PACING} s pacing (from 10 calls), VETO", serial, by_default.seconds, "s")
    row(f"asyncio, VETO, {CONNECTIONS} connections", optimum.seconds, ours.seconds, "s")
    row(
        f"asyncio, VETO with --no-log-realtime, {CONNECTIONS} connections",
        optimum.seconds,
        quiet.seconds,
        "s",
    )
    row(f"asyncio, thinnest task, {CONNECTIONS} connections", optimum.seconds, thin.seconds, "s")
    row("CPU of VETO, seconds it took", ours.cpu, ours.seconds, "s")
    row("CPU a sample: VETO, thinnest task", ours.cpu * each, thin.cpu * each, "ms")
    row("CPU a sample: VETO with --no-log-realtime, thinnest task", quiet.cpu * each, thin.cpu * each, "ms")


def _one_by_one(url: str, questions: list[str]) -> None:
    for question in questions:
        httpx.post(f"{url}/v1/chat/completions", json=_body(question), timeout=60).raise_for_status()
        time.sleep(PACING)


async def _all_at_once(url: str, questions: list[str]) -> None:
    gate = asyncio.Semaphore(CONNECTIONS)
    async with httpx.AsyncClient(timeout=60) as client:

        async def ask(question: str) -> None:
            async with gate:
                reply = await client.post(f"{url}/v1/chat/completions", json=_body(question))
                reply.json()

        await asyncio.gather(*map(ask, questions))


def _body(question: str) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": question}]}


def start(table: Table, rounds: int = 5) -> None:
    """Compare the CPU time of commands with those of Inspect alone.

    Times are medians of several alternating rounds.
    """
    empty = Path(tempfile.mkdtemp())
    scripts = Path(sysconfig.get_path("scripts"))
    commands = {
        "inspect --version": [str(scripts / "inspect"), "--version"],
        "inspect list tasks (an empty folder)": [str(scripts / "inspect"), "list", "tasks"],
        "inspect list tasks (tasks/)": [str(scripts / "inspect"), "list", "tasks"],
        "misfire --help": [str(scripts / "misfire"), "--help"],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            place = empty if "empty" in name else Path("tasks") if "tasks/" in name else Path()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *command], check=True, capture_output=True, cwd=place)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            took[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    bare, nothing, ours, help_text = (statistics.median(times) for times in took.values())
    table.add_row(
        "start: CPU of inspect list tasks, in tasks/ and in an empty folder",
        f"{ours:.2f} s",
        f"{nothing:.2f} s",
        f"{ours / nothing:.2f}",
    )
    table.add_row(
        "start: CPU of misfire --help, inspect --version",
        f"{help_text:.2f} s",
        f"{bare:.2f} s",
        f"{help_text / bare:.2f}",
    )


def main() -> None:
    """Run the measurements and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, nargs="+", default=[256, 2032, 8128])
    parser.add_argument("--calls", type=int, default=256, help="number of pairs in the loopback part")
    parser.add_argument(
        "--latencies",
        type=float,
        nargs="+",
        default=[0.1, 0.4],
        help="latencies of a call in the loopback part, in seconds",
    )
    parser.add_argument(
        "--parts", nargs="+", default=["start", "loopback", "tasks"], choices=["start", "loopback", "tasks"]
    )
    arguments = parser.parse_args()
    table = Table("what", "one", "other", "ratio")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ.update(XDG_DATA_HOME=str(root / "data"), OPENAI_API_KEY="no-key-is-needed")
        if "start" in arguments.parts:
            start(table)
        for latency in arguments.latencies if "loopback" in arguments.parts else ():
            loopback(arguments.calls, latency, table, root)
        if "tasks" in arguments.parts:
            tasks(arguments.pairs, table, root)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
