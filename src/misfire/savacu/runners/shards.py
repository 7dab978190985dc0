"""Carries a step out shard by shard. A shard that is there already, made from the same, is not made again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from misfire.savacu.calls import Item, PromptedStep
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.runner import Runner, Work, forget_replies
from misfire.savacu.store import check_room, key_of, shard_key, shards_of, stale, write_shard

Progress = Callable[[str, int, int], None]
"""Is told the name of a stage or shard, how many of its items are done, and out of how many."""


@dataclass(frozen=True)
class ShardRunner:
    """Carries steps out and writes their shards into the folder of a build.

    Attributes:
        folder: The folder of the build.
        shard_size: Items of one shard.
        runner: What makes the calls.
        progress: Is told of each shard, and of the items of the shard at work.
    """

    folder: Path
    shard_size: int
    runner: Runner
    progress: Progress

    def run(self, name: str, step: PromptedStep, model: ModelSpec, items: Sequence[Item]) -> None:
        """Carry out a step for items that are all known.

        Args:
            name: Folder of the shards, within that of the build.
            step: The step.
            model: The model to ask.
            items: The items.

        Raises:
            InputError: A shard is broken or was made from something else, or items could not be done.
        """
        shards = list(shards_of(items, self.shard_size))
        self.run_shards(name, step, model, iter(shards), len(shards))

    def run_shards(self, name: str, step: PromptedStep, model: ModelSpec, shards: Iterator[Sequence[Item]], count: int) -> None:
        """Carry out a step for shards that are made one after the other.

        Args:
            name: As in ``run``.
            step: As in ``run``.
            model: As in ``run``.
            shards: The items of each shard.
            count: Number of shards.

        Raises:
            InputError: As in ``run``.
        """
        if (self.folder / name / f"{count:05d}.parquet").exists():
            raise stale(self.folder / name, "it has more shards than there are items now")
        for at, items in enumerate(shards):
            label = f"{name}/{at:05d}"
            path = self.folder / f"{label}.parquet"
            key = key_of(step.name, step.version, *step.options, (model.model, sorted(model.args.items())), *items)
            there = shard_key(path)
            if there not in (None, key):
                raise stale(path, "its items, its model or its settings are others now")
            if there == key:
                # a build that was killed after the shard was written may have left the replies behind
                forget_replies(self.folder, label)
            else:
                check_room(self.folder)
                self._run_shard(path, Work(step, model, items, label, self.folder), key)
            self.progress(name, at + 1, count)

    def _run_shard(self, path: Path, work: Work, key: str) -> None:
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            self.progress(work.label, done, len(work.items))

        def keep(outcomes: list[Any]) -> None:
            write_shard(path, outcomes, key)

        if work.items:
            self.runner.run(work, keep, advance)
        else:
            keep([])
