"""Answers that were paid for are kept, and no request is sent whose answer is there."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.savacu.runners.kept_answers import KeepingSession, KeptAnswers
from misfire.savacu.simulated_server import SimulatedServer, serving

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
