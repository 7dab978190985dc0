"""Answers of a server kept as files the moment they come, one a request, so that no request is paid for twice whoever dies meanwhile."""

# JSON of others has no types
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue, ValidationError

from misfire.datasets.json_rows import Fault, json_object, parse_json
from misfire.model_calls.moderation import BLOCKED_REASONS, Moderated, moderated_response, stop_reasons
from misfire.savacu.calls import Reply, Settings, lacking

PASSING = (408, 429, 502, 503, 504)
"""Statuses on which Ray's stage tries again."""

_LENGTHS = frozenset({"length", "max_tokens", "model_length"})
"""Reasons to stop that say that the reply ran into a limit, as Inspect reads them."""

_OWN_ENDS = frozenset({"stop", "eos", "tool_calls", "function_call"})
"""Reasons to stop that Inspect knows and that say neither that the reply was cut off nor that it was refused."""


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
        temporary = path.with_name(f"{path.name}.{platform.node()}.{os.getpid()}.part")
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
        body = await response.read()
        answer = json_object(parse_json(body))
        if verdict := moderated_response(response.status, body if isinstance(answer, Fault) else answer):
            refusal = _refusal(verdict)
            self._kept.keep(request, refusal)
            return _KeptResponse(refusal)
        if isinstance(answer, Fault):
            # Ray's stage would end the whole pipeline
            return _KeptResponse({"error": f"HTTP {response.status} {response.reason}: {answer}"})
        if response.status == 200 and isinstance(
            reply_of(answer, logprobs=bool(request.get("logprobs")), limit=request.get("max_tokens")), Reply
        ):
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


def _refusal(verdict: Moderated) -> dict[str, Any]:
    """The answer that stands for an error by which moderation stopped the request; the moderation's words are not the model's text."""
    return {
        "choices": [{"message": {"role": "assistant", "content": ""}, "finish_reason": "content_filter"}],
        "moderation": verdict.message,
    }


def reply_of(answer: Mapping[str, Any], *, logprobs: bool, limit: int | None) -> Reply | Fault:
    """The reply in the answer of an OpenAI-compatible chat server, read as the Inspect runner reads it.

    Args:
        answer: The answer's body.
        logprobs: Whether log-probabilities were asked for.
        limit: The limit of output tokens that the request named; none if it named none.

    Returns:
        The reply, or what is wrong with the answer.
    """
    try:
        choice: Any = answer["choices"][0]
        content: Any = (choice.get("logprobs") or {}).get("content")
        tokens = tuple((top["token"], top["logprob"]) for top in content[0].get("top_logprobs") or content[:1]) if content else None
        message: Any = choice["message"]
        text = message.get("refusal") or message.get("content") or ""
        reply = Reply.model_validate({"text": text, "stop": _stop(answer, choice, limit), "first_token": tokens})
    except (KeyError, IndexError, TypeError, AttributeError, ValidationError):
        return Fault(f"no reply: {json.dumps(answer.get('error') or answer, default=str)[:300]}")
    reason = lacking(reply, Settings(temperature=0, max_tokens=1, top_logprobs=1 if logprobs else None))
    return Fault(reason) if reason else reply


def _stop(answer: Mapping[str, Any], choice: Mapping[str, Any], limit: int | None) -> Literal["stop", "length", "refused"]:
    """Why a reply ends, by the rules that ``misfire.asking`` has for Inspect's outputs."""
    reason: Any = choice.get("finish_reason")
    if reason in _LENGTHS:
        return "length"
    if reason in _OWN_ENDS:
        return "stop"
    if any(told in BLOCKED_REASONS for told in stop_reasons(answer)):
        return "refused"
    written: Any = (answer.get("usage") or {}).get("completion_tokens")
    return "length" if limit is not None and isinstance(written, int) and written >= limit else "stop"


def _plain(value: JsonValue) -> JsonValue:
    """The value without fields that are null: Arrow gives each row the fields of all rows."""
    if isinstance(value, dict):
        return {name: _plain(field) for name, field in value.items() if field is not None}
    return [_plain(entry) for entry in value] if isinstance(value, list) else value
