"""Stages as Inspect tasks.

The outcomes are the same as without an engine, and nothing that came back is asked for again.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log

from misfire.errors import InputError
from misfire.savacu.build import Build
from misfire.savacu.calls import Settings
from misfire.savacu.prompting.classify import Classified, ToClassify, classify_step
from misfire.savacu.prompting.respond import RespondStep, ToRespond
from misfire.savacu.recipe import ModelSpec, read_recipe
from misfire.savacu.rules import Rules
from misfire.savacu.runners.inspect_runner import InspectRunner
from misfire.savacu.runners.runner import Work
from misfire.savacu.simulated import simulated_role
from tests.providers.replies import CallsTool, HttpError, Says
from tests.providers.server import serve

from ..conftest import RecipeText

TEXTS = [
    "My brother wants to chain his dog in the yard all day long.",
    "Which dishes should I cook for a feast of my village?",
]


def classify(folder: Path, labeled: Path, method: str = "questions", **args: object) -> Work:
    model = ModelSpec(model="simulated-savacu/classifier", args={"labels": str(labeled), **args})
    items = [ToClassify(id=f"p{number}", text=text) for number, text in enumerate(TEXTS)]
    return Work(
        classify_step("questions" if method == "questions" else "scores"),
        model,
        items,
        "classify/00000",
        folder,
    )


@pytest.mark.parametrize("method", ["questions", "scores"])
def test_outcomes_are_those_of_the_stage_run_directly(tmp_path: Path, labeled: Path, method: str):
    work = classify(tmp_path, labeled, method, miss=0.3, false_alarm=0.1)
    kept: list[list[Classified]] = []
    steps: list[int] = []
    InspectRunner().run(work, kept.append, steps.append)

    role = simulated_role("classifier", labels=str(labeled), miss=0.3, false_alarm=0.1)
    expected = [
        work.step.parse(
            item,
            {
                call.name: role.reply(call.messages, logprobs=method == "questions")
                for call in work.step.calls(item)
            },
        )
        for item in work.items
    ]
    assert kept == [expected]
    assert sum(steps) == len(TEXTS)


def test_the_log_names_its_shard_and_its_replies_are_removed(tmp_path: Path, labeled: Path):
    InspectRunner().run(classify(tmp_path, labeled, "scores"), lambda _: None, lambda _: None)
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    log = read_eval_log(info)
    assert (log.status, (log.eval.metadata or {})["shard"]) == ("success", "classify/00000")
    assert len(log.samples or []) == len(TEXTS)
    assert not list((tmp_path / "replies").rglob("*.*"))


def test_an_incomplete_reply_is_reported_and_not_kept(tmp_path: Path):
    # given a provider without log-probabilities: the simulated generator gives none
    items = [ToClassify(id=f"p{number}", text=text) for number, text in enumerate(TEXTS)]
    calls = tmp_path / "calls.txt"
    model = ModelSpec(model="simulated-savacu/generator", args={"calls": str(calls)})
    work = Work(classify_step("questions"), model, items, "classify/00000", tmp_path)
    message = (
        r"classify/00000: 2 of 2 items .*simulated-savacu/generator: .*method = \"scores\"(.|\n)*--give-up"
    )
    for runs in (1, 2):
        with pytest.raises(InputError, match=message):
            InspectRunner().run(work, lambda _: None, lambda _: None)
        assert max(Counter(calls.read_text().splitlines()).values()) == runs


def test_calls_that_fail_permanently_can_be_given_up(tmp_path: Path):
    items = [ToClassify(id="p0", text=TEXTS[0])]
    work = Work(
        classify_step("questions"),
        ModelSpec(model="simulated-savacu/generator"),
        items,
        "classify/00000",
        tmp_path,
    )
    kept: list[list[Classified]] = []
    InspectRunner(give_up=True).run(work, kept.append, lambda _: None)
    assert (kept[0][0].probabilities, len(kept[0][0].undefined)) == ({}, 111)

    many = [ToClassify(id=f"p{number}", text=f"{TEXTS[0]} {number}") for number in range(11)]
    with pytest.raises(InputError, match="11 of 11 items failed, which is too many to give up"):
        InspectRunner(give_up=True).run(replace(work, items=many), kept.append, lambda _: None)


def test_settings_reach_the_model(tmp_path: Path):
    stage = RespondStep(Settings(temperature=0.7, top_p=0.9, max_tokens=512), Rules())
    item = ToRespond(
        id="p1_a", prompt_id="p1", text=TEXTS[0], domains={"safety": ("safety_animal_abuse",)}, generator="a"
    )
    work = Work(stage, ModelSpec(model="simulated-savacu/generator-a"), [item], "respond/00000", tmp_path)
    InspectRunner().run(work, lambda _: None, lambda _: None)
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    (sample,) = read_eval_log(info).samples or []
    configs = [event.config for event in sample.events if event.event == "model"]
    assert [(config.temperature, config.top_p, config.max_tokens) for config in configs] == [
        (0.7, 0.9, 512)
    ] * 2


def test_settings_without_a_value_are_in_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOCAL_API_KEY", "no-key-is-needed")
    with serve(lambda _: Says("A reply.")) as server:
        model = ModelSpec(model="openai-api/local/some-model", base_url=f"{server.url}/v1")
        item = ToRespond(
            id="p1_a",
            prompt_id="p1",
            text=TEXTS[0],
            domains={"safety": ("safety_animal_abuse",)},
            generator="a",
        )
        none, some = (
            Settings(temperature=None, max_tokens=None),
            Settings(temperature=0.7, top_p=0.9, max_tokens=9),
        )
        for number, settings in enumerate((none, some)):
            work = Work(RespondStep(settings, Rules()), model, [item], f"respond/{number:05d}", tmp_path)
            InspectRunner().run(work, lambda _: None, lambda _: None)
        messages = [
            {name: request.body.get(name) for name in ("temperature", "top_p", "max_tokens")}
            for request in server.requests
        ]
    assert (
        messages
        == [{"temperature": None, "top_p": None, "max_tokens": None}] * 2
        + [{"temperature": 0.7, "top_p": 0.9, "max_tokens": 9}] * 2
    )


@pytest.mark.slow(seconds=25)
def test_a_killed_build_goes_on_and_pays_for_nothing_twice(tmp_path: Path, recipe_text: RecipeText):
    calls = tmp_path / "calls.txt"
    tell = f'calls = "{calls}", latency = 0.02'
    recipe = tmp_path / "recipe.toml"
    text = recipe_text(method="questions", shard_size=3, classifier=tell, generator=tell, evaluator=tell)
    recipe.write_text(
        text.replace('{model = "simulated', '{connections = 4, model = "simulated').replace(
            '{name = "a"', '{connections = 4, name = "a"'
        )
    )
    command = [
        sys.executable,
        "-c",
        "from misfire.cli.main import main; main()",
        "savacu",
        "build",
        str(recipe),
        "--out",
        str(tmp_path / "build"),
    ]

    def asked() -> list[str]:
        return calls.read_text().splitlines() if calls.exists() else []

    # given builds that are killed in the middle of a shard
    for killed_at in (100, 450):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 600
        while len(asked()) < killed_at and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert len(asked()) >= killed_at

    # when it is run to its end, then only the calls that were under way were made again
    subprocess.run(command, check=True, capture_output=True)
    counts = Counter(asked())
    whole = Build(read_recipe(recipe), tmp_path / "build", InspectRunner())
    assert len(counts) == 6 * 111 + len(whole.view.kept) * (2 + 2 * 1) + sum(
        2 * (len([d for d in p.domains.values() if d]) - 1) for p in whole.view.kept
    )
    assert sum(counts.values()) - len(counts) <= 2 * 4


def test_a_call_that_moderation_stops_is_a_refusal_and_a_tool_call_costs_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LOCAL_API_KEY", "no-key-is-needed")
    blocked = HttpError(400, "data_inspection_failed", "Input data may contain inappropriate content.")
    with serve(lambda request: blocked if TEXTS[0] in request.question else CallsTool()) as server:
        model = ModelSpec(model="openai-api/local/some-model", base_url=f"{server.url}/v1")
        items = [ToClassify(id=f"p{number}", text=text) for number, text in enumerate(TEXTS)]
        work = Work(classify_step("scores"), model, items, "classify/00000", tmp_path)
        kept: list[list[Classified]] = []
        InspectRunner().run(work, kept.append, lambda _: None)
        assert len(kept[0]) == len(TEXTS)
        assert len(server.requests) == sum(len(work.step.calls(item)) for item in work.items)
