"""The before/after table of every task, over logs of the simulated model with planted rates."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from inspect_ai import Task
from inspect_ai.log import read_eval_log

from misfire.cli.main import main
from misfire.errors import InputError
from misfire.mechanistic.before_after import compare_logs, write_table
from misfire.mechanistic.paired_changes import Change, Labels, pair_changes
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.runs import run_task as run


def make_log(folder: Path, pairs: int = 16, **planted: float) -> str:
    return logged(folder, veto(source="embedded", pairs=pairs, controls=True), planted)


def logged(folder: Path, task: Task, planted: dict[str, Any], **options: Any) -> str:
    (log,) = run(task, model="simulated/model", model_args=planted, log_dir=str(folder), **options)
    return log.location


def metric(log: str, name: str) -> float:
    """A metric of the task's own, as its log has it."""
    results = read_eval_log(log, header_only=True).results
    assert results is not None
    return float(results.scores[0].metrics[name].value)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("logs")
    return make_log(folder / "before", mar=0.9, br=0.0), make_log(
        folder / "after", mar=0.0, br=0.0, no_bias=0.3
    )


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
        compare_logs(logs[0], [make_log(tmp_path, pairs=4)])


def test_the_command_shows_and_writes_the_table(logs: tuple[str, str], tmp_path: Path):
    result = CliRunner(env={"COLUMNS": "160"}).invoke(
        main, ["before-after", *logs, "--out", str(tmp_path / "table.csv")]
    )
    assert result.exit_code == 0, result.output
    assert "stereotyped halves right" in result.output
    rows = (tmp_path / "table.csv").read_text().splitlines()
    assert len(rows) == 1 + 7
    # and replaces no file unasked
    (tmp_path / "table.csv").write_text("precious")
    again = ["before-after", *logs, "--out", str(tmp_path / "table.csv")]
    assert "--overwrite" in CliRunner().invoke(main, again).output
    assert (tmp_path / "table.csv").read_text() == "precious"
    assert CliRunner().invoke(main, [*again, "--overwrite"]).exit_code == 0
    assert (tmp_path / "table.csv").read_text().splitlines() == rows
    changes: list[Change] = compare_logs(logs[0], [logs[1]])
    write_table(changes, tmp_path / "table.md")
    assert (tmp_path / "table.md").read_text().count("\n") == 2 + 7
    with pytest.raises(InputError, match=r"\.csv or \.md"):
        write_table(changes, tmp_path / "table.txt")


def test_names_in_the_table_are_shown_as_text(logs: tuple[str, str], tmp_path: Path):
    # given a log whose model is called by what a spreadsheet, a terminal or a page would act on
    (change, *_) = compare_logs(logs[0], [logs[1]])
    hostile = replace(
        change, run="=HYPERLINK(1)\x1b[2J<script>x</script>", intervention="@SUM(1)|<img src=x>"
    )

    write_table([hostile], tmp_path / "table.csv")
    write_table([hostile], tmp_path / "table.md")

    with (tmp_path / "table.csv").open(encoding="utf-8", newline="") as lines:
        (_, row) = csv.reader(lines)
    assert row[:2] == ["'=HYPERLINK(1) [2J<script>x</script>", "'@SUM(1)|<img src=x>"]
    page = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "\\<script\\>" in page
    assert "\\|\\<img" in page
    assert "\x1b" not in page


def test_every_arm_of_priming_has_its_measures_and_its_change_of_mar(tmp_path: Path):
    # given a cue that misleads the model before, and does nothing after
    task = priming(source="embedded", pairs=16, cues="fairness")
    before = logged(tmp_path / "before", task, {"mar": 0.2, "br": 0.0, "cue_mar": "fairness:0.9"})
    after = logged(tmp_path / "after", task, {"mar": 0.0, "br": 0.0})
    changes = {change.measure: change for change in compare_logs(before, [after])}
    base, primed = (
        [name for name in changes if name.startswith(f"{arm}: ")] for arm in ("base", "fairness_stereotyped")
    )
    assert len(base) + len(primed) == len(changes)
    assert [name.partition(": ")[2] for name in base] == [
        "MAR", "BR", "stereotyped halves right", "contrast halves right", "invalid answers"
    ]  # fmt: skip
    # then the headline comes first: the DiD of the cue, as priming reports it for each run
    assert next(iter(primed)) == "fairness_stereotyped: DiD"
    did = changes["fairness_stereotyped: DiD"]
    assert (did.before, did.after) == pytest.approx(
        tuple(metric(log, "fairness_stereotyped_did") for log in (before, after))
    )
    assert did.before < -0.2
    assert did.difference.value == pytest.approx(did.after - did.before)
    assert did.difference.lower > 0
    # and ΔMAR has its caveat
    result = CliRunner(env={"COLUMNS": "160"}).invoke(
        main, ["before-after", before, after, "--out", str(tmp_path / "table.md")]
    )
    assert DELTA_MAR_CAVEAT in result.output
    assert DELTA_MAR_CAVEAT in (tmp_path / "table.md").read_text(encoding="utf-8")
    # then the change of MAR by the cue falls by as much as the arm's MAR falls more than the base's
    mar_change = changes["fairness_stereotyped: ΔMAR"]
    assert mar_change.before == pytest.approx(
        changes["fairness_stereotyped: MAR"].before - changes["base: MAR"].before
    )
    assert mar_change.after == 0
    assert mar_change.difference.value == pytest.approx(-mar_change.before)
    assert mar_change.difference.upper < 0


def test_verdicts_of_misalign_bench_are_paired_by_instance(tmp_path: Path):
    # given a judge that flags less after, whose replies are sometimes none
    task = misalign_bench(per_dimension=8)
    before = logged(tmp_path / "before", task, {"coverage": 1.0, "ffr": 0.0})
    after = logged(tmp_path / "after", task, {"coverage": 0.4, "ffr": 0.0, "invalid": 0.2})
    changes = {change.measure: change for change in compare_logs(before, [after])}
    assert list(changes)[:3] == ["Alignment Score", "Coverage", "FFR"]
    assert {name.partition(":")[0] for name in changes if ":" in name} == {"safety", "value", "culture"}
    assert changes["Coverage"].before == 1
    assert changes["Coverage"].difference.upper < 0
    score = changes["Alignment Score"]
    assert score.difference.value == pytest.approx(score.after - score.before)
    # then what is invalid is counted, and counts as the wrong decision
    assert changes["invalid verdicts"].before == 0
    assert changes["invalid verdicts"].after > 0.05
    assert changes["FFR"].after > 0


def test_answers_that_a_grader_judged_are_compared(tmp_path: Path):
    task = misalign_bench(mode="generate", per_dimension=8, grader_sample=2)
    grader = {"model_roles": {"grader": "simulated/judge"}}
    before = logged(tmp_path / "before", task, {"misaligned": 0.9}, **grader)
    after = logged(tmp_path / "after", task, {"misaligned": 0.0}, **grader)
    changes = {change.measure: change for change in compare_logs(before, [after])}
    assert list(changes) == ["aligned answers", "answers without a verdict"]
    assert changes["aligned answers"].difference.lower > 0


def test_samples_that_failed_in_either_run_are_counted_separately():
    import pandas as pd

    def halves(*outcomes: str) -> pd.DataFrame:
        rows = [
            (f"p{k // 2}", f"s{k // 2}", ("stereotyped", "contrast")[k % 2], outcome)
            for k, outcome in enumerate(outcomes)
        ]
        return pd.DataFrame(rows, columns=["pair_id", "scenario", "half", "outcome"]).assign(
            arm="base", probe="evidence", epoch=1
        )

    one, other = halves("wrong", "right", "right", "right"), halves("right", "right", "failed", "right")
    changes = {change.measure: change for change in pair_changes(Labels("run", "none"), one, other, ["base"])}
    assert changes["MAR"].n == 1
    assert changes["contrast halves right"].n == 2
    assert (
        changes["failed samples"].before,
        changes["failed samples"].after,
        changes["failed samples"].n,
    ) == (0, 0.25, 4)


def test_logs_of_other_tasks_are_not_compared(logs: tuple[str, str], tmp_path: Path):
    with pytest.raises(InputError, match="another task"):
        compare_logs(logs[0], [logged(tmp_path, misalign_bench(per_dimension=2), {})])
