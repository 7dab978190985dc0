"""Asking a chat server: each reply is kept when it comes, and no request is sent whose reply is there."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from misfire.errors import InputError
from misfire.savacu.calls import Call, Item, Message, ModelReply, Outcome, Settings
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.chat_server import KeepingSession, payload_of, reply_of, request_of
from misfire.savacu.runners.inspect_runner import InspectRunner
from misfire.savacu.runners.kept_replies import CallKey, CallKeys, KeptReplies
from misfire.savacu.runners.runner import Work
from misfire.savacu.simulated import simulated_role
from misfire.savacu.simulated_server import SimulatedServer, serving
from tests.providers.replies import CutOff, Filtered, HttpError, Refuses, Says, Stopped
from tests.providers.replies import Reply as Sent
from tests.providers.server import serve

MODEL = ModelSpec(model="openai-api/local/evaluator")


class LocalKeeper:
    """Keeps replies in this process."""

    def __init__(self, path: Path) -> None:
        self.kept = KeptReplies(path)

    async def reply(self, key: CallKey) -> ModelReply | None:
        return self.kept.reply(key)

    async def keep(self, key: CallKey, reply: ModelReply) -> None:
        self.kept.keep(key, reply)


def call(text: str = "A question", *, logprobs: bool = False) -> Call:
    settings = Settings(temperature=0, max_tokens=9, top_logprobs=5 if logprobs else None)
    return Call(name="judge", messages=(Message(role="user", text=text),), settings=settings)


def ask(server: SimulatedServer, path: Path, calls: list[Call], model: ModelSpec = MODEL) -> list[str]:
    """What is wrong with the answer to each call, in its own session.

    The text is empty where the reply was kept.
    """
    keys = CallKeys(model)

    async def run() -> list[str]:
        errors: list[str] = []
        async with KeepingSession(LocalKeeper(path)) as session:
            for each in calls:
                payload = payload_of(keys.key("p1", each), json.dumps(request_of(each, model.model)))
                async with await session.post(
                    f"{server.url}/chat/completions", headers={}, data=json.dumps(payload)
                ) as response:
                    errors.append((await response.json())["error"])
        return errors

    return asyncio.run(run())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "replies" / "00000.jsonl"


def test_a_call_is_sent_once_and_not_again_in_another_session(path: Path):
    with serving({"evaluator": {}}) as server:
        assert ask(server, path, [call(), call()]) == ["", ""]
        assert ask(server, path, [call()]) == [""]
        assert server.asked.total() == 1
    expected = simulated_role("evaluator").reply(call().messages)
    assert KeptReplies(path).reply(CallKeys(MODEL).key("p1", call())) == expected


def test_another_request_or_model_is_sent(path: Path):
    other = MODEL.model_copy(update={"args": {"version": 2}})
    with serving({"evaluator": {}}) as server:
        ask(server, path, [call()])
        ask(server, path, [call("Another question")])
        ask(server, path, [call("Another question")], other)
        assert server.asked.total() == 3


def test_a_refusal_of_the_server_is_not_kept_and_is_requested_again(path: Path):
    nobody = MODEL.model_copy(update={"model": "openai-api/local/nobody"})
    with serving({"evaluator": {}}) as server:
        for _ in range(2):
            (error,) = ask(server, path, [call()], nobody)
            assert "there is no model 'nobody'" in error
        assert server.asked.total() == 2
    assert path.read_bytes() == b""


def test_a_reply_without_the_requested_log_probabilities_is_not_kept(path: Path):
    with serving({"evaluator": {}}) as server:
        (error,) = ask(server, path, [call(logprobs=True)])
    assert "returns no log-probabilities" in error
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("model", "name"),
    [("openai-api/local/org/m", "org/m"), ("openai/gpt-4o", "gpt-4o"), ("vllm/org/m", "org/m")],
)
def test_a_request_contains_what_the_call_says(model: str, name: str):
    asked = call(logprobs=True).model_copy(
        update={"settings": Settings(temperature=0.7, top_p=0.9, max_tokens=9, top_logprobs=5)}
    )
    assert request_of(asked, model) == {
        "model": name,
        "messages": [{"role": "user", "content": "A question"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 9,
        "logprobs": True,
        "top_logprobs": 5,
    }


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
    "a request that is at fault": (
        HttpError(400, "invalid_request_error", "Unknown parameter: 'top_q'."),
        "error",
    ),
    "a key that is wrong": (HttpError(401, "content_filter", "The key is wrong."), "error"),
}


@pytest.mark.parametrize(("sent", "stop"), REPLIES.values(), ids=list(REPLIES))
def test_both_runners_read_a_reply_in_the_same_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: Sent, stop: str
):
    monkeypatch.setenv("LOCAL_API_KEY", "no-key-is-needed")
    asked = Call(
        name="one",
        messages=(Message(role="user", text="A question"),),
        settings=Settings(temperature=0, max_tokens=512),
    )
    with serve(lambda _: sent) as server:
        url = f"{server.url}/v1"
        model = ModelSpec(model="openai-api/local/some-model", base_url=url)
        ray = reply_by_session(model, asked, tmp_path / "00000.jsonl")
        inspect = reply_by_inspect(model, asked, tmp_path / "inspect")
    assert inspect == ray
    assert (ray.stop if ray is not None else "error") == stop


def test_an_empty_reply_that_reached_its_limit_was_cut_off():
    answer = {
        "choices": [{"message": {"content": "Yes, but"}, "finish_reason": None}],
        "usage": {"completion_tokens": 9},
    }
    read = [reply_of(answer, logprobs=False, limit=limit) for limit in (9, 10, None)]
    assert [reply.stop for reply in read if isinstance(reply, ModelReply)] == ["length", "stop", "stop"]


def test_moderated_calls_are_kept_and_not_sent_again(path: Path):
    with serve(lambda _: MODERATED) as server:
        model = ModelSpec(model="openai-api/local/some-model", base_url=f"{server.url}/v1")
        first, second = reply_by_session(model, call(), path), reply_by_session(model, call(), path)
        assert len(server.requests) == 1
    assert first == second == ModelReply(text="", stop="refused")


def reply_by_session(model: ModelSpec, call: Call, path: Path) -> ModelReply | None:
    """The reply as the Ray runner keeps it; None where the call is an error."""
    key = CallKeys(model).key("i", call)

    async def run() -> None:
        payload = json.dumps(payload_of(key, json.dumps(request_of(call, model.model))))
        async with (
            KeepingSession(LocalKeeper(path)) as session,
            await session.post(f"{model.base_url}/chat/completions", headers={}, data=payload) as response,
        ):
            await response.json()

    asyncio.run(run())
    return KeptReplies(path).reply(key)


def reply_by_inspect(model: ModelSpec, call: Call, folder: Path) -> ModelReply | None:
    """The reply as the Inspect runner hands it to a step; None where the call is an error."""
    kept: list[ModelReply] = []

    class Kept(Outcome):
        """Nothing but an id."""

    class OneCall:
        name = "respond"
        version = 1
        item = Item
        options = (None, None)

        def calls(self, item: Item) -> list[Call]:  # noqa: ARG002 (each item has the same call)
            return [call]

        def parse(self, item: Item, replies: Mapping[str, ModelReply]) -> Outcome:
            kept.append(replies["one"])
            return Kept(id=item.id)

    try:
        InspectRunner().run(
            Work(OneCall(), model, [Item(id="i")], "respond/00000", folder), lambda _: None, lambda _: None
        )
    except InputError:
        return None
    return kept[0]
