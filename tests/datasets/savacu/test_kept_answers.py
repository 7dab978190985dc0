"""Answers that were paid for are kept, and no request is sent whose answer is there."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.errors import InputError
from misfire.savacu.calls import Call, Item, Message, Outcome, Reply, Settings
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.inspect_runner import InspectRunner
from misfire.savacu.runners.kept_answers import KeepingSession, KeptAnswers, reply_of
from misfire.savacu.runners.ray_runner import request_body
from misfire.savacu.runners.runner import Work
from misfire.savacu.simulated_server import SimulatedServer, serving
from tests.providers.replies import CutOff, Filtered, HttpError, Refuses, Says, Stopped
from tests.providers.replies import Reply as Sent
from tests.providers.server import serve

REQUEST = {"model": "evaluator", "messages": [{"role": "user", "content": "A question"}], "temperature": 0.0}
ANSWER = {"choices": [{"message": {"content": "ä"}}]}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


def asked(server: SimulatedServer, folder: Path, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = []
        async with KeepingSession(str(folder)) as session:
            for request in requests:
                async with await session.post(f"{server.url}/chat/completions", headers={}, data=json.dumps(request)) as response:
                    answers.append(await response.json())
        return answers

    return asyncio.run(ask())


@given(request=json_values)
def test_an_answer_is_found_by_its_request(tmp_path_factory: pytest.TempPathFactory, request: Any):
    kept = KeptAnswers(tmp_path_factory.mktemp("kept"))
    assert kept.answer(request) is None
    kept.keep(request, ANSWER)
    assert kept.answer(request) == ANSWER


def test_order_of_fields_and_fields_without_a_value_do_not_matter(tmp_path: Path):
    kept = KeptAnswers(tmp_path)
    kept.keep(REQUEST, ANSWER)
    assert kept.answer(dict(reversed(REQUEST.items())) | {"top_p": None}) == ANSWER
    assert kept.answer(REQUEST | {"temperature": 0.5}) is None


def test_an_answer_that_was_written_by_half_is_none(tmp_path: Path):
    kept = KeptAnswers(tmp_path)
    kept.keep(REQUEST, ANSWER)
    (path,) = tmp_path.glob("*/*.json")
    path.write_bytes(path.read_bytes()[:-3])
    assert kept.answer(REQUEST) is None


def test_a_session_asks_once_and_another_one_not_at_all(tmp_path: Path):
    with serving({"evaluator": {}}) as server:
        first = asked(server, tmp_path, [REQUEST, REQUEST])
        second = asked(server, tmp_path, [REQUEST])
        assert server.asked.total() == 1
    assert first == second * 2


def test_what_a_server_refuses_is_not_kept(tmp_path: Path):
    with serving({"evaluator": {}}) as server:
        (answer,) = asked(server, tmp_path, [REQUEST | {"model": "nobody"}])
    assert "there is no model 'nobody'" in answer["error"]["message"]
    assert list(tmp_path.rglob("*.json")) == []


MODERATED = HttpError(400, "data_inspection_failed", "Input data may contain inappropriate content.")
REPLIES: dict[str, tuple[Sent, Literal["stop", "length", "refused", "error"]]] = {
    "a reply": (Says("Yes."), "stop"),
    "cut off": (CutOff("Yes, but"), "length"),
    "refused in a field of its own": (Refuses(), "stop"),
    "filtered, status 200": (Filtered(), "refused"),
    "a reason of the provider's own": (Stopped("sensitive"), "refused"),
    "another reason of its own": (Stopped("end_of_turn", "Yes."), "stop"),
    "moderation by HTTP 400": (MODERATED, "refused"),
    "moderation by HTTP 451": (HttpError(451, "censorship_blocked", "The content is blocked."), "refused"),
    "a request that is at fault": (HttpError(400, "invalid_request_error", "Unknown parameter: 'top_q'."), "error"),
    "a key that is wrong": (HttpError(401, "content_filter", "The key is wrong."), "error"),
}


@pytest.mark.parametrize(("sent", "stop"), REPLIES.values(), ids=list(REPLIES))
def test_both_runners_read_a_reply_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: Sent, stop: str):
    monkeypatch.setenv("LOCAL_API_KEY", "no-key-is-needed")
    call = Call(name="one", messages=(Message(role="user", text="A question"),), settings=Settings(temperature=0, max_tokens=512))
    with serve(lambda _: sent) as server:
        url = f"{server.url}/v1"
        model = ModelSpec(model="openai-api/local/some-model", base_url=url)
        ray = reply_of(asked_at(url, tmp_path, request_body(call, model.model)), logprobs=False, limit=call.settings.max_tokens)
        inspect = reply_by_inspect(model, call, tmp_path / "inspect")
    assert (inspect if isinstance(inspect, Reply) else "error") == (ray if isinstance(ray, Reply) else "error")
    assert (ray.stop if isinstance(ray, Reply) else "error") == stop


def test_a_reply_that_used_up_its_limit_and_says_nothing_was_cut_off():
    answer = {"choices": [{"message": {"content": "Yes, but"}, "finish_reason": None}], "usage": {"completion_tokens": 9}}
    read = [reply_of(answer, logprobs=False, limit=limit) for limit in (9, 10, None)]
    assert [reply.stop for reply in read if isinstance(reply, Reply)] == ["length", "stop", "stop"]


def test_what_moderation_stopped_is_kept_and_not_asked_again(tmp_path: Path):
    with serve(lambda _: MODERATED) as server:
        url = f"{server.url}/v1"
        first, second = asked_at(url, tmp_path, REQUEST), asked_at(url, tmp_path, REQUEST)
        assert len(server.requests) == 1
    assert first == second
    assert reply_of(first, logprobs=False, limit=None) == Reply(text="", stop="refused")
    assert first["moderation"] == "Input data may contain inappropriate content."


def asked_at(url: str, folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        async with (
            KeepingSession(str(folder)) as session,
            await session.post(f"{url}/chat/completions", headers={}, data=json.dumps(request)) as response,
        ):
            return await response.json()

    return asyncio.run(ask())


def reply_by_inspect(model: ModelSpec, call: Call, folder: Path) -> Reply | None:
    """The reply as the Inspect runner hands it to a stage; none where the call is an error."""
    told: list[Reply] = []

    class Told(Outcome):
        """Nothing but an id."""

    class OneCall:
        name = "respond"
        version = 1
        item = Item

        def calls(self, item: Item) -> list[Call]:  # noqa: ARG002 (each item has the same call)
            return [call]

        def parse(self, item: Item, replies: Mapping[str, Reply]) -> Outcome:
            told.append(replies["one"])
            return Told(id=item.id)

    try:
        InspectRunner().run(Work(OneCall(), model, [Item(id="i")], "respond/00000", folder), lambda _: None, lambda _: None)
    except InputError:
        return None
    return told[0]
