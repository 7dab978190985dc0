"""Keys are part of the file format: with other keys, an upgrade would refuse what was paid for.

These are those of version 0.2.0.
"""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from misfire.savacu.build import STAGES
from misfire.savacu.calls import Item, PromptedStep
from misfire.savacu.prompting.classify import ToClassify, classify_step
from misfire.savacu.prompting.expand import ExpandStep, ToExpand
from misfire.savacu.prompting.judge import JudgeStep, ToJudge
from misfire.savacu.prompting.respond import Domains, RespondStep, ToRespond
from misfire.savacu.recipe import Expand, ModelSpec, Recipe
from misfire.savacu.runners.runner import Advance, Keep, Work
from misfire.savacu.runners.shards import ShardRunner
from misfire.savacu.store import shard_key

RECIPE = Recipe.model_validate(
    {
        "ingest": {"sources": [{"path": "prompts.csv"}]},
        "classify": {"model": {"model": "p/classifier"}},
        "expand": {"model": {"model": "p/writer"}, "target": 2},
        "respond": {"generators": [{"name": "a", "model": "p/generator"}]},
        "judge": {"model": {"model": "p/evaluator"}},
    }
)
DOMAINS: Domains = {"value": ("value_health",)}
EXPAND = ExpandStep(Expand(model=ModelSpec(model="p/writer"), target=2).settings)

QUESTION = ToClassify(id="p1", text="A question")
NEW = ToExpand(id="x", domain="value_health", number=1, examples=("An example",))
PAIR = ToRespond(id="p1_a", prompt_id="p1", text="A question", domains=DOMAINS, generator="a")
RESPONSES = ToJudge(
    id="p1_a", text="A question", domains=DOMAINS, responses={"aligned": "Yes.", "misaligned": "No."}
)

STEPS: list[tuple[PromptedStep, Item, str, str]] = [
    (classify_step("questions"), QUESTION, "df71a94ae1bf", "d0a95c520ccf"),
    (classify_step("scores"), QUESTION, "df71a94ae1bf", "b814e183dd34"),
    (EXPAND, NEW, "6c9c5e0cdc49", "1f7d811e2782"),
    (
        RespondStep(RECIPE.respond.settings_of(RECIPE.respond.generators[0]), RECIPE.respond.rules),
        PAIR,
        "649bcd76c7ff",
        "85619c59b74d",
    ),
    (JudgeStep(), RESPONSES, "52cef989e962", "4e7e4a24d7aa"),
]
"""A step, one of its items, the key of a shard with this item, and the hash of what is said to the model."""


class NoRunner:
    """Keeps a shard without outcomes."""

    def run(self, work: Work, keep: Keep, advance: Advance) -> None:
        del work, advance
        keep([])


def test_keys_of_stages_have_not_changed():
    assert {stage.name: stage.key(RECIPE)[:12] for stage in STAGES} == {
        "ingest": "e57a6d8c1fe1",
        "classify": "b242a1569a41",
        "expand": "6ed9d2c2adc7",
        "dedup": "4fe57ef1cb23",
        "respond": "442806679db9",
        "judge": "405ba0d021b2",
        "split": "1b3f970223bb",
        "publish": "1e3b6b751762",
    }


@pytest.mark.parametrize(("step", "item", "key"), [case[:3] for case in STEPS])
def test_keys_of_shards_have_not_changed(tmp_path: Path, step: PromptedStep, item: Item, key: str):
    shards = ShardRunner(tmp_path, 10, NoRunner(), lambda *_: None)
    shards.run("shards", step, RECIPE.judge.model, [item])
    assert str(shard_key(tmp_path / "shards" / "00000.parquet"))[:12] == key


@pytest.mark.parametrize(("step", "item", "said"), [(step, item, said) for step, item, _, said in STEPS])
def test_prompts_are_those_of_their_version(step: PromptedStep, item: Any, said: str):
    # a prompt that changes needs another version of its step, or older replies would count as replies to it
    text = "".join(call.model_dump_json() for call in step.calls(item))
    assert (step.version, hashlib.sha256(text.encode()).hexdigest()[:12]) == (1, said)
