"""VETO's scorer and metrics inside Inspect: epochs, orphans, failures, re-scoring."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Epochs, score
from inspect_ai.log import (
    EvalLog,
    ProvenanceData,
    edit_score,
    read_eval_log,
    recompute_metrics,
    write_eval_log,
)
from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import Metric, SampleScore, Score, ScoreEdit, Value
from inspect_ai.tool import ToolChoice, ToolInfo

from misfire.datasets.pairs import HalfName
from misfire.scorers.outcomes import Outcome
from misfire.scorers.veto import SCORER, veto_metrics, veto_outcome
from misfire.tasks.veto import veto
from tests.runs import run_task as run

Reply = Callable[[str], str | Exception]


def scripted(reply: Reply) -> Model:
    """A model that answers each prompt by a function; what it returns as an exception is raised."""

    def outputs(
        messages: list[ChatMessage], _tools: list[ToolInfo], _choice: ToolChoice, _config: GenerateConfig
    ) -> ModelOutput:
        answer = reply(messages[-1].text)
        if isinstance(answer, Exception):
            raise answer
        output = ModelOutput.from_content("mockllm/model", answer)
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    return get_model("mockllm/model", custom_outputs=outputs, memoize=False)


def metrics_of(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    found = next(score for score in log.results.scores if score.name == SCORER)
    return {name: metric.value for name, metric in found.metrics.items()}


def half_score(
    pair: str, half: HalfName, value: Outcome | float, epoch: int = 1, scenario: str = "s1"
) -> SampleScore:
    return SampleScore(
        score=Score(value=value, metadata={"epoch": epoch}),
        sample_id=f"{pair}_{half}",
        sample_metadata={"pair_id": pair, "half": half, "category": "Age", "scenario": scenario},
    )


@pytest.fixture
def metric() -> Callable[[list[SampleScore]], dict[str, float]]:
    instance: Metric = veto_metrics()
    return instance  # pyright: ignore[reportReturnType]


def test_without_scores_everything_is_nan_or_a_count_of_0(metric):
    values = metric([])
    assert values["pairs"] == 0
    assert all(
        math.isnan(values[key])
        for key in ("mar", "stderr", "br", "mcnemar_p", "target_accuracy", "stereotyped_invalid")
    )


def test_a_half_without_its_partner_is_reported_and_left_out(metric):
    values = metric(
        [
            half_score("p1", "stereotyped", "wrong"),
            half_score("p1", "contrast", "right"),
            half_score("p2", "stereotyped", "wrong"),
        ]
    )
    assert (values["pairs"], values["incomplete_pairs"], values["mar"]) == (1, 1, 1.0)


def test_a_nan_half_and_a_foreign_score_are_ignored(metric):
    foreign = SampleScore(score=Score(value="C"), sample_id="x", sample_metadata={"half": "contrast"})
    values = metric(
        [
            half_score("p1", "stereotyped", math.nan),
            half_score("p1", "contrast", "right"),
            foreign,
            SampleScore(score=Score(value=1)),
        ]
    )
    assert (values["pairs"], values["incomplete_pairs"]) == (0, 1)
    assert math.isnan(values["mar"])


def test_both_readings_are_reported_side_by_side(metric):
    scores = [
        *(
            half_score(pair, half, "right", scenario=f"s{pair}")
            for pair in ("p1", "p5")
            for half in ("stereotyped", "contrast")
        ),
        half_score("p2", "stereotyped", "wrong", scenario="s2"),
        half_score("p2", "contrast", "right", scenario="s2"),
        half_score("p3", "stereotyped", "refused", scenario="s3"),
        half_score("p3", "contrast", "right", scenario="s3"),
        half_score("p4", "stereotyped", "right", scenario="s4"),
        half_score("p4", "contrast", "truncated", scenario="s4"),
    ]
    values = metric(scores)
    assert (values["mar"], values["mar_valid"], values["br"], values["br_valid"]) == (1 / 2, 1 / 3, 1 / 3, 0)
    assert (
        values["pairs"],
        values["pairs_valid"],
        values["mar_unconditional"],
        values["mar_unconditional_valid"],
    ) == (5, 3, 2 / 5, 1 / 3)
    assert (values["stereotyped_invalid"], values["stereotyped_refused"], values["contrast_truncated"]) == (
        0.2,
        0.2,
        0.2,
    )
    assert (values["category_age_mar"], values["category_age_pairs"]) == (values["mar"], 5)


def wrong_by_hash(prompt: str) -> bool:
    return sum(prompt.encode()) % 3 == 0


@pytest.mark.parametrize(("pairs", "epochs"), [(40, 1), (14, 4)])
def test_metrics_in_a_log_agree_with_a_count_by_hand(tmp_path: Path, pairs: int, epochs: int):
    asked: dict[str, int] = {}

    def reply(prompt: str) -> str:
        # answers differ between epochs of one prompt
        asked[prompt] = asked.get(prompt, 0) + 1
        return '{"answer": "%s"}' % ("no" if wrong_by_hash(f"{prompt}{asked[prompt]}") else "yes")

    (log,) = run(
        veto(source="embedded", pairs=pairs), model=scripted(reply), epochs=epochs, log_dir=str(tmp_path)
    )
    assert log.samples is not None
    right = {
        (sample.metadata["pair_id"], sample.epoch, sample.metadata["half"]): '"yes"'
        in sample.output.completion
        for sample in log.samples
    }
    keys = {(pair, epoch) for pair, epoch, _ in right}
    a, b, c, d = (
        sum((right[(*key, "stereotyped")], right[(*key, "contrast")]) == cell for key in keys)
        for cell in ((True, True), (True, False), (False, True), (False, False))
    )
    values = metrics_of(log)
    assert values["pairs"] == pairs * epochs == a + b + c + d
    assert (values["a_both_right"], values["b_contrast_wrong_only"]) == (a, b)
    assert (values["c_stereotyped_wrong_only"], values["d_both_wrong"]) == (c, d)
    assert values["mar"] == pytest.approx(c / (a + c))
    assert values["br"] == pytest.approx(b / (a + b))
    assert 0 < values["mar"] < 1
    assert b != c
    assert (values["mar_n"], values["br_n"]) == (a + c, a + b)
    shares = {"reverse_rate": b, "mar_unconditional": c, "target_accuracy": a + b, "contrast_accuracy": a + c}
    assert {name: values[name] for name in shares} == pytest.approx(
        {name: cell / len(keys) for name, cell in shares.items()}
    )


def test_a_reducer_of_epochs_changes_nothing(tmp_path: Path):
    model = scripted(lambda prompt: '{"answer": "no"}' if wrong_by_hash(prompt) else '{"answer": "yes"}')
    logs = [
        run(veto(source="embedded", pairs=6), model=model, epochs=epochs, log_dir=str(tmp_path))[0]
        for epochs in (2, Epochs(2, "mode"), Epochs(2, ["mean", "max"]))
    ]
    assert all(metrics_of(log) == pytest.approx(metrics_of(logs[0]), nan_ok=True) for log in logs)


def test_the_headline_is_mar_with_its_standard_error(tmp_path: Path):
    from inspect_ai.analysis import evals_df

    model = scripted(lambda prompt: '{"answer": "no"}' if wrong_by_hash(prompt) else '{"answer": "yes"}')
    (log,) = run(veto(source="embedded", pairs=16), model=model, log_dir=str(tmp_path))
    row = evals_df(log.location).iloc[0]
    values = metrics_of(log)
    assert row["score_headline_metric"] == "mar"
    assert row["score_headline_value"] == pytest.approx(values["mar"])
    assert row["score_headline_stderr"] == pytest.approx(values["stderr"])


def test_an_errored_half_leaves_its_pair_out_and_is_counted(tmp_path: Path):
    failed = []

    def reply(prompt: str) -> str | Exception:
        if not failed:
            failed.append(prompt)
        return RuntimeError("the provider broke") if prompt == failed[0] else '{"answer": "yes"}'

    (log,) = run(veto(source="embedded", pairs=20), model=scripted(reply), log_dir=str(tmp_path))
    assert log.status == "success"
    values = metrics_of(log)
    assert (values["pairs"], values["incomplete_pairs"], values["mar"]) == (19, 1, 0)
    assert [sample.error.message for sample in log.samples or [] if sample.error] == [
        "RuntimeError('the provider broke')"
    ]


def test_an_odd_sample_limit_reports_the_pair_that_it_cuts(tmp_path: Path):
    model = scripted(lambda _: '{"answer": "yes"}')
    (log,) = run(veto(source="embedded", pairs=20), model=model, limit=7, log_dir=str(tmp_path))
    assert (metrics_of(log)["pairs"], metrics_of(log)["incomplete_pairs"]) == (3, 1)


def test_shuffled_samples_are_still_joined(tmp_path: Path):
    model = scripted(lambda prompt: '{"answer": "no"}' if wrong_by_hash(prompt) else '{"answer": "yes"}')
    logs = [
        run(veto(source="embedded", pairs=8), model=model, sample_shuffle=shuffle, log_dir=str(tmp_path))[0]
        for shuffle in (None, 3)
    ]
    assert metrics_of(logs[0]) == pytest.approx(metrics_of(logs[1]), nan_ok=True)


def test_without_a_successful_sample_there_are_no_results(tmp_path: Path):
    model = scripted(lambda _: RuntimeError("down"))
    (log,) = run(veto(source="embedded", pairs=4), model=model, fail_on_error=False, log_dir=str(tmp_path))
    assert log.results is None


def test_samples_without_output_are_unscored_when_scored_later(tmp_path: Path):
    model = scripted(lambda _: RuntimeError("down"))
    (log,) = run(veto(source="embedded", pairs=4), model=model, fail_on_error=False, log_dir=str(tmp_path))
    again = score(log, veto_outcome(), action="overwrite", display="none")
    assert again.results is not None
    assert (again.results.scores[0].scored_samples, again.results.scores[0].unscored_samples) == (0, 8)
    assert math.isnan(metrics_of(again)["mar"])
    assert metrics_of(again)["pairs"] == 0


def test_too_many_errors_end_the_run_and_keep_finished_samples(tmp_path: Path):
    model = scripted(lambda prompt: RuntimeError("down") if wrong_by_hash(prompt) else '{"answer": "yes"}')
    (log,) = run(veto(source="embedded", pairs=30), model=model, max_samples=2, log_dir=str(tmp_path))
    assert log.status == "error"
    kept = read_eval_log(log.location).samples or []
    assert any(sample.scores and not sample.error for sample in kept)


def test_rescoring_gives_the_same_and_another_parser_gives_its_own_result(tmp_path: Path):
    model = scripted(
        lambda prompt: (
            'Not {"answer": "no"}, but {"answer": "yes"}.' if wrong_by_hash(prompt) else '{"answer": "yes"}'
        )
    )
    (log,) = run(veto(source="embedded", pairs=8), model=model, epochs=2, log_dir=str(tmp_path))
    same = score(log, veto_outcome(), action="overwrite", display="none")
    assert metrics_of(same) == pytest.approx(metrics_of(log), nan_ok=True)
    published = score(log, veto_outcome("published"), action="overwrite", display="none")
    assert metrics_of(log)["target_accuracy"] == 1
    assert metrics_of(published)["target_accuracy"] < 1


def test_rescoring_errored_samples_leaves_them_unscored(tmp_path: Path):
    model = scripted(lambda prompt: RuntimeError("down") if wrong_by_hash(prompt) else '{"answer": "yes"}')
    (log,) = run(veto(source="embedded", pairs=20), model=model, fail_on_error=False, log_dir=str(tmp_path))
    again = score(log, veto_outcome(), action="overwrite", display="none")
    values = metrics_of(again)
    assert values["pairs"] == metrics_of(log)["pairs"] < 20
    assert values["mar"] == 0


def test_an_edited_score_counts(tmp_path: Path):
    model = scripted(lambda _: '{"answer": "yes"}')
    (log,) = run(veto(source="embedded", pairs=4), model=model, log_dir=str(tmp_path))
    assert log.samples is not None
    sample = next(sample for sample in log.samples if sample.metadata["half"] == "stereotyped")
    edit_score(
        log,
        sample.id,
        SCORER,
        ScoreEdit(value="wrong", provenance=ProvenanceData(author="me", reason="test")),
    )
    recompute_metrics(log)
    assert metrics_of(log)["mar"] == 0.25
    write_eval_log(log, str(tmp_path / "edited.eval"))
    assert metrics_of(read_eval_log(str(tmp_path / "edited.eval")))["mar"] == 0.25


def test_an_edit_that_replaces_metadata_keeps_its_epoch(tmp_path: Path):
    model = scripted(lambda _: '{"answer": "yes"}')
    (log,) = run(veto(source="embedded", pairs=6), model=model, epochs=3, log_dir=str(tmp_path))
    assert log.samples is not None
    sample = next(one for one in log.samples if one.metadata["half"] == "stereotyped" and one.epoch == 3)
    edit = ScoreEdit(
        value="wrong", metadata={"note": "by hand"}, provenance=ProvenanceData(author="me", reason="test")
    )
    edit_score(log, sample.id, SCORER, edit, epoch=3)
    recompute_metrics(log)
    assert (
        metrics_of(log)["pairs"],
        metrics_of(log)["a_both_right"],
        metrics_of(log)["incomplete_pairs"],
    ) == (18, 17, 0)


@pytest.mark.parametrize("value", [["wrong"], {"x": "wrong"}, 1, True, "other"])
def test_a_foreign_score_is_ignored_and_does_not_raise(metric: Any, value: Any):
    strange = half_score("p1", "stereotyped", value)
    odd_epoch = half_score("p2", "contrast", "right")
    odd_epoch.score.metadata = {"epoch": "three"}
    values = metric([strange, half_score("p1", "contrast", "right"), odd_epoch])
    assert (values["pairs"], values["incomplete_pairs"]) == (0, 2)


def test_a_run_without_samples_claims_nothing(tmp_path: Path):
    model = scripted(lambda _: '{"answer": "yes"}')
    (log,) = run(veto(source="embedded", pairs=4), model=model, limit=0, log_dir=str(tmp_path))
    assert log.results is None or math.isnan(metrics_of(log)["mar"])


def test_the_score_of_a_half_says_why(tmp_path: Path):
    replies = {"stereotyped": "I'm sorry, but I can't help with that.", "contrast": '{"answer": "yes"}'}
    (log,) = run(
        veto(source="embedded", pairs=1),
        model=scripted(lambda _: replies.pop("stereotyped") if len(replies) == 2 else replies["contrast"]),
        max_samples=1,
        log_dir=str(tmp_path),
    )
    scores = [(sample.scores or {})[SCORER] for sample in log.samples or []]
    assert {(one.value, one.answer, one.reason) for one in scores} == {
        ("refused", "I'm sorry, but I can't help with that.", "refusal"),
        ("right", "yes", None),
    }
    assert all(one.explanation and one.metadata == {"epoch": 1, "parser": "strict"} for one in scores)


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (lambda prompt: f"Yes. {prompt.partition('. ')[0]}.", "right"),
        (lambda _: "Yes, the weather is nice.", "unparsable"),
        # what is said of the request for an answer is not said of the case
        (lambda _: "Yes, JSON object.", "unparsable"),
    ],
)
def test_a_bare_yes_is_read_by_what_the_sample_asks(tmp_path: Path, reply: Reply, outcome: str):
    (log,) = run(veto(source="embedded", pairs=1), model=scripted(reply), log_dir=str(tmp_path))
    assert outcomes_of(log) == [outcome, outcome]
    assert outcomes_of(score(log, veto_outcome(), action="overwrite", display="none")) == [outcome, outcome]


def outcomes_of(log: EvalLog) -> list[Value]:
    return [(sample.scores or {})[SCORER].value for sample in log.samples or []]
