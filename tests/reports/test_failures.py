"""The most telling failures: which pairs they are, and that their texts are the log's."""

from collections import Counter
from pathlib import Path

from inspect_ai.log import read_eval_log, write_eval_log

from misfire.reports import Results, read_results
from misfire.reports.document import document
from misfire.reports.pairs.failures import LONGEST, failure_frame, telling_failures
from misfire.tasks.veto import veto

from .conftest import make_log


def test_pairs_are_ranked_by_the_share_of_runs_that_misfire(results: Results):
    frame = failure_frame(results)
    pairs = results.pairs[results.pairs["task"] == "veto"]
    misfired = (
        pairs[(pairs["stereotyped"] == "wrong") & (pairs["contrast"] == "right")]
        .groupby("pair_id")["run"]
        .nunique()
        .to_dict()
    )
    assert dict(zip(frame["pair_id"], frame["runs_misfired"], strict=True)) == misfired
    assert frame["runs_misfired"].is_monotonic_decreasing
    assert set(frame["runs"]) == {3}


def test_the_examples_are_the_first_pair_of_each_scenario(results: Results):
    failures = telling_failures(results, 5)
    assert [failure.pair_id for failure in failures] == failure_frame(results).drop_duplicates("scenario")[
        "pair_id"
    ].head(5).tolist()
    assert telling_failures(results, 0) == []


def test_texts_are_those_of_the_log(results: Results):
    (failure,) = telling_failures(results, 1)
    assert Counter(reply.run for reply in failure.replies) == {"alpha": 2, "alpha · cot": 2, "beta": 2}
    for reply in failure.replies:
        log = read_eval_log(reply.log)
        (sample,) = [s for s in log.samples or [] if s.id == reply.sample_id and s.epoch == reply.epoch]
        assert reply.text == sample.output.completion
        assert dict(failure.prompts)[reply.half] == sample.input
        assert reply.outcome == (sample.scores or {})["veto_outcome"].value


def test_the_first_of_several_epochs_that_misfired_is_shown(results: Results):
    pairs = results.pairs[
        (results.pairs["run"] == "beta")
        & (results.pairs["stereotyped"] == "wrong")
        & results.pairs["misfired"]
    ]
    for failure in telling_failures(results, 20):
        epochs = pairs[pairs["pair_id"] == failure.pair_id]["epoch"]
        if len(epochs):
            assert {reply.epoch for reply in failure.replies if reply.run == "beta"} == {epochs.min()}


def test_a_text_without_an_answer_is_not_a_clear_failure(tmp_path: Path):
    # given a model most of whose texts hold no answer, so that most misfires are none that it answered
    results = read_results(
        make_log(veto(source="embedded", pairs=40), "m", tmp_path, planted={"mar": 0.5, "invalid": 0.6})
    )
    (row,) = results.overall("veto").to_dict("records")
    failures = telling_failures(results, 40)
    assert 0 < len(failure_frame(results)) < row["c_stereotyped_wrong_only"]
    assert {(reply.half, reply.outcome) for failure in failures for reply in failure.replies} == {
        ("stereotyped", "wrong"),
        ("contrast", "right"),
    }
    # and the first thing that the report says is that its numbers say little
    (first, *_) = document(results, figures=False, examples=0).caveats
    assert first.startswith("Warning: m (veto): ")
    assert f"is based on {row['mar_n']} of 40 pairs" in first


def test_a_long_answer_is_cut(tmp_path: Path):
    log = read_eval_log(make_log(veto(source="embedded", pairs=8), "m", tmp_path, planted={"mar": 0.99}))
    for sample in log.samples or []:
        sample.output.completion = "x" * (LONGEST + 7)
    write_eval_log(log, log.location)
    replies = telling_failures(read_results(log.location), 1)[0].replies
    assert {reply.text for reply in replies} == {"x" * LONGEST + " … (7 more characters)"}
