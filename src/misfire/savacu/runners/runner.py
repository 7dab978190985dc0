"""What carries a stage out: a shard of items in, their outcomes out."""

import re
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from misfire.errors import InputError
from misfire.savacu.calls import Item, PromptedStep
from misfire.savacu.recipe import ModelSpec

LONGEST_REASON = 500

REPLIES = ".jsonl"
"""Ending of the file in which a runner keeps the replies of a shard."""

TOLERATED_ERRORS = 0.2
"""A shard ends early once this share of its items has failed: then the provider, not the item, is at fault."""

GIVEN_UP = 10
"""So many items of a shard may be given up at least, however small it is."""


@dataclass(frozen=True)
class Work:
    """A shard of a step.

    Attributes:
        step: The step.
        model: Who is asked.
        items: The items, each id once.
        label: Names the shard in its build: the stage's folder and the shard's number, for example "classify/00003".
        folder: The build's folder: room for logs and for replies that wait for the shard to be whole.
    """

    step: PromptedStep
    model: ModelSpec
    items: Sequence[Item]
    label: str
    folder: Path


Keep = Callable[[list[Any]], None]
"""Puts the outcomes of a shard, in the order of its items, where they last."""

Advance = Callable[[int], None]
"""Is told of so many more items done."""


class Runner(Protocol):
    """Carries stages out. Scheduling, retries and recovery are its engine's."""

    def run(self, work: Work, keep: Keep, advance: Advance) -> None:
        """Carry a shard out.

        Args:
            work: The shard. If an earlier run of it broke off, what was paid for then is not asked again.
            keep: Called once with all outcomes, after which nothing of the shard need be remembered.
            advance: Told of progress.

        Raises:
            InputError: Some items could not be done, for example since the provider is down; the replies so far are remembered.
            KeyboardInterrupt: The user stopped it; the same.
        """
        ...


def not_done(work: Work, missing: Sequence[str], reason: str) -> InputError:
    """The error of a shard that could not be carried out as a whole.

    Args:
        work: The shard.
        missing: Ids of the items that are not done.
        reason: What went wrong with one of them.

    Returns:
        An error that says what is kept and what to do.
    """
    # Inspect escapes brackets for its own display
    told = re.sub(r"\\(?=\[)", "", " ".join(reason.split()))[:LONGEST_REASON] or "no reason given"
    return InputError(
        f"{work.label}: {len(missing)} of {len(work.items)} items could not be done, for example {missing[0]}: {told}\nMend that and run "
        "again: what came back is kept. If it will never be done, --give-up counts such calls as failed and goes on."
    )


def check_given_up(work: Work, given_up: Collection[str]) -> None:
    """Refuse a shard of which so much was given up that the provider must be at fault.

    Args:
        work: The shard.
        given_up: Ids of the items of which a call was given up.

    Raises:
        InputError: They are more than ``TOLERATED_ERRORS`` of all, and more than ``GIVEN_UP``.
    """
    if len(given_up) > max(GIVEN_UP, TOLERATED_ERRORS * len(work.items)):
        raise InputError(
            f"{work.label}: calls of {len(given_up)} of {len(work.items)} items failed, too many to be given up: look at the provider "
            f"({work.model.model}). What came back is kept."
        )


def replies_of(folder: Path, label: str) -> Path:
    """Where replies of a shard wait until it is whole, in the folder of its build; a runner adds an ending, or makes a folder of it."""
    return folder / "replies" / label


def forget_replies(folder: Path, label: str) -> None:
    """Remove the replies of a shard that is whole."""
    place = replies_of(folder, label)
    shutil.rmtree(place, ignore_errors=True)
    place.with_suffix(REPLIES).unlink(missing_ok=True)
