"""The stage "split", which splits the prompts that have an instance into train, validation, and test."""

from pathlib import Path

from misfire.datasets.misalign.instances import SPLITS, Split
from misfire.errors import InputError
from misfire.savacu.recipe import Recipe
from misfire.savacu.records import PreviousPrompt, SplitPrompt, SplitReport, StageName
from misfire.savacu.splits import assign, balance
from misfire.savacu.stages.stage import Workspace
from misfire.savacu.store import key_of, read_record, read_shard, write_record, write_shard


class SplitStage:
    """Splits the prompts of all pairs that passed."""

    name: StageName = "split"

    def key(self, recipe: Recipe) -> str:
        """See ``BuildStage``."""
        return key_of(self.name, recipe.split)

    def run(self, work: Workspace) -> None:
        """See ``BuildStage``."""
        work.progress(self.name, 0, 1)
        view = work.view
        used = {pair.prompt_id for pair in view.pairs() if pair.passed}
        prompts = [prompt for prompt in view.kept if prompt.id in used]
        if not prompts:
            raise InputError(
                f"{work.folder}: no pair passed, so there is nothing to split. `misfire savacu status` "
                "shows why."
            )
        # prompts of the previous data set that are not in this build still fix the split of their group
        old = read_shard(view.complete("dedup", "previous.parquet"), PreviousPrompt)
        group_of = {prompt.id: prompt.group for prompt in [*old, *prompts]}
        before: dict[str, Split] = {prompt.id: prompt.split for prompt in work.previous}
        assigned, leaking = assign(group_of, work.recipe.split.salt, before)
        splits: dict[str, Split] = {name: split for name, split in assigned.items() if name in used}
        records = [SplitPrompt(id=name, split=splits[name]) for name in sorted(splits)]
        write_shard(work.folder / "split" / "prompts.parquet", records, key_of("split", *records))
        counts: dict[Split, int] = {split: sum(each == split for each in splits.values()) for split in SPLITS}
        report = SplitReport(
            prompts={split: count for split, count in counts.items() if count},
            leaking=tuple(leaking),
            balance=balance({prompt.id: prompt.domains for prompt in prompts}, splits),
        )
        write_record(work.folder / "split" / "report.json", report)
        work.progress(self.name, 1, 1)

    def report(self, folder: Path) -> SplitReport | None:
        """See ``BuildStage``."""
        return read_record(folder / "split" / "report.json", SplitReport)
