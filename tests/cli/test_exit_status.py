"""How the misfire command ends.

1 is the answer of a gate and of nothing else, and output goes into any encoding.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from misfire.cli.exit_status import CRASHED, CUT_OFF, INTERRUPTED, MET, UNUSABLE
from misfire.cli.main import main
from misfire.tasks.veto import veto
from tests.runs import run_task as run


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run whose MAR is neither 0 nor 1."""
    folder = str(tmp_path_factory.mktemp("logs"))
    (made,) = run(
        veto(source="embedded", pairs=40), model="simulated/model", model_args={"mar": 0.4}, log_dir=folder
    )
    return made.location.removeprefix("file://")


def misfire(*arguments: str, encoding: str) -> "subprocess.CompletedProcess[bytes]":
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "200"}
    command = [sys.executable, "-c", "from misfire.cli.main import main; main()", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=600)


def test_a_gate_gives_its_answer_in_a_terminal_of_another_encoding(log: str):
    done = misfire("report", log, "--fail-if", "mar>0.01", encoding="cp1252")
    assert done.returncode == MET, done.stderr
    said = done.stdout.decode("cp1252")
    assert "MAR - BR" in said  # in place of a minus sign that the encoding lacks
    assert "Traceback" not in done.stderr.decode("cp1252")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize(("condition", "status"), [("mar>0.01", MET), ("mar>0.99", 0)])
def test_a_gate_gives_its_answer_under_any_encoding(log: str, encoding: str, condition: str, status: int):
    done = CliRunner(charset=encoding).invoke(main, ["report", log, "--fail-if", condition])
    assert done.exit_code == status, done.stderr
    assert "MAR - BR" in done.stdout_bytes.decode(encoding)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["results", "report"])
def test_every_command_writes_names_that_an_encoding_lacks(tmp_path: Path, command: str):
    model = "simulated/модель-名前"
    run(veto(source="embedded", pairs=4), model=model, log_dir=str(tmp_path))
    done = CliRunner(charset="ascii").invoke(main, [command, str(tmp_path)])
    assert done.exit_code == 0, done.stderr
    assert b"?" in done.stdout_bytes


@pytest.mark.parametrize("command", [["report", "--fail-if", "mar>0.99"], ["results"]])
def test_a_closed_pipe_is_not_taken_for_the_answer_of_a_gate(log: str, command: list[str]):
    typed = shlex.join([sys.executable, "-c", "from misfire.cli.main import main; main()", *command, log])
    shell = f"set -o pipefail; {typed} | true"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, check=False, timeout=600)
    assert done.returncode == CUT_OFF, done.stderr


def test_errors_are_reported_under_any_encoding(tmp_path: Path):
    done = CliRunner(charset="ascii").invoke(main, ["report", str(tmp_path / "журнал.eval")])
    assert done.exit_code == UNUSABLE
    assert b"not a log that can be read" in done.stderr_bytes


def breaking(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def read(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("misfire.reports.results.read_results", read)
    monkeypatch.setattr("misfire.reports.result_table.shown_of", read)
    monkeypatch.setattr("misfire.datasets.sources.load_pairs", read)


UNFORESEEN = (
    KeyError("mar"),
    UnicodeEncodeError("ascii", "−", 0, 1, "ordinal not in range"),
    MemoryError(),
    RecursionError(),
)
COMMANDS = (
    ["report", "x.eval"],
    ["results", "x.eval"],
    ["audit", "--source", "embedded"],
    ["report", "x.eval", "--fail-if", "mar>0"],
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("error", UNFORESEEN)
def test_an_unexpected_error_never_ends_with_the_status_of_a_gate(
    monkeypatch: pytest.MonkeyPatch, command: list[str], error: BaseException
):
    breaking(monkeypatch, error)
    done = CliRunner().invoke(main, command)
    assert done.exit_code == CRASHED
    assert f"an unexpected error occurred ({type(error).__name__}" in done.stderr
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), INTERRUPTED), (BrokenPipeError(32, "Broken pipe"), CUT_OFF)]
)
def test_an_interruption_never_ends_with_the_status_of_a_gate(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
):
    breaking(monkeypatch, error)
    assert CliRunner().invoke(main, ["report", "x.eval", "--fail-if", "mar>0"]).exit_code == status


@pytest.mark.parametrize("ending", [SystemExit(1), SystemExit("of a library"), SystemExit(3)])
def test_no_library_ends_the_command_with_the_status_of_a_gate(
    monkeypatch: pytest.MonkeyPatch, ending: SystemExit
):
    breaking(monkeypatch, ending)
    assert CliRunner().invoke(main, ["report", "x.eval", "--fail-if", "mar>0"]).exit_code == (
        3 if ending.code == 3 else CRASHED
    )


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["report"], 2),
        (["nothing"], 2),
        (["report", "--no-such"], 2),
        ([], 2),
    ],
)
def test_the_command_line_itself_ends_with_0_or_2(arguments: list[str], status: int):
    assert CliRunner().invoke(main, arguments).exit_code == status
    assert len({MET, UNUSABLE, CRASHED, INTERRUPTED, CUT_OFF, 0}) == 6
