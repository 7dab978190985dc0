"""The examples, run as a user runs them."""

import getpass
import os
import re
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner
from inspect_ai.log import read_eval_log

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


LOGS = sorted((ROOT / "examples/logs").glob("*.eval"))

MACHINE_PATH = re.compile(r"(?<![\w.:/<])(?:/(?:home|root|Users|work|tmp|var|mnt|opt)/|[A-Z]:\\Users)")
"""A path of somebody's machine."""


def test_there_is_a_simulated_and_a_real_example_log_and_the_readme_names_them():
    readme = (ROOT / "examples/logs/README.md").read_text(encoding="utf-8")
    assert [log.name for log in LOGS if f"`{log.name}`" not in readme] == []
    models = {read_eval_log(str(log), header_only=True).eval.model for log in LOGS}
    assert models == {"simulated/model", "hf/build/SmolLM2-135M-Instruct"}


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.stem)
def test_an_example_log_is_complete_and_small_and_names_no_machine(log: Path):
    found = read_eval_log(str(log))
    assert found.status == "success"
    assert len(found.samples or []) == 128
    assert log.stat().st_size < 500_000
    text = found.model_dump_json()
    assert MACHINE_PATH.findall(text) == []
    assert [name for name in (socket.gethostname(), getpass.getuser()) if f'"{name}"' in text] == []


def test_the_example_log_can_be_reported(tmp_path: Path):
    done = CliRunner().invoke(
        main, ["report", str(ROOT / "examples/logs"), "--out", str(tmp_path / "report")]
    )
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "report" / "report.html").exists()
