"""Inspect loads a task from its file and by its registered name; either way it is the same evaluation."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log

from misfire import __version__
from misfire.datasets.pair_files import write_pairs
from misfire.datasets.pairs import Pair, pair_set_hash
from misfire.datasets.sources import EMBEDDED_PAIRS, PairSettings, load_pairs

Way = Literal["file", "name"]
WAYS: tuple[Way, ...] = get_args(Way)
TASK: dict[Way, str] = {"file": "tasks/veto.py", "name": "misfire/veto"}


def tasks_in_files(root: Path) -> set[str]:
    tasks = re.compile(r"^@task\b.*\ndef (\w+)\(", re.MULTILINE)
    return {
        f"tasks/{file.name}@{name}"
        for file in (root / "tasks").glob("*.py")
        for name in tasks.findall(file.read_text())
    }


def evaluate(run: Any, inspect: str, task: str, *options: str, cwd: Path, log_dir: Path) -> EvalLog:
    run(cwd, inspect, "eval", task, "--model", "simulated/model", *options, "--log-dir", str(log_dir))
    (log,) = list_eval_logs(str(log_dir))
    return read_eval_log(log)


def test_inspect_lists_each_task_once(root: Path, run: Any, inspect: str) -> None:
    # the links in src/misfire must not be seen as tasks of their own
    listed = [
        line for line in run(root, inspect, "list", "tasks").splitlines() if not line.startswith("tests/")
    ]

    assert sorted(listed) == sorted(tasks_in_files(root))
    assert "tasks/veto.py@veto" in listed


def test_loading_a_task_is_light(root: Path, run: Any, tmp_path: Path) -> None:
    heavy = [
        "torch",
        "transformers",
        "accelerate",
        "vllm",
        "matplotlib",
        "scipy",
        "statsmodels",
        "pandas",
        "pyarrow",
        "datasets",
    ]
    for optional in ["torch", "transformers", "accelerate", "vllm", "matplotlib"]:
        (tmp_path / f"{optional}.py").touch()  # importable, so that an import of it would show
    script = (
        "import sys, misfire._registry as registry\n"
        "registry.veto(source='embedded', pairs=4)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    assert run(root, sys.executable, "-c", script, PYTHONPATH=path).strip() == "[]"


def test_the_help_of_the_command_is_light(root: Path, run: Any) -> None:
    heavy = [
        "inspect_ai",
        "torch",
        "transformers",
        "matplotlib",
        "scipy",
        "pandas",
        "pyarrow",
        "datasets",
        "numpy",
    ]
    script = (
        "import sys\nfrom misfire.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    assert run(root, sys.executable, "-c", script).splitlines()[-1] == "[]"


@dataclass(frozen=True)
class Evaluated:
    """A run of four embedded pairs, which it read from a file.

    Attributes:
        pairs: The pairs in the file.
        log: The log.
    """

    pairs: list[Pair]
    log: EvalLog


@pytest.fixture(scope="module", params=WAYS)
def evaluated(
    request: pytest.FixtureRequest,
    root: Path,
    run: Any,
    inspect: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Evaluated:
    """A run in each way of loading, given a path that is relative to where the command was typed.

    From the folder of the task file, into which Inspect changes, the path leads nowhere.
    """
    folder = tmp_path_factory.mktemp("loading")
    pairs = load_pairs(PairSettings("embedded")).pairs[:4]
    write_pairs(pairs, folder / "mine.jsonl")
    path = os.path.relpath(folder / "mine.jsonl", root)
    assert not (root / "tasks" / path).exists()
    options = ["-T", "source=file", "-T", f"path={path}"]
    log = evaluate(run, inspect, TASK[request.param], *options, cwd=root, log_dir=folder / "logs")
    return Evaluated(list(pairs), log)


@pytest.mark.slow(seconds=10)
class TestEvaluation:
    def test_all_samples_are_scored_and_labeled(self, evaluated: Evaluated) -> None:
        log = evaluated.log
        assert log.status == "success"
        assert [list(sample.scores or {}) for sample in log.samples or []] == [["veto_outcome", "half"]] * 8

    def test_log_contains_the_version_of_the_suite(self, evaluated: Evaluated) -> None:
        assert evaluated.log.eval.task_version == __version__
        assert (evaluated.log.eval.metadata or {})["suite_version"] == __version__

    def test_log_contains_the_hash_of_the_pairs(self, evaluated: Evaluated) -> None:
        asked = {sample.metadata["pair_id"] for sample in evaluated.log.samples or []}

        assert asked == {pair.id for pair in evaluated.pairs}
        assert (evaluated.log.eval.metadata or {})["pair_set_sha256"] == pair_set_hash(evaluated.pairs)
        assert (evaluated.log.eval.metadata or {})["pair_count"] == 4


def test_embedded_pairs_are_read_from_the_package(root: Path) -> None:
    assert EMBEDDED_PAIRS.resolve() == root / "datasets" / "embedded" / "pairs.jsonl"
