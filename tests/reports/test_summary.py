"""The result table: what stands in a log, and nothing else."""

import math
from pathlib import Path

import pytest
from inspect_ai import eval as run
from inspect_ai.log import EvalLog, read_eval_log
from rich.console import Console

from misfire.errors import InputError
from misfire.reports.summary import newest_log, percent, summary, summary_rows, veto_metrics_of
from misfire.tasks.veto import veto


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    folder = str(tmp_path_factory.mktemp("logs"))
    arguments = {"mar": 0.3, "invalid": 0.1}
    (made,) = run(veto(source="embedded", pairs=128), model="simulated/model", model_args=arguments, log_dir=folder, display="none")
    return read_eval_log(made.location, header_only=True)


def test_rows_are_the_metrics_of_the_log(log: EvalLog):
    metrics = veto_metrics_of(log)
    assert metrics is not None
    rows = summary_rows(metrics)
    assert [row.name for row in rows] == [
        "all",
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
    assert rows[1].mar_interval == (metrics["age_mar_ci_lower"], metrics["age_mar_ci_upper"])


def test_the_table_shows_mar_br_and_their_test_together(log: EvalLog):
    console = Console(width=120, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(summary(log))
    text = console.export_text()
    metrics = veto_metrics_of(log) or {}
    assert percent(metrics["mar"]) in text
    assert percent(metrics["br"]) in text
    assert f"exact p = {metrics['mcnemar_p']:.2g}" in text
    assert "simulated" in text


@pytest.mark.parametrize(("rate", "shown"), [(0.1234, "12.3 %"), (0, "0.0 %"), (1, "100.0 %"), (math.nan, "–")])
def test_a_rate_is_shown_in_percent_and_an_undefined_one_as_a_dash(rate: float, shown: str):
    assert percent(rate) == shown


def test_a_log_of_another_task_is_refused(tmp_path: Path):
    from inspect_ai import Task
    from inspect_ai.dataset import Sample

    (other,) = run(Task(dataset=[Sample(input="x")]), model="simulated/model", log_dir=str(tmp_path), display="none")
    with pytest.raises(InputError, match="has no VETO results"):
        summary(other)
    with pytest.raises(InputError, match="holds no finished VETO log"):
        newest_log(str(tmp_path))
