"""Measures CPU time, memory, and growth of Mis-Align Bench and its report.

It compares them with a minimal Inspect task on the same samples.

    python benchmarks/misalign_scale.py [--instances 2500 5000 10000]

Instances are copies of the embedded ones with a number in the prompt. The simulated judge answers without
delay. Each size and task has its own process, so that peak memory is measured separately. Ratios come from a
single run.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from inspect_ai import Task
from inspect_ai import eval as run
from inspect_ai.dataset import MemoryDataset
from inspect_ai.scorer import includes
from inspect_ai.solver import generate
from rich.console import Console
from rich.table import Table

from misfire.datasets.misalign.instance_files import write_instances
from misfire.datasets.misalign.sources import load_instances
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.reports import read_results
from misfire.reports.write import write_report
from misfire.tasks.misalign_bench import misalign_bench, verdict_samples


def many_instances(number: int, path: Path) -> None:
    """Write instances with distinct prompts."""
    embedded = load_instances("embedded").instances
    made = (embedded[index % len(embedded)] for index in range(number))
    numbered = [
        instance.model_copy(
            update={"id": f"{instance.id}_{index}", "prompt": f"{instance.prompt} (Case {index}.)"}
        )
        for index, instance in enumerate(made)
    ]
    write_instances(numbered, path)


def ask(path: Path, log_dir: Path) -> None:
    """Run the task in the same way as a user."""
    _run(misalign_bench(source="file", path=str(path)), path, log_dir)


def ask_thinly(path: Path, log_dir: Path) -> None:
    """Run a minimal task without any code of misfire on the same samples."""
    samples = verdict_samples(load_instances("file", path=str(path)).instances, DIMENSIONS, joint=True)
    _run(Task(dataset=MemoryDataset(samples), solver=generate(), scorer=includes()), path, log_dir)


def report(path: Path, log_dir: Path) -> None:
    """Write the report on the log of ``ask`` in all formats."""
    write_report(read_results(log_dir), path.with_suffix(".report"))


def _run(task: Task, path: Path, log_dir: Path) -> None:
    (log,) = run(
        task,
        model="simulated/judge",
        model_args={"instances": str(path)},
        log_dir=str(log_dir),
        display="none",
        log_realtime=False,
    )
    if log.status != "success":
        raise RuntimeError(f"a run ended as {log.status}")


def measured(work: Callable[[Path, Path], None], path: Path, log_dir: Path) -> tuple[float, float]:
    """Run some work in its own process. Return its CPU time in seconds and its peak memory in MB."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measure, (work, path, log_dir))


def _measure(work: Callable[[Path, Path], None], path: Path, log_dir: Path) -> tuple[float, float]:
    started = time.process_time()
    work(path, log_dir)
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run the measurements and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--instances", type=int, nargs="+", default=[2500, 5000, 10000])
    arguments = parser.parse_args()
    table = Table("instances", "samples", "task", "thinnest task", "ratio", "report")
    with tempfile.TemporaryDirectory() as folder:
        for number in arguments.instances:
            path = Path(folder, f"{number}.jsonl")
            many_instances(number, path)
            ours = measured(ask, path, Path(folder, f"logs{number}"))
            thin = measured(ask_thinly, path, Path(folder, f"thin{number}"))
            reported = measured(report, path, Path(folder, f"logs{number}"))
            cells = [f"{seconds:.1f} s, {memory:,.0f} MB" for seconds, memory in (ours, thin, reported)]
            table.add_row(
                f"{number:,}", f"{2 * number:,}", cells[0], cells[1], f"{ours[0] / thin[0]:.2f}", cells[2]
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
