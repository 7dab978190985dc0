"""Logs that the report tests share: small runs of the simulated model, made once."""

import shutil
import time
from pathlib import Path

import pytest
from inspect_ai import Task

from misfire.reports import Results, read_results
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.kept import ROOT, kept
from tests.runs import run_task as run

PAIRS = 128
"""Pairs of the VETO runs."""


def make_log(task: Task, model: str, folder: Path, **options: object) -> str:
    """Runs a task and gives the log's place; ``planted`` are the simulated model's parameters."""
    planted = options.pop("planted", {})
    (log,) = run(task, model=f"simulated/{model}", model_args=planted, log_dir=str(folder), **options)  # pyright: ignore[reportArgumentType]
    return log.location


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three VETO runs (two models, one of them also with chain of thought) a priming run,
    and four of Mis-Align Bench (two judges, one of them also asked about each dimension alone, and one
    answering)."""
    here = Path(__file__).relative_to(ROOT).as_posix()
    made = kept("report-logs", make_logs, sources=[here, "tests/runs.py"])
    # a copy, so that no test can change what later runs find
    return Path(shutil.copytree(made, tmp_path_factory.mktemp("logs"), dirs_exist_ok=True))


def make_dated_log(task: Task, model: str, folder: Path, **options: object) -> None:
    """Run a task, and return once the clock shows another second.

    Inspect dates runs by the second, and tests name these runs in the order in which they started.
    """
    make_log(task, model, folder, **options)
    time.sleep(1 - time.time() % 1)


def make_logs(folder: Path) -> None:
    """Make the logs of ``logs``."""
    alpha: dict[str, object] = {"mar": 0.3, "br": 0.1, "invalid": 0.05}
    make_dated_log(veto(source="embedded", pairs=PAIRS), "alpha", folder / "veto", planted=alpha)
    make_dated_log(
        veto(source="embedded", pairs=PAIRS, protocol="cot"), "alpha", folder / "veto", planted=alpha
    )
    make_dated_log(
        veto(source="embedded", pairs=PAIRS),
        "beta",
        folder / "veto",
        planted={"mar": 0.1, "br": 0.1, "seed": 3},
        epochs=2,
    )
    primed: dict[str, object] = {"cue_mar": "published:0.5", "seed": 2}
    make_dated_log(
        priming(source="embedded", pairs=64, cues="published,neutral"),
        "alpha",
        folder / "priming",
        planted=primed,
    )
    judges: dict[str, dict[str, object]] = {
        "alpha": {
            "coverage": "safety:0.9,value:0.8,culture:0.7",
            "ffr": 0.1,
            "joint_loss": 0.2,
            "misaligned": 0.2,
        },
        "beta": {"coverage": 0.6, "ffr": 0.4, "invalid": 0.1, "seed": 3},
    }
    for joint in (True, False):
        make_dated_log(
            misalign_bench(per_dimension=12, joint=joint),
            "alpha",
            folder / "misalign",
            planted=judges["alpha"],
        )
    make_dated_log(
        misalign_bench(per_dimension=12), "beta", folder / "misalign", planted=judges["beta"], epochs=2
    )
    graded = misalign_bench(mode="generate", per_dimension=12, grader_sample=20)
    make_dated_log(
        graded,
        "alpha",
        folder / "misalign",
        planted=judges["alpha"],
        model_roles={"grader": "simulated/judge"},
    )


@pytest.fixture(scope="session")
def results(logs: Path) -> Results:
    """What these logs hold."""
    return read_results(logs)
