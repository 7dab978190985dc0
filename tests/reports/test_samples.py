"""Samples that do not count, or are there twice.

They are left out or reported, in the same way in every number computed from a log.

Of the pairs of these logs the model misfires on all: each stereotyped half is wrong, each contrast half
right."""

import copy
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from inspect_ai.log import (
    EvalLog,
    EvalSample,
    ProvenanceData,
    edit_score,
    invalidate_samples,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.scorer import ScoreEdit

from misfire.cli.main import main
from misfire.mechanistic.before_after import compare_logs
from misfire.reports import Results, read_results
from misfire.reports.document import caveats
from misfire.reports.pairs.failures import telling_failures
from misfire.reports.result_table import metrics_of
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto

from .conftest import make_log

PAIRS = 8

WHO = ProvenanceData(author="reader", reason="the question was faulty")

FORMS = pytest.mark.parametrize("ending", ["eval", "json"])


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A log of each task, by name."""
    folder, wrong = tmp_path_factory.mktemp("logs"), {"mar": 0.999, "br": 0.0}
    return {
        "veto": make_log(veto(source="embedded", pairs=PAIRS), "one", folder, planted=wrong),
        "priming": make_log(
            priming(source="embedded", pairs=PAIRS),
            "one",
            folder,
            planted={"mar": 0.0, "br": 0.0, "cue_mar": "published:0.999"},
        ),
        "detect": make_log(
            misalign_bench(per_dimension=2), "one", folder, planted={"coverage": 1.0, "ffr": 0.0}, epochs=2
        ),
        "generate": make_log(
            misalign_bench(mode="generate", per_dimension=2),
            "one",
            folder,
            model_roles={"grader": "simulated/judge"},
        ),
    }


def written(log: EvalLog, place: Path) -> Path:
    write_eval_log(log, str(place))
    return place


def misfire(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def of_half(log: EvalLog, half: str) -> list[EvalSample]:
    return [sample for sample in log.samples or [] if sample.metadata["half"] == half]


def caveat(results: Results, words: str) -> str:
    (line,) = [line for line in caveats(results) if words in line]
    return line


def marked(log: EvalLog, samples: list[EvalSample]) -> EvalLog:
    return invalidate_samples(log, [str(sample.uuid) for sample in samples], WHO)


def marked_by_hand(log: EvalLog, samples: list[EvalSample]) -> EvalLog:
    """As when samples of a log with invalidated ones are put into another log: the header does not know."""
    for sample in samples:
        sample.invalidation = WHO
    return log


Marker = Callable[[EvalLog, list[EvalSample]], EvalLog]


@FORMS
@pytest.mark.parametrize("mark", [marked, marked_by_hand])
def test_invalidated_samples_are_left_out_counted_and_reported(
    logs: dict[str, str], tmp_path: Path, mark: Marker, ending: str
):
    log = read_eval_log(logs["veto"])
    # three pairs lose their contrast half; the other five misfire
    place = written(mark(log, of_half(log, "contrast")[:3]), tmp_path / f"log.{ending}")
    results = read_results(place)
    assert results.overall("veto")[
        ["pairs", "incomplete_pairs", "c_stereotyped_wrong_only"]
    ].to_numpy().tolist() == [[5, 3, 5]]
    assert results.runs["invalidated"].tolist() == [3]
    assert results.runs["complete"].tolist() == [False]
    assert len(results.halves) == 2 * PAIRS - 3
    assert "3 of 16 samples are marked as invalid" in caveat(results, "left out everywhere")
    assert len(telling_failures(results, PAIRS)) <= 5
    shown = " ".join(misfire("results", place).output.split())
    assert "3 of 16 samples are marked as invalid" in shown
    assert "3 of 8 pairs are left out" in shown


def test_invalidated_samples_are_in_no_arm_of_a_priming_run(logs: dict[str, str], tmp_path: Path):
    log = read_eval_log(logs["priming"])
    # the contrast halves serve both arms: two pairs are lost in both
    place = written(marked(log, of_half(log, "contrast")[:2]), tmp_path / "log.eval")
    results = read_results(place)
    assert results.overall("priming")["pairs"].tolist() == [6, 6]
    assert results.effects["compared_pairs"].tolist() == [6]
    metrics = metrics_of(read_eval_log(str(place), header_only=True))
    assert (metrics["base_pairs"], metrics["published_stereotyped_pairs"]) == (6, 6)


@pytest.mark.parametrize("task", ["detect", "generate"])
def test_invalidated_samples_are_left_out_of_mis_align_bench(logs: dict[str, str], tmp_path: Path, task: str):
    log = read_eval_log(logs[task])
    before = read_results(logs[task]).misalign
    chosen = [sample for sample in log.samples or [] if sample.metadata["kind"] in ("verdict", "answer")][:1]
    results = read_results(written(marked(log, chosen), tmp_path / "log.eval"))
    assert len(results.misalign.verdicts) == len(before.verdicts) - 1
    assert results.misalign.runs["invalidated"].tolist() == [1]
    assert results.misalign.runs["complete"].tolist() == [False]
    assert "are marked as invalid" in caveat(results, "left out everywhere")


def test_before_and_after_rest_on_the_samples_that_count(logs: dict[str, str], tmp_path: Path):
    log = read_eval_log(logs["veto"])
    after = written(marked(log, of_half(log, "stereotyped")[:3]), tmp_path / "after.eval")
    assert {change.n for change in compare_logs(logs["veto"], [str(after)]) if change.measure == "MAR"} == {5}


@FORMS
def test_edited_scores_give_the_same_number_everywhere_and_the_stored_one_is_reported(
    logs: dict[str, str], tmp_path: Path, ending: str
):
    log = read_eval_log(logs["veto"])
    for sample in of_half(log, "stereotyped")[:6]:
        edit_score(
            log, sample.id, "veto_outcome", ScoreEdit(value="right", provenance=WHO), recompute_metrics=False
        )
    place = written(log, tmp_path / f"log.{ending}")
    # 2 of 8 misfire by the samples, 8 of 8 by the metrics that the log has
    results = read_results(place)
    assert results.overall("veto")["mar"].tolist() == [0.25]
    assert metrics_of(read_eval_log(str(place), header_only=True))["mar"] == 0.25
    assert "mar is 100.0 % in the log and 25.0 % here" in caveat(results, "stored metrics")
    shown = " ".join(misfire("results", place).output.split())
    assert "25.0 %" in shown
    assert "mar is 100.0 % in the log and 25.0 % here" in shown


def test_metrics_that_were_recomputed_need_no_warning(logs: dict[str, str], tmp_path: Path):
    log = read_eval_log(logs["veto"])
    edit_score(
        log, of_half(log, "stereotyped")[0].id, "veto_outcome", ScoreEdit(value="right", provenance=WHO)
    )
    results = read_results(written(log, tmp_path / "log.eval"))
    assert results.overall("veto")["mar"].tolist() == [7 / 8]
    assert not any("stored metrics" in line for line in caveats(results))


@pytest.mark.parametrize("task", ["veto", "priming", "detect", "generate"])
def test_an_unedited_log_agrees_with_its_samples(logs: dict[str, str], task: str):
    assert not any("stored metrics" in line for line in caveats(read_results(logs[task])))


def test_an_edited_verdict_keeps_its_epoch_and_the_metrics_are_those_of_the_samples(
    logs: dict[str, str], tmp_path: Path
):
    log = read_eval_log(logs["detect"])
    sample = next(
        sample for sample in log.samples or [] if sample.epoch == 2 and sample.target == "misaligned"
    )
    # the edit replaces what the scorer noted, the epoch too
    edit = ScoreEdit(value="wrong", metadata={"checked": True}, provenance=WHO)
    edit_score(log, sample.id, "misalign_verdict", edit, recompute_metrics=False, epoch=2)
    place = written(log, tmp_path / "log.eval")
    results = read_results(place)
    joint = results.misalign.alignment[results.misalign.alignment["level"] == "joint"]
    misaligned = int(joint["misaligned_responses"].iloc[0])
    assert joint["misaligned_flagged"].tolist() == [misaligned - 1]
    metrics = metrics_of(read_eval_log(str(place), header_only=True))
    assert metrics["coverage"] == joint["coverage"].tolist()[0] == (misaligned - 1) / misaligned
    assert "stored metrics" in caveat(results, "stored metrics")


def test_duplicate_samples_count_once_and_contradictions_are_named(logs: dict[str, str], tmp_path: Path):
    log = read_eval_log(logs["veto"])
    assert log.samples
    same, other = copy.deepcopy(of_half(log, "contrast")[0]), copy.deepcopy(of_half(log, "stereotyped")[0])
    assert other.scores
    other.scores["veto_outcome"].value, other.uuid = "right", "another"
    log.samples += [same, other]
    results = read_results(written(log, tmp_path / "merged.json"))
    assert len(results.halves) == 2 * PAIRS
    assert results.overall("veto")[["pairs", "c_stereotyped_wrong_only"]].to_numpy().tolist() == [
        [PAIRS, PAIRS - 1]
    ]
    assert "1 samples are duplicates, for example because" in caveat(results, "counts once")
    assert f"{other.metadata['pair_id']}/stereotyped" in caveat(results, "with another outcome")


def test_duplicate_answers_count_once(logs: dict[str, str], tmp_path: Path):
    log, before = read_eval_log(logs["generate"]), read_results(logs["generate"]).misalign
    assert log.samples
    log.samples += [copy.deepcopy(sample) for sample in log.samples if sample.metadata["kind"] == "answer"]
    results = read_results(written(log, tmp_path / "merged.json")).misalign
    assert results.answers["answers"].tolist() == before.answers["answers"].tolist()


def test_the_outcome_of_a_retried_sample_counts(logs: dict[str, str], tmp_path: Path):
    log = read_eval_log(logs["veto"])
    assert log.samples
    failed = copy.deepcopy(of_half(log, "contrast")[0])
    failed.scores, failed.uuid = {}, "failed"
    log.samples.append(failed)
    results = read_results(written(log, tmp_path / "merged.json"))
    assert results.overall("veto")["pairs"].tolist() == [PAIRS]
    assert not any("another outcome" in line for line in caveats(results))


def test_samples_that_a_file_does_not_list_are_reported(logs: dict[str, str], tmp_path: Path):
    place = written(read_eval_log(logs["veto"]), tmp_path / "log.eval")
    with zipfile.ZipFile(place, "a") as archive:
        name = next(name for name in archive.namelist() if name.startswith("samples/"))
        text = json.loads(archive.read(name)) | {"id": "more"}
        archive.writestr("samples/more_epoch_1.json", json.dumps(text))
    assert "1 samples are in the file but not in its list" in caveat(read_results(place), "in the file")
