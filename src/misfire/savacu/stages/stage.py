"""The interface of all stages, and the workspace that they use."""

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
"""Finds all pairs of fingerprints within a given distance."""


@dataclass(frozen=True)
class Workspace:
    """The objects that a stage uses during one run of a build.

    Attributes:
        view: The results of the earlier stages.
        shards: Runs model calls in shards.
        progress: Receives the progress of the stage.
        search: Finds near-duplicates.
        previous: The prompts of the previous data set; empty if the recipe names none.
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
        """Return a hash of the settings of this stage in the recipe and of the version of its prompts."""
        ...

    def run(self, work: Workspace) -> None:
        """Run the stage and write its report. Existing results are reused.

        Raises:
            InputError: The input cannot be used, a shard is damaged or belongs to a different recipe, or some
                items failed. Finished work is kept.
        """
        ...

    def report(self, folder: Path) -> BaseModel | None:
        """Return the report of the stage in the folder of a build.

        None if the stage is not complete or has no report.
        """
        ...
