"""The before/after table, over logs of the simulated model with planted rates."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from inspect_ai import eval as run

from misfire.cli import main
from misfire.errors import InputError
from misfire.mechanistic.before_after import Change, compare_logs, write_table
from misfire.tasks.veto import veto


def make_log(folder: Path, pairs: int = 16, **planted: float) -> str:
    task = veto(source="embedded", pairs=pairs, controls=True)
    (log,) = run(task, model="simulated/model", model_args=planted, log_dir=str(folder), display="none")  # pyright: ignore[reportArgumentType]
    return log.location


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("logs")
    return make_log(folder / "before", mar=0.9, br=0.0), make_log(folder / "after", mar=0.0, br=0.0, no_bias=0.3)


def test_each_measure_is_paired_and_has_its_interval(logs: tuple[str, str]):
    changes = {change.measure: change for change in compare_logs(logs[0], [logs[1]])}
    assert list(changes) == [
        "MAR",
        "BR",
        "stereotyped halves right",
        "contrast halves right",
        "stereotyped foils right",
        "contrast foils right",
        "invalid answers",
    ]
    mar = changes["MAR"]
    assert mar.n == 16
    assert mar.before > 0.7
    assert mar.difference.value == pytest.approx(mar.after - mar.before)
    assert mar.difference.upper < 0
    assert changes["contrast halves right"].difference.value < 0
    for change in changes.values():
        assert not change.difference.lower < -1


def test_a_log_against_itself_shows_no_change(logs: tuple[str, str]):
    assert {change.difference.value for change in compare_logs(logs[0], [logs[0]])} == {0.0}


def test_logs_on_other_pairs_are_not_compared(logs: tuple[str, str], tmp_path: Path):
    with pytest.raises(InputError, match="other pairs"):
        compare_logs(logs[0], [make_log(tmp_path, pairs=8)])


def test_the_command_shows_and_writes_the_table(logs: tuple[str, str], tmp_path: Path):
    result = CliRunner(env={"COLUMNS": "160"}).invoke(main, ["before-after", *logs, "--out", str(tmp_path / "table.csv")])
    assert result.exit_code == 0, result.output
    assert "stereotyped halves right" in result.output
    rows = (tmp_path / "table.csv").read_text().splitlines()
    assert len(rows) == 1 + 7
    changes: list[Change] = compare_logs(logs[0], [logs[1]])
    write_table(changes, tmp_path / "table.md")
    assert (tmp_path / "table.md").read_text().count("\n") == 2 + 7
    with pytest.raises(InputError, match=r"\.csv or \.md"):
        write_table(changes, tmp_path / "table.txt")
