"""Several logs of one run.

Their content decides which of them counts, never the names or times of files.

Logs are made by the tasks and changed by Inspect's own functions. Of 16 pairs the model that is asked gets
every half right; of four stereotyped halves the answer is then given within reasoning too, where the
published parser reads it as "no"."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inspect_ai import eval_retry, score
from inspect_ai.log import (
    EvalLog,
    ProvenanceData,
    edit_score,
    invalidate_samples,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import ScoreEdit

from misfire.cli.main import main
from misfire.errors import InputError
from misfire.reports import read_results
from misfire.reports.document import caveats
from misfire.reports.logs.log_files import find_logs
from misfire.scorers.misalign import misalign_answer
from misfire.scorers.veto import veto_outcome
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.veto import veto

from .conftest import make_log

PAIRS = 16

DISAGREED = '<think>Perhaps {"answer": "no"}.</think>\n{"answer": "yes"}'
"""Read as "yes" by the strict parser, and as "no" by the published one."""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log on four of whose stereotyped halves the parsers disagree.

    It is scored by the strict one: MAR 0 of 16.
    """
    folder = tmp_path_factory.mktemp("strict")
    made = make_log(veto(source="embedded", pairs=PAIRS), "one", folder, planted={"mar": 0.0, "br": 0.0})
    log = read_eval_log(made)
    for sample in [sample for sample in log.samples or [] if sample.metadata["half"] == "stereotyped"][:4]:
        sample.output = ModelOutput.from_content("simulated/one", DISAGREED)
    place = folder / "strict.eval"
    write_eval_log(score(log, veto_outcome(), action="overwrite", display="none"), str(place))
    return place


@pytest.fixture(scope="module")
def published(strict: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same log scored again by the published parser: MAR 4 of 16."""
    place = tmp_path_factory.mktemp("published") / "published.eval"
    write_eval_log(
        score(
            read_eval_log(str(strict)), veto_outcome(parser="published"), action="overwrite", display="none"
        ),
        str(place),
    )
    return place


def misfire(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def placed(folder: Path, *logs: tuple[Path, str]) -> Path:
    """A folder with copies of some logs, the first the newest by the time of its file."""
    folder.mkdir()
    for age, (log, name) in enumerate(logs):
        shutil.copyfile(log, folder / name)
        os.utime(folder / name, (1e9 - age, 1e9 - age))
    return folder


def mars(folder: Path, *, allow_mixed: bool = False) -> list[tuple[str, float, str]]:
    """Label, MAR and file of each run, in the order of the labels."""
    results = read_results(folder, allow_mixed=allow_mixed)
    runs = {run.label: Path(run.log).name for run in results.run_set.runs}
    rows = zip(results.overall("veto")["run"], results.overall("veto")["mar"], strict=True)
    return sorted((str(run), float(mar), runs[str(run)]) for run, mar in rows)


def test_the_parsers_disagree_on_these_logs(strict: Path, published: Path):
    assert [mar for _, mar, _ in (*mars(strict), *mars(published))] == [0.0, 0.25]


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("names", [("a.eval", "a-scored.eval"), ("z.eval", "b.eval")])
def test_a_log_and_its_rescored_copy_are_refused_by_both_names(
    strict: Path, published: Path, tmp_path: Path, names: tuple[str, str], newest_first: bool
):
    logs = [(strict, names[0]), (published, names[1])]
    folder = placed(tmp_path / "logs", *(logs if newest_first else reversed(logs)))
    done = misfire("report", folder, "--fail-if", "mar>0.1")
    assert done.exit_code == 2
    assert f"{names[0]}: veto_outcome (parser=strict)" in done.output
    assert f"{names[1]}: veto_outcome (parser=published)" in done.output


@pytest.mark.parametrize("newest_first", [True, False])
def test_both_are_shown_and_distinguished_on_request(
    strict: Path, published: Path, tmp_path: Path, newest_first: bool
):
    logs = [(strict, "a.eval"), (published, "b.eval")]
    folder = placed(tmp_path / "logs", *(logs if newest_first else reversed(logs)))
    assert mars(folder, allow_mixed=True) == [
        ("one · parser=published", 0.25, "b.eval"),
        ("one · parser=strict", 0.0, "a.eval"),
    ]


def test_the_result_table_shows_both_scorings_by_name(strict: Path, published: Path, tmp_path: Path):
    done = misfire("results", placed(tmp_path / "logs", (strict, "a.eval"), (published, "b.eval")))
    assert done.exit_code == 0
    words = " ".join(done.output.split())
    assert "scored by veto_outcome (parser=strict)" in words
    assert "scored by veto_outcome (parser=published)" in words
    assert "scored in different ways" in words


def test_a_log_rescored_in_place_is_one_run(published: Path, tmp_path: Path):
    assert mars(placed(tmp_path / "logs", (published, "a.eval"))) == [("one", 0.25, "a.eval")]


def test_a_log_with_both_scorings_says_which_is_read(strict: Path, tmp_path: Path):
    both = score(
        read_eval_log(str(strict)), veto_outcome(parser="published"), action="append", display="none"
    )
    write_eval_log(both, str(tmp_path / "both.eval"))
    results = read_results(tmp_path)
    assert results.overall("veto")["mar"].tolist() == [0.0]
    (caveat,) = [line for line in caveats(results) if "more than once" in line]
    assert "The numbers use veto_outcome (parser=strict), not veto_outcome1 (parser=published)" in caveat
    assert "scored more than once" in " ".join(misfire("results", tmp_path).output.split())


def test_the_same_log_under_two_names_counts_once(strict: Path, tmp_path: Path):
    results = read_results(placed(tmp_path / "logs", (strict, "z.eval"), (strict, "a.eval")))
    assert [Path(run.log).name for run in results.run_set.runs] == ["a.eval"]
    (caveat,) = [line for line in caveats(results) if "Copies" in line]
    assert "z.eval" in caveat


def edited(log: Path, place: Path) -> Path:
    """A copy of a log, one stereotyped half of which a person found to be wrong.

    Its metrics are as before.
    """
    copy = read_eval_log(str(log))
    sample = next(sample for sample in copy.samples or [] if sample.metadata["half"] == "stereotyped")
    edit = ScoreEdit(value="wrong", provenance=ProvenanceData(author="reader"))
    edit_score(copy, sample.id, "veto_outcome", edit, recompute_metrics=False)
    write_eval_log(copy, str(place))
    return place


def invalidated(log: Path, place: Path) -> Path:
    """A copy of a log with one sample marked as invalid."""
    copy = read_eval_log(str(log))
    assert copy.samples
    write_eval_log(
        invalidate_samples(copy, [str(copy.samples[0].uuid)], ProvenanceData(author="reader")), str(place)
    )
    return place


@pytest.mark.parametrize("change", [edited, invalidated])
def test_a_log_and_its_edited_copy_are_refused_by_both_names(strict: Path, tmp_path: Path, change: object):
    shutil.copyfile(strict, tmp_path / "first.eval")
    assert callable(change)
    change(strict, tmp_path / "second.eval")
    with pytest.raises(InputError, match=r"different scores to one run .*first\.eval, .*second\.eval"):
        read_results(tmp_path)
    assert [label for label, _, _ in mars(tmp_path, allow_mixed=True)] == [
        "one · log=first",
        "one · log=second",
    ]


def test_a_log_that_was_scored_later_takes_the_place_of_the_log_without_scores(tmp_path: Path):
    made = make_log(veto(source="embedded", pairs=4), "one", tmp_path / "made", score=False)
    shutil.copyfile(made, tmp_path / "z.eval")
    write_eval_log(
        score(read_eval_log(made), veto_outcome(parser="published"), display="none"), str(tmp_path / "a.eval")
    )
    shutil.rmtree(tmp_path / "made")
    results = read_results(tmp_path)
    assert [(Path(run.log).name, run.parser) for run in results.run_set.runs] == [("a.eval", "published")]
    assert [Path(log).name for log in results.run_set.superseded] == ["z.eval"]


def retried(folder: Path) -> tuple[Path, Path]:
    """A run that broke off, and its retry, which ended."""
    (first,) = run_logs(veto(source="embedded", pairs=6), folder)
    broken = read_eval_log(first.location)
    broken.status = "error"
    assert broken.samples
    broken.samples = broken.samples[:5]
    write_eval_log(broken, first.location)
    (second,) = eval_retry(broken, log_dir=str(folder), display="none")
    return Path(first.location), Path(second.location)


def run_logs(task: object, folder: Path) -> Sequence[EvalLog]:
    from tests.runs import run_task as run

    return run(task, model="simulated/one", log_dir=str(folder))  # pyright: ignore[reportArgumentType]


def test_the_successful_attempt_of_a_run_counts_whatever_the_names_and_dates_of_files(tmp_path: Path):
    first, second = retried(tmp_path / "made")
    assert (
        read_eval_log(str(first), header_only=True).eval.task_id
        == read_eval_log(str(second), header_only=True).eval.task_id
    )
    for folder, names in (("x", ("a.eval", "b.eval")), ("y", ("b.eval", "a.eval"))):
        for turned in (False, True):
            logs = [(first, names[0]), (second, names[1])]
            place = placed(tmp_path / f"{folder}{turned}", *(reversed(logs) if turned else logs))
            found = find_logs(place)
            assert [Path(log.location).name for log in found.logs] == [names[1]]
            assert [Path(log).name for log in found.superseded] == [names[0]]


def test_an_unreadable_attempt_is_replaced_by_the_one_before(tmp_path: Path):
    first, second = retried(tmp_path / "made")
    whole = read_eval_log(str(second))
    folder = placed(tmp_path / "logs", (first, "a.eval"))
    cut = folder / "2026-01-01T00-00-00-00-00_veto_cut.json"
    write_eval_log(whole, str(cut))
    cut.write_bytes(cut.read_bytes()[:-2000])
    results = read_results(folder)
    assert [Path(run.log).name for run in results.run_set.runs] == ["a.eval"]
    assert any(cut.name in line for line in caveats(results))
    done = misfire("results", folder)
    assert done.exit_code == 0
    assert "cut.json" in done.output.replace("\n", "")


def test_answers_that_another_grader_judged_name_it(tmp_path: Path):
    task = misalign_bench(mode="generate", per_dimension=2, grader_sample=4)
    made = make_log(task, "one", tmp_path / "made", model_roles={"grader": "simulated/judge"})
    again = score(
        read_eval_log(made),
        misalign_answer(),
        action="overwrite",
        model_roles={"grader": "simulated/other"},
        display="none",
    )
    write_eval_log(again, str(tmp_path / "again.eval"))
    assert read_results(made).misalign.answers["grader"].tolist() == ["simulated/judge"]
    results = read_results(tmp_path / "again.eval")
    assert results.misalign.answers["grader"].tolist() == ["simulated/other"]
    with pytest.raises(InputError, match=r"one run of simulated/one"):
        read_results(tmp_path)
