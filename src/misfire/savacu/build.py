"""Runs all stages of a build in order.

Each stage reads the files that the earlier stages wrote to the build folder.

The output of a stage is split into shards. Each shard carries a key, which is a hash of everything that it
was made from. A build that is resumed reuses existing shards. If the recipe or the input has changed, the key
no longer matches, and the build stops with an error instead of mixing old and new results.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from misfire.errors import InputError
from misfire.savacu.build_view import BuildView, incomplete
from misfire.savacu.near_duplicates.neighbors import near_pairs
from misfire.savacu.publish.previous import previous_prompts
from misfire.savacu.recipe import Recipe
from misfire.savacu.records import STAGE_NAMES, CompletedBy, StageName
from misfire.savacu.runners.runner import Runner
from misfire.savacu.runners.shards import Progress, ShardRunner
from misfire.savacu.stages.classify import ClassifyStage
from misfire.savacu.stages.dedup import DedupStage
from misfire.savacu.stages.expand import ExpandStage
from misfire.savacu.stages.ingest import IngestStage
from misfire.savacu.stages.judge import JudgeStage
from misfire.savacu.stages.publish import PublishStage
from misfire.savacu.stages.respond import RespondStage
from misfire.savacu.stages.split import SplitStage
from misfire.savacu.stages.stage import BuildStage, Search, Workspace
from misfire.savacu.store import key_of, read_record, write_record

STAGES: tuple[BuildStage, ...] = (
    IngestStage(),
    ClassifyStage(),
    ExpandStage(),
    DedupStage(),
    RespondStage(),
    JudgeStage(),
    SplitStage(),
    PublishStage(),
)
"""All stages, in the order in which they run."""


def _no_progress(stage: str, done: int, total: int) -> None:
    del stage, done, total


@dataclass(frozen=True)
class Build:
    """A build in a folder.

    Attributes:
        recipe: The recipe.
        folder: The folder that holds the results of all stages.
        runner: Makes the model calls.
        progress: Receives the progress of each stage.
        search: Finds near-duplicates. A different function can distribute the search over several machines.
    """

    recipe: Recipe
    folder: Path
    runner: Runner
    progress: Progress = _no_progress
    search: Search = near_pairs

    @property
    def view(self) -> BuildView:
        """A read-only view of the results so far."""
        return BuildView(self.recipe, self.folder)

    def run(self, wanted: Sequence[StageName] = STAGE_NAMES) -> None:
        """Run stages. Existing results are reused.

        Args:
            wanted: The stages to run. All earlier stages must be complete.

        Raises:
            InputError: The input cannot be used, an earlier stage is not complete, a shard is damaged or
                belongs to a different recipe, or some items failed. Finished work is kept.
        """
        # read the previous data set first, so that an error in it is reported before any model call is paid
        # for
        previous = previous_prompts(self.recipe)
        shards = ShardRunner(self.folder, self.recipe.shard_size, self.runner, self.progress)
        work = Workspace(self.view, shards, self.progress, self.search, previous)
        keys: list[str] = []
        for place, stage in enumerate(STAGES):
            keys.append(stage.key(self.recipe))
            if stage.name in wanted:
                self._run_stage(stage, work, key_of(*keys))
            elif any(later.name in wanted for later in STAGES[place + 1 :]):
                self._check_complete(stage, key_of(*keys))

    def _run_stage(self, stage: BuildStage, work: Workspace, key: str) -> None:
        path = self._completed_path(stage)
        path.unlink(missing_ok=True)
        stage.run(work)
        write_record(path, CompletedBy(recipe=self.recipe.hash, key=key))

    def _check_complete(self, stage: BuildStage, key: str) -> None:
        """Raise an error if a stage is not complete, or if the recipe has changed since then."""
        if stage.name == "expand" and self.recipe.expand is None:
            return
        completed = read_record(self._completed_path(stage), CompletedBy)
        if completed is None:
            raise incomplete(self.folder, stage.name)
        if completed.key != key:
            raise InputError(
                f"{self.folder}: the stage '{stage.name}', or an earlier one, was made by another recipe. "
                "Run this stage and the later ones again (results that are still valid are reused), or "
                "build into another folder."
            )

    def _completed_path(self, stage: BuildStage) -> Path:
        return self.folder / "stages" / f"{stage.name}.json"
