"""The Mis-Align Bench task.

The tests are of its samples, its parameters, what models are told and what never reaches them.
"""

import json
import logging
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessage, GenerateConfig, Model, ModelOutput, ModelUsage, get_model

from misfire import __version__
from misfire.datasets.misalign.instance_files import write_instances
from misfire.datasets.misalign.instances import Instance, ResponseName
from misfire.datasets.misalign.sampling import sample_instances
from misfire.datasets.misalign.sources import load_instances
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, taxonomy
from misfire.errors import InputError
from misfire.scorers.judge import judged_text, reply_schema, system_message
from misfire.scorers.misalign import _warn_of_self_grading  # pyright: ignore[reportPrivateUsage] (it warns once a process)
from misfire.tasks.misalign_bench import misalign_bench
from tests.runs import run_task as run

INSTANCES = load_instances().instances
BY_ID = {instance.id: instance for instance in INSTANCES}
SIDES: tuple[ResponseName, ResponseName] = ("aligned", "misaligned")

ONE_QUESTION: list[tuple[Dimension, ...]] = [DIMENSIONS]
APART: list[tuple[Dimension, ...]] = [(name,) for name in DIMENSIONS]


def notes(task: Task) -> list[dict[str, Any]]:
    return [sample.metadata or {} for sample in task.dataset]


def ids(task: Task) -> set[str]:
    """The instances of a task."""
    return {note["instance_id"] for note in notes(task)}


# --- samples --------------------------------------------------------------------------------------


def test_in_detect_mode_a_sample_contains_only_one_prompt_and_response():
    samples = list(misalign_bench().dataset)
    assert [sample.id for sample in samples] == [
        f"{instance.id}_{side}" for instance in INSTANCES for side in SIDES
    ]
    asked: list[tuple[Instance, ResponseName]] = [
        (instance, side) for instance in INSTANCES for side in SIDES
    ]
    for sample, (instance, side) in zip(samples, asked, strict=True):
        assert sample.input == judged_text(instance.prompt, instance.response(side))
        assert sample.target == side
        assert sample.metadata == {
            "kind": "verdict",
            "instance_id": instance.id,
            "split": instance.split,
            "dimensions": ["safety", "value", "culture"],
            "asked": ["safety", "value", "culture"],
            "response": side,
            "length": len(getattr(instance, side)),
            **{name: list(instance.domains(name)) for name in DIMENSIONS},
        }


def test_asked_separately_each_dimension_has_its_sample_on_the_same_instances():
    apart, at_once = misalign_bench(joint=False, per_dimension=4), misalign_bench(per_dimension=4)
    assert ids(apart) == ids(at_once)
    expected = {
        f"{sample.id}_{name}": (sample.input, sample.target)
        for sample in at_once.dataset
        for name in DIMENSIONS
    }
    assert {sample.id: (sample.input, sample.target) for sample in apart.dataset} == expected
    assert all(
        note["asked"] == [str(sample.id).rpartition("_")[2]]
        for sample, note in zip(apart.dataset, notes(apart), strict=True)
    )
    assert all(note["dimensions"] == list(DIMENSIONS) for note in notes(apart))


def test_in_generate_mode_samples_are_prompts_and_responses_for_the_grader():
    samples = list(misalign_bench(mode="generate", grader_sample=7).dataset)
    answers = [sample for sample in samples if (sample.metadata or {})["kind"] == "answer"]
    checks = [sample for sample in samples if (sample.metadata or {})["kind"] == "grader_check"]
    assert [(sample.id, sample.input, sample.target) for sample in answers] == [
        (one.id, one.prompt, "aligned") for one in INSTANCES
    ]
    assert len(checks) == 14
    assert len(samples) == len(INSTANCES) + 14 == len({sample.id for sample in samples})
    for sample in checks:
        note = sample.metadata or {}
        instance, side = BY_ID[note["instance_id"]], note["response"]
        assert (sample.id, sample.target) == (f"{instance.id}_{side}_grader", side)
        assert sample.input == judged_text(instance.prompt, instance.response(side))
    assert Counter((sample.metadata or {})["instance_id"] for sample in checks) == dict.fromkeys(
        [(sample.metadata or {})["instance_id"] for sample in checks], 2
    )


def test_the_grader_is_checked_on_50_instances_or_all_drawn_by_seed():
    def checked(**parameters: Any) -> list[str]:
        return [
            note["instance_id"]
            for note in notes(misalign_bench(mode="generate", **parameters))
            if note["kind"] == "grader_check"
        ]

    assert len(checked()) == 100
    assert len(checked(domains="Dance")) == 2 * len(ids(misalign_bench(domains="Dance")))
    assert checked(seed=1) == checked(seed=1) != checked(seed=2)


# --- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["culture,safety", ["Cultural", "safety"], "SAFETY, culture"])
def test_dimensions_are_chosen_by_name_and_only_instances_that_touch_one_are_used(given: str | list[str]):
    task = misalign_bench(dimensions=given)
    assert all(note["dimensions"] == note["asked"] == ["safety", "culture"] for note in notes(task))
    assert ids(task) == {one.id for one in INSTANCES if one.safety or one.culture}
    assert len(ids(task)) < len(INSTANCES)


def test_for_a_single_dimension_joint_and_separate_are_the_same_question():
    one, other = (list(misalign_bench(dimensions="value", joint=joint).dataset) for joint in (True, False))
    assert [(sample.input, (sample.metadata or {})["asked"]) for sample in one] == [
        (sample.input, (sample.metadata or {})["asked"]) for sample in other
    ]


def test_domains_are_chosen_by_any_of_their_names():
    wanted = {"safety_privacy_violation", "culture_dance"}
    assert ids(misalign_bench(domains="Privacy Violation,culture_dance")) == {
        one.id for one in INSTANCES if wanted & {*one.safety, *one.culture}
    }


def test_subsets_have_a_number_of_each_domain_or_dimension_drawn_by_seed():
    by_domain = [BY_ID[name] for name in ids(misalign_bench(per_domain=1))]
    labels = {label for one in by_domain for name in DIMENSIONS for label in one.domains(name)}
    assert labels == {label for one in INSTANCES for name in DIMENSIONS for label in one.domains(name)}
    assert ids(misalign_bench(per_domain=1)) == {
        one.id for one in sample_instances(INSTANCES, 1, 1, "domain")
    }
    by_dimension = [BY_ID[name] for name in ids(misalign_bench(per_dimension=9))]
    assert all(sum(bool(one.domains(name)) for one in by_dimension) >= 9 for name in DIMENSIONS)
    assert len(by_dimension) <= 27
    assert ids(misalign_bench(per_dimension=9)) != ids(misalign_bench(per_dimension=9, seed=2))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"mode": "judge"}, "parameter 'mode': Input should be 'detect' or 'generate'"),
        ({"joint": "maybe"}, "parameter 'joint'"),
        ({"structured": "yes"}, "parameter 'structured': Input should be 'auto', 'on' or 'off'"),
        ({"seed": "x"}, "parameter 'seed'"),
        ({"per_domain": 0}, "parameter 'per_domain': Input should be greater than 0"),
        ({"per_dimension": "many"}, "parameter 'per_dimension'"),
        ({"per_domain": 1, "per_dimension": 1}, "per_domain and per_dimension"),
        ({"grader_sample": 5}, "'grader_sample' requires mode=generate"),
        ({"mode": "generate", "grader_sample": 0}, "parameter 'grader_sample'"),
        ({"dimensions": "moon"}, "'moon' is not a dimension. Available: safety, value, culture"),
        ({"dimensions": ""}, "parameter 'dimensions': the list is empty"),
        ({"domains": "Dancing shoes"}, "'Dancing shoes'"),
        ({"domains": " , "}, "parameter 'domains': the list is empty"),
        ({"source": "disk"}, "'disk' is not a source of instances. Available: embedded, file, hub"),
        ({"source": "file"}, "-T path=FILE"),
        ({"source": "file", "path": "none.jsonl"}, "none.jsonl: cannot be read"),
        ({"path": "mine.jsonl"}, "path requires source=file"),
        ({"source": "hub", "dataset": "a/b"}, "pinned revision"),
        ({"split": "dev"}, "'dev' is not a split"),
        ({"split": "train"}, "none of its 222 instances matches"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(parameters: dict[str, Any], said: str):
    with pytest.raises(InputError) as caught:
        misalign_bench(**parameters)
    assert said in str(caught.value)


def test_a_log_says_which_instances_were_asked_about_how_and_by_which_version():
    task = misalign_bench(per_domain=1, joint=False, dimensions="safety,value")
    count = len(ids(task))
    assert task.version == __version__
    metadata = dict(task.metadata or {})
    assert len(metadata.pop("instance_set_sha256")) == 64
    assert "counts as the wrong decision" in metadata.pop("headline_reading")
    assert metadata == {
        "suite": "misfire",
        "suite_version": __version__,
        "mode": "detect",
        "dimensions": ["safety", "value"],
        "joint": False,
        "instance_source": "embedded",
        "instance_origin": "misfire's embedded instances",
        "instance_count": count,
        "rows_skipped": 0,
    }


def test_the_same_instances_have_the_same_hash_whatever_is_asked_about_them():
    def fingerprint(**parameters: Any) -> str:
        return (misalign_bench(**parameters).metadata or {})["instance_set_sha256"]

    assert (
        fingerprint(per_dimension=5)
        == fingerprint(per_dimension=5, joint=False)
        == fingerprint(per_dimension=5, mode="generate")
    )
    assert fingerprint(per_dimension=5) != fingerprint(per_dimension=5, seed=2)


def test_a_file_of_the_user_is_used_and_bad_rows_are_left_out_on_request(
    tmp_path: Path, plain_instances: list[Instance]
):
    write_instances(plain_instances, tmp_path / "mine.jsonl")
    with (tmp_path / "mine.jsonl").open("a") as file:
        file.write('{"prompt": "x", "aligned": "", "misaligned": "y", "safety": []}\n')
    with pytest.raises(InputError, match=r"mine\.jsonl"):
        misalign_bench(source="file", path=str(tmp_path / "mine.jsonl"))
    task = misalign_bench(source="file", path=str(tmp_path / "mine.jsonl"), skip_invalid=True)
    assert ids(task) == {one.id for one in plain_instances}
    assert ((task.metadata or {})["rows_skipped"], (task.metadata or {})["instance_origin"]) == (
        1,
        "mine.jsonl",
    )


# --- requests -------------------------------------------------------------------------------------

Request = tuple[list[ChatMessage], GenerateConfig, str]


class Recorder:
    """Models that note every request and answer as asked."""

    def __init__(self) -> None:
        self.requests: dict[str, list[Request]] = {"tested": [], "grader": []}

    def model(self, name: str, config: GenerateConfig | None = None) -> Model:
        def outputs(
            messages: list[ChatMessage], tools: object, choice: object, settings: GenerateConfig
        ) -> ModelOutput:
            everything = json.dumps(
                [
                    [message.model_dump(mode="json", exclude={"id"}) for message in messages],
                    str(tools),
                    str(choice),
                ]
            )
            self.requests[name].append(
                (messages, settings, everything + settings.model_dump_json(exclude_none=True))
            )
            judging = messages[0].role == "system" and "JSON" in messages[0].text
            keys = re.findall(r'"(\w+)": true or false', messages[0].text) if judging else []
            output = ModelOutput.from_content(
                f"mockllm/{name}", json.dumps(dict.fromkeys(keys, False)) if judging else "An answer of mine."
            )
            output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
            return output

        return get_model(
            f"mockllm/{name}", custom_outputs=outputs, memoize=False, config=config or GenerateConfig()
        )

    def run(self, task: Task, folder: Path, grader: GenerateConfig | None = None, **options: Any) -> EvalLog:
        roles = {"grader": self.model("grader", grader)}
        (log,) = run(task, model=self.model("tested"), model_roles=roles, log_dir=str(folder), **options)
        assert log.status == "success"
        return log

    def questions(self, name: str) -> set[str]:
        return {messages[-1].text for messages, _, _ in self.requests[name]}


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def plain_instances() -> list[Instance]:
    """Instances whose texts name no domain, over all dimensions, with ids and provenance that tell."""
    some = [one for one in INSTANCES if one.safety][:2] + [one for one in INSTANCES if one.culture][:2]
    return [
        Instance(
            id=f"telltale_{number}",
            prompt=f"Zorb number {number}?",
            aligned=f"Quix {number} with plume.",
            misaligned=f"Wert {number} with plume.",
            safety=one.safety,
            value=one.value,
            culture=one.culture,
            split="test",
            provenance="telltale",
        )
        for number, one in enumerate(some)
    ]


def leaks(request: str) -> list[str]:
    """What of the labels stands in a request, besides our own wording."""
    text = request
    for asked in ONE_QUESTION + APART:
        text = text.replace(json.dumps(system_message(asked))[1:-1], " ")
        text = text.replace(reply_schema(asked).model_dump_json(exclude_none=True), " ")
    text = text.casefold()
    words = {
        label.casefold()
        for domain in taxonomy()
        if not domain.is_none
        for label in (domain.id, domain.name, *domain.aliases)
    }
    tell = {*words, "aligned", "misaligned", "telltale", "domain", "safety", "culture", "target", "split"}
    return sorted(word for word in tell if re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", text))


def test_the_search_for_leaks_finds_them():
    assert leaks('[{"role": "user", "content": "culture_dance"}]') == ["culture", "culture_dance", "dance"]
    assert leaks('"misaligned"') == ["misaligned"]
    assert leaks(json.dumps(system_message(DIMENSIONS))) == []


@pytest.mark.parametrize(("joint", "structured"), [(True, "on"), (False, "off")])
def test_in_detect_mode_no_request_contains_a_label(
    tmp_path: Path, recorder: Recorder, plain_instances: list[Instance], joint: bool, structured: Any
):
    write_instances(plain_instances, tmp_path / "mine.jsonl")
    task = misalign_bench(
        source="file", path=str(tmp_path / "mine.jsonl"), joint=joint, structured=structured
    )
    recorder.run(task, tmp_path)
    assert len(recorder.requests["tested"]) == len(plain_instances) * 2 * (1 if joint else 3)
    assert [(leaks(text), text) for _, _, text in recorder.requests["tested"] if leaks(text)] == []
    assert recorder.requests["grader"] == []
    # and the two responses of an instance never stand in one request
    for _, _, text in recorder.requests["tested"]:
        assert sum(one.response(side) in text for one in plain_instances for side in SIDES) == 1
    assert recorder.questions("tested") == {
        judged_text(one.prompt, one.response(side)) for one in plain_instances for side in SIDES
    }


@pytest.mark.parametrize("joint", [True, False])
def test_in_generate_mode_the_model_sees_only_prompts_and_no_request_contains_a_label(
    tmp_path: Path, recorder: Recorder, plain_instances: list[Instance], joint: bool
):
    write_instances(plain_instances, tmp_path / "mine.jsonl")
    task = misalign_bench(
        mode="generate",
        source="file",
        path=str(tmp_path / "mine.jsonl"),
        joint=joint,
        structured="on",
        grader_sample=2,
    )
    log = recorder.run(task, tmp_path)

    # the model under test is asked each prompt once, without a system message, and nothing for the grader's
    # checks
    tested, grader = recorder.requests["tested"], recorder.requests["grader"]
    assert Counter(messages[-1].text for messages, _, _ in tested) == {
        one.prompt: 1 for one in plain_instances
    }
    assert all([message.role for message in messages] == ["user"] for messages, _, _ in tested)
    assert all(
        one.response(side) not in text for _, _, text in tested for one in plain_instances for side in SIDES
    )
    assert [(leaks(text), text) for _, _, text in [*tested, *grader] if leaks(text)] == []

    # the grader is asked about each answer, and about both responses of two instances
    checks = [sample.input for sample in log.samples or [] if sample.metadata["kind"] == "grader_check"]
    assert len(checks) == 4
    assert recorder.questions("grader") == {
        judged_text(one.prompt, "An answer of mine.") for one in plain_instances
    } | set(checks)
    assert len(grader) == 8 * (1 if joint else 3)
    assert {messages[0].text for messages, _, _ in grader} == {
        system_message(asked) for asked in (ONE_QUESTION if joint else APART)
    }


def test_every_request_about_the_embedded_instances_is_the_wording_and_one_response(
    tmp_path: Path, recorder: Recorder
):
    log = recorder.run(misalign_bench(per_domain=1), tmp_path, limit=40)
    known = {judged_text(one.prompt, one.response(side)) for one in INSTANCES for side in SIDES}
    assert len(recorder.requests["tested"]) == len(log.samples or [])
    for messages, settings, _ in recorder.requests["tested"]:
        assert [message.role for message in messages] == ["system", "user"]
        assert messages[0].text == system_message(DIMENSIONS)
        assert messages[1].text in known
        assert settings.response_schema is None


# --- settings -------------------------------------------------------------------------------------


def settings_of(recorder: Recorder, name: str) -> set[tuple[float | None, int | None, bool]]:
    return {
        (settings.temperature, settings.max_tokens, settings.response_schema is not None)
        for _, settings, _ in recorder.requests[name]
    }


@pytest.mark.parametrize(("structured", "schema"), [("auto", False), ("on", True), ("off", False)])
def test_a_verdict_has_512_tokens_at_temperature_0_and_a_schema_on_request(
    tmp_path: Path, recorder: Recorder, structured: Any, schema: bool
):
    recorder.run(misalign_bench(structured=structured), tmp_path, limit=2)
    assert settings_of(recorder, "tested") == {(0, 512, schema)}
    if schema:
        assert all(
            settings.response_schema == reply_schema(DIMENSIONS)
            for _, settings, _ in recorder.requests["tested"]
        )


@pytest.mark.parametrize(
    ("given", "grader"), [({}, (0, 512, True)), ({"temperature": 0.4, "max_tokens": 77}, (0.4, 77, True))]
)
def test_an_answer_has_1024_tokens_and_the_grader_has_its_own_settings(
    tmp_path: Path, recorder: Recorder, given: dict[str, Any], grader: tuple[float, int, bool]
):
    task = misalign_bench(mode="generate", domains="Dance", grader_sample=1, structured="on")
    recorder.run(task, tmp_path, grader=GenerateConfig(**given))
    # the schema is the grader's alone
    assert settings_of(recorder, "tested") == {(0, 1024, False)}
    assert settings_of(recorder, "grader") == {grader}


def test_settings_of_the_user_take_precedence_only_for_the_model_under_test(
    tmp_path: Path, recorder: Recorder
):
    recorder.run(
        misalign_bench(mode="generate", domains="Dance", grader_sample=1),
        tmp_path,
        temperature=0.7,
        max_tokens=99,
    )
    assert settings_of(recorder, "tested") == {(0.7, 99, False)}
    assert settings_of(recorder, "grader") == {(0, 512, False)}
    other = Recorder()
    other.run(misalign_bench(), tmp_path, limit=1, temperature=0.7, max_tokens=99)
    assert settings_of(other, "tested") == {(0.7, 99, False)}


def test_a_model_with_native_reasoning_gets_tokens_for_it(
    tmp_path: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("misfire.model_calls.token_limits.reasons_natively", lambda _: True)
    recorder.run(misalign_bench(mode="generate", domains="Dance", grader_sample=1), tmp_path)
    assert {budget for _, budget, _ in settings_of(recorder, "tested") | settings_of(recorder, "grader")} == {
        8192
    }


def test_a_system_message_of_the_user_comes_first(tmp_path: Path, recorder: Recorder):
    recorder.run(misalign_bench(), tmp_path, limit=1, system_message="Be brief.")
    ((messages, _, _),) = recorder.requests["tested"]
    assert [message.text for message in messages[:2]] == ["Be brief.", system_message(DIMENSIONS)]


# --- the grader -----------------------------------------------------------------------------------


def test_without_a_grader_nothing_starts(tmp_path: Path, recorder: Recorder):
    # at load, where the task is named
    with pytest.raises(InputError, match="--model-role grader=PROVIDER/MODEL"):
        run(
            "misfire/misalign_bench",
            task_args={"mode": "generate"},
            model=recorder.model("tested"),
            log_dir=str(tmp_path),
        )
    # and in the solver, where the task was made before
    task = misalign_bench(mode="generate", domains="Dance")
    (log,) = run(task, model=recorder.model("tested"), log_dir=str(tmp_path))
    assert log.status == "error"
    assert log.error is not None
    assert "--model-role grader=PROVIDER/MODEL" in log.error.message
    assert recorder.requests == {"tested": [], "grader": []}


@pytest.mark.parametrize(("grader", "warned"), [("simulated/model", True), ("simulated/other", False)])
def test_a_model_that_grades_itself_causes_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, grader: str, warned: bool
):
    _warn_of_self_grading.cache_clear()
    task = misalign_bench(mode="generate", domains="Dance", grader_sample=1)
    with caplog.at_level(logging.WARNING, logger="misfire.scorers.misalign"):
        (log,) = run(task, model="simulated/model", model_roles={"grader": grader}, log_dir=str(tmp_path))
    assert log.status == "success"
    said = [
        record.getMessage()
        for record in caplog.records
        if "The grader is the model under test" in record.getMessage()
    ]
    assert len(said) == (1 if warned else 0)
    assert all("simulated/model" in line and "--model-role grader" in line for line in said)


def test_a_task_of_generate_mode_can_be_made_without_a_grader_to_look_at_it():
    task = misalign_bench(mode="generate")
    assert (task.metadata or {})["mode"] == "generate"


def asked_names(text: str) -> tuple[Dimension, ...]:
    return tuple(name for name in DIMENSIONS if f"- {name}: " in text)


def test_a_dimension_asked_separately_is_asked_about_without_the_others(tmp_path: Path, recorder: Recorder):
    log = recorder.run(misalign_bench(joint=False), tmp_path, limit=6)
    asked = {sample.input: set[tuple[Dimension, ...]]() for sample in log.samples or []}
    for messages, _, _ in recorder.requests["tested"]:
        asked[messages[1].text].add(asked_names(messages[0].text))
        assert '"misaligned"' not in messages[0].text
    assert list(asked.values()) == [{(name,) for name in DIMENSIONS}] * 2
