"""Runs a step shard by shard. An existing shard with the same inputs is reused."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from misfire.savacu.calls import Item, PromptedStep
from misfire.savacu.recipe import ModelSpec
from misfire.savacu.runners.runner import Runner, Work, forget_replies
from misfire.savacu.store import check_room, key_of, shard_key, shards_of, stale, write_shard

Progress = Callable[[str, int, int], None]
"""Receives the name of a stage or shard, the number of its items that are done, and the number of all of
its items."""


@dataclass(frozen=True)
class ShardRunner:
    """Runs steps and writes their shards to the folder of a build.

    Attributes:
        folder: The folder of the build.
        shard_size: Number of items in a shard.
        runner: Makes the model calls.
        progress: Receives the progress of each step in shards, and of the current shard in items.
    """

    folder: Path
    shard_size: int
    runner: Runner
    progress: Progress

    def run(self, name: str, step: PromptedStep, model: ModelSpec, items: Sequence[Item]) -> None:
        """Run a step for items that are all known in advance.

        Args:
            name: Folder of the shards, within the folder of the build.
            step: The step.
            model: The model to call.
            items: The items.

        Raises:
            InputError: A shard is damaged or was made from other inputs, or some items failed.
        """
        shards = list(shards_of(items, self.shard_size))
        self.run_shards(name, step, model, iter(shards), len(shards))

    def run_shards(
        self, name: str, step: PromptedStep, model: ModelSpec, shards: Iterator[Sequence[Item]], count: int
    ) -> None:
        """Run a step for shards whose items are computed one shard at a time.

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
            raise stale(self.folder / name, "it has more shards than the current items need")
        for at, items in enumerate(shards):
            label = f"{name}/{at:05d}"
            path = self.folder / f"{label}.parquet"
            key = key_of(
                step.name, step.version, *step.options, (model.model, sorted(model.args.items())), *items
            )
            there = shard_key(path)
            if there not in (None, key):
                raise stale(path, "its items, its model, or its settings have changed")
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
