"""What goes wrong at a provider, drawn by seed.

There are failures that pass, failures of the connection, and replies that no one expects.
"""

import hashlib
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from .replies import (
    BrokenJson,
    Filtered,
    HalfSent,
    HttpError,
    NoChoices,
    Reasons,
    Refuses,
    Reply,
    Resets,
    Says,
    SentSlowly,
    Spoken,
    WrongType,
)
from .server import Request

FaultName = Literal[
    "limited",
    "limited_with_hint",
    "server_error",
    "unavailable",
    "reset",
    "half_sent",
    "slow_loris",
    "wrong_type",
    "broken_json",
    "no_choices",
    "refusal",
    "filtered",
    "reasoning",
    "every_plane",
    "megabyte",
]

FAULTS: tuple[FaultName, ...] = get_args(FaultName)

MEGABYTE = "The evidence speaks for itself. " * (1_000_000 // 32)

PLANES = (
    "".join(chr((plane << 16) + 0x1F5) for plane in range(17))
    + "\u202e\u0000\ufeff\u200d\ud7ff\ue000\U0010fffd"
)
"""A character of each plane of Unicode, and some that texts are not expected to hold."""


@dataclass(frozen=True)
class Faults:
    """How often what goes wrong.

    The draw hangs on the seed, the question and how often it was asked, and on nothing else: not on the order
    of requests.

    Attributes:
        rates: By fault, the chance that a request meets it; together at most 1.
        seed: Of the draw.
    """

    rates: Mapping[FaultName, float]
    seed: int = 1

    def drawn(self, request: Request) -> FaultName | None:
        """What a request meets."""
        left = _share(f"{self.seed}/{request.attempt}/{request.question}")
        for name, rate in self.rates.items():
            left -= rate
            if left < 0:
                return name
        return None

    def over(self, reply: Callable[[Request], Spoken]) -> Callable[[Request], Reply]:
        """A server's replies with the faults among them."""

        def faulty(request: Request) -> Reply:
            name = self.drawn(request)
            return reply(request) if name is None else faulted(name, reply(request))

        return faulty


def mixed(rate: float, seed: int = 1) -> Faults:
    """All faults alike, at some rate together."""
    return Faults(dict.fromkeys(FAULTS, rate / len(FAULTS)), seed)


def faulted(name: FaultName, reply: Spoken) -> Reply:
    """What a server sends in place of a reply that meets a fault."""
    text = reply.text if isinstance(reply, Says) else ""
    match name:
        case "limited":
            return HttpError(429)
        case "limited_with_hint":
            return HttpError(429, retry_after=1)
        case "server_error":
            return HttpError(500)
        case "unavailable":
            return HttpError(503)
        case "reset":
            return Resets()
        case "half_sent":
            return HalfSent(reply)
        case "slow_loris":
            return SentSlowly(reply, math.inf)
        case "wrong_type":
            return WrongType()
        case "broken_json":
            return BrokenJson()
        case "no_choices":
            return NoChoices()
        case "refusal":
            return Refuses()
        case "filtered":
            return Filtered()
        case "reasoning":
            return Reasons(text, 'At first sight {"answer": "no"}, no.')
        case "every_plane":
            return Says(f"{PLANES}\n{text}")
        case "megabyte":
            return Says(f"{MEGABYTE}\n{text}")


def lognormal(median: float, sigma: float, seed: int = 1) -> Callable[[Request], float]:
    """Latencies of some median seconds, drawn by seed, question and attempt.

    Sigma is the standard deviation of their logarithm.
    """

    def seconds(request: Request) -> float:
        return median * math.exp(
            random.Random(f"{seed}/{request.attempt}/{request.question}").gauss(0, sigma)
        )

    return seconds


def _share(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
