"""How the Ray runner calls OpenAI-compatible chat servers.

The module holds requests, replies, and a session that keeps each reply.
"""

# JSON from servers has no types
# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

import json
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from pydantic import ValidationError

from misfire.datasets.json_rows import Fault, json_object, parse_json
from misfire.model_calls.moderation import BLOCKED_REASONS, moderated_response, stop_reasons
from misfire.savacu.calls import Call, ModelReply, Settings, lacking
from misfire.savacu.runners.kept_replies import CallKey

PASSING = (408, 429, 502, 503, 504)
"""HTTP status codes after which Ray's stage retries the request."""

_LENGTHS = frozenset({"length", "max_tokens", "model_length"})
"""Finish reasons that mean that the reply reached a limit, as in Inspect."""

_OWN_ENDS = frozenset({"stop", "eos", "tool_calls", "function_call"})
"""Other finish reasons that Inspect knows: the reply was neither cut off nor refused."""


def request_of(call: Call, model: str) -> dict[str, Any]:
    """Return the body of the request for a call.

    Args:
        call: The call.
        model: The name of the model in Inspect. The request contains the part after the provider.
    """
    provider, _, name = model.partition("/")
    wanted = call.settings
    body: dict[str, Any] = {
        "model": name.partition("/")[2] if provider == "openai-api" else name,
        "messages": [{"role": message.role, "content": message.text} for message in call.messages],
    }
    if wanted.temperature is not None:
        body["temperature"] = wanted.temperature
    if wanted.max_tokens is not None:
        body["max_tokens"] = wanted.max_tokens
    if wanted.top_p < 1:
        body["top_p"] = wanted.top_p
    if wanted.top_logprobs:
        body |= {"logprobs": True, "top_logprobs": wanted.top_logprobs}
    return body


def reply_of(answer: Mapping[str, Any], *, logprobs: bool, limit: int | None) -> ModelReply | Fault:
    """Parse the response of a server in the same way as the Inspect runner.

    Args:
        answer: The body of the response.
        logprobs: Whether log-probabilities were requested.
        limit: The limit of output tokens in the request; None if there was none.

    Returns:
        The reply, or a fault that says what is wrong with the response.
    """
    try:
        choice: Any = answer["choices"][0]
        content: Any = (choice.get("logprobs") or {}).get("content")
        tokens = (
            tuple((top["token"], top["logprob"]) for top in content[0].get("top_logprobs") or content[:1])
            if content
            else None
        )
        message: Any = choice["message"]
        text = message.get("refusal") or message.get("content") or ""
        reply = ModelReply.model_validate(
            {"text": text, "stop": _stop(answer, choice, limit), "first_token": tokens}
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValidationError):
        return Fault(f"no reply: {json.dumps(answer.get('error') or answer, default=str)[:300]}")
    reason = lacking(reply, Settings(temperature=0, max_tokens=1, top_logprobs=1 if logprobs else None))
    return Fault(reason) if reason else reply


def _stop(
    answer: Mapping[str, Any], choice: Mapping[str, Any], limit: int | None
) -> Literal["stop", "length", "refused"]:
    """Return why a reply ended, by the same rules as ``misfire.model_calls.ask`` for Inspect."""
    reason: Any = choice.get("finish_reason")
    if reason in _LENGTHS:
        return "length"
    if reason in _OWN_ENDS:
        return "stop"
    if any(stop in BLOCKED_REASONS for stop in stop_reasons(answer)):
        return "refused"
    written: Any = (answer.get("usage") or {}).get("completion_tokens")
    return "length" if limit is not None and isinstance(written, int) and written >= limit else "stop"


def payload_of(key: CallKey, request: str) -> dict[str, str]:
    """Combine the key of a call and its request body (JSON text) into a ``KeepingSession`` payload."""
    return {**key._asdict(), "request": request}


def key_of(row: Mapping[str, str]) -> CallKey:
    """Return the key of the call in a payload, or in a row with the same fields."""
    return CallKey(row["item"], row["call"], row["asked"])


class Keeper(Protocol):
    """Keeps the replies of a shard for a worker, which may be on another machine. See ``KeptReplies``."""

    async def reply(self, key: CallKey) -> ModelReply | None:
        """Return the reply to a call, or None if there is none."""
        ...

    async def keep(self, key: CallKey, reply: ModelReply) -> None:
        """Keep a reply. The reply is safe once this method returns."""
        ...


class KeepingSession:
    """An HTTP session for Ray's HTTP stage.

    It keeps each reply as soon as it arrives, and does not repeat requests that have a reply.

    Args:
        keeper: Keeps the replies.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def __aenter__(self) -> "KeepingSession":
        """Open the connection pool."""
        import aiohttp

        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection pool."""
        await self._session.close()

    async def post(self, url: str, *, headers: dict[str, str], data: str) -> Any:  # noqa: ANN401 (aiohttp's response, or one like it)
        """Send a request, unless its reply was kept earlier.

        Args:
            url: URL of the server.
            headers: Headers of the request.
            data: The payload from ``payload_of`` as JSON text.

        Returns:
            A response with ``status``, ``reason``, and ``json()``, to be used as a context manager. Its body
            has the field ``error``, which says what is wrong with the server's response, or is empty if the
            reply was kept.
        """
        payload: dict[str, str] = json.loads(data)
        key = key_of(payload)
        if await self._keeper.reply(key) is not None:
            return _Kept("")
        response = await self._session.post(url, headers=headers, data=payload["request"])
        if response.status in PASSING:
            return response
        body = await response.read()
        answer = json_object(parse_json(body))
        request: dict[str, Any] = json.loads(payload["request"])
        if moderated_response(response.status, body if isinstance(answer, Fault) else answer):
            # the text comes from the moderation, not from the model
            reply = ModelReply(text="", stop="refused")
        elif isinstance(answer, Fault):
            return _Kept(f"no reply: HTTP {response.status} {response.reason}: {answer}")
        else:
            reply = reply_of(answer, logprobs=bool(request.get("logprobs")), limit=request.get("max_tokens"))
        if isinstance(reply, Fault):
            return _Kept(str(reply))
        await self._keeper.keep(key, reply)
        return _Kept("")


class _Kept:
    """The response to a call that must not be retried.

    Either the reply was kept, or the server's response cannot be used.
    """

    status = 200
    reason = "kept"

    def __init__(self, error: str) -> None:
        self._error = error

    async def __aenter__(self) -> "_Kept":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def json(self) -> dict[str, str]:
        return {"error": self._error}
