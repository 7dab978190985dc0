"""Logs that strangers wrote, or that broke off.

They are shown for what they hold, or refused with the log's name; never is there an error of Python's.
"""

import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inspect_ai import score
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log

from misfire.cli.main import main
from misfire.errors import InputError
from misfire.reports import read_results
from misfire.reports.document import document
from misfire.reports.formats.html import render
from misfire.reports.logs.viewer_links import viewer_of
from misfire.reports.pairs.failures import telling_failures
from misfire.scorers.veto import veto_outcome
from tests.conftest import ROOT

HOSTILE = "\x1b]0;caught\x07[red]x[/red]\u202e"


@pytest.fixture
def log() -> EvalLog:
    return read_eval_log(str(ROOT / "examples" / "logs" / "veto_embedded_simulated.eval"))


@pytest.fixture
def alone(log: EvalLog) -> EvalLog:
    """The metrics of a log, as this version computes them, without its samples."""
    log = score(log, veto_outcome(), action="overwrite", display="none")
    log.samples = []
    return log


def written(log: EvalLog, path: Path) -> Path:
    write_eval_log(log, str(path))
    return path


def misfire(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_a_log_may_have_any_name(log: EvalLog, tmp_path: Path):
    assert log.samples
    assert len(read_results(written(log, tmp_path / "mine.json")).halves) == len(log.samples)


def test_a_log_without_samples_is_an_incomplete_run(log: EvalLog, tmp_path: Path):
    log.samples = []
    results = read_results(written(log, tmp_path / "none.eval"))
    assert results.halves.empty
    assert results.runs["complete"].tolist() == [False]
    assert "incomplete" in render(document(results), viewer_of(run.log for run in results.run_set.runs))


def test_invalid_samples_are_refused_with_the_name_of_the_log(log: EvalLog, tmp_path: Path):
    path = written(log, tmp_path / "broken.json")
    path.write_text(path.read_text().replace('"epoch": 1', '"epoch": "x"'))
    with pytest.raises(InputError, match=r"broken\.json.*cannot be read"):
        read_results(path)


@pytest.mark.parametrize("value", ["many", None, -1, 1e300, [64], {"a": 1}, True])
def test_an_invalid_count_is_refused_with_its_place(log: EvalLog, tmp_path: Path, value: object):
    log.eval.metadata = (log.eval.metadata or {}) | {"pair_count": value}
    path = written(log, tmp_path / "odd.eval")
    for command in ("report", "results"):
        done = misfire(command, path)
        assert done.exit_code == 2
        assert "odd.eval: metadata 'pair_count': expected a count" in done.output


def test_an_edition_that_is_not_text_is_shown_as_text(log: EvalLog, tmp_path: Path):
    log.eval.metadata = (log.eval.metadata or {}) | {
        "edition": ["published", 1],
        "arms": 7,
        "unverified_files": {"a": 1},
    }
    (run,) = read_results(written(log, tmp_path / "odd.eval")).run_set.runs
    assert run.edition == "['published', 1]"


def test_results_without_samples_and_a_required_metric_are_refused_with_its_name(
    alone: EvalLog, tmp_path: Path
):
    assert alone.results
    del alone.results.scores[0].metrics["mar_valid"]
    done = misfire("results", written(alone, tmp_path / "old.eval"))
    assert done.exit_code == 2
    assert "old.eval: its results lack the metric 'mar_valid'" in done.output


def test_an_infinite_count_in_results_without_samples_is_refused(alone: EvalLog, tmp_path: Path):
    assert alone.results
    alone.results.scores[0].metrics["pairs"].value = float("inf")
    done = misfire("results", written(alone, tmp_path / "odd.eval"))
    assert done.exit_code == 2
    assert "odd.eval: its metric 'pairs' is not a count: inf" in done.output


def test_names_of_metrics_and_logs_cannot_act_on_the_terminal(alone: EvalLog, tmp_path: Path):
    assert alone.results
    metrics = alone.results.scores[0].metrics
    metrics |= {
        f"category_{HOSTILE}_{name}": metrics[name]
        for name in ("pairs", "mar", "mar_ci_lower", "mar_ci_upper", "br")
    }
    (tmp_path / HOSTILE.replace("/", "")).mkdir()
    output = misfire("results", written(alone, tmp_path / HOSTILE.replace("/", "") / "x.eval")).output
    assert "[red]x[/red]" in output
    assert all(character.isprintable() or character == "\n" for character in output)


def test_a_sample_without_a_question_is_shown_as_such(log: EvalLog, tmp_path: Path):
    for sample in log.samples or []:
        sample.input = []
    path = written(log, tmp_path / "empty.eval")
    assert all(
        text == "" for failure in telling_failures(read_results(path), 3) for _, text in failure.prompts
    )


def test_a_sample_that_only_the_summary_has_is_reported(log: EvalLog, tmp_path: Path):
    whole, path = written(log, tmp_path / "whole.eval"), tmp_path / "lacking.eval"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if not name.startswith("samples/"):
                new.writestr(name, old.read(name))
    done = misfire("report", path, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert re.search(r"lacking\.eval: sample \S+, epoch 1, cannot be read .*--examples 0", done.output)
    assert misfire("report", path, "--out", tmp_path / "out", "--examples", "0").exit_code == 0
