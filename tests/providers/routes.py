"""The ways from the task to a provider, and a run of the task over one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.scorer import Score

from misfire.datasets.pairs import Pair
from misfire.datasets.sampling import sample_pairs
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.scorers.veto import SCORER
from tests.runs import run_task

from .replies import Reply, Says, answers
from .server import Request, serve


@dataclass(frozen=True)
class Route:
    """A model as the user names it, and what Inspect makes of it.

    Attributes:
        name: For the test's id.
        model: The user's ``--model``.
        path: Where Inspect sends the requests.
        base_path: What ``--model-base-url`` has after host and port.
        model_args: The user's ``-M``.
        budget: Tokens that the task lets the model write: reasoning models have more.
        temperature: What the request says of it; none where the API takes none.
        empty_is_error: Whether Inspect fails on a response with nothing in it.
    """

    name: str
    model: str
    path: str
    base_path: str = "/v1"
    model_args: dict[str, Any] = field(default_factory=dict[str, Any])
    budget: int = 512
    temperature: float | None = 0.0
    empty_is_error: bool = False


ROUTES = (
    Route("openai", "openai/gpt-4o-mini", "/v1/chat/completions", empty_is_error=True),
    Route("openai-responses", "openai/gpt-4o-mini", "/v1/responses", model_args={"responses_api": True}),
    Route("openai-reasoning", "openai/gpt-5-mini", "/v1/responses", budget=8192, temperature=None),
    Route("anthropic", "anthropic/claude-3-5-haiku-latest", "/v1/messages", base_path="", temperature=None),
    # a budget this large makes Inspect stream
    Route(
        "anthropic-streamed",
        "anthropic/claude-sonnet-4-5",
        "/v1/messages",
        base_path="",
        budget=8192,
        temperature=None,
    ),
    Route("openai-compatible", "openai-api/local/some-model", "/v1/chat/completions", empty_is_error=True),
)

PAIRS: Sequence[Pair] = sample_pairs(load_pairs(PairSettings("embedded")).pairs, 8, seed=1)
"""The pairs that ``run`` asks: those that ``-T pairs=8`` draws."""


@dataclass(frozen=True)
class Run:
    """What a run left behind.

    Attributes:
        log: Inspect's log.
        requests: What the server was asked about halves, in order of arrival.
    """

    log: EvalLog
    requests: list[Request]

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics' values."""
        assert self.log.results is not None
        (result,) = self.log.results.scores
        return {name: metric.value for name, metric in result.metrics.items()}

    def sample(self, half: str) -> EvalSample:
        """The sample of a half, by its id."""
        (sample,) = [sample for sample in self.log.samples or [] if sample.id == half]
        return sample

    def score(self, half: str) -> Score:
        """The score of a half."""
        scores = self.sample(half).scores
        assert scores, f"{half} was not scored"
        return scores[SCORER]

    def times_asked(self, half: str) -> int:
        """How often the server was asked about a half."""
        return sum(_half_of(request) == half for request in self.requests)


def run(
    route: Route,
    replies: Mapping[str, Sequence[Reply]],
    log_dir: Path,
    task_args: Mapping[str, object] | None = None,
    **options: Any,
) -> Run:
    """Run the task over a route.

    Args:
        route: The route.
        replies: What the server replies, by the half's sample id: the first time it is asked, the second and
            so on, the last one for ever. It gives the right answer to other halves.
        log_dir: Where the log goes.
        task_args: The user's ``-T``, beside those that choose the pairs.
        options: Options of ``inspect eval``.

    Returns:
        What it left behind.
    """

    def reply(request: Request) -> Reply:
        half = _half_of(request)
        if half is None:
            return Says("hello, world")
        planned = replies.get(half, [answers(TARGETS[half])])
        return planned[min(request.attempt, len(planned)) - 1]

    with serve(reply) as server:
        (log,) = run_task(
            "misfire/veto",
            task_args={"source": "embedded", "pairs": len(PAIRS)} | dict(task_args or {}),
            model=route.model,
            model_base_url=server.url + route.base_path,
            model_args=route.model_args,
            log_dir=str(log_dir),
            **options,
        )
        return Run(log, [request for request in server.requests if _half_of(request)])


TARGETS = {f"{pair.id}_{name}": half.target for pair in PAIRS for name, half in pair.halves}
"""The right answer to each half, by its sample id."""

_HALVES = {half.prompt: f"{pair.id}_{name}" for pair in PAIRS for name, half in pair.halves}


def _half_of(request: Request) -> str | None:
    return _HALVES.get(request.question.partition("\n\n")[0])
