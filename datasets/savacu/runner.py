"""What carries a stage out: a shard of items in, their outcomes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from misfire.datasets.savacu.calls import Item, Stage
from misfire.datasets.savacu.recipe import ModelSpec


@dataclass(frozen=True)
class Work:
    """A shard of a stage.

    Attributes:
        stage: The stage.
        model: Who is asked.
        items: The items, each id once.
        label: Names the shard in its build: the stage's folder and the shard's number, for example "classify/00003".
        folder: The build's folder: room for logs and for replies that wait for the shard to be whole.
    """

    stage: Stage
    model: ModelSpec
    items: Sequence[Item]
    label: str
    folder: Path


Keep = Callable[[list[Any]], None]
"""Puts the outcomes of a shard, in the order of its items, where they last."""

Step = Callable[[int], None]
"""Is told of so many more items done."""


class Runner(Protocol):
    """Carries stages out. Scheduling, retries and recovery are its engine's."""

    def run(self, work: Work, keep: Keep, step: Step) -> None:
        """Carry a shard out.

        Args:
            work: The shard. If an earlier run of it broke off, what was paid for then is not asked again.
            keep: Called once with all outcomes, after which nothing of the shard need be remembered.
            step: Told of progress.

        Raises:
            InputError: Some items could not be done, for example since the provider is down; the replies so far are remembered.
            KeyboardInterrupt: The user stopped it; the same.
        """
        ...
