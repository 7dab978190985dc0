"""A local server to try and test the Ray runner.

It offers the simulated models of the SaVaCu build through OpenAI's chat API.

    python -m misfire.savacu.simulated_server ROLES.json [--port 8765]

ROLES.json maps names of models to their arguments: {"generator-a": {"faults": "contrary:0.1"}, "evaluator":
{"miss": 0.05}}.
"""

import argparse
import json
import threading
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from misfire.datasets.user_files import read_user_text
from misfire.savacu.calls import Message, ModelReply
from misfire.savacu.simulated import SimulatedRole, simulated_role


class SimulatedServer(ThreadingHTTPServer):
    """The server. Its attributes may be read from any thread while it runs.

    Args:
        roles: The models by name.
        port: Port on the loopback address; 0 selects a free port.

    Attributes:
        asked: Number of requests, by model and messages.
        url: Base URL of the API.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, roles: Mapping[str, SimulatedRole], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.roles = dict(roles)
        self.asked: Counter[str] = Counter()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Base URL of the API, for use in Inspect and Ray."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # headers and body are written separately: with Nagle's algorithm, the body would wait until the headers
    # are acknowledged
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        asked: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        assert isinstance(server, SimulatedServer)  # noqa: S101 (only that one makes it)
        messages = [
            Message(role=message["role"], text=_text(message["content"])) for message in asked["messages"]
        ]
        with server.lock:
            server.asked[json.dumps([asked["model"], *(message.text for message in messages)])] += 1
        role = server.roles.get(str(asked["model"]))
        if role is None:
            self._send(
                404,
                {"error": {"message": f"there is no model '{asked['model']}'", "code": "model_not_found"}},
            )
            return
        self._send(
            200, _completion(str(asked["model"]), role.reply(messages, logprobs=bool(asked.get("logprobs"))))
        )

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def _send(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(roles: Mapping[str, Mapping[str, Any]], port: int = 0) -> Generator[SimulatedServer]:
    """Run a server in a thread of this process.

    Args:
        roles: Arguments of each model (see ``simulated_role``), by its name.
        port: Port on the loopback address; 0 selects a free port.

    Yields:
        The server.

    Raises:
        InputError: An argument cannot be used.
    """
    with SimulatedServer(
        {name: simulated_role(name, **given) for name, given in roles.items()}, port
    ) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _text(content: Any) -> str:  # noqa: ANN401 (JSON)
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _completion(model: str, reply: ModelReply) -> dict[str, Any]:
    finish = {"stop": "stop", "length": "length", "refused": "content_filter"}[reply.stop]
    top = [{"token": token, "logprob": logprob, "bytes": None} for token, logprob in reply.first_token or ()]
    logprobs = {"content": [{**top[0], "top_logprobs": top}], "refusal": None} if top else None
    message = {"role": "assistant", "content": reply.text}
    written = len(reply.text) // 4 + 1
    return {
        "id": "simulated",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs}],
        "usage": {"prompt_tokens": 1, "completion_tokens": written, "total_tokens": written + 1},
    }


def main() -> None:
    """Run the server until it is stopped."""
    parser = argparse.ArgumentParser(
        description="Simulated models for `misfire savacu build --runner ray`, on the loopback address."
    )
    parser.add_argument("roles", type=Path)
    parser.add_argument("--port", type=int, default=8765)
    given = parser.parse_args()
    with serving(json.loads(read_user_text(given.roles)), given.port):
        threading.Event().wait()


if __name__ == "__main__":
    main()
