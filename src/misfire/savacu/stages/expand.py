"""The stage "expand", which writes and classifies new prompts in rounds.

Rounds go on until all domains have enough prompts.
"""

from collections import Counter
from pathlib import Path

from misfire.savacu.prompting.classify import Classified, all_domains
from misfire.savacu.prompting.expand import EXPANSION, Expanded, ExpandStep, to_expand
from misfire.savacu.prompts import Prompt, make_prompt
from misfire.savacu.recipe import Expand, Recipe
from misfire.savacu.records import ExpandReport, StageName
from misfire.savacu.sources import refusal_of
from misfire.savacu.stages.classify import classify, domain_ids
from misfire.savacu.stages.stage import Workspace
from misfire.savacu.store import key_of, read_record, write_record, write_shard


class ExpandStage:
    """Writes and classifies new prompts if the recipe has a table [expand]."""

    name: StageName = "expand"

    def key(self, recipe: Recipe) -> str:
        """See ``BuildStage``."""
        return key_of(self.name, recipe.expand, ExpandStep.version)

    def run(self, work: Workspace) -> None:
        """See ``BuildStage``."""
        if work.recipe.expand is None:
            return
        expansion = _Expansion(work, work.recipe.expand)
        while expansion.run_round():
            pass
        kept = sorted(expansion.kept, key=lambda prompt: prompt.id)
        write_shard(work.folder / "expand" / "prompts.parquet", kept, key_of("expansion", *kept))
        write_record(work.folder / "expand" / "report.json", expansion.report())

    def report(self, folder: Path) -> ExpandReport | None:
        """See ``BuildStage``."""
        return read_record(folder / "expand" / "report.json", ExpandReport)


class _Expansion:
    """The state of an expansion across its rounds.

    Attributes:
        kept: The new prompts that were kept so far.
    """

    def __init__(self, work: Workspace, table: Expand) -> None:
        self._work, self._table = work, table
        self._texts: dict[str, list[str]] = {domain.id: [] for domain in all_domains()}
        for prompt, domains in work.view.labeled("classify", work.view.prompts):
            for name in domain_ids(domains):
                self._texts[name].append(prompt.text)
        self._known = {prompt.id for prompt in work.view.prompts}
        self._asked: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._undefined = self._rounds = 0
        self.kept: list[Prompt] = []

    def run_round(self) -> bool:
        """Run the next round.

        Return False if there is none, because no more prompts are needed or all rounds were run.
        """
        table, number = self._table, self._rounds
        texts = {name: sorted(held) for name, held in self._texts.items()}
        items = (
            to_expand(texts, table.target, table.oversample, table.most, self._asked)
            if number < table.rounds
            else []
        )
        if not items:
            return False
        self._rounds += 1
        self._work.shards.run(f"expand/{number}", ExpandStep(table.settings), table.model, items)
        self._asked.update(item.domain for item in items)
        wanted_of = self._new_prompts(f"expand/{number}")
        new = [prompt for prompt, _ in wanted_of.values()]
        classify(self._work, f"expand_classify/{number}", new)
        view = self._work.view
        self._undefined += sum(
            len(row.undefined) for row in view.outcomes(f"expand_classify/{number}", Classified)
        )
        for prompt, domains in view.labeled(f"expand_classify/{number}", new):
            held = domain_ids(domains)
            if wanted_of[prompt.id][1] not in held:
                self._dropped["other_domain"] += 1
                continue
            self.kept.append(prompt)
            for name in held:
                self._texts[name].append(prompt.text)
        return True

    def report(self) -> ExpandReport:
        """Summarize all rounds."""
        return ExpandReport(
            rounds=self._rounds,
            asked=self._asked.total(),
            dropped=dict(sorted(self._dropped.items())),
            kept=len(self.kept),
            under_target=sum(len(held) < self._table.target for held in self._texts.values()),
            undefined=self._undefined,
        )

    def _new_prompts(self, name: str) -> dict[str, tuple[Prompt, str]]:
        """Return the new prompts of a round that pass the filters, sorted by id.

        Each comes with the domain for which it was written.
        """
        found: dict[str, tuple[Prompt, str]] = {}
        for row in self._work.view.outcomes(name, Expanded):
            reason = refusal_of(row.text, self._work.recipe.ingest.filters)
            if reason is not None:
                self._dropped[reason] += 1
                continue
            prompt = make_prompt(row.text, EXPANSION, row.id)
            if prompt.id in self._known:
                self._dropped["repeat"] += 1
                continue
            self._known.add(prompt.id)
            found[prompt.id] = (prompt, row.domain)
        return dict(sorted(found.items()))
