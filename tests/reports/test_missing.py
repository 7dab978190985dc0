"""Logs without samples or scores: the message says what is missing and which command adds it."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inspect_ai import Task
from inspect_ai import score as rescore
from inspect_ai._cli.main import inspect as inspect_command
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.scorer import match

from misfire.cli.main import main
from misfire.reports import read_results
from misfire.reports.document import caveats
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto

from .conftest import make_log


def misfire(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


TASKS = {
    "veto": lambda: veto(source="embedded", pairs=4, parser="published"),
    "priming": lambda: priming(source="embedded", pairs=4),
    "detect": lambda: misalign_bench(per_dimension=1),
    "generate": lambda: misalign_bench(mode="generate", per_dimension=1),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_log_without_scores_is_refused_with_the_command_that_scores_it(tmp_path: Path, name: str):
    task: Task = TASKS[name]()
    made = make_log(
        task,
        "one",
        tmp_path / "a log",
        score=False,
        model_roles={"grader": "simulated/judge"} if name == "generate" else None,
    )
    done = misfire("report", made)
    assert done.exit_code == 2
    assert "samples without scores (for example because of --no-score)" in done.output
    assert "counts for" not in done.output
    (command,) = [part for part in done.output.split("`") if part.startswith("inspect score")]
    scored = CliRunner().invoke(inspect_command, [*shlex.split(command)[1:], "--display", "none"])
    assert scored.exit_code == 0, scored.output
    assert misfire("report", made).exit_code == 0
    results = read_results(made)
    assert [run.parser for run in results.run_set.runs] == {"veto": ["published"], "priming": ["strict"]}.get(
        name, []
    )
    assert results.runs["complete"].all()
    assert results.misalign.runs["complete"].all()


def test_a_log_without_samples_shows_its_own_metrics_and_says_so(tmp_path: Path):
    made = make_log(veto(source="embedded", pairs=4), "one", tmp_path, log_samples=False)
    report, results = misfire("report", made), misfire("results", made)
    assert report.exit_code == 2
    assert "holds no samples (for example because of --no-log-samples)" in report.output
    assert "misfire results" in report.output
    assert results.exit_code == 0
    assert "They were not computed from samples" in " ".join(results.output.split())


def test_logs_without_samples_are_reported_beside_others_and_do_not_pass_a_gate(tmp_path: Path):
    make_log(veto(source="embedded", pairs=4), "one", tmp_path, planted={"mar": 0.0, "br": 0.0})
    make_log(veto(source="embedded", pairs=4), "two", tmp_path, score=False)
    make_log(veto(source="embedded", pairs=4), "three", tmp_path, log_samples=False)
    lines = list(caveats(read_results(tmp_path)))
    assert any(
        line.startswith("two (veto) is incomplete: it holds 8 samples without scores") for line in lines
    )
    assert any(line.startswith("three (veto) is incomplete: it holds no samples") for line in lines)
    assert not any("counts for the pairs" in line for line in lines)
    gated = misfire("report", tmp_path, "--fail-if", "mar>0.5")
    assert gated.exit_code == 1
    assert "two (veto)" in gated.output
    assert "three (veto)" in gated.output


def test_the_newest_log_with_results_is_shown(tmp_path: Path):
    first = make_log(veto(source="embedded", pairs=4), "one", tmp_path)
    later = read_eval_log(make_log(veto(source="embedded", pairs=4), "two", tmp_path, score=False))
    later.eval.created = "2100-01-01T00:00:00+00:00"
    write_eval_log(later, later.location)
    done = misfire("results", tmp_path)
    assert done.exit_code == 0
    words = " ".join(done.output.split())
    assert "simulated/one" in words
    assert Path(first).name in done.output.replace("\n", "")
    assert "8 samples without scores" in words


def test_a_log_scored_only_by_another_scorer_is_recognized_and_lacks_scores(tmp_path: Path):
    made = make_log(veto(source="embedded", pairs=4), "one", tmp_path)
    write_eval_log(rescore(read_eval_log(made), match(), action="overwrite", display="none"), made)
    done = misfire("report", made)
    assert done.exit_code == 2
    assert "--scorer misfire/veto_outcome -S parser=strict --action overwrite --overwrite" in done.output
