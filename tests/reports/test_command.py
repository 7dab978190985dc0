"""`misfire report`, as a user types it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from misfire.cli import main
from misfire.reports import Results
from misfire.reports.forms import percent


def report(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["report", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_logs_become_a_report_in_one_command(logs: Path, results: Results, tmp_path: Path):
    code, said, _ = report(logs, "--out", tmp_path / "report", "--published", "--examples", 1)
    assert code == 0
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.html", "report.md", "summary.json", "tables", "figures"}
    assert len(json.loads((tmp_path / "report/summary.json").read_text())["published"]) == 26
    assert f"files in {tmp_path / 'report'}: report.html" in said
    cells = [re.split(r"\s{2,}", line.strip()) for line in said.split("What each cue does")[0].splitlines()]
    for row in results.overall("veto").to_dict("records"):
        (line,) = [line for line in cells if line[:2] == [row["run"], str(row["pairs"])]]
        assert percent(row["br"]) in " ".join(line)
        assert percent(row["mar"]) in " ".join(line)


def test_without_a_folder_the_main_numbers_are_shown_alone(logs: Path, tmp_path: Path):
    code, said, _ = report(logs / "veto")
    assert code == 0
    assert "MAR, BR and what they rest on" in said
    assert "were planted" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--fail-if", "mar>0.9"], 0),
        (["--fail-if", "mar>0.01"], 1),
        (["--fail-if", "mar>0.9", "--fail-if", "br>=0"], 1),
        (["--fail-if", "mar<0.15", "--ci-lower"], 1),
        (["--fail-if", "mar>0.5", "--ci-upper"], 0),
    ],
)
def test_a_condition_sets_the_exit_status(logs: Path, options: list[str], status: int):
    code, _, said = report(logs / "veto", *options)
    assert code == status
    assert ("--fail-if: " in said) == bool(status)


def test_the_ends_of_the_interval_make_a_condition_milder_or_stricter(results: Results):
    frame = results.overall("veto")
    (alpha,) = frame[frame["run"] == "alpha"].to_dict("records")
    between = (alpha["mar_ci_lower"] + alpha["mar"]) / 2
    only = [run.log for run in results.run_set.of("veto") if run.label == "alpha"]
    condition = ["--fail-if", f"mar>{between}"]
    assert [report(*only, *condition, *end)[0] for end in ([], ["--ci-lower"], ["--ci-upper"])] == [1, 0, 1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "pdf"], "no such format: pdf"),
        (["--fail-if", "mar=1"], "'mar>0.10'"),
        (["--ci-lower"], "go with --fail-if"),
        (["--fail-if", "mar>0.1", "--ci-lower", "--ci-upper"], "exclude each other"),
        (["--viewer-url", "javascript:alert(1)"], "http"),
    ],
)
def test_bad_options_end_with_2_before_anything_is_written(logs: Path, tmp_path: Path, options: list[str], words: str):
    code, _, said = report(logs, "--out", tmp_path / "out", *options)
    assert code == 2
    assert words in said
    assert not (tmp_path / "out").exists()


def test_a_place_without_logs_ends_with_2(tmp_path: Path):
    code, _, said = report(tmp_path)
    assert (code, "None of these places holds a log of misfire" in said) == (2, True)
