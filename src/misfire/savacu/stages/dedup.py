"""The stage "dedup", which keeps one prompt from each cluster of near-duplicates.

Only prompts that touch a domain take part.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from misfire.errors import InputError
from misfire.savacu.near_duplicates.clusters import DedupReport, clusters, dedup_report
from misfire.savacu.near_duplicates.fingerprints import fingerprints, telling
from misfire.savacu.prompting.respond import Domains
from misfire.savacu.prompts import Prompt
from misfire.savacu.recipe import Recipe
from misfire.savacu.records import KeptPrompt, PreviousPrompt, StageName
from misfire.savacu.stages.classify import domain_ids
from misfire.savacu.stages.stage import Workspace
from misfire.savacu.store import key_of, read_record, shard_key, stale, write_record, write_shard

Labeled = list[tuple[Prompt, Domains]]


class DedupStage:
    """Finds near-duplicates, and selects the prompts for which instances are made."""

    name: StageName = "dedup"

    def key(self, recipe: Recipe) -> str:
        """See ``BuildStage``."""
        return key_of(self.name, recipe.dedup, recipe.split.tau, recipe.split.previous)

    def run(self, work: Workspace) -> None:
        """See ``BuildStage``."""
        work.progress(self.name, 0, 1)
        labeled = _labeled(work)
        prompts = [prompt for prompt, _ in labeled]
        pairs = work.search(fingerprints(telling(prompt.text) for prompt in prompts), work.recipe.dedup.tau)
        old = {prompt.id: prompt for prompt in work.previous}
        cluster_of = clusters([prompt.id for prompt in prompts], pairs, before=old)
        group_of = _groups(work, {prompt.id: prompt.text for prompt in [*prompts, *work.previous]})
        kept = [
            KeptPrompt(**prompt.model_dump(), domains=domains, group=group_of[prompt.id])
            for prompt, domains in labeled
            if cluster_of[prompt.id] == prompt.id
        ]
        groups = [PreviousPrompt(id=name, group=group_of[name]) for name in sorted(old)]
        write_shard(work.folder / "dedup" / "previous.parquet", groups, key_of("previous", *groups))
        _write_kept(work.folder, kept)
        report = dedup_report(prompts, pairs, cluster_of, work.recipe.dedup.tau)
        write_record(work.folder / "dedup" / "report.json", report)
        work.progress(self.name, 1, 1)

    def report(self, folder: Path) -> DedupReport | None:
        """See ``BuildStage``."""
        return read_record(folder / "dedup" / "report.json", DedupReport)


def _labeled(work: Workspace) -> Labeled:
    """Return the prompts that touch a domain, including those from expansion, in the order of their ids."""
    view = work.view
    classified = view.labeled("classify", view.prompts)
    _check_all(work.folder / "classify", classified, view.prompts)
    labeled = [(prompt, domains) for prompt, domains in classified if domain_ids(domains)]
    if work.recipe.expand is not None:
        new = view.new_prompts
        rounds = range(work.recipe.expand.rounds)
        written = [pair for number in rounds for pair in view.labeled(f"expand_classify/{number}", new)]
        _check_all(work.folder / "expand_classify", written, new)
        labeled += written
    return sorted(labeled, key=lambda pair: pair[0].id)


def _groups(work: Workspace, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the group of each prompt at the radius of the split."""
    ids = sorted(texts)
    wide = max(work.recipe.split.tau, work.recipe.dedup.tau)
    return clusters(ids, work.search(fingerprints(telling(texts[name]) for name in ids), wide))


def _write_kept(folder: Path, kept: Sequence[KeptPrompt]) -> None:
    key = key_of("dedup", *kept)
    path = folder / "dedup" / "prompts.parquet"
    if (there := shard_key(path)) not in (None, key) and any((folder / "respond").glob("*/*/*.parquet")):
        raise stale(
            folder, "its prompts have changed, and responses were already written for the earlier prompts"
        )
    if there != key:
        write_shard(path, kept, key)


def _check_all(folder: Path, labeled: Labeled, prompts: Sequence[Prompt]) -> None:
    """Raise an error if some prompts have no labels.

    This happens, for example, if a damaged shard was deleted and not made again.
    """
    if len(labeled) != len(prompts):
        raise InputError(
            f"{folder}: has labels for {len(labeled):,} of {len(prompts):,} prompts. A shard is missing. "
            "Run --stages classify,expand."
        )
