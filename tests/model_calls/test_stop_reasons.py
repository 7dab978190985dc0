"""How outputs ended if their provider does not say.

The number of tokens used decides, and for hf/ the tokens of each output.
"""

from pathlib import Path
from typing import Any

import inspect_ai
import pytest
import torch
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import Score

from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.organism import save_organism
from misfire.model_calls.ask import CallNote, reached_limit
from misfire.model_calls.stop_reasons import Ending, ending_of, watch_endings
from misfire.scorers.veto import SCORER, veto_outcome
from misfire.tasks.veto import veto
from tests.runs import run_task


def silent(text: str, tokens: int, **more: Any) -> ModelOutput:
    """An output of a provider that does not say why it ended."""
    choice = ChatCompletionChoice(message=ChatMessageAssistant(content=text), stop_reason="unknown")
    return ModelOutput(
        model="m", choices=[choice], usage=ModelUsage(output_tokens=tokens, total_tokens=tokens), **more
    )


def outcomes(log: EvalLog) -> set[str]:
    found: list[Score] = [sample.scores[SCORER] for sample in log.samples or [] if sample.scores]
    assert len(found) == len(log.samples or [])
    return {str(score.value) for score in found}


def over_mock(text: str, tokens: int, folder: Path, arguments: dict[str, Any], **options: Any) -> EvalLog:
    model = get_model("mockllm/model", custom_outputs=lambda *_: silent(text, tokens))
    (log,) = run_task(
        veto(source="embedded", pairs=2, **arguments), model=model, log_dir=str(folder), **options
    )
    return log


@pytest.mark.parametrize(
    ("text", "tokens", "options", "expected"),
    [
        ('{"answer": "yes"', 512, {}, "truncated"),
        ('{"answer": "yes"} or rather {"answ', 512, {}, "truncated"),
        ('{"answer": "yes"}', 511, {}, "right"),
        ('{"answer": "yes"}', 30, {"max_tokens": 30}, "truncated"),
        ('{"answer": "yes"}', 30, {"max_tokens": 31}, "right"),
        ("Well, ", 30, {"max_tokens": 30}, "truncated"),
        ("Well, ", 29, {"max_tokens": 30}, "unparsable"),
        ("Well, ", 10_000, {"none": True}, "unparsable"),
    ],
)
def test_an_output_that_reached_its_limit_is_truncated(
    text: str, tokens: int, options: dict[str, Any], expected: str, tmp_path: Path
):
    # the limit is the task's, the user's, or none
    arguments = {"max_tokens": "none"} if options.pop("none", False) else {}
    log = over_mock(text, tokens, tmp_path, arguments, **options)
    assert outcomes(log) == {expected}


def test_rescoring_reads_the_limit_from_the_log(tmp_path: Path):
    over_mock('{"answer": "yes"}', 9, tmp_path, {"max_tokens": 9})
    read = read_eval_log(str(next(tmp_path.glob("*.eval"))))
    again = inspect_ai.score(read, veto_outcome(), action="overwrite", display="none")
    assert outcomes(again) == {"truncated"}


def test_the_stop_reason_of_the_provider_takes_precedence():
    said = silent("yes", 9, metadata={"misfire": CallNote(max_tokens=9).model_dump()})
    assert reached_limit(said)
    said.choices[0].stop_reason = "stop"
    assert not reached_limit(said)
    assert not reached_limit(silent("yes", 9))
    assert not reached_limit(
        silent("yes", 9, metadata={"misfire": CallNote(max_tokens=9, cut_off=False).model_dump()})
    )


# --- hf/ ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says yes or no and ends."""
    place = tmp_path_factory.mktemp("organism") / "made"
    save_organism(hand_built(3), place)
    return place


def over_hf(folder: Path, limit: int, log_dir: Path) -> EvalLog:
    (log,) = run_task(
        veto(source="file", path=str(folder / "pairs.jsonl"), pairs=2, temperature="none", max_tokens=limit),
        model="hf/made",
        model_args={"model_path": str(folder), "device": "cpu", "do_sample": False},
        log_dir=str(log_dir),
    )
    assert log.status == "success", log.error
    return log


def test_hf_outputs_without_an_end_token_are_truncated(folder: Path, tmp_path: Path):
    short, whole = over_hf(folder, 1, tmp_path), over_hf(folder, 4, tmp_path)
    assert {sample.output.stop_reason for log in (short, whole) for sample in log.samples or []} == {
        "unknown"
    }
    assert outcomes(short) == {"truncated"}
    assert outcomes(whole) <= {"right", "wrong"}


def test_a_short_output_batched_with_a_long_one_is_not_truncated():
    # given the provider's usage, which is that of the longest output of a batch
    class HuggingFaceAPI:
        def __init__(self) -> None:
            self.tokenizer = hand_built(3).decoder.tokenizer
            self.tokenizer.pad_token = self.tokenizer.eos_token
            self.model = type("Model", (), {"generation_config": None})()

    api: Any = HuggingFaceAPI()
    end = api.tokenizer.eos_token_id
    yes, no = (api.tokenizer(word, add_special_tokens=False).input_ids[-1] for word in ("yes", "no"))
    watch_endings(api)
    watch_endings(api)
    texts = api.tokenizer.batch_decode(
        torch.tensor([[yes, end, end, end], [no, yes, no, yes]]), skip_special_tokens=True
    )
    assert [ending_of(api, text) for text in texts] == [Ending(1, True), Ending(4, False)]
    assert ending_of(api, "another") is None
