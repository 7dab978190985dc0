"""Endpoints that are not as OpenAI's.

They have moderation by codes of their own, tool calls unasked, and settings and roles that they reject.

Given such an endpoint, when a task runs over it, then each half is asked as often as it should be, and what
became of it is told rightly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, EvalSample, read_eval_log
from inspect_ai.model import get_model

from misfire.datasets.sampling import sample_pairs
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from misfire.model_calls.ask import CallNote
from misfire.scorers.misalign import ANSWER_SCORER, VERDICT_SCORER
from misfire.scorers.veto import SCORER
from tests.runs import run_task

from .minds import reply_by_text
from .replies import CallsTool, Filtered, HttpError, Reply, Says, Stopped, answers
from .routes import ROUTES, Route
from .server import Request, serve

ROUTE = {route.name: route for route in ROUTES}
each_api = pytest.mark.parametrize(
    "route",
    [ROUTE[name] for name in ("openai", "openai-responses", "openai-compatible", "anthropic")],
    ids=lambda route: route.name,
)
COMPATIBLE = ROUTE["openai-compatible"]

DRAWN = sample_pairs(load_pairs(PairSettings("embedded")).pairs, 8, seed=1)
"""What ``-T pairs=8`` draws."""

PROMPTS = {
    half.prompt: f"{pair.id}_{name}"
    for pair in load_pairs(PairSettings("embedded")).pairs
    for name, half in pair.halves
}
STEREOTYPED = [f"{pair.id}_stereotyped" for pair in DRAWN]


@dataclass(frozen=True)
class Ran:
    log: EvalLog
    requests: list[Request]

    @property
    def metrics(self) -> dict[str, float]:
        assert self.log.results is not None
        return {name: metric.value for name, metric in self.log.results.scores[0].metrics.items()}

    @property
    def samples(self) -> dict[str, EvalSample]:
        return {str(sample.id): sample for sample in self.log.samples or []}

    def outcome(self, name: str, scorer: str = SCORER) -> object:
        scores = self.samples[name].scores
        assert scores, f"{name} was not scored"
        return scores[scorer].value

    def note(self, name: str) -> CallNote:
        note = CallNote.of(self.samples[name].output)
        assert note is not None
        return note


def half_of(request: Request) -> str | None:
    """The half that a request asks about; the instruction may stand before it."""
    return next((PROMPTS[part] for part in request.question.split("\n\n") if part in PROMPTS), None)


def veto(
    route: Route,
    reply: Callable[[Request], Reply],
    folder: Path,
    arguments: dict[str, Any] | None = None,
    **options: Any,
) -> Ran:
    return evaluate(
        "misfire/veto",
        route,
        reply,
        folder,
        {"source": "embedded", "pairs": 8} | (arguments or {}),
        **options,
    )


def evaluate(
    task: str,
    route: Route,
    reply: Callable[[Request], Reply],
    folder: Path,
    arguments: dict[str, Any],
    grader: bool = False,
    **options: Any,
) -> Ran:
    with serve(reply) as server:

        def model() -> Any:
            return get_model(
                route.model, base_url=server.url + route.base_path, memoize=False, **route.model_args
            )

        (log,) = run_task(
            task,
            task_args=arguments,
            model=model(),
            model_roles={"grader": model()} if grader else None,
            log_dir=str(folder),
            **options,
        )
        return Ran(log, server.requests)


def right(request: Request) -> Reply:
    return answers("yes") if half_of(request) else Says("hello, world")


# --- moderation -----------------------------------------------------------------------------------

SIXTY = [
    f"{pair.id}_stereotyped" for pair in sample_pairs(load_pairs(PairSettings("embedded")).pairs, 60, seed=1)
]


def moderating(blocked: Sequence[str], error: Reply) -> Callable[[Request], Reply]:
    return lambda request: error if half_of(request) in blocked else right(request)


ERRORS = {
    "qwen": HttpError(400, "data_inspection_failed", "Input data may contain inappropriate content."),
    "glm": HttpError(400, "1301", "系统检测到输入或生成内容可能包含不安全或敏感内容"),
    "azure": HttpError(400, "content_filter", "Output blocked by content filtering policy"),
    "censored": HttpError(451, "censorship_blocked", "The content you provided is blocked."),
}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("openai", "qwen"),
        ("openai-responses", "glm"),
        ("openai-compatible", "censored"),
        ("openai-compatible", "azure"),
        ("anthropic", "qwen"),
        ("anthropic-streamed", "glm"),
    ],
)
def test_moderation_by_an_http_error_is_a_refusal_and_not_an_error(name: str, error: str, tmp_path: Path):
    # given a provider that refuses 2 of 8 stereotyped halves
    blocked, said = STEREOTYPED[:2], ERRORS[error]
    ran = veto(ROUTE[name], moderating(blocked, said), tmp_path)

    # then these halves are refused
    assert ran.log.status == "success"
    assert not any(sample.error for sample in ran.log.samples or [])
    assert {ran.outcome(half) for half in blocked} == {"refused"}
    assert ran.metrics["mar"] == ran.metrics["stereotyped_refused"] == 2 / 8
    assert (ran.metrics["pairs"], ran.metrics["incomplete_pairs"]) == (8, 0)

    # and nothing was asked twice, the provider's words are on record, and stand nowhere as the model's
    asked = [half_of(request) for request in ran.requests if half_of(request)]
    assert len(asked) == len(set(asked)) == 16
    for half in blocked:
        assert said.message.lower() in (ran.note(half).moderation or "").lower()
        assert ran.samples[half].output.completion == ""


def test_thirteen_of_sixty_halves_that_are_moderated_make_a_mar_of_21_7_percent(tmp_path: Path):
    # where leaving them out as errors would say 0.0 %
    ran = veto(COMPATIBLE, moderating(SIXTY[:13], ERRORS["qwen"]), tmp_path, {"pairs": 60})
    assert ran.metrics["mar"] == pytest.approx(13 / 60)
    assert (ran.metrics["pairs"], ran.metrics["incomplete_pairs"]) == (60, 0)


def test_the_published_reading_does_not_read_the_providers_words(tmp_path: Path):
    # given an error whose text holds the word no, which the published parser takes for an answer
    blocked = HttpError(400, "data_inspection_failed", "no, and yes")
    ran = veto(
        COMPATIBLE,
        lambda request: blocked if half_of(request) else right(request),
        tmp_path,
        {"parser": "published", "pairs": 2},
    )
    assert {ran.outcome(half) for half in ran.samples} == {"refused"}


def test_stop_reasons_for_moderation_are_refusals_and_others_are_not(tmp_path: Path):
    # more than the five responses of which Inspect keeps the raw form
    sensitive, other = STEREOTYPED[:7], STEREOTYPED[7]

    def reply(request: Request) -> Reply:
        half = half_of(request)
        return (
            Stopped("sensitive")
            if half in sensitive
            else Stopped("eos_token", '{"answer": "yes"}')
            if half == other
            else right(request)
        )

    ran = veto(COMPATIBLE, reply, tmp_path)
    assert {ran.outcome(half) for half in sensitive} == {"refused"}
    assert ran.outcome(other) == "right"


def test_other_errors_stay_errors_and_are_counted_by_half(tmp_path: Path):
    half, other, partner = STEREOTYPED[0], STEREOTYPED[1], STEREOTYPED[2].replace("stereotyped", "contrast")

    def reply(request: Request) -> Reply:
        match half_of(request):
            case name if name in (half, other):
                return HttpError(400, "invalid_parameter", "Unsupported content type.")
            case name if name == partner:
                return HttpError(403, None, "No permission.")
            case _:
                return right(request)

    ran = veto(COMPATIBLE, reply, tmp_path, fail_on_error=False)
    assert {name for name, sample in ran.samples.items() if sample.error} == {half, other, partner}
    counts = [
        ran.metrics[key] for key in ("pairs", "incomplete_pairs", "stereotyped_missing", "contrast_missing")
    ]
    assert counts == [5, 3, 2, 1]


def test_a_moderated_answer_is_not_judged_and_a_moderated_judge_has_refused(tmp_path: Path):
    blocked = HttpError(400, "data_inspection_failed", "Input data may contain inappropriate content.")

    def reply(request: Request) -> Reply:
        judged = any("You judge whether" in text for text in request.system)
        if judged:
            return blocked if "A plain reply" not in request.question else reply_by_text(request)
        return Says("A plain reply.") if len(request.question) % 2 else blocked

    arguments = {"mode": "generate", "per_dimension": 3, "grader_sample": 2}
    ran = evaluate("misfire/misalign_bench", COMPATIBLE, reply, tmp_path, arguments, grader=True)
    assert ran.log.status == "success"
    answered = {name: sample for name, sample in ran.samples.items() if sample.metadata["kind"] == "answer"}
    silent = {name for name, sample in answered.items() if not sample.output.completion}
    assert silent
    assert silent != set(answered)
    assert {name for name in answered if ran.outcome(name, ANSWER_SCORER) == "no_answer"} == silent
    assert {ran.outcome(name, ANSWER_SCORER) for name in ran.samples.keys() - answered.keys()} == {"refused"}


# --- tool calls -----------------------------------------------------------------------------------


@each_api
def test_an_unrequested_tool_call_costs_one_call_and_is_not_an_answer(route: Route, tmp_path: Path):
    ran = veto(
        route, lambda request: CallsTool() if half_of(request) else right(request), tmp_path, {"pairs": 1}
    )
    asked = [half_of(request) for request in ran.requests if half_of(request)]
    assert len(asked) == len(set(asked)) == 2
    assert [sample.scores[SCORER].value for sample in ran.log.samples or [] if sample.scores] == [
        "unparsable"
    ] * 2


@pytest.mark.parametrize(
    ("arguments", "scorer", "expected", "calls"),
    [
        ({"per_dimension": 1, "joint": True}, VERDICT_SCORER, {"unparsable"}, 1),
        (
            {"mode": "generate", "per_dimension": 1, "grader_sample": 1},
            ANSWER_SCORER,
            {"no_answer", "unparsable"},
            1,
        ),
    ],
)
def test_unrequested_tool_calls_cost_one_call_in_mis_align_bench(
    arguments: dict[str, Any], scorer: str, expected: set[str], calls: int, tmp_path: Path
):
    grader = arguments.get("mode") == "generate"
    ran = evaluate(
        "misfire/misalign_bench", COMPATIBLE, lambda _: CallsTool(), tmp_path, arguments, grader=grader
    )
    assert {ran.outcome(name, scorer) for name in ran.samples} == expected
    assert len(ran.requests) == len(ran.samples) * calls


def test_unrequested_tool_calls_cost_one_call_in_priming(tmp_path: Path):
    ran = evaluate(
        "misfire/priming", COMPATIBLE, lambda _: CallsTool(), tmp_path, {"source": "embedded", "pairs": 1}
    )
    assert len(ran.requests) == len(ran.samples) == 3


# --- settings that are rejected -------------------------------------------------------------------


def rejecting(*fields: str) -> Callable[[Request], Reply]:
    def reply(request: Request) -> Reply:
        for field in fields:
            if field in request.body:
                return HttpError(
                    400,
                    "unsupported_parameter",
                    f"Unsupported parameter: '{field}' is not supported with this model.",
                )
        return reply_by_text(request)

    return reply


TASKS = {
    "veto": ("misfire/veto", {"source": "embedded", "pairs": 4}, False),
    "priming": ("misfire/priming", {"source": "embedded", "pairs": 4}, False),
    "detect": ("misfire/misalign_bench", {"per_dimension": 2}, False),
    "generate": (
        "misfire/misalign_bench",
        {"mode": "generate", "per_dimension": 2, "grader_sample": 2},
        True,
    ),
}


@pytest.mark.parametrize(("name", "none"), [*((name, "none") for name in TASKS), ("veto", None)])
def test_an_endpoint_without_temperature_or_limit_receives_neither(
    name: str, none: str | None, tmp_path: Path
):
    task, arguments, grader = TASKS[name]
    without = {"temperature": none, "max_tokens": none} | (
        {"grader_temperature": none, "grader_max_tokens": none} if grader else {}
    )

    ran = evaluate(
        task, COMPATIBLE, rejecting("temperature", "max_tokens"), tmp_path, arguments | without, grader=grader
    )

    assert ran.log.status == "success"
    assert not any(sample.error for sample in ran.samples.values())
    assert all(sample.scores for sample in ran.samples.values())
    asked = [sample for sample in ran.samples.values() if sample.metadata.get("kind") != "grader_check"]
    notes = [CallNote.of(sample.output) for sample in asked]
    assert {(note.temperature, note.max_tokens) for note in notes if note} == {(None, None)}
    assert len([note for note in notes if note]) == len(asked)


def test_sent_defaults_and_requested_settings_are_recorded(tmp_path: Path):
    with_default = veto(COMPATIBLE, right, tmp_path / "default", {"pairs": 1})
    with_settings = veto(
        COMPATIBLE, right, tmp_path / "wish", {"pairs": 1, "temperature": 0.7, "max_tokens": 64}
    )
    over = veto(
        COMPATIBLE,
        right,
        tmp_path / "over",
        {"pairs": 1, "temperature": "none", "max_tokens": "none"},
        temperature=0.2,
        max_tokens=9,
    )
    for ran, temperature, limit in ((with_default, 0.0, 512), (with_settings, 0.7, 64), (over, 0.2, 9)):
        assert {(request.body["temperature"], request.budget) for request in ran.requests} == {
            (temperature, limit)
        }
        assert {(ran.note(name).temperature, ran.note(name).max_tokens) for name in ran.samples} == {
            (temperature, limit)
        }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", "low"),
        ("temperature", -1),
        ("temperature", True),
        ("max_tokens", 0),
        ("max_tokens", "many"),
        ("system", "developer"),
    ],
)
def test_an_invalid_setting_is_refused_by_name(name: str, value: object, tmp_path: Path):
    with pytest.raises(InputError, match=f"parameter '{name}'"):
        veto(COMPATIBLE, right, tmp_path, {name: value})


# --- no system role -------------------------------------------------------------------------------

REJECTIONS = {
    "vllm": HttpError(400, "BadRequestError", "System role not supported"),
    "llama": HttpError(400, None, "Conversation roles must alternate user/assistant/user/assistant/..."),
    "gemma": HttpError(400, "INVALID_ARGUMENT", "Developer instruction is not enabled for models/gemma"),
}


def without_system_role(error: HttpError) -> Callable[[Request], Reply]:
    return lambda request: error if request.system else reply_by_text(request)


@pytest.mark.parametrize("name", TASKS)
def test_the_instruction_goes_into_the_user_message_on_request(name: str, tmp_path: Path):
    task, arguments, grader = TASKS[name]
    user_instruction = {"system": "user"} | ({"grader_system": "user"} if grader else {})
    ran = evaluate(
        task,
        COMPATIBLE,
        without_system_role(REJECTIONS["vllm"]),
        tmp_path,
        arguments | user_instruction,
        grader=grader,
        system_message="Mine.",
    )
    assert ran.log.status == "success"
    assert not any(request.system for request in ran.requests)
    assert all(
        request.question.startswith("Mine.")
        for request in ran.requests
        if "You judge" not in request.question or not grader
    )
    assert len(ran.requests) == len({(request.question) for request in ran.requests})


@pytest.mark.parametrize("name", REJECTIONS)
def test_the_instruction_moves_to_the_user_message_if_the_server_has_no_system_role(
    name: str, tmp_path: Path
):
    route = Route(name, f"openai-api/local/{name}", COMPATIBLE.path)
    ran = evaluate(
        "misfire/veto",
        route,
        without_system_role(REJECTIONS[name]),
        tmp_path,
        {"source": "embedded", "pairs": 4},
        max_connections=1,
    )
    assert ran.log.status == "success"
    assert not any(sample.error for sample in ran.samples.values())
    assert {ran.note(half).system for half in ran.samples} == {"user"}
    # one call more, for the whole run
    assert sum(bool(request.system) for request in ran.requests) == 1
    assert all("You answer yes/no questions" in sample.messages[0].text for sample in ran.samples.values())
    assert all(sample.messages[0].role == "user" for sample in ran.samples.values())


def test_a_cue_in_the_system_message_of_a_model_without_one_is_refused(tmp_path: Path):
    arguments = {"source": "embedded", "pairs": 2, "positions": "system"}
    with pytest.raises(InputError, match="positions=system"):
        evaluate("misfire/priming", COMPATIBLE, right, tmp_path, arguments | {"system": "user"})

    # where only the server knows, the primed halves are errors and the others are scored
    route = Route("late", "openai-api/local/late", COMPATIBLE.path)
    ran = evaluate(
        "misfire/priming",
        route,
        without_system_role(REJECTIONS["vllm"]),
        tmp_path,
        arguments,
        fail_on_error=False,
        max_connections=1,
    )
    primed = {name for name, sample in ran.samples.items() if sample.metadata["system_cue"]}
    assert {name for name, sample in ran.samples.items() if sample.error} == primed
    errors = [ran.samples[name].error for name in primed]
    assert all(error and "positions=system" in error.message for error in errors)


def test_the_log_file_keeps_the_note(tmp_path: Path):
    ran = veto(COMPATIBLE, moderating(STEREOTYPED, Filtered()), tmp_path, {"pairs": 1})
    read = read_eval_log(str(next(tmp_path.glob("*.eval"))))
    assert [CallNote.of(sample.output) for sample in read.samples or []] == [
        CallNote.of(sample.output) for sample in ran.log.samples or []
    ]
