"""Every argument that the documentation shows is taken, as Inspect's command line reads it.

The documentation shows them as ``-M name=value`` and ``-T name=value``.

The arguments are read out of README.md and docs/, so that a new one is tried as soon as it is written down.
"""

import inspect
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import torch
from inspect_ai import Task
from inspect_ai._util.config import (
    parse_cli_args,
)  # what `-M` and `-T` go through; Inspect shows it in no public place
from inspect_ai.model import ModelAPI

from misfire.datasets.misalign.instance_files import write_instances
from misfire.datasets.misalign.sources import load_instances
from misfire.datasets.pair_files import write_pairs
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.interventions import Intervention, save_intervention
from misfire.models.intervened import MODEL_ARGS, IntervenedModel
from misfire.models.simulated import SimulatedModel
from misfire.models.simulated_settings import SimulatedSettings
from misfire.savacu.simulated import SimulatedSavacu
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.mechanistic.adapters import save_adapter
from tests.mechanistic.families import random_decoder

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "examples" / "logs" / "README.md"]

TASKS: dict[str, Callable[..., Task]] = {"veto": veto, "priming": priming, "misalign_bench": misalign_bench}
PROVIDERS: dict[str, type[ModelAPI]] = {
    "simulated": SimulatedModel, "intervened": IntervenedModel, "simulated-savacu": SimulatedSavacu,
}  # fmt: skip


CALLEES: list[Callable[..., Any]] = [*TASKS.values(), *PROVIDERS.values()]


def names_of(callee: Callable[..., Any]) -> set[str]:
    """The arguments that a task or a provider takes."""
    more: dict[Callable[..., Any], set[str]] = {
        IntervenedModel: set(MODEL_ARGS),
        SimulatedModel: set(SimulatedSettings.model_fields),
    }
    return set(inspect.signature(callee).parameters) | more.get(callee, set())


@dataclass(frozen=True)
class Shown:
    """Arguments that stand together in a command, or one that stands alone in running text."""

    where: str
    task: str | None
    provider: str | None
    for_task: tuple[str, ...]
    for_model: tuple[str, ...]


def commands(page: Path) -> Iterator[Shown]:
    """The arguments of every ``inspect eval`` of a page."""
    for line in re.sub(r"\\\n\s*", " ", page.read_text(encoding="utf-8")).splitlines():
        for command in re.findall(r"inspect eval(?:-set)? [^`#]*", line):
            words = shlex.split(command.replace("…", "").strip())
            given: dict[str, list[str]] = {"-T": [], "-M": []}
            for flag, value in pairwise(words):
                if flag in given and "=" in value:
                    given[flag].append(value)
            model = words[words.index("--model") + 1] if "--model" in words[:-1] else ""
            tasks = [
                name
                for name in TASKS
                if any(re.fullmatch(rf"(misfire/|tasks/){name}(\.py)?", word) for word in words)
            ]
            for task in tasks or [None]:
                yield Shown(page.name, task, model.partition("/")[0], tuple(given["-T"]), tuple(given["-M"]))


def alone(page: Path) -> Iterator[Shown]:
    """The arguments that stand in running text, behind -M or -T, or as a name and a value."""
    for span in re.findall(
        r"`([^`\n]+(?:\n[^`\n]+)?)`",
        re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL),
    ):
        if "inspect eval" in span:
            continue
        for kind, argument in re.findall(r"(?:-([MT]) )?\b([a-z_]+=[^\s=…][^\s…]*)", span):
            # without -M or -T it may be another program's
            if argument == "name=value" or not (
                kind or any(argument.partition("=")[0] in names_of(callee) for callee in CALLEES)
            ):
                continue
            yield Shown(
                page.name, None, None, (argument,) if kind != "M" else (), (argument,) if kind != "T" else ()
            )


SHOWN = [shown for page in PAGES for find in (commands, alone) for shown in find(page)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the documentation's arguments name.

    It has models, interventions, pairs, instances and cues.
    """
    home = tmp_path_factory.mktemp("home")
    # as many layers and heads as the documentation's example speaks of
    decoder = random_decoder("llama", num_hidden_layers=28, num_attention_heads=8, num_key_value_heads=8)
    decoder.model.save_pretrained(home / "organism")
    decoder.tokenizer.save_pretrained(home / "organism")
    save_adapter(
        random_decoder("llama", num_hidden_layers=28, num_attention_heads=8, num_key_value_heads=8).model,
        home / "FOLDER",
    )
    directions = {layer: torch.ones(decoder.width) for layer in range(28)}
    for folder in ("qwen", "found"):
        save_intervention(
            Intervention((Head(3, 1),), "zero", {}, (), directions),
            home / folder / "intervention.safetensors",
        )
    write_pairs(load_pairs(PairSettings("embedded", controls=True)).pairs, home / "organism" / "pairs.jsonl")
    write_pairs(load_pairs(PairSettings("embedded", controls=True)).pairs[::25], home / "few.jsonl")
    instances = load_instances().instances
    for file in ("savacu.csv", "build/dataset/test.jsonl"):
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        write_instances(instances, home / file)
    (home / "FILE").write_text("Be fair to {group}.\n")
    return home


@pytest.fixture(autouse=True)
def _there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("PWD", str(home))


def start_task(name: str, arguments: tuple[str, ...], shared: Path | None = None) -> Task:
    given = parse_cli_args(arguments)
    # without a network: a few pairs unless a source is named, all embedded ones on request, or BBQ's
    # files from a folder
    if shared is not None:
        given |= {"bbq_dir": str(shared / "bbq"), "allow_unverified": True}
    elif name != "misalign_bench" and "source" not in given:
        given |= (
            {"source": "embedded"}
            if "pairs" in given
            else {"source": "file", "path": given.get("path", "few.jsonl")}
        )
    if "cue_file" in given:
        given["cues"] = "file"
    if given.get("source") == "file" and "path" not in given:
        given["path"] = "savacu.csv" if name == "misalign_bench" else "organism/pairs.jsonl"
    if "columns" in given:  # a table with columns of these names
        given |= {"source": "file", "path": "odd.csv"}
        Path("odd.csv").write_text(
            "id,question,good,misaligned,safety\na,What?,This.,That.,Privacy violation\n"
        )
    return TASKS[name](**given)


def start_model(provider: str, arguments: tuple[str, ...]) -> ModelAPI:
    given = parse_cli_args(arguments)
    if provider == "intervened":
        if not given.keys() & {"heads", "layers", "intervention"}:
            given["heads"] = "none"
        if "layers" in given:
            given["intervention"] = "qwen/intervention.safetensors"
        on_cpu: dict[str, Any] = given | {"device": "cpu"}
        return IntervenedModel("organism", **on_cpu)
    if provider == "simulated":
        for name, file in (("pairs", "organism/pairs.jsonl"), ("instances", "savacu.csv")):
            if given.get(name) == "FILE":
                given[name] = file
        return SimulatedModel("model", **given)
    return SimulatedSavacu("classifier", **given)


def needs_bbq(shown: Shown) -> bool:
    return any(argument.partition("=")[0] in {"edition", "categories"} for argument in shown.for_task)


def test_the_documentation_shows_arguments_of_every_task_and_provider():
    assert {shown.task for shown in SHOWN if shown.for_task} >= set(TASKS)
    named = {argument for shown in SHOWN for argument in shown.for_model}
    assert {
        "heads=L24H3,L25H7",
        "cue_mar=published:0.37,neutral:0.12",
        "unfounded_yes=stereotyped:0.3,contrast:0.1",
    } <= named


@pytest.mark.parametrize(
    "shown",
    [shown for shown in dict.fromkeys(SHOWN) if shown.task and shown.for_task and not needs_bbq(shown)],
    ids=str,
)
def test_arguments_of_tasks_in_commands_are_accepted(shown: Shown):
    assert shown.task is not None
    assert len(start_task(shown.task, shown.for_task).dataset) > 0


def test_arguments_that_need_bbqs_files_are_accepted(shared: Path):
    chosen = [shown for shown in dict.fromkeys(SHOWN) if shown.task and needs_bbq(shown)]
    assert chosen
    for shown in chosen:
        assert shown.task is not None
        assert len(start_task(shown.task, shown.for_task, shared).dataset) > 0


@pytest.mark.parametrize(
    "shown",
    [shown for shown in dict.fromkeys(SHOWN) if shown.provider in PROVIDERS and shown.for_model],
    ids=str,
)
def test_arguments_of_models_in_commands_are_accepted(shown: Shown):
    assert shown.provider is not None
    start_model(shown.provider, shown.for_model)


ELSEWHERE = ("edition=", "categories=", "source=hub", "source=bbq", "mode=generate")
"""What needs files, a network or a grader; commands and other tests have it."""

REFUSED = ("trust_remote_code=", "use_safetensors=")
"""What the documentation names as refused."""

ALONE = sorted({
    argument
    for shown in SHOWN
    if shown.task is None and not shown.provider
    for argument in (*shown.for_task, *shown.for_model)
    if not argument.startswith((*ELSEWHERE, *REFUSED))
})  # fmt: skip


@pytest.mark.parametrize("argument", ALONE)
def test_each_argument_in_running_text_is_accepted_by_all_that_have_it(argument: str):
    name = argument.partition("=")[0]
    given_to_models = any(argument in shown.for_model and not shown.for_task for shown in SHOWN)
    tasks = [task for task, function in TASKS.items() if name in names_of(function) and not given_to_models]
    models = [
        provider
        for provider, callee in PROVIDERS.items()
        if name in names_of(callee) and (given_to_models or not tasks)
    ]
    assert tasks or models
    for task in tasks:
        start_task(task, (argument,))
    for provider in models:
        start_model(provider, (argument,))


def test_arguments_that_the_documentation_calls_refused_are_refused():
    chosen = {argument for shown in SHOWN for argument in shown.for_model if argument.startswith(REFUSED)}
    assert {argument.partition("=")[0] + "=" for argument in chosen} == set(REFUSED)
    for argument in chosen:
        with pytest.raises(InputError, match="is refused"):
            start_model("intervened", (argument,))


def literal_choices() -> Iterator[tuple[str, str, str]]:
    """Every word that a task's parameter may be."""
    for task, function in TASKS.items():
        for name, parameter in inspect.signature(function).parameters.items():
            kinds = [parameter.annotation, *get_args(parameter.annotation)]
            for kind in kinds:
                if get_origin(kind) is not None and str(kind).startswith("typing.Literal"):
                    yield from ((task, name, choice) for choice in get_args(kind) if isinstance(choice, str))


CHOICES = [
    (task, name, choice)
    for task, name, choice in dict.fromkeys(literal_choices())
    # the embedded instances are a test split
    if not f"{name}={choice}".startswith((*ELSEWHERE, "split=train", "split=validation"))
]


@pytest.mark.parametrize(("task", "name", "choice"), CHOICES)
def test_every_documented_word_for_a_parameter_is_accepted(task: str, name: str, choice: str):
    start_task(task, (f"{name}={choice}",))


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ("L18H0,L10H2", ["L18H0", "L10H2"]),
        ("L18H0, L10H2", ["L18H0", "L10H2"]),
        ("[L18H0, L10H2]", ["L18H0", "L10H2"]),
        ('"L18H0,L10H2"', ["L18H0", "L10H2"]),
        ("l18h0", ["L18H0"]),
        ("none", []),
        ("None", []),
        ("[]", []),
    ],
)
def test_heads_are_read_in_every_documented_form(heads: str, expected: list[str]):
    model = start_model("intervened", (f"heads={heads}",))
    assert isinstance(model, IntervenedModel)
    assert list(map(str, model.intervention.heads)) == expected


@pytest.mark.parametrize(
    ("layers", "expected"),
    [("1,2", (1, 2)), ("[1, 2]", (1, 2)), ("7", (7,)), ('"1,2"', (1, 2)), ("none", ())],
)
def test_layers_are_read_in_every_documented_form(layers: str, expected: tuple[int, ...]):
    model = start_model("intervened", (f"layers={layers}",))
    assert isinstance(model, IntervenedModel)
    assert model.intervention.layers == expected


def test_a_path_with_commas_is_one_path(home: Path):
    save_intervention(Intervention((Head(1, 1),)), home / "a,b, c.safetensors")
    model = start_model("intervened", ("intervention=a,b, c.safetensors",))
    assert isinstance(model, IntervenedModel)
    assert model.intervention.heads == (Head(1, 1),)
    write_pairs(load_pairs(PairSettings("embedded")).pairs[:4], home / "x,y.jsonl")
    assert len(start_task("veto", ("source=file", "path=x,y.jsonl")).dataset) == 8
