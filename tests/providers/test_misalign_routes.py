"""Over every route to a provider Mis-Align Bench measures what the provider replies, in both modes.

Given replies by response, when the task runs, then the log says for each response what became of it and what
that rests on."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import Model, get_model
from inspect_ai.scorer import Score

from misfire.datasets.misalign.sources import load_instances
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.model_calls.structured import Structured
from misfire.scorers.judge import judged_text, system_message
from misfire.scorers.misalign import ANSWER_SCORER, VERDICT_SCORER
from tests.runs import run_task

from .replies import BrokenJson, CutOff, Filtered, HttpError, Reasons, Refuses, Reply, Says
from .routes import ROUTES, Route
from .server import LoopbackServer, Request, serve

each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
ROUTE = {route.name: route for route in ROUTES}

INSTANCES = load_instances().instances[:8]
"""Those that ``--limit 16`` asks about."""

RESPONSES = {
    judged_text(one.prompt, one.response(side)): f"{one.id}_{side}"
    for one in INSTANCES
    for side in ("aligned", "misaligned")
}
ALIGNED = [f"{one.id}_aligned" for one in INSTANCES]
MISALIGNED = [f"{one.id}_misaligned" for one in INSTANCES]


def verdict(*flagged: str, asked: tuple[str, ...] = DIMENSIONS) -> str:
    flags = {name: name in flagged for name in asked}
    return json.dumps(
        {"reason": "It says so.", **flags, **({"misaligned": bool(flagged)} if len(asked) > 1 else {})}
    )


def truth(name: str) -> Says:
    """The right verdict on a response, by its sample id."""
    return Says(verdict("value") if name.endswith("_misaligned") else verdict())


@dataclass(frozen=True)
class Run:
    """What a run left behind: Inspect's log, and what the server was asked, without Inspect's own probes."""

    log: EvalLog
    requests: list[Request]

    @property
    def metrics(self) -> dict[str, float]:
        assert self.log.results is not None
        (result,) = self.log.results.scores
        return {name: metric.value for name, metric in result.metrics.items()}

    def scores(self, scorer: str) -> dict[str, Score]:
        return {str(sample.id): sample.scores[scorer] for sample in self.log.samples or [] if sample.scores}


def detect(
    route: Route,
    replies: Mapping[str, Reply],
    log_dir: Path,
    structured: Structured = "auto",
    limit: int = 16,
    **options: Any,
) -> Run:
    """Run detect mode over a route; the server is right about responses without a reply of their own."""

    def reply(request: Request) -> Reply:
        name = RESPONSES.get(request.question)
        return Says("hello, world") if name is None else replies.get(name, truth(name))

    with serve(reply) as server:
        (log,) = run_task(
            "misfire/misalign_bench",
            task_args={"structured": structured},
            model=route.model,
            model_base_url=server.url + route.base_path,
            model_args=route.model_args,
            limit=limit,
            log_dir=str(log_dir),
            **options,
        )
        return Run(log, [request for request in server.requests if request.question in RESPONSES])


# --- detect mode ----------------------------------------------------------------------------------


@each_route
def test_verdicts_are_measured_and_other_replies_have_their_own_outcome(route: Route, tmp_path: Path):
    refused, filtered, blocked, cut_off, garbage, missed = MISALIGNED[:6]
    false, fenced = ALIGNED[:2]
    replies: dict[str, Reply] = {
        refused: Refuses(),
        filtered: Filtered(),
        blocked: HttpError(400, code="content_filter", message="Output blocked by content filtering policy"),
        cut_off: CutOff(verdict("value")[:-1]),
        garbage: Says('{"safety": "yes"}'),
        missed: Says(verdict()),
        false: Says(verdict("safety", "culture")),
        fenced: Says(f"My verdict:\n```json\n{verdict()}\n```"),
    }

    ran = detect(route, replies, tmp_path)

    assert ran.log.status == "success"
    found = ran.scores(VERDICT_SCORER)
    expected = {
        **dict.fromkeys(RESPONSES.values(), ("right", None)),
        **dict.fromkeys((refused, filtered, blocked), ("refused", "refusal")),
        cut_off: ("truncated", "truncated"),
        garbage: ("unparsable", "invalid_response_format"),
        **dict.fromkeys((missed, false), ("wrong", None)),
    }
    assert {name: (score.value, score.reason) for name, score in found.items()} == expected
    assert (found[false].answer, found[false].explanation) == ("misaligned: safety, culture", "It says so.")
    metrics = ran.metrics
    # 2 of 8 misaligned responses caught, 1 of 8 aligned ones flagged; without the invalid ones 2 of 3
    assert (metrics["coverage"], metrics["ffr"]) == (2 / 8, 1 / 8)
    assert metrics["alignment_score"] == pytest.approx(2 * (2 / 8) * (7 / 8) / (9 / 8))
    assert (metrics["coverage_valid"], metrics["ffr_valid"]) == (pytest.approx(2 / 3), 1 / 8)
    assert [metrics[kind] * 16 for kind in ("invalid", "refused", "truncated", "unparsable", "failed")] == [
        5,
        3,
        1,
        1,
        0,
    ]

    # and each request is that of the task
    assert len(ran.requests) == 16
    for request in ran.requests:
        assert request.path == route.path
        assert request.system == [system_message(DIMENSIONS)]
        assert request.budget == route.budget
        assert request.body.get("temperature") == route.temperature


@pytest.mark.parametrize(
    "route", [ROUTE["openai-responses"], ROUTE["anthropic-streamed"]], ids=lambda route: route.name
)
def test_reasoning_in_a_separate_field_is_not_searched_for_a_verdict(route: Route, tmp_path: Path):
    judged, silent = MISALIGNED[:2]
    decoy = f"At first sight {verdict()}, but."
    ran = detect(
        route, {judged: Reasons(verdict("value"), decoy), silent: Reasons("", decoy)}, tmp_path, limit=4
    )
    found = ran.scores(VERDICT_SCORER)
    assert (found[judged].value, found[silent].value) == ("right", "unparsable")


@pytest.mark.parametrize(
    "route", [ROUTE["openai"], ROUTE["anthropic-streamed"]], ids=lambda route: route.name
)
def test_lasting_errors_lose_only_their_response(route: Route, tmp_path: Path):
    replies = {MISALIGNED[0]: HttpError(500), MISALIGNED[1]: BrokenJson()}
    ran = detect(route, replies, tmp_path, max_retries=0)
    assert ran.log.status == "success"
    assert {str(sample.id) for sample in ran.log.samples or [] if sample.error} == set(replies)
    assert (
        ran.metrics["misaligned_responses"],
        ran.metrics["aligned_responses"],
        ran.metrics["alignment_score"],
    ) == (6, 8, 1)


def objects(value: object) -> Iterator[dict[str, Any]]:
    """All JSON objects in a value."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(item)
    if isinstance(value, dict):
        yield value


def holds_schema(request: Request) -> bool:
    """Whether the schema of a verdict is part of a request; a provider may say more of its properties."""
    wanted = {"reason": "string", **dict.fromkeys((*DIMENSIONS, "misaligned"), "boolean")}
    schemas = [
        found
        for found in objects(request.body)
        if found.get("type") == "object" and isinstance(found.get("properties"), dict)
    ]
    types = [{key: value["type"] for key, value in schema["properties"].items()} for schema in schemas]
    return wanted in types and all(sorted(schema["required"]) == sorted(wanted) for schema in schemas)


@pytest.mark.parametrize(
    ("name", "structured", "sent"),
    [
        *[
            (name, structured, structured != "off")
            for name in ("openai", "openai-responses")
            for structured in ("auto", "on", "off")
        ],
        ("openai-reasoning", "auto", True),
        # what is only like OpenAI, and a provider some of whose models refuse a schema, are asked by wish
        # alone
        *[
            (name, structured, structured == "on")
            for name in ("openai-compatible", "anthropic-streamed")
            for structured in ("auto", "on")
        ],
    ],
)
def test_the_schema_of_a_verdict_is_sent_on_request(
    name: str, structured: Structured, sent: bool, tmp_path: Path
):
    ran = detect(ROUTE[name], {}, tmp_path, structured, limit=2)
    assert ran.log.status == "success"
    assert ran.metrics["alignment_score"] == 1
    assert [holds_schema(request) for request in ran.requests] == [sent, sent]


# --- generate mode --------------------------------------------------------------------------------


def model_over(route: Route, server: LoopbackServer) -> Model:
    return get_model(route.model, base_url=server.url + route.base_path, memoize=False, **route.model_args)


@pytest.mark.parametrize(
    ("tested", "grader"),
    [("anthropic", "openai"), ("openai-compatible", "openai-responses"), ("openai", "anthropic-streamed")],
)
def test_answers_are_graded_over_http(tested: str, grader: str, tmp_path: Path):
    # given a model under test that answers, refuses, is filtered and is cut off, and a grader that flags its
    # refusal
    prompts = [one.prompt for one in INSTANCES[:4]]
    refusal = "I won't do that."
    answers: dict[str, Reply] = dict(
        zip(prompts, [Says("A kind answer."), Says(refusal), Filtered(), CutOff("A long ans")], strict=True)
    )
    checks = {text: name for text, name in RESPONSES.items() if name in (*ALIGNED[:4], *MISALIGNED[:4])}

    def reply(request: Request) -> Reply:
        if request.question in answers:
            return answers[request.question]
        if request.question in checks:
            return Filtered() if checks[request.question] == ALIGNED[0] else truth(checks[request.question])
        return (
            Says(verdict("safety"))
            if request.question == judged_text(prompts[1], refusal)
            else Says(verdict())
        )

    with serve(reply) as server:
        (log,) = run_task(
            "misfire/misalign_bench",
            task_args={
                "mode": "generate",
                "grader_sample": 4,
                "source": "file",
                "path": str(four_instances(tmp_path)),
            },
            model=model_over(ROUTE[tested], server),
            model_roles={"grader": model_over(ROUTE[grader], server)},
            log_dir=str(tmp_path),
        )
        ran = Run(log, server.requests)

    assert log.status == "success"
    found, metrics = ran.scores(ANSWER_SCORER), ran.metrics
    assert [found[one.id].value for one in INSTANCES[:4]] == ["aligned", "misaligned", "no_answer", "aligned"]
    assert found[f"{ALIGNED[0]}_grader"].value == "refused"
    assert metrics["aligned_rate"] == pytest.approx(2 / 3)
    assert (metrics["answers"], metrics["answers_missing"], metrics["answers_truncated"]) == (4, 1, 1)
    assert (metrics["grader_coverage"], metrics["grader_ffr"], metrics["grader_refused"]) == (1, 1 / 4, 1 / 8)

    # and neither model was asked what is the other's
    by_model = {
        route.name: [one for one in ran.requests if one.body["model"] == route.model.rpartition("/")[2]]
        for route in ROUTES
    }
    assert sorted(one.question for one in by_model[tested]) == sorted(prompts)
    assert all(request.system == [] for request in by_model[tested])
    graded = {
        judged_text(prompts[0], "A kind answer."),
        judged_text(prompts[1], refusal),
        judged_text(prompts[3], "A long ans"),
    }
    assert {one.question for one in by_model[grader] if one.system} == graded | set(checks)
    assert {one.budget for one in by_model[grader] if one.system} == {ROUTE[grader].budget}
    assert {one.budget for one in by_model[tested]} == {1024}


def four_instances(folder: Path) -> Path:
    """A file with the first four instances."""
    from misfire.datasets.misalign.instance_files import write_instances

    write_instances(INSTANCES[:4], folder / "four.jsonl")
    return folder / "four.jsonl"
