"""A provider on this machine: an HTTP server that speaks their APIs, replies as a test says, and records what it was asked."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from .dialects import DIALECTS, Dialect, Json
from .replies import Reply


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

    def __init__(self, reply: Callable[[Request], Reply], latency: float, url: str) -> None:
        self.url = url
        self._reply = reply
        self._latency = latency
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._asked: Counter[str] = Counter()

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

    def app(self) -> Starlette:
        """The web application."""
        return Starlette(routes=[Route(dialect.path, self._endpoint(dialect), methods=["POST"]) for dialect in DIALECTS])

    def _endpoint(self, dialect: Dialect) -> Callable[[HttpRequest], object]:
        async def endpoint(http: HttpRequest) -> Response:
            body = await http.json()
            question = dialect.question(body)
            with self._lock:
                self._asked[question] += 1
                attempt = self._asked[question]
                request = Request(dialect.path, body, dialect.system(body), question, dialect.budget(body), attempt)
                self._requests.append(request)
                reply = self._reply(request)
            await anyio.sleep(self._latency)
            return dialect.response(reply, body)

        return endpoint


@contextmanager
def serve(reply: Callable[[Request], Reply], latency: float = 0.0) -> Iterator[LoopbackServer]:
    """Serve on a free port of this machine's loopback address.

    Args:
        reply: Decides the reply to a request; called for one request at a time.
        latency: Seconds between a request and its reply.

    Yields:
        The running server.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        server = LoopbackServer(reply, latency, f"http://127.0.0.1:{listener.getsockname()[1]}")
        runner = uvicorn.Server(uvicorn.Config(server.app(), lifespan="off", log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=runner.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            runner.should_exit = True
            thread.join(10)
