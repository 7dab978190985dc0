"""A runner without an engine, to test what runners are given and what builds make of it."""

import json
from collections import Counter
from functools import cache
from typing import Any

from misfire.savacu.build import Build
from misfire.savacu.calls import ModelReply
from misfire.savacu.runners.runner import Advance, Keep, Work
from misfire.savacu.simulated import SimulatedRole, simulated_role


class DirectRunner:
    """Carries stages out without an engine: the simulated roles are asked directly.

    Attributes:
        asked: How often each call was made, by what it says.
        stop_after: After so many calls it breaks off, as if killed.
    """

    def __init__(self, stop_after: int | None = None) -> None:
        self.asked: Counter[str] = Counter()
        self.stop_after = stop_after

    def run(self, work: Work, keep: Keep, advance: Advance) -> None:
        role = role_of(work.model.model, json.dumps(work.model.args, sort_keys=True))
        outcomes: list[Any] = []
        for item in work.items:
            replies: dict[str, ModelReply] = {}
            for call in work.step.calls(item):
                if self.stop_after is not None and self.asked.total() >= self.stop_after:
                    raise KeyboardInterrupt
                self.asked[f"{work.label} {item.id} {call.name}"] += 1
                replies[call.name] = role.reply(
                    call.messages, logprobs=call.settings.top_logprobs is not None
                )
            outcomes.append(work.step.parse(item, replies))
            advance(1)
        keep(outcomes)


@cache
def role_of(model: str, args: str) -> SimulatedRole:
    return simulated_role(model.partition("/")[2], **json.loads(args))


def asked(build: Build) -> "Counter[str]":
    """The calls of a build that a ``DirectRunner`` carried out."""
    assert isinstance(build.runner, DirectRunner)
    return build.runner.asked


def published(build: Build) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((build.folder / "dataset" / "data").iterdir())}
