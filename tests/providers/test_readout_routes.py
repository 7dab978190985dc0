"""First-token readout and structured output over HTTP: what is requested, and what is made of the reply."""

import math
from pathlib import Path

import pytest

from misfire.tasks.prompts import WORD_REQUEST, WORD_SYSTEM_MESSAGE

from .replies import Filtered, HttpError, Reply, Says
from .routes import ROUTES, TARGETS, Route, run

ROUTE = {route.name: route for route in ROUTES}
READ = {"readout": "logprobs"}
HALVES = list(TARGETS)


def first(**masses: float) -> Says:
    """A reply whose most likely first tokens these are."""
    return Says(next(iter(masses)), tuple(masses.items()))


@pytest.mark.parametrize("name", ["openai", "openai-compatible"])
def test_one_token_is_requested_and_its_probabilities_decide(name: str, tmp_path: Path):
    # given a server that leans to no on one half, and to yes on the others
    replies: dict[str, list[Reply]] = {half: [first(Yes=0.6, no=0.3, The=0.1)] for half in HALVES}
    replies[HALVES[0]] = [first(yes=0.3, No=0.31, NO=0.1, The=0.29)]

    ran = run(ROUTE[name], replies, tmp_path, READ)

    assert ran.log.status == "success"
    for request in ran.requests:
        assert request.budget == 1
        assert (request.body["logprobs"], request.body["top_logprobs"]) == (True, 20)
        assert request.system == [WORD_SYSTEM_MESSAGE]
        assert request.question.endswith(f"?\n\n{WORD_REQUEST}")
    assert {half: ran.score(half).value for half in HALVES} == {
        half: "wrong" if half == HALVES[0] else "right" for half in HALVES
    }
    note = ran.score(HALVES[0]).metadata or {}
    assert note["margin"] == pytest.approx(math.log(0.3 / 0.41))
    assert note["margin_bound"] == "exact"
    assert note["answer_mass"] == pytest.approx(0.71)
    assert ran.metrics["mar"] == pytest.approx(1 / 8)
    assert ran.metrics["answer_mass"] == pytest.approx((15 * 0.9 + 0.71) / 16)
    assert ran.metrics["low_answer_mass"] == 0


def test_a_short_list_gives_bounds_and_no_answer_where_it_does_not_decide(tmp_path: Path):
    certain, open_, none, blocked = HALVES[:4]
    replies: dict[str, list[Reply]] = {half: [first(yes=0.9, no=0.1)] for half in HALVES}
    replies[certain] = [first(no=0.8, The=0.1, a=0.01)]
    replies[open_] = [first(The=0.5, yes=0.2, a=0.1)]
    replies[none] = [first(The=0.7, a=0.2)]
    replies[blocked] = [Filtered()]

    ran = run(ROUTE["openai-compatible"], replies, tmp_path, READ)

    assert [ran.score(half).value for half in HALVES[:4]] == ["wrong", "unparsable", "unparsable", "refused"]
    note = ran.score(certain).metadata or {}
    assert (note["margin"], note["margin_bound"]) == (pytest.approx(math.log(0.06 / 0.8)), "at most")
    assert (note["answer_mass"], note["answer_mass_max"]) == (pytest.approx(0.8), pytest.approx(0.8 + 0.11))
    assert (ran.score(none).metadata or {})["margin"] is None
    # the mass of a blocked half is not known; those of the others count
    assert ran.metrics["low_answer_mass"] == pytest.approx(2 / 15)


@pytest.mark.parametrize("name", ["openai-compatible", "anthropic"])
def test_a_provider_without_probabilities_is_an_error_that_ends_the_calls(name: str, tmp_path: Path):
    ran = run(ROUTE[name], {half: [Says("yes")] for half in HALVES}, tmp_path, READ, max_connections=1)

    assert ran.log.status == "error"
    errors = [sample.error.message for sample in ran.log.samples or [] if sample.error]
    assert errors
    assert all("returned no probabilities of tokens. Use readout=text" in error for error in errors)
    assert len(ran.requests) == 1


def test_the_user_may_ask_for_fewer_tokens_and_for_a_longer_reply(tmp_path: Path):
    replies: dict[str, list[Reply]] = {half: [first(yes=0.9, no=0.1)] for half in HALVES}
    ran = run(ROUTE["openai-compatible"], replies, tmp_path, READ, top_logprobs=5, max_tokens=3)
    assert {(one.body["top_logprobs"], one.budget) for one in ran.requests} == {(5, 3)}
    assert ran.metrics["mar"] == 0


def test_openai_s_responses_are_asked_for_the_fewest_tokens_that_they_take(tmp_path: Path):
    ran = run(ROUTE["openai-responses"], {HALVES[0]: [HttpError(400)]}, tmp_path, READ, limit=1)
    (request,) = ran.requests
    assert request.budget == 16
    assert request.body["top_logprobs"] == 20
    assert "message.output_text.logprobs" in request.body["include"]


@pytest.mark.parametrize(
    ("name", "structured", "sent"),
    [
        *[
            ("openai", structured, structured != "off")
            for structured in ("auto", "on", "off", True, False, None)
        ],
        ("openai-compatible", "auto", False),
        ("openai-compatible", "on", True),
        ("anthropic-streamed", "on", True),
    ],
)
def test_the_schema_of_the_answer_is_sent_where_it_is_wished_for(
    name: str, structured: str | bool | None, sent: bool, tmp_path: Path
):
    wished: dict[str, object] = {} if structured is None else {"structured": structured}
    ran = run(ROUTE[name], {}, tmp_path, wished, limit=2)
    assert ran.log.status == "success"
    schemas = [_schema(request.body) for request in ran.requests]
    assert [bool(schema) for schema in schemas] == [sent and structured not in (None, False)] * 2
    assert all(schema in (None, ["yes", "no"]) for schema in schemas)


def _schema(body: dict[str, object]) -> object:
    """The answers that the schema of a request allows, in OpenAI's or Anthropic's form."""
    given: object = body.get("response_format") or body.get("output_format") or body.get("output_config")
    text = repr(given)
    return ["yes", "no"] if given and "'enum': ['yes', 'no']" in text else given


def test_every_route_is_known():
    assert isinstance(ROUTE["openai"], Route)
