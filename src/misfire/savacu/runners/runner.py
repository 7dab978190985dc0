"""The interface of runners.

A runner makes the model calls for a shard of items and returns their outcomes.
"""

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
"""Extension of the file in which a runner keeps the replies of a shard."""

TOLERATED_ERRORS = 0.2
"""Maximum fraction of failed items in a shard. If more fail, the provider is likely at fault, and the
shard stops."""

GIVEN_UP = 10
"""Number of items that may be given up even in a small shard."""


@dataclass(frozen=True)
class Work:
    """One shard of a step.

    Attributes:
        step: The step.
        model: The model to call.
        items: The items. Their ids are unique.
        label: Name of the shard in its build: the folder of the stage and the number of the shard, for
            example "classify/00003".
        folder: The folder of the build, for logs and for replies of unfinished shards.
    """

    step: PromptedStep
    model: ModelSpec
    items: Sequence[Item]
    label: str
    folder: Path


Keep = Callable[[list[Any]], None]
"""Stores the outcomes of a shard, which are in the order of its items."""

Advance = Callable[[int], None]
"""Receives the number of items that were finished since the last call."""


class Runner(Protocol):
    """Runs shards. The underlying engine handles scheduling, retries, and recovery."""

    def run(self, work: Work, keep: Keep, advance: Advance) -> None:
        """Run a shard.

        Args:
            work: The shard. If an earlier run of it was interrupted, calls that already have a reply are not
                repeated.
            keep: Called once with all outcomes. After that, the replies of the shard may be deleted.
            advance: Receives progress.

        Raises:
            InputError: Some items failed, for example because the provider is down. The replies so far are
                kept.
            KeyboardInterrupt: The user stopped the run. The replies so far are kept.
        """
        ...


def not_done(work: Work, missing: Sequence[str], reason: str) -> InputError:
    """Return the error for a shard in which some items failed.

    Args:
        work: The shard.
        missing: Ids of the items that failed.
        reason: The error of one of these items.

    Returns:
        An error that says what was kept and what to do.
    """
    # Inspect escapes brackets for its own display
    reason_text = re.sub(r"\\(?=\[)", "", " ".join(reason.split()))[:LONGEST_REASON] or "no reason given"
    return InputError(
        f"{work.label}: {len(missing)} of {len(work.items)} items failed, for example {missing[0]}: "
        f"{reason_text}\nFix the cause and run again. "
        "All replies are kept. If a call can never succeed, --give-up counts it as failed and continues."
    )


def check_given_up(work: Work, given_up: Collection[str]) -> None:
    """Raise an error if so many items were given up that the provider is likely at fault.

    Args:
        work: The shard.
        given_up: Ids of the items with calls that were given up.

    Raises:
        InputError: The number of these items is above both ``GIVEN_UP`` and the fraction ``TOLERATED_ERRORS``
            of all items.
    """
    if len(given_up) > max(GIVEN_UP, TOLERATED_ERRORS * len(work.items)):
        raise InputError(
            f"{work.label}: calls of {len(given_up)} of {len(work.items)} items failed, which is too many "
            f"to give up. Check the provider ({work.model.model}). All replies are kept."
        )


def replies_of(folder: Path, label: str) -> Path:
    """Return the path, without extension, at which the replies of an unfinished shard are kept.

    A runner may also use it as a folder.
    """
    return folder / "replies" / label


def forget_replies(folder: Path, label: str) -> None:
    """Delete the kept replies of a finished shard."""
    place = replies_of(folder, label)
    shutil.rmtree(place, ignore_errors=True)
    place.with_suffix(REPLIES).unlink(missing_ok=True)
