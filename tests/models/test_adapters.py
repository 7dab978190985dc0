"""Runs with an adapter are never mixed with runs without it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from inspect_ai.log import EvalLog
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from misfire.cli.main import main
from misfire.mechanistic.before_after import compare_logs
from misfire.mechanistic.model.adapters import find_adapter
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.organism import save_organism
from misfire.reports import read_results
from misfire.tasks.veto import veto
from tests.runs import run_task


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An organism in ``base``, and a small LoRA adapter for it in ``tuned``."""
    home = tmp_path_factory.mktemp("adapted")
    save_organism(hand_built(3), home / "base")
    torch.manual_seed(1)
    settings = LoraConfig(r=1, target_modules=["q_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    adapted: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(home / "base"), settings)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.mul_(1e-3)
    adapted.save_pretrained(str(home / "tuned"))
    return home


@pytest.fixture(scope="module")
def logs(place: Path) -> tuple[EvalLog, EvalLog]:
    """VETO without the adapter and with it, in one folder."""

    def run(**arguments: str) -> EvalLog:
        task = veto(source="file", path=str(place / "base" / "pairs.jsonl"), pairs=4)
        (log,) = run_task(
            task,
            model=f"intervened/{place / 'base'}",
            model_args={"device": "cpu"} | arguments,
            log_dir=str(place / "logs"),
            max_tokens=4,
        )
        assert log.status == "success", log.error
        return log

    return run(heads="none"), run(adapter=str(place / "tuned"))


def test_each_answer_says_which_adapter_gave_it(place: Path, logs: tuple[EvalLog, EvalLog]):
    without, adapted = ([sample.output.metadata or {} for sample in log.samples or []] for log in logs)
    note = find_adapter(str(place / "tuned")).note
    assert [row["adapter"] for row in adapted] == 8 * [note]
    assert all("adapter" not in row for row in without)


@pytest.mark.usefixtures("logs")
def test_a_report_shows_two_runs_that_differ_in_the_adapter(place: Path):
    runs = read_results(str(place / "logs")).run_set.runs
    assert len({run.label for run in runs}) == 2
    assert sorted("adapter" in dict(run.settings) for run in runs) == [False, True]


def test_before_and_after_name_the_adapter(place: Path, logs: tuple[EvalLog, EvalLog]):
    changes = compare_logs(logs[0].location, [logs[1].location])
    assert all(change.intervention == f"adapter={place / 'tuned'}" for change in changes)


def localise(place: Path, out: Path, *more: object) -> tuple[int, str]:
    base = place / "base"
    options = [
        "--pairs",
        base / "pairs.jsonl",
        "--out",
        out,
        "--device",
        "cpu",
        "--analyses",
        "lens",
        "--per-group",
        2,
    ]
    done = CliRunner().invoke(main, ["localise", str(base), *map(str, [*options, *more])])
    return done.exit_code, done.output


def test_localise_does_not_resume_without_the_adapter(place: Path, tmp_path: Path):
    # given a run with the adapter
    code, output = localise(place, tmp_path / "out", "--adapter", place / "tuned")
    assert code == 0, output
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert summary["adapter"] == find_adapter(str(place / "tuned")).note
    assert summary["model"].endswith(" + tuned")
    # when it is resumed without the adapter, it is refused; with it, it goes on
    code, output = localise(place, tmp_path / "out", "--resume")
    assert (code, "holds a run of another model" in output) == (2, True), output
    code, output = localise(place, tmp_path / "out", "--resume", "--adapter", place / "tuned")
    assert code == 0, output
