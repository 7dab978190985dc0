"""A provider on this machine: an HTTP server that speaks the providers' APIs.

It replies as a test says, and records what it was asked.
"""

import asyncio
import math
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .dialects import DIALECTS, Dialect, Json
from .replies import HalfSent, Reply, Resets, SentSlowly

_BYTES_PER_SECOND = 20


@dataclass(frozen=True)
class Request:
    """A request for a completion.

    Attributes:
        path: Of the URL.
        body: The JSON body.
        system: Texts of the system messages.
        question: Text of the last user message.
        budget: How many tokens the model may write.
        attempt: How often this question was asked, this time included.
    """

    path: str
    body: Json
    system: list[str]
    question: str
    budget: int | None
    attempt: int


class LoopbackServer:
    """The server; safe to look at from any thread while it serves.

    Attributes:
        url: Where it listens, without the API's version.
    """

    def __init__(
        self, reply: Callable[[Request], Reply], latency: Callable[[Request], float], url: str
    ) -> None:
        self.url = url
        self._reply = reply
        self._latency = latency
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._asked: Counter[str] = Counter()
        self._replied: Counter[str] = Counter()

    @property
    def requests(self) -> list[Request]:
        """All requests so far, in the order of their arrival."""
        with self._lock:
            return list(self._requests)

    @property
    def asked(self) -> Counter[str]:
        """How often each question was asked."""
        with self._lock:
            return self._asked.copy()

    @property
    def replied(self) -> Counter[str]:
        """How often a response to each question was sent to its end."""
        with self._lock:
            return self._replied.copy()

    def app(self) -> Starlette:
        """The web application: the APIs, and ``/asked``.

        A process of its own can be asked for the counts there.
        """
        counts = Route("/asked", lambda _: JSONResponse({"asked": self.asked, "replied": self.replied}))
        return Starlette(
            routes=[
                *(Route(dialect.path, _Endpoint(self, dialect), methods=["POST"]) for dialect in DIALECTS),
                counts,
            ]
        )

    async def respond(self, dialect: Dialect, scope: Scope, receive: Receive, send: Send) -> None:
        """Reply to one request for a completion."""
        body = await HttpRequest(scope, receive).json()
        question = dialect.question(body)
        with self._lock:
            self._asked[question] += 1
            attempt = self._asked[question]
            request = Request(
                dialect.path, body, dialect.system(body), question, dialect.budget(body), attempt
            )
            self._requests.append(request)
            reply = self._reply(request)
        await anyio.sleep(self._latency(request))
        transport: asyncio.Transport = scope["state"]["transport"]
        match reply:
            case Resets():
                await _reset(transport)
                return
            case HalfSent(reply=whole):
                await _send_half(dialect.response(whole, body), transport, send)
                return
            case SentSlowly(reply=whole, seconds=seconds):
                await _send_slowly(dialect.response(whole, body), transport, send, seconds)
            case _:
                await dialect.response(reply, body)(scope, receive, send)
        with self._lock:
            self._replied[question] += 1


class _Endpoint:
    """An API of the server, as a separate web application.

    What is wrong with a connection cannot be said by a ``Response``.
    """

    def __init__(self, server: LoopbackServer, dialect: Dialect) -> None:
        self._server = server
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._server.respond(self._dialect, scope, receive, send)


class _OpenProtocol(H11Protocol):
    """HTTP whose requests know their connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


async def _reset(transport: asyncio.Transport) -> None:
    # without lingering, the other side sees a reset and not an end
    transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    transport.abort()
    await _notice_the_end()


async def _send_half(response: Response, transport: asyncio.Transport, send: Send) -> None:
    await _send_start(response, send)
    await send(
        {"type": "http.response.body", "body": response.body[: len(response.body) // 2], "more_body": True}
    )
    transport.close()
    await _notice_the_end()


async def _notice_the_end() -> None:
    # else uvicorn takes a response that was never finished for an error of the application, and logs it
    await anyio.sleep(0.05)


async def _send_slowly(response: Response, transport: asyncio.Transport, send: Send, seconds: float) -> None:
    body = bytes(response.body)
    await _send_start(response, send)
    sent = 0 if math.isinf(seconds) else int(seconds * _BYTES_PER_SECOND)
    for place in range(min(sent, len(body) - 1) if sent else len(body) - 1):
        if transport.is_closing():
            return
        await send({"type": "http.response.body", "body": body[place : place + 1], "more_body": True})
        await anyio.sleep(1 / _BYTES_PER_SECOND)
    if sent:
        await send({"type": "http.response.body", "body": body[min(sent, len(body) - 1) :]})
        return
    while not transport.is_closing():  # the last byte never comes
        await anyio.sleep(1 / _BYTES_PER_SECOND)


async def _send_start(response: Response, send: Send) -> None:
    await send(
        {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
    )


@contextmanager
def serve(
    reply: Callable[[Request], Reply], latency: float | Callable[[Request], float] = 0.0, port: int = 0
) -> Iterator[LoopbackServer]:
    """Serve on this machine's loopback address.

    Args:
        reply: Decides the reply to a request; called for one request at a time.
        latency: Seconds between a request and its reply, or a function that decides them.
        port: Where to listen; 0 for any free port.

    Yields:
        The running server.
    """

    def seconds(request: Request) -> float:
        return latency(request) if callable(latency) else latency

    with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
        server = LoopbackServer(reply, seconds, f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = uvicorn.Config(
            server.app(),
            http=_OpenProtocol,
            lifespan="off",
            log_level="critical",
            timeout_graceful_shutdown=1,
        )
        runner = uvicorn.Server(config)
        thread = threading.Thread(target=runner.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            runner.should_exit = True
            thread.join(10)
