"""Parameters that tasks and commands share.

The pair settings are spelled once, and all interfaces follow them.
"""

import inspect
from dataclasses import fields
from typing import Any

import pytest
from inspect_ai import Task

from misfire.cli.pairs import audit, pairs
from misfire.datasets.sources import PairSettings
from misfire.errors import InputError
from misfire.tasks.parameters import pair_settings
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto

NAMES = {field.name for field in fields(PairSettings)}
DEFAULTS: dict[str, Any] = {name: getattr(PairSettings(), name) or None for name in NAMES}


@pytest.mark.parametrize(("task", "lacking"), [(veto, set[str]()), (priming, {"controls"})])
def test_tasks_take_every_pair_setting_with_its_default(task: Any, lacking: set[str]):
    taken = {name: taken.default or None for name, taken in inspect.signature(task).parameters.items()}
    assert taken.keys() & NAMES == NAMES - lacking
    assert {name: taken[name] for name in NAMES - lacking} == {
        name: DEFAULTS[name] for name in NAMES - lacking
    }


@pytest.mark.parametrize(("command", "lacking"), [(pairs, set[str]()), (audit, {"controls"})])
def test_commands_take_every_pair_setting_with_its_default(command: Any, lacking: set[str]):
    typed = command.make_context("command", ["--out", "pairs.jsonl"]).params
    options = {name: value or None for name, value in typed.items()}
    assert options.keys() & NAMES == NAMES - lacking
    assert {name: options[name] for name in NAMES - lacking} == {
        name: DEFAULTS[name] for name in NAMES - lacking
    }


def test_settings_are_built_from_arguments_and_the_rest_is_ignored():
    built = pair_settings({"source": "embedded", "categories": "Age, SES", "seed": 3, "protocol": "cot"})
    assert built == PairSettings("embedded", categories=("Age", "SES"), seed=3)
    assert pair_settings({}) == PairSettings()


def test_every_argument_of_a_task_reaches_its_pairs():
    task = veto(source="embedded", categories=["age"], controls=True)
    assert isinstance(task, Task)
    assert len(task.dataset) == 64 * 8
    with pytest.raises(InputError, match="per_scenario: 0 is not an integer of at least 1"):
        veto(edition="repaired", per_scenario=0)
    with pytest.raises(InputError, match="revision requires source=hub"):
        priming(source="embedded", revision="x")
