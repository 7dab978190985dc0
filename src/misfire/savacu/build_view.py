"""Read-only access to the results that the stages of a build wrote to its folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from misfire.datasets.misalign.instances import Split
from misfire.errors import InputError
from misfire.savacu.calibration import Calibration
from misfire.savacu.prompting.classify import Classified, holding
from misfire.savacu.prompting.respond import Domains
from misfire.savacu.prompts import Prompt
from misfire.savacu.recipe import Generator, Recipe
from misfire.savacu.records import ClassifyReport, KeptPrompt, ResponsePair, SplitPrompt, StageName
from misfire.savacu.store import read_record, read_shard

RecordT = TypeVar("RecordT", bound=BaseModel)


@dataclass(frozen=True)
class BuildView:
    """A read-only view of a build. Results are read from the folder on first access and then cached.

    Attributes:
        recipe: The recipe of the build.
        folder: The folder of the build.
    """

    recipe: Recipe
    folder: Path

    @cached_property
    def prompts(self) -> list[Prompt]:
        """The prompts that the stage "ingest" kept."""
        return read_shard(self.complete("ingest", "prompts.parquet"), Prompt)

    @cached_property
    def calibration(self) -> Calibration | None:
        """Comparison of the classifier with labeled prompts; None if the recipe has no such prompts."""
        report = read_record(self.complete("classify", "report.json"), ClassifyReport)
        return report.calibration if report else None

    @cached_property
    def new_prompts(self) -> list[Prompt]:
        """The prompts that the stage "expand" kept."""
        return read_shard(self.complete("expand", "prompts.parquet"), Prompt)

    @cached_property
    def kept(self) -> list[KeptPrompt]:
        """The prompts for which the build makes instances."""
        return kept_prompts(self.folder)

    @property
    def shard_count(self) -> int:
        """Number of shards for each generator."""
        return -(-len(self.kept) // self.recipe.shard_size)

    def pairs(self) -> Iterator[ResponsePair]:
        """Iterate over all pairs, both passed and dropped, one generator after the other."""
        for generator in self.recipe.respond.generators:
            yield from self.pairs_of(generator)

    def pairs_of(self, generator: Generator) -> Iterator[ResponsePair]:
        """Iterate over all pairs of a generator, both passed and dropped, in the order of their ids."""
        for at in range(self.shard_count):
            path = self.pairs_path(generator, at)
            yield from read_shard(
                self.complete("judge", path.relative_to(self.folder / "judge")), ResponsePair
            )

    def pairs_path(self, generator: Generator, at: int) -> Path:
        """Path of the file to which the stage "judge" writes the pairs of one shard of a generator."""
        return self.folder / "judge" / generator.name / f"pairs-{at:05d}.parquet"

    def splits(self) -> dict[str, Split]:
        """The split of each prompt that has an instance, by content id."""
        return {
            prompt.id: prompt.split
            for prompt in read_shard(self.complete("split", "prompts.parquet"), SplitPrompt)
        }

    def outcomes(self, name: str, kind: type[RecordT]) -> Iterator[RecordT]:
        """Iterate over the outcomes in the folder ``name`` of the build, one shard after the other."""
        for path in sorted((self.folder / name).glob("[0-9]*.parquet")):
            yield from read_shard(path, kind)

    def labeled(self, name: str, prompts: Sequence[Prompt]) -> list[tuple[Prompt, Domains]]:
        """Pair prompts with the domains that they touch, from the classified shards in the folder ``name``.

        Prompts that are not in these shards are left out.
        """
        thresholds = self.calibration.thresholds if self.calibration else {}
        by_id = {prompt.id: prompt for prompt in prompts}
        rows = self.outcomes(name, Classified)
        return [
            (by_id[row.id], holding(row, thresholds, self.recipe.classify.delta))
            for row in rows
            if row.id in by_id
        ]

    def complete(self, stage: StageName, file: str | Path) -> Path:
        """Return the path of a file that a complete stage has written.

        Raises:
            InputError: The file does not exist, so the stage is not complete.
        """
        path = self.folder / stage / file
        if not path.exists():
            raise incomplete(self.folder, stage)
        return path


def kept_prompts(folder: Path) -> list[KeptPrompt]:
    """Read the prompts for which the build in a folder makes instances.

    Raises:
        InputError: The stage "dedup" is not complete in this folder.
    """
    path = folder / "dedup" / "prompts.parquet"
    if not path.exists():
        raise InputError(f"{folder}: does not contain a build whose stage 'dedup' is complete.")
    return read_shard(path, KeptPrompt)


def incomplete(folder: Path, stage: StageName) -> InputError:
    """Return the error for a stage that must be run first."""
    return InputError(
        f"{folder}: the stage '{stage}' is not complete. Run it first with --stages {stage}, or run "
        "all stages."
    )
