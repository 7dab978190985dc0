"""Each private name of Inspect that misfire uses does what misfire needs.

A failure here says what a new release of Inspect broke.
"""

import ast
import inspect as python_inspect
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from inspect_ai import Task
from inspect_ai.dataset import Sample
from inspect_ai.event import ModelEvent
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from misfire.errors import InputError
from misfire.inspect_compat import calls, errors
from tests.runs import run_task

ROOT = Path(__file__).resolve().parents[1]


def private_imports(file: Path) -> list[str]:
    """Names that a module imports from private modules of Inspect, or that are private themselves."""
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "inspect_ai":
            parts = (node.module or "").split(".")
            found += [
                f"{node.module}.{name.name}"
                for name in node.names
                if any(part.startswith("_") for part in [*parts, name.name])
            ]
    return found


def test_private_names_of_inspect_are_imported_in_one_package_alone() -> None:
    files = [
        file
        for top in ("src/misfire", "tasks", "scorers", "datasets", "examples")
        for file in (ROOT / top).rglob("*.py")
    ]
    users = {file.relative_to(ROOT).parent.as_posix() for file in files if private_imports(file)}

    assert users == {"src/misfire/inspect_compat"}


def test_prerequisite_error_is_the_base_that_inspect_shows_without_a_traceback() -> None:
    # Without it, `inspect eval` prints a traceback for every wrong -T or -M value.
    assert issubclass(errors.PrerequisiteError, Exception)
    assert issubclass(InputError, errors.PrerequisiteError)
    assert errors.PrerequisiteError("what is wrong").message == "what is wrong"


@dataclass
class Seen:
    """What the run's private names said while a sample ran."""

    model: str = ""
    system_message: str | None = None
    sinks: list[object] = field(default_factory=list[object])
    completed: list[ModelEvent] = field(default_factory=list[ModelEvent])
    in_transcript: list[ModelEvent] = field(default_factory=list[ModelEvent])


@solver
def note_run(seen: Seen) -> Solver:
    """Note what the run says, and record one model call through a sink."""

    class Sink(calls.ModelEventSink):
        def on_pending(self, event: ModelEvent) -> None:
            calls.log_event(event)

        def on_complete(self, event: ModelEvent) -> None:
            seen.completed.append(event)
            calls.log_event_update(event)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        seen.model = str(calls.active_model())
        seen.system_message = calls.active_generate_config().system_message
        sink = Sink()
        seen.sinks.append(calls.current_event_sink())
        with calls.use_model_event_sink(sink):
            seen.sinks.append(calls.current_event_sink() is sink)
            state = await generate(state)
        seen.sinks.append(calls.current_event_sink())
        return state

    return solve


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What a run of one sample showed."""
    noted = Seen()
    task = Task(
        dataset=[Sample(input="Is it so?")],
        solver=note_run(noted),
        config=GenerateConfig(system_message="Be brief."),
    )
    (log,) = run_task(task, model=get_model("simulated/model"), log_dir=str(tmp_path_factory.mktemp("logs")))
    assert log.status == "success", log.error
    noted.in_transcript = [
        event for sample in log.samples or [] for event in sample.events if isinstance(event, ModelEvent)
    ]
    return noted


class TestCalls:
    def test_active_model_is_the_model_under_test(self, seen: Seen) -> None:
        # Without it, a grader that is the model itself is not warned of, and priming does not know a model's
        # own settings.
        assert seen.model == "simulated/model"

    def test_active_generate_config_holds_what_the_task_or_command_line_set(self, seen: Seen) -> None:
        # Without it, -T system=user loses the system message of the command line, and token limits set there
        # are overridden.
        assert seen.system_message == "Be brief."

    def test_a_sink_receives_the_events_of_calls_made_within_it(self, seen: Seen) -> None:
        # Without it, stop reasons and moderation, which stand in the raw response alone, are lost.
        assert seen.sinks == [None, True, None]
        assert [bool(event.output.completion) for event in seen.completed] == [True]

    def test_events_that_a_sink_hands_on_stand_in_the_transcript(self, seen: Seen) -> None:
        # Without it, calls are missing from `inspect view`.
        assert [event.output.completion for event in seen.in_transcript] == [
            event.output.completion for event in seen.completed
        ]


class TestHuggingFace:
    @pytest.fixture(autouse=True)
    def _needs_torch(self) -> None:
        pytest.importorskip("transformers")

    def test_the_provider_takes_the_arguments_that_intervened_passes(self) -> None:
        # Without it, `intervened/…` does not load.
        from misfire.inspect_compat.hugging_face import HuggingFaceAPI

        taken = python_inspect.signature(HuggingFaceAPI.__init__).parameters
        assert {"model_name", "base_url", "api_key", "config", "model_args"} <= taken.keys()
        assert taken["model_args"].kind is python_inspect.Parameter.VAR_KEYWORD

    def test_batched_generate_takes_one_input_for_each_answer(self) -> None:
        # Without it, `intervened/…` does not answer.
        from misfire.inspect_compat.hugging_face import GenerateInput, batched_generate

        assert list(python_inspect.signature(batched_generate).parameters)[:1] == ["input"]
        assert {"input", "device", "tokenizer", "generator", "decoder", "batch_size"} <= set(
            GenerateInput.__dataclass_fields__
        )

    def test_the_tool_handler_and_the_logprobs_are_there(self) -> None:
        # Without them, answers with tool calls or logprobs break.
        from misfire.inspect_compat.hugging_face import HFHandler, extract_logprobs

        assert callable(HFHandler.parse_assistant_response)
        assert callable(extract_logprobs)
