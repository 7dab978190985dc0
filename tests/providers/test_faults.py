"""Under faults of all kinds every task ends, and metrics say what they count.

Each sample is scored, or failed with its cause on record.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import get_model
from tenacity import wait_fixed

from tests.runs import run_task

from . import routes
from .faults import FAULTS, FaultName, faulted, lognormal, mixed
from .minds import reply_by_text
from .replies import Reply, answers
from .routes import ROUTES, TARGETS, Route
from .server import LoopbackServer, Request, serve

ROUTE = {route.name: route for route in ROUTES}


@dataclass(frozen=True)
class Work:
    task: str
    route: Route
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    grader: Route | None = None


WORKS = {
    "veto": Work("misfire/veto", ROUTE["openai"], {"source": "embedded", "pairs": 16}),
    "priming": Work("misfire/priming", ROUTE["openai-responses"], {"source": "embedded", "pairs": 8}),
    "detect": Work("misfire/misalign_bench", ROUTE["anthropic-streamed"], {"per_dimension": 6}),
    "generate": Work(
        "misfire/misalign_bench",
        ROUTE["openai-compatible"],
        {"mode": "generate", "per_dimension": 5, "grader_sample": 4},
        grader=ROUTE["anthropic-streamed"],
    ),
}

PASSING: tuple[FaultName, ...] = (
    "limited",
    "limited_with_hint",
    "server_error",
    "unavailable",
    "reset",
    "half_sent",
    "slow_loris",
)
"""Faults after which Inspect asks again."""


@pytest.fixture(autouse=True)
def _no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    # Inspect waits for three seconds and more before it asks again
    monkeypatch.setattr("inspect_ai.model._retry.wait_exponential_jitter", lambda **_: wait_fixed(0.05))


def run(work: Work, reply: Callable[[Request], Reply], folder: Path) -> tuple[EvalLog, LoopbackServer]:
    with serve(reply, lognormal(0.005, 0.5)) as server:
        (log,) = run_task(
            work.task,
            task_args=work.arguments,
            model=get_model(
                work.route.model,
                base_url=server.url + work.route.base_path,
                memoize=False,
                **work.route.model_args,
            ),
            model_roles={
                "grader": get_model(
                    work.grader.model, base_url=server.url + work.grader.base_path, memoize=False
                )
            }
            if work.grader
            else None,
            max_retries=4,
            attempt_timeout=5,  # a busy machine takes a second for a reply of a megabyte
            max_connections=32,
            log_dir=str(folder),
        )
        return log, server


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKS)
def test_nothing_is_lost_or_guessed_under_mixed_faults(name: str, tmp_path: Path):
    # given one request in five that goes wrong in some way
    faults, met = mixed(0.2, seed=3), dict[str, set[FaultName]]()

    def reply(request: Request) -> Reply:
        if fault := faults.drawn(request):
            met.setdefault(request.question, set()).add(fault)
        return faults.over(reply_by_text)(request)

    log, server = run(WORKS[name], reply, tmp_path / "faulty")
    calm, _ = run(WORKS[name], reply_by_text, tmp_path / "calm")

    # then every sample is there, scored or failed with its cause
    assert log.status == "success"
    samples, calm_samples = by_id(log), by_id(calm)
    assert samples.keys() == calm_samples.keys()
    assert len(set().union(*met.values())) >= 3
    for sample in samples.values():
        assert bool(sample.scores) != (sample.error is not None)
        assert sample.error is None or sample.error.traceback.strip()

    # and where nothing went wrong but what passes, the score is that of a calm run
    strained = {question for question, found in met.items() if not found <= set(PASSING)}
    asked = Counter(request.question for request in server.requests)
    untouched = [
        key
        for key, sample in samples.items()
        if not any(text in strained for text in questions(calm_samples[key]))
    ]
    assert len(untouched) >= len(samples) / 2
    for key in untouched:
        assert outcome(samples[key]) == outcome(calm_samples[key])
        assert samples[key].error is None
    assert sum(asked.values()) > len(samples)

    # and the metrics rest on the samples that were scored
    assert_metrics_count(name, log, samples)


def by_id(log: EvalLog) -> dict[str, EvalSample]:
    return {str(sample.id): sample for sample in log.samples or []}


def outcome(sample: EvalSample) -> object:
    return {name: score.model_dump(exclude={"history"}) for name, score in (sample.scores or {}).items()}


def questions(sample: EvalSample) -> list[str]:
    """What was asked for a sample that went well."""
    calls = [event for event in sample.events if event.event == "model"]
    texts = [
        next(message.text for message in reversed(call.input) if message.role == "user") for call in calls
    ]
    return [sample.attachments.get(text.removeprefix("attachment://"), text) for text in texts]


def assert_metrics_count(name: str, log: EvalLog, samples: dict[str, EvalSample]) -> None:
    assert log.results is not None
    metrics = {key: metric.value for key, metric in log.results.scores[0].metrics.items()}
    scored = [sample for sample in samples.values() if sample.scores]
    match name:
        case "veto":
            halves = Counter(sample.metadata["pair_id"] for sample in scored)
            assert metrics["pairs"] == sum(number == 2 for number in halves.values())
            assert metrics["incomplete_pairs"] == sum(number == 1 for number in halves.values())
        case "priming":
            base = Counter(
                sample.metadata["pair_id"] for sample in scored if "base" in sample.metadata["arms"]
            )
            assert metrics["base_pairs"] == sum(number == 2 for number in base.values())
        case "detect":
            assert metrics["aligned_responses"] + metrics["misaligned_responses"] == len(scored)
        case _:
            assert metrics["answers"] == sum(sample.metadata["kind"] == "answer" for sample in scored)


each_api = pytest.mark.parametrize(
    "route",
    [ROUTE[name] for name in ("openai", "openai-responses", "anthropic", "anthropic-streamed")],
    ids=lambda route: route.name,
)


@each_api
def test_each_fault_over_each_api_ends_as_it_should(route: Route, tmp_path: Path):
    # given a half for each fault: it passes after the first time of asking, or stays
    halves = dict(zip(FAULTS, TARGETS, strict=False))
    replies = {
        half: [faulted(name, answers(TARGETS[half])), *([answers(TARGETS[half])] if name in PASSING else [])]
        for name, half in halves.items()
    }

    ran = routes.run(route, replies, tmp_path, max_retries=4, attempt_timeout=5)

    # then what passes costs a further call (on a busy machine, an attempt may also end by its time)
    assert ran.log.status == "success"
    assert all(ran.times_asked(halves[name]) >= 2 for name in PASSING)
    # what fails is on record with its cause
    causes = {
        name: sample.error.traceback for name, half in halves.items() if (sample := ran.sample(half)).error
    }
    failing = {"wrong_type", "broken_json", *(["no_choices"] if route.empty_is_error else [])}
    assert causes.keys() == failing
    assert "JSONDecodeError" in causes["broken_json"]
    # and all else is what was said
    outcomes = {name: ran.score(half).value for name, half in halves.items() if name not in failing}
    expected = dict.fromkeys(FAULTS, "right") | {
        "refusal": "refused",
        "filtered": "refused",
        "no_choices": "unparsable",
    }
    assert outcomes == {name: outcome for name, outcome in expected.items() if name not in failing}


def test_a_grader_that_never_ends_its_reply_times_out_as_configured(tmp_path: Path):
    # Inspect hands --attempt-timeout to the model under test alone
    def reply(request: Request) -> Reply:
        judged = any("You judge whether" in text for text in request.system)
        return (
            faulted("slow_loris", reply_by_text(request))
            if judged and request.attempt == 1
            else reply_by_text(request)
        )

    work = Work(
        "misfire/misalign_bench",
        ROUTE["openai"],
        {"mode": "generate", "per_dimension": 1, "grader_sample": 1},
        ROUTE["openai"],
    )
    log, server = run(work, reply, tmp_path)

    assert log.status == "success"
    assert all(sample.scores for sample in log.samples or [])
    assert max(server.asked.values()) == 2


def test_faults_depend_on_seed_and_question_and_occur_at_their_rates():
    def request(number: int, attempt: int = 1) -> Request:
        return Request("/", {}, [], f"Question {number}?", None, attempt)

    drawn = Counter(mixed(0.2).drawn(request(number)) for number in range(20_000))
    assert drawn[None] == pytest.approx(16_000, rel=0.03)
    assert all(drawn[name] == pytest.approx(4_000 / len(FAULTS), rel=0.3) for name in FAULTS)
    assert [mixed(0.5).drawn(request(number)) for number in range(50)] == [
        mixed(0.5).drawn(request(number)) for number in range(50)
    ]
    assert [mixed(0.5).drawn(request(number)) for number in range(50)] != [
        mixed(0.5, seed=2).drawn(request(number)) for number in range(50)
    ]
    assert [mixed(0.5).drawn(request(number)) for number in range(50)] != [
        mixed(0.5).drawn(request(number, 2)) for number in range(50)
    ]
