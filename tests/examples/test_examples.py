"""The examples, run as a user runs them."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from misfire.reports import read_results

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.fixture
def run(tmp_path: Path):
    """Runs a command in the repository, with its own home folder.

    The command finds the commands of this environment (flow calls uv).
    """
    path = {"PATH": os.pathsep.join([str(SCRIPTS), os.environ["PATH"]]), "UV_OFFLINE": "1"}

    def in_repository(*command: str | Path) -> subprocess.CompletedProcess[str]:
        home = {
            "HOME": str(tmp_path / "home"),
            "XDG_DATA_HOME": str(tmp_path / "home"),
            "INSPECT_DISPLAY": "plain",
            "COLUMNS": "200",
        }
        return subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env=os.environ | home | path,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return in_repository


def runs(folder: Path) -> set[tuple[str, str, str, str]]:
    return {(run.model, run.task, run.protocol, run.status) for run in read_results(folder).run_set.runs}


EXPECTED = {
    (f"simulated/{name}", task, protocol, "success")
    for name in ("careful", "hasty")
    for task, protocol in (("veto", "direct"), ("veto", "cot"), ("priming", "direct"))
}


def test_the_eval_set_runs_once_and_resumes_without_a_second_call(run, tmp_path: Path):
    command = [sys.executable, ROOT / "examples/eval_set.py", "--log-dir", tmp_path / "logs", "--pairs", "8"]
    first = run(*command)
    assert first.returncode == 0, first.stderr
    assert f"misfire report {tmp_path / 'logs'} --out report" in first.stdout
    assert runs(tmp_path / "logs") == EXPECTED
    logs = {path: path.read_bytes() for path in (tmp_path / "logs").glob("*.eval")}
    assert len(logs) == len(EXPECTED)
    # when the same command is given again, then it runs nothing
    assert run(*command).returncode == 0
    assert {path: path.read_bytes() for path in (tmp_path / "logs").glob("*.eval")} == logs


def test_the_flow_runs_and_the_same_command_skips_finished_runs(run, tmp_path: Path):
    command = [
        SCRIPTS / "flow",
        "run",
        ROOT / "examples/flow.py",
        "--log-dir",
        tmp_path / "logs",
        "--limit",
        "16",
    ]
    first = run(*command)
    assert first.returncode == 0, first.stdout
    assert runs(tmp_path / "logs") == EXPECTED
    assert set(read_results(tmp_path / "logs").overall("veto")["pairs"]) == {8}
    logs = sorted((tmp_path / "logs").glob("*.eval"))
    assert run(*command).returncode == 0
    assert sorted((tmp_path / "logs").glob("*.eval")) == logs


def test_the_example_log_can_be_reported(run, tmp_path: Path):
    done = run(SCRIPTS / "misfire", "report", ROOT / "examples/logs", "--out", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report" / "report.html").exists()
