"""`misfire report`, as a user types it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from misfire.cli.main import main
from misfire.datasets.folders import MANIFEST
from misfire.reports import Results
from misfire.reports.number_format import percent


def report(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, ["report", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_logs_become_a_report_in_one_command(logs: Path, results: Results, tmp_path: Path):
    code, said, _ = report(logs, "--out", tmp_path / "report", "--published", "--examples", 1)
    assert code == 0
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        MANIFEST,
        "report.html",
        "report.md",
        "summary.json",
        "tables",
        "figures",
    }
    assert len(json.loads((tmp_path / "report/summary.json").read_text())["published"]) == 26
    assert f"files in {tmp_path / 'report'}: report.html" in said
    cells = [re.split(r"\s{2,}", line.strip()) for line in said.split("Effect of each cue")[0].splitlines()]
    for row in results.overall("veto").to_dict("records"):
        (line,) = [line for line in cells if line[:2] == [row["run"], str(row["pairs"])]]
        assert percent(row["br"]) in " ".join(line)
        assert percent(row["mar"]) in " ".join(line)


def test_without_a_folder_only_the_main_numbers_are_shown(logs: Path, tmp_path: Path):
    code, said, _ = report(logs / "veto")
    assert code == 0
    assert "MAR and BR of each run" in said
    assert "are not real models" in said
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


def test_the_bounds_of_the_interval_make_a_condition_milder_or_stricter(results: Results):
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
        (["--ci-lower"], "require --fail-if"),
        (["--fail-if", "mar>0.1", "--ci-lower", "--ci-upper"], "exclude each other"),
        (["--viewer-url", "javascript:alert(1)"], "http"),
    ],
)
def test_bad_options_end_with_2_before_anything_is_written(
    logs: Path, tmp_path: Path, options: list[str], words: str
):
    code, _, said = report(logs, "--out", tmp_path / "out", *options)
    assert code == 2
    assert words in said
    assert not (tmp_path / "out").exists()


def test_a_place_without_logs_ends_with_2(tmp_path: Path):
    code, _, said = report(tmp_path)
    assert (code, "None of these places holds a log of misfire" in said) == (2, True)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_second_report_leaves_nothing_of_the_first(logs: Path, tmp_path: Path):
    out, options = tmp_path / "out", ("--examples", 0, "--format", "md,csv,json")
    assert report(logs / "misalign", "--out", out, *options)[0] == 0
    (out / "notes.txt").write_text("mine")
    # when a report on other runs is written to the same folder
    assert report(logs / "priming", "--out", out, *options)[0] == 0
    # then it stands there as if the folder had been empty, beside the user's notes
    assert report(logs / "priming", "--out", tmp_path / "new", *options)[0] == 0
    assert files_in(out) == files_in(tmp_path / "new") | {"notes.txt"}
    assert not any("misalign" in name for name in files_in(out))


def test_a_folder_that_is_not_a_report_is_refused_before_logs_are_read(tmp_path: Path):
    (tmp_path / "report.md").write_text("precious")
    code, _, said = report(tmp_path / "no such log.eval", "--out", tmp_path)
    assert (code, (tmp_path / "report.md").read_text()) == (2, "precious")
    assert "is not a report that misfire wrote (report.md)" in said
    assert "--overwrite" in said


def test_overwriting_replaces_what_an_earlier_version_wrote_and_keeps_the_rest(logs: Path, tmp_path: Path):
    (tmp_path / "tables").mkdir()
    for name in ("report.md", "tables/misalign_leaders.csv", "tables/mine.csv"):
        (tmp_path / name).write_text("old")
    assert (
        report(logs / "priming", "--out", tmp_path, "--overwrite", "--format", "md,csv", "--examples", 0)[0]
        == 0
    )
    assert "misalign_leaders.csv" not in {path.name for path in (tmp_path / "tables").iterdir()}
    assert (tmp_path / "tables" / "mine.csv").read_text() == "old"
    assert (tmp_path / "report.md").read_text() != "old"


def test_no_link_in_the_folder_is_written_through(logs: Path, tmp_path: Path):
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.md").symlink_to(tmp_path / "elsewhere")
    for overwrite in ((), ("--overwrite",)):
        code, _, _ = report(
            logs / "priming", "--out", tmp_path / "out", "--format", "md", "--examples", 0, *overwrite
        )
        assert (code, (tmp_path / "elsewhere").read_text()) == (0 if overwrite else 2, "precious")
