"""What the stages of a build have left in its folder, for reading only."""

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
    """A read-only view of a build. What a stage left is read when it is first asked for, and remembered.

    Attributes:
        recipe: The recipe of the build.
        folder: The folder of the build.
    """

    recipe: Recipe
    folder: Path

    @cached_property
    def prompts(self) -> list[Prompt]:
        """The prompts that ingest kept."""
        return read_shard(self.complete("ingest", "prompts.parquet"), Prompt)

    @cached_property
    def calibration(self) -> Calibration | None:
        """The comparison of the classifier with labeled prompts; None if the recipe names no such prompts."""
        report = read_record(self.complete("classify", "report.json"), ClassifyReport)
        return report.calibration if report else None

    @cached_property
    def new_prompts(self) -> list[Prompt]:
        """The prompts that expansion kept."""
        return read_shard(self.complete("expand", "prompts.parquet"), Prompt)

    @cached_property
    def kept(self) -> list[KeptPrompt]:
        """The prompts that instances are made for."""
        return kept_prompts(self.folder)

    @property
    def shard_count(self) -> int:
        """Number of shards that hold the pairs of one generator."""
        return -(-len(self.kept) // self.recipe.shard_size)

    def pairs(self) -> Iterator[ResponsePair]:
        """All pairs, passed or dropped, generator by generator."""
        for generator in self.recipe.respond.generators:
            yield from self.pairs_of(generator)

    def pairs_of(self, generator: Generator) -> Iterator[ResponsePair]:
        """All pairs of a generator, passed or dropped, in the order of their ids."""
        for at in range(self.shard_count):
            path = self.pairs_path(generator, at)
            yield from read_shard(self.complete("judge", path.relative_to(self.folder / "judge")), ResponsePair)

    def pairs_path(self, generator: Generator, at: int) -> Path:
        """Where the stage "judge" puts the pairs of a generator's shard."""
        return self.folder / "judge" / generator.name / f"pairs-{at:05d}.parquet"

    def splits(self) -> dict[str, Split]:
        """The split of each prompt that has an instance, by content id."""
        return {prompt.id: prompt.split for prompt in read_shard(self.complete("split", "prompts.parquet"), SplitPrompt)}

    def outcomes(self, name: str, kind: type[RecordT]) -> Iterator[RecordT]:
        """The outcomes in the shards of a folder.

        Args:
            name: The folder within that of the build.
            kind: Type of the outcomes.

        Yields:
            The outcomes, shard by shard.
        """
        for path in sorted((self.folder / name).glob("[0-9]*.parquet")):
            yield from read_shard(path, kind)

    def labeled(self, name: str, prompts: Sequence[Prompt]) -> list[tuple[Prompt, Domains]]:
        """Prompts with the domains that they touch.

        Args:
            name: Folder of the classified shards.
            prompts: The prompts.

        Returns:
            The prompts that were classified in these shards; others are left out.
        """
        thresholds = self.calibration.thresholds if self.calibration else {}
        by_id = {prompt.id: prompt for prompt in prompts}
        rows = self.outcomes(name, Classified)
        return [(by_id[row.id], holding(row, thresholds, self.recipe.classify.delta)) for row in rows if row.id in by_id]

    def complete(self, stage: StageName, file: str | Path) -> Path:
        """A file of a stage that must be complete.

        Raises:
            InputError: The file is not there.
        """
        path = self.folder / stage / file
        if not path.exists():
            raise incomplete(self.folder, stage)
        return path


def kept_prompts(folder: Path) -> list[KeptPrompt]:
    """The prompts that instances are made for, of the build in a folder.

    Raises:
        InputError: The stage ``dedup`` is not complete there.
    """
    path = folder / "dedup" / "prompts.parquet"
    if not path.exists():
        raise InputError(f"{folder}: holds no build whose stage 'dedup' is complete.")
    return read_shard(path, KeptPrompt)


def incomplete(folder: Path, stage: StageName) -> InputError:
    """The error for a stage that must be run first."""
    return InputError(f"{folder}: the stage '{stage}' is not complete. Run it first: --stages {stage}, or all of them.")
