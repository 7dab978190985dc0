"""Answers of a server kept as files the moment they come, one a request, so that no request is paid for twice whoever dies meanwhile."""

# JSON of others has no types
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue, ValidationError

from misfire.datasets.json_rows import Fault, json_object, parse_json
from misfire.savacu.calls import Reply, Settings, lacking

PASSING = (408, 429, 502, 503, 504)
"""Statuses on which Ray's stage tries again."""

_STOPS = {"length": "length", "content_filter": "refused"}


class KeptAnswers:
    """A folder of answers, which any number of processes and machines may share.

    Args:
        folder: Where they are; made when the first is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def answer(self, request: JsonValue) -> dict[str, Any] | None:
        """The answer to a request.

        Args:
            request: The request's body; order of fields does not matter, nor do those without a value.

        Returns:
            The answer's body; none if none was kept, or if it was written by half.
        """
        try:
            told = json_object(parse_json(self._path(request).read_bytes()))
        except FileNotFoundError:
            return None
        return None if isinstance(told, Fault) else told

    def keep(self, request: JsonValue, answer: dict[str, Any]) -> None:
        """Keep an answer; it is there as a whole or not at all."""
        path = self._path(request)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.uname().nodename}.{os.getpid()}.part")
        temporary.write_text(json.dumps(answer), encoding="utf-8")
        temporary.replace(path)

    def _path(self, request: JsonValue) -> Path:
        name = hashlib.sha256(json.dumps(_plain(request), sort_keys=True).encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"


class KeepingSession:
    """An HTTP session for Ray's HTTP stage that keeps each answer of a chat server, and gives a kept one without asking.

    Args:
        folder: Where answers are kept.
    """

    def __init__(self, folder: str) -> None:
        self._kept = KeptAnswers(Path(folder))

    async def __aenter__(self) -> "KeepingSession":
        """Open the connection's pool."""
        import aiohttp

        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self._session.close()

    async def post(self, url: str, *, headers: dict[str, str], data: str) -> Any:  # noqa: ANN401 (aiohttp's response, or one like it)
        """Ask, unless the answer is there.

        Args:
            url: Where.
            headers: Of the request.
            data: Its body, a JSON text.

        Returns:
            A response with ``status``, ``reason`` and ``json()``, to be entered as a context.
        """
        request = json.loads(data)
        kept = self._kept.answer(request)
        if kept is not None:
            return _KeptResponse(kept)
        response = await self._session.post(url, headers=headers, data=data)
        if response.status in PASSING:
            return response
        answer = json_object(parse_json(await response.read()))
        if isinstance(answer, Fault):
            # Ray's stage would end the whole pipeline
            return _KeptResponse({"error": f"HTTP {response.status} {response.reason}: {answer}"})
        if response.status == 200 and isinstance(reply_of(answer, logprobs=bool(request.get("logprobs"))), Reply):
            self._kept.keep(request, answer)
        return response


class _KeptResponse:
    status = 200
    reason = "kept"

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    async def __aenter__(self) -> "_KeptResponse":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def json(self) -> dict[str, Any]:
        return self._answer


def reply_of(answer: Mapping[str, Any], *, logprobs: bool) -> Reply | Fault:
    """The reply in the answer of an OpenAI-compatible chat server.

    Args:
        answer: The answer's body.
        logprobs: Whether log-probabilities were asked for.

    Returns:
        The reply, or what is wrong with the answer.
    """
    try:
        choice: Any = answer["choices"][0]
        content: Any = (choice.get("logprobs") or {}).get("content")
        tokens = tuple((top["token"], top["logprob"]) for top in content[0].get("top_logprobs") or content[:1]) if content else None
        stop = _STOPS.get(choice.get("finish_reason"), "stop")
        reply = Reply.model_validate({"text": choice["message"].get("content") or "", "stop": stop, "first_token": tokens})
    except (KeyError, IndexError, TypeError, AttributeError, ValidationError):
        return Fault(f"no reply: {json.dumps(answer.get('error') or answer, default=str)[:300]}")
    reason = lacking(reply, Settings(temperature=0, max_tokens=1, top_logprobs=1 if logprobs else None))
    return Fault(reason) if reason else reply


def _plain(value: JsonValue) -> JsonValue:
    """The value without fields that are null: Arrow gives each row the fields of all rows."""
    if isinstance(value, dict):
        return {name: _plain(field) for name, field in value.items() if field is not None}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value
