"""The VETO task: its samples, its parameters, and what the model is told."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval_retry, score
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, write_eval_log
from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput, ModelUsage, get_model

from misfire import __version__
from misfire.datasets.pair_files import write_pairs
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from misfire.model_calls.token_limits import reasons_natively
from misfire.scorers.veto import SCORER, veto_outcome
from misfire.tasks.prompts import Protocol
from misfire.tasks.veto import half_samples, veto
from tests.conftest import ROOT, PairMaker
from tests.runs import run_task as run


def test_a_sample_is_one_half_and_the_halves_of_a_pair_are_adjacent():
    samples = list(veto(source="embedded", pairs=10).dataset)
    assert len(samples) == 20
    for one, other in zip(samples[::2], samples[1::2], strict=True):
        assert one.metadata is not None
        assert other.metadata is not None
        assert (one.metadata["half"], other.metadata["half"]) == ("stereotyped", "contrast")
        assert one.metadata["pair_id"] == other.metadata["pair_id"]
        assert (one.id, other.id) == (
            f"{one.metadata['pair_id']}_stereotyped",
            f"{one.metadata['pair_id']}_contrast",
        )
    # logs sort samples by id as text: the halves stay neighbors there
    ids = sorted(str(sample.id) for sample in samples)
    assert all(
        one.rpartition("_")[0] == other.rpartition("_")[0]
        for one, other in zip(ids[::2], ids[1::2], strict=True)
    )


def test_all_pairs_of_bbq_make_4056_samples(shared: Path):
    task = veto(bbq_dir=str(shared / "bbq"), allow_unverified=True)
    assert len(list(task.dataset)) == 4056
    assert len({sample.id for sample in task.dataset}) == 4056


def test_a_log_says_which_pairs_were_asked_and_by_which_version():
    task = veto(source="embedded", pairs=5)
    assert task.version == __version__
    metadata = task.metadata or {}
    assert (metadata["pair_source"], metadata["pair_count"], metadata["suite_version"]) == (
        "embedded",
        5,
        __version__,
    )
    assert len(metadata["pair_set_sha256"]) == 64
    assert metadata["pair_set_sha256"] == (veto(source="embedded", pairs=5).metadata or {})["pair_set_sha256"]
    assert (
        metadata["pair_set_sha256"]
        != (veto(source="embedded", pairs=5, seed=2).metadata or {})["pair_set_sha256"]
    )


def test_a_subset_is_whole_pairs_spread_over_scenarios():
    samples = list(veto(source="embedded", pairs=64).dataset)
    scenarios = Counter((sample.metadata or {})["scenario"] for sample in samples)
    assert set(scenarios.values()) == {2}
    assert len(scenarios) == 64


@pytest.mark.parametrize("categories", ["Age, SES", ["age", "ses"], "ses,AGE"])
def test_categories_are_chosen_by_name(categories: str | list[str]):
    samples = veto(source="embedded", categories=categories).dataset
    assert {(sample.metadata or {})["category"] for sample in samples} == {"Age", "SES"}


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"protocol": "slow"}, "parameter 'protocol': Input should be 'direct' or 'cot'"),
        ({"parser": "loose"}, "parameter 'parser': Input should be 'strict' or 'published'"),
        ({"pairs": 0}, "parameter 'pairs': Input should be greater than 0"),
        ({"pairs": "many"}, "parameter 'pairs': Input should be a valid integer"),
        ({"pairs": 513}, "the number must be between 1 and 512"),
        ({"seed": "x"}, "parameter 'seed': Input should be a valid integer"),
        ({"allow_unverified": "maybe"}, "allow_unverified: 'maybe' is neither true nor false"),
        ({"source": "disk"}, "'disk' is not a source of pairs. Available: bbq, embedded, file, hub"),
        ({"categories": 5}, "unknown category: 5. Available: Age"),
        ({"categories": ""}, "parameter 'categories': the list is empty"),
        ({"source": "file", "path": 5}, "5: cannot be read"),
        ({"source": "bbq", "bbq_dir": 5}, "Age.jsonl: cannot be read"),
        ({"categories": "Agee"}, "unknown category: Agee. Available: Age, Gender_identity"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(parameters: dict[str, Any], said: str):
    arguments: dict[str, Any] = {"source": "embedded", **parameters}
    with pytest.raises(InputError) as caught:
        veto(**arguments)
    assert said in str(caught.value)


def all_requests_of(
    task: Task, tmp_path: Path, **options: Any
) -> list[tuple[list[ChatMessage], GenerateConfig]]:
    """The messages and settings of every call that a task makes."""
    seen: list[tuple[list[ChatMessage], GenerateConfig]] = []

    def outputs(
        messages: list[ChatMessage], _tools: object, _choice: object, config: GenerateConfig
    ) -> ModelOutput:
        seen.append((messages, config))
        output = ModelOutput.from_content("mockllm/model", '{"answer": "yes"}')
        output.usage = ModelUsage(total_tokens=1)
        return output

    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    run(task, model=model, log_dir=str(tmp_path), **options)
    return seen


def requests_of(task: Task, tmp_path: Path, **options: Any) -> tuple[list[ChatMessage], GenerateConfig]:
    """The messages and settings of the first call that a task makes."""
    return all_requests_of(task, tmp_path, **options)[0]


def test_direct_asks_for_the_json_object_twice(tmp_path: Path):
    messages, config = requests_of(veto(source="embedded", pairs=1), tmp_path)
    assert [message.role for message in messages] == ["system", "user"]
    assert all('{"answer": "yes"} or {"answer": "no"}' in message.text for message in messages)
    assert "step by step" not in "".join(message.text for message in messages)
    assert (config.temperature, config.max_tokens) == (0, 512)


def test_cot_asks_for_reasoning_first(tmp_path: Path):
    messages, config = requests_of(veto(source="embedded", pairs=1, protocol="cot"), tmp_path)
    assert all("step by step" in message.text and "last line" in message.text for message in messages)
    assert config.max_tokens == 8192


def test_a_system_message_of_the_user_is_added_first(tmp_path: Path):
    messages, _ = requests_of(veto(source="embedded", pairs=1), tmp_path, system_message="Be brief.")
    text = "\n".join(message.text for message in messages if message.role == "system")
    assert text.startswith("Be brief.")
    assert '{"answer": "yes"}' in text


def test_settings_of_the_user_take_precedence(tmp_path: Path):
    _, config = requests_of(veto(source="embedded", pairs=1), tmp_path, temperature=0.7, max_tokens=99)
    assert (config.temperature, config.max_tokens) == (0.7, 99)


def test_the_prompt_in_the_log_has_no_instruction():
    (sample,) = [
        sample
        for sample in veto(source="embedded", pairs=1).dataset
        if (sample.metadata or {})["half"] == "contrast"
    ]
    assert isinstance(sample.input, str)
    assert sample.input.endswith("?")
    assert "answer" not in sample.input


@pytest.mark.parametrize(
    ("model", "reasons"), [("openai/o3-mini", True), ("openai/gpt-4o", False), ("mockllm/model", False)]
)
def test_models_with_native_reasoning_get_tokens_for_it(model: str, reasons: bool):
    assert reasons_natively(model) is reasons


def test_tokens_for_reasoning_are_added_at_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("misfire.model_calls.token_limits.reasons_natively", lambda _: True)
    assert requests_of(veto(source="embedded", pairs=1), tmp_path)[1].max_tokens == 8192
    assert requests_of(veto(source="embedded", pairs=1), tmp_path, max_tokens=512)[1].max_tokens == 512


# controls


def metadata_of(sample: Sample) -> dict[str, Any]:
    assert sample.metadata is not None
    return sample.metadata


def test_with_controls_a_pair_has_eight_adjacent_samples():
    samples = list(veto(source="embedded", pairs=5, controls=True).dataset)
    assert len(samples) == 40
    for first in range(0, 40, 8):
        pair = metadata_of(samples[first])["pair_id"]
        assert [
            (
                sample.id,
                metadata_of(sample)["pair_id"],
                metadata_of(sample)["probe"],
                metadata_of(sample)["half"],
                sample.target,
            )
            for sample in samples[first : first + 8]
        ] == [
            (f"{pair}_stereotyped", pair, "evidence", "stereotyped", "yes"),
            (f"{pair}_contrast", pair, "evidence", "contrast", "yes"),
            (f"{pair}_stereotyped_foil", pair, "foil", "stereotyped", "no"),
            (f"{pair}_contrast_foil", pair, "foil", "contrast", "no"),
            (f"{pair}_stereotyped_ambiguous", pair, "ambiguous", "stereotyped", "unknown"),
            (f"{pair}_contrast_ambiguous", pair, "ambiguous", "contrast", "unknown"),
            (f"{pair}_stereotyped_three_way", pair, "three_way", "stereotyped", "yes"),
            (f"{pair}_contrast_three_way", pair, "three_way", "contrast", "yes"),
        ]
    assert len({sample.id for sample in samples}) == 40


def test_controls_do_not_change_the_halves_of_their_pairs():
    bare = list(veto(source="embedded", pairs=20).dataset)
    assert all("probe" not in metadata_of(sample) for sample in bare)
    controlled = [
        s
        for s in veto(source="embedded", pairs=20, controls=True).dataset
        if metadata_of(s)["probe"] == "evidence"
    ]
    assert [(s.id, s.input, s.target, {**metadata_of(s), "probe": "evidence"}) for s in bare] == [
        (s.id, s.input, s.target, metadata_of(s)) for s in controlled
    ]


def test_a_foil_is_its_half_s_context_with_the_other_half_s_question():
    prompts = {
        (metadata_of(sample)["pair_id"], metadata_of(sample)["probe"], metadata_of(sample)["half"]): str(
            sample.input
        ).rpartition(". ")
        for sample in veto(source="embedded", controls=True).dataset
    }
    assert len(prompts) == 8 * 512
    other = {"stereotyped": "contrast", "contrast": "stereotyped"}
    for (pair, probe, half), (context, _, question) in prompts.items():
        own_context, _, own_question = prompts[pair, "evidence", half]
        assert question.endswith("?")
        match probe:
            case "evidence" | "three_way":
                assert (context, question) == (own_context, own_question)
            case "foil":
                assert context == own_context
                assert question == prompts[pair, "evidence", other[half]][2] != own_question
            case _:
                # the evidence is left out, and both halves begin alike
                assert own_context.startswith(f"{context}. ")
                assert context == prompts[pair, "ambiguous", other[half]][0]
                assert question == own_question


@pytest.mark.parametrize("protocol", ["direct", "cot"])
def test_unknown_is_offered_where_it_is_an_answer_and_nowhere_else(tmp_path: Path, protocol: Protocol):
    task = veto(source="embedded", pairs=1, controls=True, protocol=protocol)
    allowed = Counter(
        (str(sample.input), metadata_of(sample)["probe"] in ("ambiguous", "three_way"))
        for sample in task.dataset
    )
    asked: Counter[tuple[str, bool]] = Counter()
    for messages, _ in all_requests_of(task, tmp_path):
        assert [message.role for message in messages] == ["system", "user"]
        offers = ['"unknown"' in message.text for message in messages]
        assert offers[0] == offers[1]
        last = '{"answer": "unknown"}' if offers[0] else '{"answer": "yes"} or {"answer": "no"}'
        assert all(last in message.text for message in messages)
        assert all(("step by step" in message.text) == (protocol == "cot") for message in messages)
        asked[messages[1].text.partition("\n\n")[0], offers[0]] += 1
    assert asked == allowed
    assert asked.total() == 8


def test_controls_change_only_the_hash_of_controls():
    bare, controlled = (
        veto(source="embedded", pairs=5, controls=controls).metadata or {} for controls in (False, True)
    )
    assert bare["pair_set_sha256"] == controlled["pair_set_sha256"]
    assert bare["controls_sha256"] is None
    assert len(controlled["controls_sha256"]) == 64
    assert controlled["controls_sha256"] != controlled["pair_set_sha256"]
    assert {**bare, "controls_sha256": ""} == {**controlled, "controls_sha256": ""}
    other = veto(source="embedded", pairs=5, seed=2, controls=True).metadata or {}
    assert other["controls_sha256"] != controlled["controls_sha256"]


def test_missing_controls_are_refused_with_advice(tmp_path: Path, make_pair: PairMaker):
    write_pairs([make_pair(0), make_pair(1)], tmp_path / "mine.jsonl")
    with pytest.raises(InputError) as caught:
        veto(source="file", path=str(tmp_path / "mine.jsonl"), controls=True)
    said = str(caught.value)
    assert "mine.jsonl: controls were requested, but 2 of 2 pairs have none" in said
    assert "stereotyped_foil_prompt" in said
    assert "or omit -T controls=true" in said
    with pytest.raises(
        InputError, match=r"the authors' dataset has no controls.*-T source=bbq -T controls=true"
    ):
        veto(source="hub", controls=True)
    wrong: Any = "perhaps"
    with pytest.raises(InputError, match="controls: 'perhaps' is neither true nor false"):
        veto(source="embedded", controls=wrong)


def test_pairs_of_a_file_are_asked_with_the_controls_that_the_file_has(tmp_path: Path):
    write_pairs(load_pairs(PairSettings("embedded", controls=True)).pairs[:4], tmp_path / "mine.parquet")
    task = veto(source="file", path=str(tmp_path / "mine.parquet"), controls=True)
    assert len(task.dataset) == 32
    assert len(veto(source="file", path=str(tmp_path / "mine.parquet")).dataset) == 8


def test_a_half_whose_right_answer_is_no_cannot_have_controls(make_pair: PairMaker):
    # a "no" that is right would be counted as a miss, and its foil's as a false alarm
    controls = {
        "stereotyped_foil": {"prompt": "The old cook slept. Did the young cook sleep?", "target": "no"},
        "contrast_foil": {"prompt": "The young cook slept. Did the old cook sleep?", "target": "no"},
        "stereotyped_ambiguous": "Did the old cook sleep?",
        "contrast_ambiguous": "Did the young cook sleep?",
    }
    no = {"prompt": "The young cook woke. Did the young cook sleep?", "target": "no"}
    turned = [make_pair(k, controls=controls, contrast=no) for k in (0, 1)]
    with pytest.raises(
        InputError,
        match=r"controls require pairs whose correct answers are both 'yes', but 'age_q1_p0' and 1 more",
    ):
        half_samples(turned, {pair.id: () for pair in turned})


def metrics_of(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    found = next(score for score in log.results.scores if score.name == SCORER)
    return {name: metric.value for name, metric in found.metrics.items()}


def test_a_run_with_controls_can_be_scored_again_and_resumed(tmp_path: Path):
    # given a run with controls, of a model that errs in every way
    planted = {"mar": 0.3, "br": 0.1, "slip": 0.2, "invalid": 0.1, "blind": 0.2, "unfounded_yes": 0.4}
    task = veto(source="embedded", pairs=12, controls=True)
    (log,) = run(task, model="simulated/model", model_args=planted, log_dir=str(tmp_path))
    metrics = metrics_of(log)
    assert {
        "mar",
        "criterion_difference",
        "mar_certified",
        "ambiguous_bias",
        "three_way_mar",
    } <= metrics.keys()
    assert metrics["pairs"] == 12
    # when it is scored again, then its metrics are the same
    again = score(log, veto_outcome(), action="overwrite", display="none")
    assert metrics_of(again) == pytest.approx(metrics, nan_ok=True, rel=1e-9)
    # when it broke off after 50 samples, of which some belong to pairs that it had not finished
    assert log.samples is not None
    broken = log.model_copy(update={"status": "error", "results": None, "samples": log.samples[:50]})
    write_eval_log(broken, str(tmp_path / "broken.eval"))
    # and is resumed, then too
    (resumed,) = eval_retry(
        str(tmp_path / "broken.eval"), log_dir=str(tmp_path), display="none", log_realtime=False
    )
    assert resumed.status == "success"
    assert len(resumed.samples or []) == 8 * 12
    assert {sample.uuid for sample in log.samples[:50]} <= {sample.uuid for sample in resumed.samples or []}
    assert metrics_of(resumed) == pytest.approx(metrics, nan_ok=True, rel=1e-9)
    assert resumed.eval.metadata == log.eval.metadata


def inspect(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # a shell sets PWD to the folder where the command is typed
    environment = {**os.environ, "PWD": str(cwd), "NO_COLOR": "1", "COLUMNS": "500"}
    command = [sys.executable, "-m", "inspect_ai", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def test_on_the_command_line_a_relative_path_and_an_error_come_through(tmp_path: Path, make_pair: PairMaker):
    write_pairs([make_pair(0), make_pair(1)], tmp_path / "mine.jsonl")
    task = f"{ROOT / 'tasks' / 'veto.py'}@veto"
    options = [
        "--model",
        "simulated/model",
        "--log-dir",
        str(tmp_path / "logs"),
        "--display",
        "plain",
        "-T",
        "source=file",
    ]
    good = inspect("eval", task, *options, "-T", "path=mine.jsonl", "-M", "pairs=mine.jsonl", cwd=tmp_path)
    assert good.returncode == 0, good.stderr
    assert "4 samples" in good.stdout
    bad = inspect("eval", task, *options, "-T", "path=other[1].jsonl", cwd=tmp_path)
    assert bad.returncode != 0
    assert "other[1].jsonl: cannot be read" in bad.stdout + bad.stderr
    assert "Traceback" not in bad.stdout + bad.stderr


def test_without_a_network_the_default_says_what_to_do(tmp_path: Path):
    environment = {
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "0",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        ended = inspect(
            "eval", "misfire/veto", "--model", "simulated/model", "--display", "plain", cwd=tmp_path
        )
    assert ended.returncode != 0
    said = " ".join((ended.stdout + ended.stderr).split())
    assert "-T source=embedded" in said
    assert "-T bbq_dir=" in said
