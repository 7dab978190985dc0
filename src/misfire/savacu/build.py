"""The build: all stages in their order, each working from what the stages before left in the folder of the build.

What a stage makes is cut into shards, and each shard carries a key: a hash of everything that it was made from. A build
that goes on takes the shards that are there. A shard with another key, because the recipe or the input changed, is refused
and never mixed in.
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
"""The stages in their order."""


def _no_progress(stage: str, done: int, total: int) -> None:
    del stage, done, total


@dataclass(frozen=True)
class Build:
    """A build in a folder.

    Attributes:
        recipe: What is wanted.
        folder: Where the build is kept.
        runner: What makes the model calls.
        progress: Is told how far a stage is.
        search: Finds near-duplicates; another search may share the work out over machines.
    """

    recipe: Recipe
    folder: Path
    runner: Runner
    progress: Progress = _no_progress
    search: Search = near_pairs

    @property
    def view(self) -> BuildView:
        """What the stages have left so far, for reading."""
        return BuildView(self.recipe, self.folder)

    def run(self, wanted: Sequence[StageName] = STAGE_NAMES) -> None:
        """Carry out stages. What is there already is taken as it is.

        Args:
            wanted: The stages to run. The stages before them must be complete.

        Raises:
            InputError: The input cannot be used, a stage before is not complete, a shard is broken or from another recipe,
                or items could not be done. What is done is kept.
        """
        # a data set built before that cannot be used is reported before any model is asked
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
        """Refuse a stage that is not complete, or for which the recipe says something else now."""
        if stage.name == "expand" and self.recipe.expand is None:
            return
        completed = read_record(self._completed_path(stage), CompletedBy)
        if completed is None:
            raise incomplete(self.folder, stage.name)
        if completed.key != key:
            raise InputError(
                f"{self.folder}: the stage '{stage.name}', or one before it, was made by another recipe. "
                "Run the stages from there on again (what still holds is taken as it is), or build into another folder."
            )

    def _completed_path(self, stage: BuildStage) -> Path:
        return self.folder / "stages" / f"{stage.name}.json"
