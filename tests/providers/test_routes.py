"""Over every route to a provider the real task measures what the provider replies.

It survives what goes wrong there.

Given replies by half, when the task runs, then the log says for each half what became of it and what that
rests on."""

from pathlib import Path

import pytest

from misfire.tasks.prompts import ANSWER_REQUESTS, SYSTEM_MESSAGES

from .replies import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    BrokenJson,
    CutOff,
    Filtered,
    HttpError,
    NoChoices,
    Reasons,
    Refuses,
    Says,
    answers,
)
from .routes import PAIRS, ROUTES, TARGETS, Route, run

each_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
one_route_per_provider = pytest.mark.parametrize(
    "route", [ROUTES[0], ROUTES[3]], ids=lambda route: route.name
)

STEREOTYPED = [f"{pair.id}_stereotyped" for pair in PAIRS]
CONTRAST = [f"{pair.id}_contrast" for pair in PAIRS]


@each_route
def test_answers_are_measured(route: Route, tmp_path: Path):
    # given wrong answers: 2 pairs misfire, 1 errs the other way, 1 fails both halves; 4 are right
    wrong = [*STEREOTYPED[:2], CONTRAST[2], STEREOTYPED[3], CONTRAST[3]]

    ran = run(route, {half: [answers("no" if TARGETS[half] == "yes" else "yes")] for half in wrong}, tmp_path)

    assert ran.log.status == "success"
    assert {half: ran.score(half).value for half in TARGETS} == {
        half: "wrong" if half in wrong else "right" for half in TARGETS
    }
    assert ran.metrics["mar"] == pytest.approx(2 / 6)
    assert ran.metrics["br"] == pytest.approx(1 / 5)
    assert (ran.metrics["pairs"], ran.metrics["incomplete_pairs"]) == (8, 0)
    assert {half: ran.times_asked(half) for half in TARGETS} == dict.fromkeys(TARGETS, 1)
    usage = ran.log.stats.model_usage[route.model]
    assert (usage.input_tokens, usage.output_tokens) == (
        INPUT_TOKENS * len(TARGETS),
        OUTPUT_TOKENS * len(TARGETS),
    )


@each_route
def test_the_request_is_that_of_the_protocol(route: Route, tmp_path: Path):
    ran = run(route, {}, tmp_path, system_message="The user's own system message.")

    assert len(ran.requests) == len(TARGETS)
    for request in ran.requests:
        assert request.path == route.path
        assert request.system == ["The user's own system message.", SYSTEM_MESSAGES["direct"]]
        assert request.question.endswith(f"?\n\n{ANSWER_REQUESTS['direct']}")
        assert request.budget == route.budget
        assert request.body.get("temperature") == route.temperature


@one_route_per_provider
def test_the_options_of_the_user_take_precedence(route: Route, tmp_path: Path):
    ran = run(route, {}, tmp_path, temperature=0.5, max_tokens=9000)

    assert len(ran.requests) == len(TARGETS)
    for request in ran.requests:
        assert request.budget == 9000
        assert request.body.get("temperature") == (None if route.temperature is None else 0.5)


@each_route
def test_replies_without_an_answer_have_their_own_outcome(route: Route, tmp_path: Path):
    refused, filtered, blocked, cut_off, cut_off_late, garbage = STEREOTYPED[:6]
    replies = {
        refused: [Refuses()],
        filtered: [Filtered()],
        blocked: [
            HttpError(400, code="content_filter", message="Output blocked by content filtering policy")
        ],
        cut_off: [CutOff("Let me think. The cook")],
        cut_off_late: [CutOff('{"answer": "yes"} is what I thought at first, but')],
        garbage: [Says("It could go either way.")],
    }

    ran = run(route, replies, tmp_path)

    assert ran.log.status == "success"
    assert {half: (ran.score(half).value, ran.score(half).reason) for half in replies} == {
        refused: ("refused", "refusal"),
        filtered: ("refused", "refusal"),
        blocked: ("refused", "refusal"),
        cut_off: ("truncated", "truncated"),
        cut_off_late: ("truncated", "truncated"),
        garbage: ("unparsable", "invalid_response_format"),
    }
    assert all(ran.score(half).answer not in {"yes", "no"} for half in replies)
    kinds = ("invalid", "refused", "truncated", "unparsable")
    assert [ran.metrics[f"stereotyped_{kind}"] * len(PAIRS) for kind in kinds] == [6, 3, 2, 1]
    assert [ran.metrics[f"contrast_{kind}"] for kind in kinds] == [0, 0, 0, 0]
    # an invalid half counts as wrong in the headline, and leaves its pair out in the other reading
    assert (ran.metrics["mar"], ran.metrics["mar_valid"]) == (pytest.approx(6 / 8), 0)
    assert (ran.metrics["pairs"], ran.metrics["pairs_valid"]) == (8, 2)


@each_route
def test_reasoning_in_a_separate_field_is_not_searched_for_an_answer(route: Route, tmp_path: Path):
    answered, silent = STEREOTYPED[:2]
    decoy = 'At first sight {"answer": "no"}, no.'

    ran = run(
        route, {answered: [Reasons('{"answer": "yes"}', decoy)], silent: [Reasons("", decoy)]}, tmp_path
    )

    assert (ran.score(answered).value, ran.score(answered).answer) == ("right", "yes")
    assert (ran.score(silent).value, ran.score(silent).answer) == ("unparsable", None)


@each_route
def test_temporary_errors_cost_only_another_call(route: Route, tmp_path: Path):
    limited, limited_with_a_hint, failing = STEREOTYPED[0], STEREOTYPED[1], CONTRAST[2]
    replies = {
        limited: [HttpError(429), answers("no")],
        limited_with_a_hint: [HttpError(429, retry_after=1), answers("no")],
        failing: [HttpError(500), HttpError(500), answers("no")],
    }

    ran = run(route, replies, tmp_path)

    assert ran.log.status == "success"
    assert {half: ran.score(half).value for half in TARGETS} == {
        half: "wrong" if half in replies else "right" for half in TARGETS
    }
    assert {half: ran.times_asked(half) for half in TARGETS} == dict.fromkeys(TARGETS, 1) | {
        limited: 2,
        limited_with_a_hint: 2,
        failing: 3,
    }
    assert ran.metrics["incomplete_pairs"] == 0


@each_route
def test_lasting_errors_lose_their_pair_and_are_recorded(route: Route, tmp_path: Path):
    rejected, failing, broken = STEREOTYPED[0], CONTRAST[1], STEREOTYPED[2]
    replies = {rejected: [HttpError(400)], failing: [HttpError(500)], broken: [BrokenJson()]}

    # without a bound Inspect would ask again for ever
    ran = run(route, replies, tmp_path, max_retries=0)

    assert ran.log.status == "success"
    causes = {half: error.traceback for half in replies if (error := ran.sample(half).error) is not None}
    assert "The server said no." in causes[rejected]
    assert "The server said no." in causes[failing]
    assert "JSONDecodeError" in causes[broken]
    assert (ran.metrics["pairs"], ran.metrics["incomplete_pairs"]) == (5, 3)
    assert {half: ran.score(half).value for half in TARGETS if half not in replies} == dict.fromkeys(
        TARGETS.keys() - replies.keys(), "right"
    )


@each_route
def test_an_empty_response_does_not_end_the_run(route: Route, tmp_path: Path):
    half = STEREOTYPED[0]

    ran = run(route, {half: [NoChoices()]}, tmp_path)

    assert ran.log.status == "success"
    if route.empty_is_error:
        assert ran.sample(half).error is not None
        assert (ran.metrics["pairs"], ran.metrics["incomplete_pairs"]) == (7, 1)
    else:
        assert ran.score(half).value == "unparsable"
        assert (ran.metrics["pairs"], ran.metrics["incomplete_pairs"]) == (8, 0)


@one_route_per_provider
def test_a_rejected_key_ends_the_run_as_an_error(route: Route, tmp_path: Path):
    ran = run(route, {half: [HttpError(401)] for half in TARGETS}, tmp_path)

    assert ran.log.status == "error"
    assert ran.log.results is None
