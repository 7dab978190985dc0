"""The provider APIs that the loopback server speaks.

Each says where a request has what, and how a reply looks on the wire.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, Response

from .replies import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    BrokenJson,
    CallsTool,
    CutOff,
    Filtered,
    HttpError,
    NoChoices,
    Reasons,
    Refuses,
    Reply,
    Says,
    Stopped,
    WrongType,
)

Json = dict[str, Any]


class Dialect(ABC):
    """One API."""

    path: str
    budget_fields: tuple[str, ...]

    def budget(self, body: Json) -> int | None:
        """How many tokens a request allows the model to write."""
        return next((body[field] for field in self.budget_fields if field in body), None)

    @abstractmethod
    def question(self, body: Json) -> str:
        """The text of the last user message of a request."""

    @abstractmethod
    def system(self, body: Json) -> list[str]:
        """The texts of a request's system messages."""

    @abstractmethod
    def message(self, reply: Reply, model: str) -> Json:
        """The body of a successful response."""

    @abstractmethod
    def error(self, reply: HttpError) -> Json:
        """The body of a response with an error status."""

    def response(self, reply: Reply, body: Json) -> Response:
        """The whole HTTP response."""
        match reply:
            case HttpError(status=status, retry_after=retry_after):
                headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
                return _json(self.error(reply), status, headers)
            case BrokenJson():
                return Response('{"id": "1", "choices": [{"mess', media_type="application/json")
            case WrongType():
                return HTMLResponse("<!doctype html><title>Welcome</title><p>Please sign in to the network.")
            case _:
                return _json(self.message(reply, body["model"]))


class ChatCompletions(Dialect):
    """OpenAI's chat completions, and every endpoint made after them."""

    path = "/v1/chat/completions"
    budget_fields = ("max_tokens", "max_completion_tokens")

    def question(self, body: Json) -> str:
        return _texts(body["messages"], "user")[-1]

    def system(self, body: Json) -> list[str]:
        return _texts(body["messages"], "system", "developer")

    def message(self, reply: Reply, model: str) -> Json:
        message: Json = {"role": "assistant", "content": None, "refusal": None}
        finish_reason, logprobs = "stop", None
        match reply:
            case Says(text, first):
                message["content"], logprobs = text, _first_token(first)
            case CutOff(text):
                message["content"], finish_reason = text, "length"
            case Reasons(text, reasoning):
                message |= {"content": text, "reasoning_content": reasoning}
            case Refuses(text):
                message["refusal"] = text
            case Filtered():
                finish_reason = "content_filter"
            case Stopped(reason, text):
                message["content"], finish_reason = text, reason
            case CallsTool(name, arguments):
                message["tool_calls"] = [
                    {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}
                ]
                finish_reason = "tool_calls"
            case _:
                pass
        choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": logprobs}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [] if isinstance(reply, NoChoices) else [choice],
            "usage": {
                "prompt_tokens": INPUT_TOKENS,
                "completion_tokens": OUTPUT_TOKENS,
                "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            },
        }

    def error(self, reply: HttpError) -> Json:
        return {
            "error": {
                "message": reply.message,
                "type": "invalid_request_error",
                "param": None,
                "code": reply.code,
            }
        }


class Responses(Dialect):
    """OpenAI's responses."""

    path = "/v1/responses"
    budget_fields = ("max_output_tokens",)

    def question(self, body: Json) -> str:
        return _texts(self._input(body), "user")[-1]

    def system(self, body: Json) -> list[str]:
        return _texts(self._input(body), "system", "developer")

    def _input(self, body: Json) -> list[Json]:
        # Inspect's probe for reasoning summaries gives a bare string
        return (
            [{"role": "user", "content": body["input"]}] if isinstance(body["input"], str) else body["input"]
        )

    def message(self, reply: Reply, model: str) -> Json:
        output: list[Json] = []
        incomplete: Json | None = None
        match reply:
            case Says(text):
                output = [_output_message(_output_text(text))]
            case CutOff(text):
                output, incomplete = [_output_message(_output_text(text))], {"reason": "max_output_tokens"}
            case Reasons(text, reasoning):
                summary = [{"type": "summary_text", "text": reasoning}]
                output = [
                    {"type": "reasoning", "id": "rs_1", "summary": summary},
                    _output_message(_output_text(text)),
                ]
            case Refuses(text):
                output = [_output_message({"type": "refusal", "refusal": text})]
            case Filtered():
                incomplete = {"reason": "content_filter"}
            case Stopped(reason, text):
                output, incomplete = [_output_message(_output_text(text))] if text else [], {"reason": reason}
            case CallsTool(name, arguments):
                call = {
                    "id": "fc_1",
                    "call_id": "call_1",
                    "name": name,
                    "arguments": arguments,
                    "status": "completed",
                }
                output = [{"type": "function_call"} | call]
            case _:
                pass
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 0,
            "model": model,
            "status": "incomplete" if incomplete else "completed",
            "incomplete_details": incomplete,
            "error": None,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": INPUT_TOKENS,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": OUTPUT_TOKENS,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            },
        }

    def error(self, reply: HttpError) -> Json:
        return ChatCompletions().error(reply)


class Messages(Dialect):
    """Anthropic's messages; streamed where the request says so."""

    path = "/v1/messages"
    budget_fields = ("max_tokens",)

    def question(self, body: Json) -> str:
        return _texts(body["messages"], "user")[-1]

    def system(self, body: Json) -> list[str]:
        return [block["text"] for block in body.get("system", [])]

    def response(self, reply: Reply, body: Json) -> Response:
        if not body.get("stream") or isinstance(reply, HttpError | WrongType):
            return super().response(reply, body)
        events = _stream_events(self.message(reply, body["model"]))
        lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
        if isinstance(reply, BrokenJson):
            lines[1:] = ['event: content_block_start\ndata: {"type": "content_bl\n\n']
        return Response("".join(lines), media_type="text/event-stream")

    def message(self, reply: Reply, model: str) -> Json:
        content: list[Json] = []
        stop_reason = "end_turn"
        match reply:
            case Says(text):
                content = [{"type": "text", "text": text}]
            case CutOff(text):
                content, stop_reason = [{"type": "text", "text": text}], "max_tokens"
            case Reasons(text, reasoning):
                content = [
                    {"type": "thinking", "thinking": reasoning, "signature": "s"},
                    {"type": "text", "text": text},
                ]
            case Refuses(text):
                content, stop_reason = [{"type": "text", "text": text}], "refusal"
            case Filtered() | Stopped(text=""):
                stop_reason = "refusal"
            case CallsTool(name, arguments):
                content, stop_reason = (
                    [{"type": "tool_use", "id": "toolu_1", "name": name, "input": json.loads(arguments)}],
                    "tool_use",
                )
            case _:
                pass
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            # without the details Inspect asks a further endpoint how many tokens the thinking has
            "usage": {
                "input_tokens": INPUT_TOKENS,
                "output_tokens": OUTPUT_TOKENS,
                "output_tokens_details": {"thinking_tokens": 0},
            },
        }

    def error(self, reply: HttpError) -> Json:
        kind = {429: "rate_limit_error", 500: "api_error"}.get(reply.status, "invalid_request_error")
        # endpoints made after this API have codes too
        code = {} if reply.code is None else {"code": reply.code}
        return {"type": "error", "error": {"type": kind, "message": reply.message} | code}


DIALECTS: tuple[Dialect, ...] = (ChatCompletions(), Responses(), Messages())


def _json(body: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    # in ASCII, as half a character can be said in JSON no other way
    return Response(json.dumps(body), status, headers, media_type="application/json")


def _texts(messages: list[Json], *roles: str) -> list[str]:
    contents = [message["content"] for message in messages if message.get("role") in roles]
    return [
        content if isinstance(content, str) else "".join(part["text"] for part in content)
        for content in contents
    ]


def _output_text(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": []}


def _output_message(part: Json) -> Json:
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def _stream_events(message: Json) -> list[Json]:
    events: list[Json] = [
        {"type": "message_start", "message": message | {"content": [], "stop_reason": None}}
    ]
    for index, block in enumerate(message["content"]):
        if block["type"] == "thinking":
            empty = block | {"thinking": "", "signature": ""}
            deltas: list[Json] = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        elif block["type"] == "tool_use":
            empty, deltas = (
                block | {"input": {}},
                [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}],
            )
        else:
            empty, deltas = block | {"text": ""}, [{"type": "text_delta", "text": block["text"]}]
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    return [
        *events,
        {"type": "message_delta", "delta": end, "usage": message["usage"]},
        {"type": "message_stop"},
    ]


def _first_token(masses: tuple[tuple[str, float], ...]) -> Json | None:
    """The log-probabilities of a text's first token, as chat completions have them."""
    if not masses:
        return None
    top = [
        {"token": token, "logprob": math.log(mass), "bytes": list(token.encode())} for token, mass in masses
    ]
    return {"content": [top[0] | {"top_logprobs": top}], "refusal": None}
