"""The result table: what stands in a log, and nothing else."""

from io import StringIO
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog, ProvenanceData, invalidate_samples, read_eval_log, write_eval_log
from rich.console import Console

from misfire.errors import InputError
from misfire.reports import read_results
from misfire.reports.caveats.cautions import cautions
from misfire.reports.document import caveats
from misfire.reports.number_format import percent, points, times
from misfire.reports.result_table import arm_rows, category_rows, metrics_of, shown_of, summary
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.runs import run_task as run

PAIRS = 48


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> EvalLog:
    folder = str(tmp_path_factory.mktemp("logs"))
    arguments = {"mar": 0.3, "invalid": 0.1}
    (made,) = run(
        veto(source="embedded", pairs=PAIRS), model="simulated/model", model_args=arguments, log_dir=folder
    )
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
    assert (rows[0].pairs, rows[0].mar, rows[0].br) == (PAIRS, metrics["mar"], metrics["br"])
    assert sum(row.pairs for row in rows[1:]) == PAIRS
    assert rows[1].mar_interval == (
        metrics["category_age_mar_ci_lower"],
        metrics["category_age_mar_ci_upper"],
    )


def test_the_table_shows_mar_br_and_their_test_together(log: EvalLog):
    text, metrics = printed(log), metrics_of(log)
    assert percent(metrics["mar"]) in text
    assert percent(metrics["br"]) in text
    # the clustered test first, the exact one with its caveat
    clustered = text.index(f"clustered by scenario: p = {metrics['mcnemar_p_clustered']:.2g}")
    assert clustered < text.index(f"exact, assuming independent pairs: p = {metrics['mcnemar_p']:.2g}")
    assert "simulated" in text


def test_a_log_of_another_task_is_refused(tmp_path: Path):
    from inspect_ai import Task
    from inspect_ai.dataset import Sample

    (other,) = run(Task(dataset=[Sample(input="x")]), model="simulated/model", log_dir=str(tmp_path))
    with pytest.raises(InputError, match="has no results of misfire"):
        summary(other)
    with pytest.raises(InputError, match="holds no log with results of misfire"):
        shown_of(str(tmp_path))


def test_a_priming_log_shows_every_arm_against_the_base(tmp_path: Path):
    task = priming(source="embedded", cues="published,neutral", pairs=24)
    arguments = {"mar": 0.2, "br": 0.05, "cue_mar": "published:0.6"}
    (made,) = run(task, model="simulated/model", model_args=arguments, log_dir=str(tmp_path))
    metrics = metrics_of(made)
    assert [row.name for row in arm_rows(metrics)] == ["base", "published_stereotyped", "neutral_stereotyped"]
    text = printed(shown_of(str(tmp_path)).logs[0])
    key = "published_stereotyped"
    for name, form in (("did", points), ("delta_mar", points), ("amplification", times)):
        assert form(metrics[f"{key}_{name}"]) in text
        assert (
            f"({form(metrics[f'{key}_{name}_ci_lower'])} to {form(metrics[f'{key}_{name}_ci_upper'])})"
            in text
        )
    assert text.index("DiD") < text.index("ΔMAR")
    assert DELTA_MAR_CAVEAT in text
    assert metrics["neutral_stereotyped_delta_mar"] == 0
    assert "+0.0" in text


def test_pairs_without_an_outcome_are_counted(tmp_path: Path):
    (made,) = run(
        veto(source="embedded", pairs=20), model="simulated/model", limit=7, epochs=2, log_dir=str(tmp_path)
    )
    assert "34 of 40 pairs are left out" in printed(made)


def test_twelve_arms_are_legible_in_a_terminal_of_eighty_columns(tmp_path: Path):
    # given every cue of misfire at two placements, at the position with the longest name
    cues = "published,policy,unrelated,fairness,neutral,evidence"
    task = priming(source="embedded", pairs=8, cues=cues, placements="stereotyped,both", positions="system")
    (made,) = run(
        task, model="simulated/model", model_args={"cue_mar": "published:0.5"}, log_dir=str(tmp_path)
    )
    metrics = metrics_of(made)
    console = Console(width=80, record=True, file=StringIO())
    console.print(summary(made))
    lines = console.export_text().splitlines()
    # then no line is wider, and every number is complete on a line of its table, as does the longest
    # part of every name
    assert max(map(len, lines)) <= 80
    cells = [cell.strip() for line in lines for cell in line.split("│")]
    arms = arm_rows(metrics)
    assert len(arms) == 13
    for row in arms[1:]:
        lower, upper = (points(metrics[f"{row.name}_did_ci_{end}"]) for end in ("lower", "upper"))
        assert points(metrics[f"{row.name}_did"]) in cells
        assert "–" in (lower, upper) or f"({lower} to {upper})" in cells
        assert percent(row.mar) in cells
        assert any(len(cell) >= 12 and row.name.startswith(cell) for cell in cells)


def test_a_warning_about_a_primed_arm_with_errored_stereotyped_halves_precedes_the_numbers(tmp_path: Path):
    # given a run in which stereotyped halves with the cue, and only they, were marked as invalid
    task = priming(source="embedded", pairs=32)
    (made,) = run(task, model="simulated/model", log_dir=str(tmp_path))
    log = read_eval_log(made.location)
    own = [sample for sample in log.samples or [] if "published_stereotyped" in sample.metadata["arms"]]
    gone = [str(sample.uuid) for sample in own if sample.metadata["half"] == "stereotyped"][:12]
    place = tmp_path / "partly" / "one.eval"
    place.parent.mkdir()
    write_eval_log(invalidate_samples(log, gone, ProvenanceData(author="a", reason="r")), str(place))
    said = "12 stereotyped halves and 0 contrast halves have no outcome"
    # then the result table and the report say so first, of the arm that it is about
    text = " ".join(printed(read_eval_log(str(place), header_only=True)).split())
    assert text.index(f"Warning: published_stereotyped: {said}") < text.index("DiD")
    results = read_results(place)
    warnings = list(cautions(results))
    assert any(
        line.startswith("Warning: model (priming, published_stereotyped): " + said) for line in warnings
    )
    assert not any(line.startswith("Warning: model (priming): 12") for line in warnings)
    # and the pairs that changes rest on stand beside them
    assert "20 of 32 pairs have both outcomes in the arm published_stereotyped" in " ".join(caveats(results))
    assert metrics_of(read_eval_log(str(place)))["published_stereotyped_compared_pairs"] == 20
