"""The build: stages in their order, each from what the stages before left in the build's folder.

What a stage makes is cut into shards, and each shard carries a key: a hash of all that it was made from. A build that goes on takes
the shards that are there; a shard with another key, since the recipe or the input changed, is refused and never mixed in.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from pydantic import BaseModel

from misfire.datasets.misalign.instances import RESPONSE_NAMES, SPLITS, ResponseName, Split
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.savacu.calibration import Calibration, calibrate
from misfire.savacu.calls import Item, Record, Stage
from misfire.savacu.known_labels import read_labels
from misfire.savacu.near_duplicates.clusters import clusters, dedup_report
from misfire.savacu.near_duplicates.fingerprints import fingerprints, telling
from misfire.savacu.near_duplicates.neighbors import Pairs, near_pairs
from misfire.savacu.prompts import Prompt, make_prompt
from misfire.savacu.recipe import Generator, ModelSpec, Recipe
from misfire.savacu.runners.runner import Runner, Work, forget_replies
from misfire.savacu.splits import DomainBalance, assign, balance
from misfire.savacu.stages.classify import Classified, ToClassify, all_domains, classify_stage, holding
from misfire.savacu.stages.expand import EXPANSION, Expand, Expanded, to_expand
from misfire.savacu.stages.ingest import ingest, refusal_of
from misfire.savacu.stages.judge import Judge, Judged, ToJudge, after_judging, next_round, to_judge
from misfire.savacu.stages.respond import Domains, Draft, Respond, Responded, ToRespond
from misfire.savacu.store import check_room, key_of, read_record, read_shard, shard_key, shards_of, write_record, write_shard

if TYPE_CHECKING:
    from misfire.savacu.publish.dataset import PublishedPrompt

StageName = Literal["ingest", "classify", "expand", "dedup", "respond", "judge", "split", "publish"]
"""The stages; "judge" is judging with all rounds of writing again."""

STAGES: tuple[StageName, ...] = get_args(StageName)

Progress = Callable[[str, int, int], None]
"""Is told of a stage, how many of its items are done, and of how many."""

Search = Callable[[Any, int], Pairs]
"""Finds all pairs of fingerprints within a distance."""

RecordT = TypeVar("RecordT", bound=BaseModel)


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total


class KeptPrompt(Record):
    """A prompt that instances are made for.

    Attributes:
        id: Content id.
        text: The prompt.
        source: Where it is from.
        place: Where it stands there.
        domains: What it touches.
        group: The smallest id of its near-duplicates at the split's radius.
    """

    id: str
    text: str
    source: str
    place: str
    domains: Domains
    group: str


class Rejection(Record):
    """Why a response was rejected in a round.

    Attributes:
        side: Which response.
        round: In which round.
        code: The kind of fault.
        reason: The fault.
    """

    side: ResponseName
    round: int
    code: str
    reason: str


class Pair(Record):
    """A prompt with both responses of a generator, after the last round.

    Attributes:
        id: That of the instance: content id and generator.
        prompt_id: Content id of the prompt.
        generator: Name of the generator.
        drafts: The responses as they were last written.
        rejections: All rejections on the way.
        passed: Whether both responses passed.
    """

    id: str
    prompt_id: str
    generator: str
    drafts: dict[ResponseName, Draft]
    rejections: tuple[Rejection, ...]
    passed: bool


class MadeBy(Record):
    """By what a stage was completed.

    Attributes:
        recipe: Hash of the whole recipe.
        key: Hash of what the recipe says of this stage and of all before it.
    """

    recipe: str
    key: str


class PreviousPrompt(Record):
    """A prompt of the data set that was built before, for the split.

    Attributes:
        id: Content id.
        group: As that of ``KeptPrompt``.
    """

    id: str
    group: str


class ClassifyReport(Record):
    """What classification gave.

    Attributes:
        prompts: How many were classified.
        undefined: Labels that could not be read, of prompts times 111.
        without_domain: Prompts that touch no domain: no instance can be made for them.
        domains: How many prompts hold each domain.
        calibration: What the labelled prompts say; none if there are none.
    """

    prompts: int
    undefined: int
    without_domain: int
    domains: dict[str, int]
    calibration: Calibration | None


class ExpandReport(Record):
    """What expansion gave: ``asked`` is the sum of what was dropped and kept.

    Attributes:
        rounds: How many rounds there were.
        asked: New prompts asked for.
        dropped: By reason: as in ingest, "repeat" also of a prompt that was there, and "other_domain" where the classifier does not find
            the domain that it was written for.
        kept: How many stayed.
        under_target: Domains that still have fewer prompts than wanted.
        undefined: Labels of new prompts that could not be read.
    """

    rounds: int
    asked: int
    dropped: dict[str, int]
    kept: int
    under_target: int
    undefined: int


class JudgeReport(Record):
    """What became of the pairs.

    Attributes:
        pairs: Prompts times generators.
        passed: Pairs whose responses both passed.
        passed_by_round: In which round they did.
        dropped: Pairs that did not.
        written: Responses written, by round.
        rejected: Rejections by round and kind of fault; a response may have several faults.
        dropped_for: Of the dropped pairs, the kinds of fault that their last drafts have.
    """

    pairs: int
    passed: int
    passed_by_round: dict[int, int]
    dropped: int
    written: dict[int, int]
    rejected: dict[int, dict[str, int]]
    dropped_for: dict[str, int]


class SplitReport(Record):
    """How the prompts were split.

    Attributes:
        prompts: By split.
        leaking: New prompts that hang together with old ones of different splits; they were dropped.
        balance: By domain.
    """

    prompts: dict[Split, int]
    leaking: tuple[str, ...]
    balance: dict[str, DomainBalance]


class SplitPrompt(Record):
    """The split of a prompt.

    Attributes:
        id: Content id.
        split: Its split.
    """

    id: str
    split: Split


@dataclass(frozen=True)
class Build:
    """A build in a folder.

    Attributes:
        recipe: What is wanted.
        folder: Where it is kept.
        runner: What carries stages out.
        progress: Is told how far a stage is.
        search: Finds near-duplicates; another one may share the work out.
    """

    recipe: Recipe
    folder: Path
    runner: Runner
    progress: Progress = _silent
    search: Search = near_pairs

    def run(self, wanted: Sequence[StageName] = STAGES) -> None:
        """Carry out stages; what is there already is taken as it is.

        Args:
            wanted: Which; those before them must be complete.

        Raises:
            InputError: The input cannot be used, a stage before is not complete, a shard is broken or from another recipe, or items could
                not be done. What is done is kept.
        """
        self.previous  # noqa: B018 (a data set that cannot be used is told before anything is asked for)
        before: list[str] = []
        for stage in STAGES:
            before.append(self._said_of(stage))
            made = self.folder / "stages" / f"{stage}.json"
            key = key_of(*before)
            if stage in wanted:
                made.unlink(missing_ok=True)
                getattr(self, stage)()
                write_record(made, MadeBy(recipe=self.recipe.hash, key=key))
            elif any(later in wanted for later in STAGES[STAGES.index(stage) :]) and not (stage == "expand" and self.recipe.expand is None):
                self._check_made(stage, made, key)

    def _said_of(self, stage: StageName) -> str:
        """What the recipe says of a stage, with the version of what it asks."""
        recipe, classifier = self.recipe, self._classifier
        parts: dict[StageName, tuple[object, ...]] = {
            "ingest": (recipe.ingest,),
            "classify": (recipe.classify, recipe.shard_size, classifier.version),
            "expand": (recipe.expand, Expand.version),
            "dedup": (recipe.dedup, recipe.split.tau, recipe.split.previous),
            "respond": (recipe.respond, Respond.version),
            "judge": (recipe.judge, Judge.version),
            "split": (recipe.split,),
            "publish": (recipe.publish,),
        }
        return key_of(stage, *parts[stage])

    def _check_made(self, stage: StageName, made: Path, key: str) -> None:
        """Refuse what a stage left if it is not complete, or if the recipe said something else of it or of a stage before."""
        told = read_record(made, MadeBy)
        if told is None:
            raise InputError(f"{self.folder}: the stage '{stage}' is not complete. Run it first: --stages {stage}, or all of them.")
        if told.key != key:
            raise InputError(
                f"{self.folder}: the stage '{stage}', or one before it, was made by another recipe. Run the stages from there on again "
                "(what still holds is taken as it is), or build into another folder."
            )

    def ingest(self) -> None:
        """Read and filter the prompts."""
        self.progress("ingest", 0, 1)
        table = self.recipe.ingest
        prompts, counts = ingest(table.sources, table.filters)
        key = key_of("ingest", *prompts)
        path = self.folder / "ingest" / "prompts.parquet"
        if (there := shard_key(path)) not in (None, key):
            raise _stale(path, "its prompts are others now")
        if there is None:
            write_shard(path, prompts, key)
        write_record(self.folder / "ingest" / "report.json", counts)
        self.progress("ingest", 1, 1)

    def classify(self) -> None:
        """Classify the prompts, and calibrate if there are labels."""
        self._carry_out("classify", self._classifier, self.recipe.classify.model, _to_classify(self.prompts))
        labelled = self.recipe.classify.calibration
        calibration = None
        if labelled is not None:
            labels = read_labels(labelled)
            matched = [row for row in self._outcomes("classify", Classified) if row.id in labels]
            if not matched:
                raise InputError(
                    f"{labelled.path}: none of its {len(labels):,} prompts is among those of the build, so nothing can be calibrated."
                )
            calibration = calibrate(matched, labels, self.recipe.classify.delta)
        thresholds = calibration.thresholds if calibration else {}
        undefined = without = 0
        counts: Counter[str] = Counter()
        for row in self._outcomes("classify", Classified):
            held = [name for names in holding(row, thresholds, self.recipe.classify.delta).values() for name in names]
            counts.update(held)
            undefined += len(row.undefined)
            without += not held
        report = ClassifyReport(
            prompts=len(self.prompts),
            undefined=undefined,
            without_domain=without,
            domains={domain.id: counts[domain.id] for domain in all_domains()},
            calibration=calibration,
        )
        write_record(self.folder / "classify" / "report.json", report)

    def expand(self) -> None:
        """Write and classify new prompts for domains that have few."""
        table = self.recipe.expand
        if table is None:
            return
        texts: dict[str, list[str]] = {domain.id: [] for domain in all_domains()}
        for prompt, domains in self._labelled("classify", self.prompts):
            for name in _names(domains):
                texts[name].append(prompt.text)
        known = {prompt.id for prompt in self.prompts}
        kept: list[Prompt] = []
        asked: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        undefined = done = 0
        for number in range(table.rounds):
            items = to_expand({name: sorted(held) for name, held in texts.items()}, table.target, table.oversample, table.most, asked)
            if not items:
                break
            done = number + 1
            self._carry_out(f"expand/{number}", Expand(table.settings), table.model, items)
            asked.update(item.domain for item in items)
            new, wanted_of = self._new_prompts(f"expand/{number}", known, dropped)
            known |= wanted_of.keys()
            self._carry_out(f"expand_classify/{number}", self._classifier, self.recipe.classify.model, _to_classify(new))
            undefined += sum(len(row.undefined) for row in self._outcomes(f"expand_classify/{number}", Classified))
            for prompt, domains in self._labelled(f"expand_classify/{number}", new):
                if wanted_of[prompt.id] not in _names(domains):
                    dropped["other_domain"] += 1
                    continue
                kept.append(prompt)
                for name in _names(domains):
                    texts[name].append(prompt.text)
        kept.sort(key=lambda prompt: prompt.id)
        report = ExpandReport(
            rounds=done,
            asked=asked.total(),
            dropped=dict(sorted(dropped.items())),
            kept=len(kept),
            under_target=sum(len(held) < table.target for held in texts.values()),
            undefined=undefined,
        )
        path = self.folder / "expand" / "prompts.parquet"
        write_shard(path, kept, key_of("expansion", *kept))
        write_record(self.folder / "expand" / "report.json", report)

    def dedup(self) -> None:
        """Keep one of each cluster of near-duplicates among the prompts that touch a domain."""
        self.progress("dedup", 0, 1)
        classified = self._labelled("classify", self.prompts)
        self._check_all("classify", classified, self.prompts)
        labelled = [(prompt, domains) for prompt, domains in classified if _names(domains)]
        if self.recipe.expand is not None:
            new = read_shard(self._complete("expand", "prompts.parquet"), Prompt)
            rounds = range(self.recipe.expand.rounds)
            written = [told for number in rounds for told in self._labelled(f"expand_classify/{number}", new)]
            self._check_all("expand_classify", written, new)
            labelled += written
        labelled.sort(key=lambda pair: pair[0].id)
        prompts = [prompt for prompt, _ in labelled]
        ids = [prompt.id for prompt in prompts]
        pairs = self.search(fingerprints(telling(prompt.text) for prompt in prompts), self.recipe.dedup.tau)
        old = {prompt.id: prompt for prompt in self.previous}
        cluster_of = clusters(ids, pairs, before=old)
        group_of = self._groups({prompt.id: prompt.text for prompt in [*prompts, *self.previous]})
        kept = [
            KeptPrompt(**prompt.model_dump(), domains=domains, group=group_of[prompt.id])
            for prompt, domains in labelled
            if cluster_of[prompt.id] == prompt.id
        ]
        groups = [PreviousPrompt(id=name, group=group_of[name]) for name in sorted(old)]
        write_shard(self.folder / "dedup" / "previous.parquet", groups, key_of("previous", *groups))
        key = key_of("dedup", *kept)
        path = self.folder / "dedup" / "prompts.parquet"
        if (there := shard_key(path)) not in (None, key) and any((self.folder / "respond").glob("*/*/*.parquet")):
            raise _stale(self.folder, "its prompts are others now, and responses were written for those before")
        if there != key:
            write_shard(path, kept, key)
        write_record(self.folder / "dedup" / "report.json", dedup_report(prompts, pairs, cluster_of, self.recipe.dedup.tau))
        self.progress("dedup", 1, 1)

    def respond(self) -> None:
        """Let each generator write its first responses."""
        for generator in self.recipe.respond.generators:
            self._write(generator, 0)

    def judge(self) -> None:
        """Judge responses; write rejected ones again and judge those, round by round; then sum up."""
        rounds = self.recipe.respond.rounds
        for number in range(rounds + 1):
            for generator in self.recipe.respond.generators:
                if number:
                    self._write(generator, number)
            for generator in self.recipe.respond.generators:
                waiting = (self._to_judge(generator, number, at) for at in range(self._shard_count))
                self._carry_out_shards(
                    f"judge/{generator.name}/{number}",
                    Judge(self.recipe.judge.overrides),
                    self.recipe.judge.model,
                    waiting,
                    self._shard_count,
                )
        for generator in self.recipe.respond.generators:
            for at in range(self._shard_count):
                finished = self._finished(generator, at)
                write_shard(self.folder / "judge" / generator.name / f"pairs-{at:05d}.parquet", finished, key_of("pairs", *finished))
        write_record(self.folder / "judge" / "report.json", self._judge_report())

    def split(self) -> None:
        """Split the prompts that have an instance."""
        self.progress("split", 0, 1)
        used = {pair.prompt_id for pair in self.pairs() if pair.passed}
        prompts = [prompt for prompt in self.kept if prompt.id in used]
        if not prompts:
            raise InputError(f"{self.folder}: no pair passed, so there is nothing to split. `misfire savacu status` says why.")
        previous: dict[str, Split] = {prompt.id: prompt.split for prompt in self.previous}
        # an old prompt that is not in this build still holds its group where it was
        group_of = {told.id: told.group for told in read_shard(self._complete("dedup", "previous.parquet"), PreviousPrompt)}
        group_of |= {prompt.id: prompt.group for prompt in self.kept if prompt.id in used}
        assigned, leaking = assign(group_of, self.recipe.split.salt, previous)
        splits: dict[str, Split] = {name: split for name, split in assigned.items() if name in used}
        records = [SplitPrompt(id=name, split=splits[name]) for name in sorted(splits)]
        write_shard(self.folder / "split" / "prompts.parquet", records, key_of("split", *records))
        report = SplitReport(
            prompts={split: count for split in SPLITS if (count := sum(told == split for told in splits.values()))},
            leaking=tuple(leaking),
            balance=balance({prompt.id: prompt.domains for prompt in prompts}, splits),
        )
        write_record(self.folder / "split" / "report.json", report)
        self.progress("split", 1, 1)

    def publish(self) -> None:
        """Write the data set into the folder ``dataset``."""
        from misfire.savacu.publish.dataset import write_dataset

        self.progress("publish", 0, 1)
        write_dataset(self)
        self.progress("publish", 1, 1)

    @cached_property
    def prompts(self) -> list[Prompt]:
        """The prompts that ingest kept."""
        return read_shard(self._complete("ingest", "prompts.parquet"), Prompt)

    @cached_property
    def kept(self) -> list[KeptPrompt]:
        """The prompts that instances are made for."""
        return kept_prompts(self.folder)

    @cached_property
    def calibration(self) -> Calibration | None:
        """What the labelled prompts say of the classifier."""
        report = read_record(self._complete("classify", "report.json"), ClassifyReport)
        return report.calibration if report else None

    def splits(self) -> dict[str, Split]:
        """The split of each prompt that has an instance."""
        return {told.id: told.split for told in read_shard(self._complete("split", "prompts.parquet"), SplitPrompt)}

    def pairs(self) -> Iterator[Pair]:
        """All pairs, passed or dropped, generator by generator."""
        for generator in self.recipe.respond.generators:
            yield from self.pairs_of(generator)

    def pairs_of(self, generator: Generator) -> Iterator[Pair]:
        """All pairs of a generator, passed or dropped, in the order of their ids."""
        for at in range(self._shard_count):
            yield from read_shard(self._complete("judge", f"{generator.name}/pairs-{at:05d}.parquet"), Pair)

    @cached_property
    def _classifier(self) -> Stage:
        return classify_stage(self.recipe.classify.method, self.recipe.classify.overrides)

    def _complete(self, stage: StageName, file: str) -> Path:
        """A file that a stage writes when it is complete."""
        path = self.folder / stage / file
        if not path.exists():
            raise InputError(f"{self.folder}: the stage '{stage}' is not complete. Run it first: --stages {stage}, or all of them.")
        return path

    def _carry_out(self, name: str, stage: Stage, model: ModelSpec, items: Sequence[Item]) -> None:
        shards = list(shards_of(items, self.recipe.shard_size))
        self._carry_out_shards(name, stage, model, iter(shards), len(shards))

    def _carry_out_shards(self, name: str, stage: Stage, model: ModelSpec, shards: Iterator[Sequence[Item]], count: int) -> None:
        """Carry out what is not there yet of a stage's shards."""
        if (self.folder / name / f"{count:05d}.parquet").exists():
            raise _stale(self.folder / name, "it has more shards than there are items now")
        for at, items in enumerate(shards):
            path = self.folder / name / f"{at:05d}.parquet"
            asked = (model.model, sorted(model.args.items()))
            key = key_of(stage.name, stage.version, getattr(stage, "settings", None), getattr(stage, "rules", None), asked, *items)
            there = shard_key(path)
            if there not in (None, key):
                raise _stale(path, "its items, its model or its settings are others now")
            if there == key:
                # a build that was killed between the two may have left the shard's replies
                forget_replies(self.folder, f"{name}/{at:05d}")
                self.progress(name, at + 1, count)
                continue
            check_room(self.folder)
            self._run_shard(path, Work(stage, model, items, f"{name}/{at:05d}", self.folder), key, at, count)

    def _run_shard(self, path: Path, work: Work, key: str, at: int, count: int) -> None:
        done = 0

        def step(more: int) -> None:
            nonlocal done
            done += more
            self.progress(work.label, done, len(work.items))

        def keep(outcomes: list[Any]) -> None:
            write_shard(path, outcomes, key)

        if work.items:
            self.runner.run(work, keep, step)
        else:
            keep([])
        self.progress(work.label.rpartition("/")[0], at + 1, count)

    def _outcomes(self, name: str, kind: type[RecordT]) -> Iterator[RecordT]:
        for path in sorted((self.folder / name).glob("[0-9]*.parquet")):
            yield from read_shard(path, kind)

    def _labelled(self, name: str, prompts: Sequence[Prompt]) -> list[tuple[Prompt, Domains]]:
        """Prompts with the domains that they touch, as a stage's shards say; those that it did not classify are left out."""
        thresholds = self.calibration.thresholds if self.calibration else {}
        by_id = {prompt.id: prompt for prompt in prompts}
        rows = self._outcomes(name, Classified)
        return [(by_id[row.id], holding(row, thresholds, self.recipe.classify.delta)) for row in rows if row.id in by_id]

    def _new_prompts(self, name: str, known: set[str], dropped: "Counter[str]") -> tuple[list[Prompt], dict[str, str]]:
        """New prompts of a round that pass the filters of ingest, and the domain that each was written for; others are counted."""
        new: dict[str, Prompt] = {}
        wanted_of: dict[str, str] = {}
        for row in self._outcomes(name, Expanded):
            reason = refusal_of(row.text, self.recipe.ingest.filters)
            if reason is not None:
                dropped[reason] += 1
                continue
            prompt = make_prompt(row.text, EXPANSION, row.id)
            if prompt.id in known or prompt.id in new:
                dropped["repeat"] += 1
            else:
                new[prompt.id], wanted_of[prompt.id] = prompt, row.domain
        return [new[name] for name in sorted(new)], wanted_of

    @property
    def _shard_count(self) -> int:
        """How many shards the pairs of a generator come in."""
        return -(-len(self.kept) // self.recipe.shard_size)

    def _first_items(self, generator: Generator, at: int) -> list[ToRespond]:
        """The pairs of a generator's shard, before anything is written."""
        size = self.recipe.shard_size
        return [
            ToRespond(
                id=f"{prompt.id}_{generator.name}", prompt_id=prompt.id, text=prompt.text, domains=prompt.domains, generator=generator.name
            )
            for prompt in self.kept[at * size : (at + 1) * size]
        ]

    def _write(self, generator: Generator, number: int) -> None:
        table = self.recipe.respond
        count = self._shard_count
        items = (self._to_write(generator, number, at) for at in range(count))
        name = f"respond/{generator.name}/{number}"
        self._carry_out_shards(name, Respond(table.settings_of(generator), table.rules), generator, items, count)

    def _to_write(self, generator: Generator, number: int, at: int) -> list[ToRespond]:
        """The pairs of a shard that are written in a round, from what the rounds before left."""
        if number == 0:
            return self._first_items(generator, at)
        following = (next_round(item, drafts) for item, drafts in self._after(generator, number - 1, at))
        return [item for item in following if item is not None]

    def _written(self, generator: Generator, number: int, at: int) -> list[tuple[ToRespond, Responded]]:
        path = self._complete("respond", f"{generator.name}/{number}/{at:05d}.parquet")
        items, told = self._to_write(generator, number, at), read_shard(path, Responded)
        if [item.id for item in items] != [one.id for one in told]:
            raise _stale(path, "it holds replies for other items")
        return list(zip(items, told, strict=True))

    def _to_judge(self, generator: Generator, number: int, at: int) -> list[ToJudge]:
        """The responses of a shard that a round of writing left to judge."""
        waiting = (to_judge(item, told.drafts) for item, told in self._written(generator, number, at))
        return [item for item in waiting if item is not None]

    def _after(self, generator: Generator, number: int, at: int) -> list[tuple[ToRespond, dict[ResponseName, Draft]]]:
        """The pairs of a shard with their drafts after a round of writing and judging."""
        path = self._complete("judge", f"{generator.name}/{number}/{at:05d}.parquet")
        judged = {told.id: told for told in read_shard(path, Judged)}
        return [(item, after_judging(told.drafts, judged.get(item.id))) for item, told in self._written(generator, number, at)]

    def _finished(self, generator: Generator, at: int) -> list[Pair]:
        """The pairs of a shard after the last round, with all rejections on the way."""
        items = self._first_items(generator, at)
        drafts: dict[str, dict[ResponseName, Draft]] = {}
        rejections: dict[str, list[Rejection]] = {item.id: [] for item in items}
        for number in range(self.recipe.respond.rounds + 1):
            for item, after in self._after(generator, number, at):
                drafts[item.id] = after
                rejections[item.id] += [
                    Rejection(side=side, round=number, code=fault.code, reason=fault.reason)
                    for side in RESPONSE_NAMES
                    for fault in after[side].faults
                ]
        return [
            Pair(
                id=item.id,
                prompt_id=item.prompt_id,
                generator=item.generator,
                drafts=drafts[item.id],
                rejections=tuple(rejections[item.id]),
                passed=all(draft.passed for draft in drafts[item.id].values()),
            )
            for item in items
        ]

    def _judge_report(self) -> JudgeReport:
        rounds = range(self.recipe.respond.rounds + 1)
        written: dict[int, int] = dict.fromkeys(rounds, 0)
        for generator in self.recipe.respond.generators:
            for at in range(self._shard_count):
                for number in rounds:
                    written[number] += sum(len(item.missing()) for item in self._to_write(generator, number, at))
        passed_by_round: Counter[int] = Counter()
        dropped_for: Counter[str] = Counter()
        rejected: dict[int, Counter[str]] = {number: Counter() for number in rounds}
        pairs = 0
        for pair in self.pairs():
            pairs += 1
            for rejection in pair.rejections:
                rejected[rejection.round][rejection.code] += 1
            if pair.passed:
                passed_by_round[max(draft.round for draft in pair.drafts.values())] += 1
            else:
                dropped_for.update({fault.code for draft in pair.drafts.values() for fault in draft.faults})
        passed = passed_by_round.total()
        return JudgeReport(
            pairs=pairs,
            passed=passed,
            passed_by_round=dict(sorted(passed_by_round.items())),
            dropped=pairs - passed,
            written=written,
            rejected={number: dict(sorted(counts.items())) for number, counts in rejected.items()},
            dropped_for=dict(sorted(dropped_for.items())),
        )

    @cached_property
    def previous(self) -> "list[PublishedPrompt]":
        """The prompts of the data set that was built before, if the recipe names one."""
        from misfire.savacu.publish.dataset import published_prompts

        folder = self.recipe.split.previous
        return published_prompts(user_path(folder)) if folder else []

    def _groups(self, texts: Mapping[str, str]) -> dict[str, str]:
        """The group of each prompt at the split's radius."""
        ids = sorted(texts)
        wide = max(self.recipe.split.tau, self.recipe.dedup.tau)
        return clusters(ids, self.search(fingerprints(telling(texts[name]) for name in ids), wide))

    def _check_all(self, name: str, labelled: Sequence[tuple[Prompt, Domains]], prompts: Sequence[Prompt]) -> None:
        """Refuse labels of a part of the prompts, as when a broken shard was removed and not made anew."""
        if len(labelled) != len(prompts):
            raise InputError(
                f"{self.folder / name}: holds labels of {len(labelled):,} of {len(prompts):,} prompts: a shard is missing. "
                "Run --stages classify,expand."
            )


def kept_prompts(folder: Path) -> list[KeptPrompt]:
    """The prompts that instances are made for, of the build in a folder.

    Raises:
        InputError: The stage ``dedup`` is not complete there.
    """
    path = folder / "dedup" / "prompts.parquet"
    if not path.exists():
        raise InputError(f"{folder}: holds no build whose stage 'dedup' is complete.")
    return read_shard(path, KeptPrompt)


def _to_classify(prompts: Sequence[Prompt]) -> list[ToClassify]:
    return [ToClassify(id=prompt.id, text=prompt.text) for prompt in prompts]


def _names(domains: Domains) -> set[str]:
    return {name for dimension in DIMENSIONS for name in domains.get(dimension, ())}


def _stale(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path}: was made by another recipe or from other input: {reason}. Build into another folder, or remove it to have it made anew "
        "(what comes after it too)."
    )
