"""The examples, run as a user runs them."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner

from misfire.cli.main import main
from misfire.reports import read_results

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder of its own, the repository to start in, and the commands of this environment.

    (flow calls uv.)
    """
    environment = {
        "HOME": str(tmp_path / "home"),
        "XDG_DATA_HOME": str(tmp_path / "home"),
        "INSPECT_DISPLAY": "plain",
        "COLUMNS": "200",
        "PATH": os.pathsep.join([str(SCRIPTS), os.environ["PATH"]]),
        "UV_OFFLINE": "1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command as a user does."""
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


def runs(folder: Path) -> set[tuple[str, str, str, str]]:
    return {(run.model, run.task, run.protocol, run.status) for run in read_results(folder).run_set.runs}


EXPECTED = {
    (f"simulated/{name}", task, protocol, "success")
    for name in ("careful", "hasty")
    for task, protocol in (("veto", "direct"), ("veto", "cot"), ("priming", "direct"))
}


@pytest.mark.slow
def test_the_eval_set_runs_once_and_resumes_without_a_second_call(tmp_path: Path):
    script = str(ROOT / "examples/eval_set.py")
    command = [sys.executable, script, "--log-dir", str(tmp_path / "logs"), "--pairs", "4"]
    first = run(*command)
    assert first.returncode == 0, first.stderr
    assert f"misfire report {tmp_path / 'logs'} --out report" in first.stdout
    assert runs(tmp_path / "logs") == EXPECTED
    logs = {path: path.read_bytes() for path in (tmp_path / "logs").glob("*.eval")}
    assert len(logs) == len(EXPECTED)
    # when the same command is given again, then it runs nothing
    assert run(*command).returncode == 0
    assert {path: path.read_bytes() for path in (tmp_path / "logs").glob("*.eval")} == logs


@pytest.mark.slow
def test_the_flow_runs_and_the_same_command_skips_finished_runs(tmp_path: Path):
    spec, logs = str(ROOT / "examples/flow.py"), str(tmp_path / "logs")
    command = [str(SCRIPTS / "flow"), "run", spec, "--log-dir", logs, "--limit", "8"]
    first = run(*command)
    assert first.returncode == 0, first.stdout
    assert runs(tmp_path / "logs") == EXPECTED
    assert set(read_results(tmp_path / "logs").overall("veto")["pairs"]) == {4}
    finished = sorted((tmp_path / "logs").glob("*.eval"))
    assert run(*command).returncode == 0
    assert sorted((tmp_path / "logs").glob("*.eval")) == finished


def test_the_example_log_can_be_reported(tmp_path: Path):
    done = CliRunner().invoke(
        main, ["report", str(ROOT / "examples/logs"), "--out", str(tmp_path / "report")]
    )
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "report" / "report.html").exists()
