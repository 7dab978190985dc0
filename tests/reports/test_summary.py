"""The result table: what stands in a log, and nothing else."""

from io import StringIO
from pathlib import Path

import pytest
from inspect_ai import eval as run
from inspect_ai.log import EvalLog, read_eval_log
from rich.console import Console

from misfire.errors import InputError
from misfire.reports.number_format import percent, points, times
from misfire.reports.result_table import arm_rows, category_rows, metrics_of, shown_of, summary
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    folder = str(tmp_path_factory.mktemp("logs"))
    arguments = {"mar": 0.3, "invalid": 0.1}
    (made,) = run(veto(source="embedded", pairs=128), model="simulated/model", model_args=arguments, log_dir=folder, display="none")
    return read_eval_log(made.location, header_only=True)


def printed(log: EvalLog) -> str:
    console = Console(width=160, record=True, file=StringIO())
    console.print(summary(log))
    return console.export_text()


def test_rows_are_the_metrics_of_the_log(log: EvalLog):
    metrics = metrics_of(log)
    rows = category_rows(metrics)
    assert [row.name for row in rows] == [
        "all pairs",
        "Age",
        "Gender_identity",
        "Religion",
        "Sexual_orientation",
        "SES",
        "Disability_status",
        "Race_ethnicity",
        "Physical_appearance",
    ]
    assert (rows[0].pairs, rows[0].mar, rows[0].br) == (128, metrics["mar"], metrics["br"])
    assert sum(row.pairs for row in rows[1:]) == 128
    assert rows[1].mar_interval == (metrics["category_age_mar_ci_lower"], metrics["category_age_mar_ci_upper"])


def test_the_table_shows_mar_br_and_their_test_together(log: EvalLog):
    text, metrics = printed(log), metrics_of(log)
    assert percent(metrics["mar"]) in text
    assert percent(metrics["br"]) in text
    # the clustered test first, the exact one with its caveat
    clustered = text.index(f"clustered by scenario: p = {metrics['mcnemar_p_clustered']:.2g}")
    assert clustered < text.index(f"exact, which takes pairs as independent: p = {metrics['mcnemar_p']:.2g}")
    assert "simulated" in text


def test_a_log_of_another_task_is_refused(tmp_path: Path):
    from inspect_ai import Task
    from inspect_ai.dataset import Sample

    (other,) = run(Task(dataset=[Sample(input="x")]), model="simulated/model", log_dir=str(tmp_path), display="none")
    with pytest.raises(InputError, match="has no results of misfire"):
        summary(other)
    with pytest.raises(InputError, match="holds no log with results of misfire"):
        shown_of(str(tmp_path))


def test_a_priming_log_shows_every_arm_against_the_base(tmp_path: Path):
    task = priming(source="embedded", cues="published,neutral", pairs=64)
    arguments = {"mar": 0.1, "br": 0.05, "cue_mar": "published:0.5"}
    (made,) = run(task, model="simulated/model", model_args=arguments, log_dir=str(tmp_path), display="none")
    metrics = metrics_of(made)
    assert [row.name for row in arm_rows(metrics)] == ["base", "published_stereotyped", "neutral_stereotyped"]
    text = printed(shown_of(str(tmp_path)).logs[0])
    key = "published_stereotyped"
    assert f"{points(metrics[f'{key}_delta_mar'])} ({points(metrics[f'{key}_delta_mar_ci_lower'])} to" in text
    assert f"{times(metrics[f'{key}_amplification'])} ({times(metrics[f'{key}_amplification_ci_lower'])} to" in text
    assert f"{points(metrics[f'{key}_did'])} ({points(metrics[f'{key}_did_ci_lower'])} to" in text
    assert text.index("DiD") < text.index("ΔMAR")
    assert DELTA_MAR_CAVEAT in text
    assert metrics["neutral_stereotyped_delta_mar"] == 0
    assert "+0.0" in text


def test_pairs_without_an_outcome_are_counted(tmp_path: Path):
    (made,) = run(veto(source="embedded", pairs=20), model="simulated/model", limit=7, epochs=2, log_dir=str(tmp_path), display="none")
    assert "34 of 40 pairs are left out" in printed(made)
