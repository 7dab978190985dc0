"""Measures the cost of a report and its growth with the number of models.

The simulated model makes one VETO log (4,096 samples: the embedded pairs in four epochs) and one priming log.
Both are copied under eight model names. Then `misfire report` runs on two, four, and eight of these models,
each time in its own process.

Run ``python benchmarks/report_growth.py``. It takes a few minutes, most of them for the logs.
"""

import argparse
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from inspect_ai import Task
from inspect_ai import eval as run
from inspect_ai.log import read_eval_log, write_eval_log
from rich.console import Console
from rich.table import Table

from misfire.tasks.priming import priming
from misfire.tasks.veto import veto

MODELS = (2, 4, 8)


def main() -> None:
    """Make the logs, time the reports, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--epochs", type=int, default=4, help="number of epochs of the VETO log, with 1,024 samples each"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        logs = make_logs(folder / "made", arguments.epochs)
        for count in MODELS:
            copy_logs(logs, folder / str(count), count)
        measured = {count: measure(folder / str(count), folder / f"report{count}") for count in MODELS}
    show(measured, arguments.epochs)


def make_logs(folder: Path, epochs: int) -> list[Path]:
    """Make the two original logs."""

    def made(task: Task, epochs: int) -> Path:
        (log,) = run(
            task,
            model="simulated/model",
            epochs=epochs,
            log_dir=str(folder),
            log_realtime=False,
            display="none",
        )
        return Path(log.location.removeprefix("file://"))

    return [
        made(veto(source="embedded"), epochs),
        made(priming(source="embedded", cues="published,neutral"), 1),
    ]


def copy_logs(logs: list[Path], folder: Path, models: int) -> None:
    """Copy the logs under the names of several models."""
    folder.mkdir()
    for place in logs:
        log = read_eval_log(str(place))
        for number in range(models):
            log.eval = log.eval.model_copy(
                update={"model": f"simulated/model-{number}", "task_id": f"{log.eval.task}-{number}"}
            )
            write_eval_log(log, str(folder / f"{log.eval.task}-{number}.eval"))


def measure(logs: Path, out: Path) -> tuple[float, float]:
    """Return the wall-clock time in seconds and the peak memory in MB of one report."""
    misfire = str(Path(sysconfig.get_path("scripts")) / "misfire")
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL); "
    )
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, misfire, "report", str(logs), "--out", str(out)],
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, int(done.stdout) / 1024


def show(measured: dict[int, tuple[float, float]], epochs: int) -> None:
    """Make the table of results."""
    table = Table("models", "VETO samples", "seconds", "× fewest", "peak MB", "× fewest")
    seconds, memory = measured[MODELS[0]]
    for count, (took, held) in measured.items():
        table.add_row(
            str(count),
            f"{count * epochs * 1024:,}",
            f"{took:.1f}",
            f"{took / seconds:.2f}",
            f"{held:.0f}",
            f"{held / memory:.2f}",
        )
    Console().print(table)
    print(
        f"{MODELS[-1] // MODELS[0]} times the models cost {measured[MODELS[-1]][0] / seconds:.2f} times the "
        "seconds."
    )


if __name__ == "__main__":
    main()
