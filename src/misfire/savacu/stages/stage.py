"""What all stages share: their interface, and what they are given to work with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel

from misfire.savacu.build_view import BuildView
from misfire.savacu.near_duplicates.neighbors import Pairs
from misfire.savacu.publish.previous import PublishedPrompt
from misfire.savacu.recipe import Recipe
from misfire.savacu.records import StageName
from misfire.savacu.runners.shards import Progress, ShardRunner

Search = Callable[[Any, int], Pairs]
"""Finds all pairs of fingerprints within a distance."""


@dataclass(frozen=True)
class Workspace:
    """What a stage works with during one run of a build.

    Attributes:
        view: What the stages before left.
        shards: Carries out the model calls.
        progress: Is told how far a stage is.
        search: Finds near-duplicates.
        previous: The prompts of the data set that was built before; empty if the recipe names none.
    """

    view: BuildView
    shards: ShardRunner
    progress: Progress
    search: Search
    previous: Sequence[PublishedPrompt]

    @property
    def recipe(self) -> Recipe:
        """The recipe of the build."""
        return self.view.recipe

    @property
    def folder(self) -> Path:
        """The folder of the build."""
        return self.view.folder


class BuildStage(Protocol):
    """One stage of a build.

    Attributes:
        name: Name of the stage, and of its folder.
    """

    @property
    def name(self) -> StageName: ...  # noqa: D102

    def key(self, recipe: Recipe) -> str:
        """Hash of what the recipe says about this stage, and of the version of its prompts."""
        ...

    def run(self, work: Workspace) -> None:
        """Do the work and write the report. What is there already is taken as it is.

        Raises:
            InputError: The input cannot be used, a shard is broken or from another recipe, or items could not be done. What
                is done is kept.
        """
        ...

    def report(self, folder: Path) -> BaseModel | None:
        """The report in the folder of a build; None before the stage is complete, or where a stage has no report."""
        ...
