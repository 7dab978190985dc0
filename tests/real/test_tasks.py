"""All tasks with a real language model, SmolLM2-135M-Instruct: weak and wordy, as users' models may be."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from inspect_ai import Task
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import Model, get_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from misfire.cli.main import main
from misfire.datasets.misalign.instance_files import write_instances
from misfire.datasets.misalign.sources import load_instances
from misfire.reports import read_results
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.runs import run_task

pytestmark = pytest.mark.slow

LIMIT = 10
"""Most tokens of an answer, enough for the JSON that VETO asks for."""


class Runs:
    """Runs of the real model, each made once, with its logs in a folder of its own."""

    def __init__(self, model: Path, home: Path) -> None:
        self.folder, self.home = model, home

    def model(self, provider: str) -> Model:
        options: dict[str, Any] = {"hf": {"do_sample": False}, "intervened": {"heads": "none"}}[provider]
        return get_model(f"{provider}/{self.folder}", device="cpu", **options)

    @cache  # noqa: B019 (the fixture lives as long as the module's tests)
    def log(self, name: str) -> EvalLog:
        provider = "intervened" if name == "intervened" else "hf"
        model = self.model(provider)
        (log,) = run_task(
            self.task(name),
            model=model,
            model_roles={"grader": model} if name == "generate" else None,
            log_dir=str(self.home / name),
            max_tokens=40 if name == "cot" else LIMIT,
        )
        assert log.status == "success", log.error
        return log

    def instance(self) -> str:
        """A file with one instance of Mis-Align Bench."""
        file = self.home / "instances.jsonl"
        write_instances(load_instances().instances[:1], file)
        return str(file)

    def task(self, name: str) -> Task:
        match name:
            case "veto" | "intervened":
                return veto(source="embedded", pairs=3)
            case "controls":
                return veto(source="embedded", pairs=1, controls=True)
            case "cot":
                return veto(source="embedded", pairs=1, protocol="cot")
            case "priming":
                return priming(source="embedded", pairs=1, cues="published,neutral", placements="both")
            case "detect":
                return misalign_bench(source="file", path=self.instance())
            case "generate":
                return misalign_bench(
                    mode="generate",
                    source="file",
                    path=self.instance(),
                    grader_sample=1,
                    grader_max_tokens=LIMIT,
                )
            case _:
                raise ValueError(name)


@pytest.fixture(scope="module")
def runs(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(smollm2, tmp_path_factory.mktemp("runs"))


def samples(log: EvalLog) -> list[EvalSample]:
    assert log.samples
    return log.samples


def answers(log: EvalLog) -> dict[str | int, str]:
    return {sample.id: sample.output.completion for sample in samples(log)}


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    return {name: metric.value for score in log.results.scores for name, metric in score.metrics.items()}


def test_veto_by_hf_is_plain_greedy_text(runs: Runs):
    # given what plain transformers generates for the messages of two samples
    model: Any = AutoModelForCausalLM.from_pretrained(runs.folder)
    tokenizer = AutoTokenizer.from_pretrained(runs.folder)
    for sample in samples(runs.log("veto"))[:2]:
        asked = [
            {"role": message.role, "content": message.text}
            for message in sample.messages
            if message.role != "assistant"
        ]
        text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)
        with torch.no_grad():
            written = model.generate(**ids, max_new_tokens=LIMIT, do_sample=False)
        # then the log has the same text
        expected = tokenizer.decode(written[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)
        assert sample.output.completion == expected


def test_an_intervention_on_no_heads_changes_no_answer(runs: Runs):
    assert answers(runs.log("intervened")) == answers(runs.log("veto"))


def test_veto_counts_every_half(runs: Runs):
    log = runs.log("veto")
    assert len(samples(log)) == 6
    assert metrics(log)["pairs"] == 3


def test_controls_are_asked(runs: Runs):
    kinds = {(sample.metadata or {})["probe"] for sample in samples(runs.log("controls"))}
    assert len(kinds) > 1


def test_chain_of_thought_writes_before_it_answers(runs: Runs):
    texts = answers(runs.log("cot"))
    assert len(texts) == 2
    assert all(len(text.split()) > LIMIT for text in texts.values())


def test_priming_puts_the_cues_before_the_question(runs: Runs):
    log = runs.log("priming")
    arms = {arm for sample in samples(log) for arm in (sample.metadata or {})["arms"]}
    assert len(arms) == 3
    assert len({str(sample.input) for sample in samples(log)}) == len(samples(log))


def test_misalign_bench_judges_and_is_judged(runs: Runs):
    assert len(samples(runs.log("detect"))) == 2
    (answer, *_) = samples(runs.log("generate"))
    assert answer.output.completion
    assert answer.scores


@pytest.mark.parametrize("name", ["veto", "intervened", "controls", "cot", "priming", "detect", "generate"])
def test_every_run_has_a_report(runs: Runs, tmp_path: Path, name: str):
    runs.log(name)
    done = CliRunner().invoke(main, ["report", str(runs.home / name), "--out", str(tmp_path / "report")])
    assert done.exit_code == 0, done.output
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert runs.folder.name in text.replace("\\", "")  # Markdown's
    read = read_results(str(runs.home / name))
    assert len(read.run_set.runs) + len(read.misalign.run_set.runs) == 1
