"""The runs over pairs that a report rests on, VETO's and priming's: their names, and refusing to mix what differs."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from misfire.reports.logs.log_files import (
    FoundLog,
    FoundLogs,
    Scoring,
    difference,
    noted_count,
    noted_texts,
    refuse_mixed,
    rivals_of,
    stored_metrics,
)
from misfire.reports.logs.run_labels import labels, settings_of, short_names
from misfire.scorers.half_notes import BASE

TaskName = Literal["veto", "priming"]

_TASKS: tuple[TaskName, ...] = ("veto", "priming")


@dataclass(frozen=True)
class Run:
    """One run of a task of ours, as its log's header tells it.

    Attributes:
        label: Short name, unique among the runs of a set.
        model: The model, as Inspect names it.
        task: Which task.
        edition: How the pairs were built from BBQ; none for pairs of other sources, and in logs that do not say.
        protocol: ``direct`` or ``cot``.
        parser: How answers were read, after re-scoring if there was one.
        scoring: What gave the scores that are read.
        other_scorings: What else of ours scored the log, and is not read.
        settings: What else sets runs of one model apart (reasoning effort, temperature, task parameters, …), by name.
        status: Inspect's status.
        epochs: How often each half was asked.
        pair_count: Pairs of the task.
        pair_source: Kind of source of the pairs.
        pair_origin: The same in words.
        pair_set: SHA-256 over the pairs.
        unverified_files: BBQ files that were not the official ones.
        suite_version: Version of misfire that made the log.
        arms: Arms of the priming experiment, the base first; only the base in VETO.
        task_id: Inspect's id of the task, which a retried run keeps.
        created: When the run began, ISO 8601.
        log: Where the log lies.
        stored: The metrics that the log itself has for this scoring, by key; empty if it has none.
    """

    label: str
    model: str
    task: TaskName
    edition: str | None
    protocol: str
    parser: str
    scoring: Scoring
    other_scorings: tuple[Scoring, ...]
    settings: tuple[tuple[str, str], ...]
    status: str
    epochs: int
    pair_count: int
    pair_source: str
    pair_origin: str
    pair_set: str
    unverified_files: tuple[str, ...]
    suite_version: str
    arms: tuple[str, ...]
    task_id: str
    created: str
    log: str
    stored: tuple[tuple[str, float], ...] = field(repr=False)

    @property
    def planned_pairs(self) -> int:
        """(Pair, epoch)s of each arm."""
        return self.pair_count * self.epochs


@dataclass(frozen=True)
class RunSet:
    """The runs of a report.

    Attributes:
        runs: The runs, VETO before priming, then by model and time.
        superseded: Logs of earlier attempts at a run that is there.
        copies: Logs that say the same as one that counts.
        foreign: Logs in the given folders that are none of misfire's.
        unreadable: Logs in the given folders that could not be read, each with the reason.
        mixed: What differs between the runs though it should not, in words; empty unless mixing was asked for.
    """

    runs: tuple[Run, ...]
    superseded: tuple[str, ...]
    copies: tuple[str, ...]
    foreign: tuple[str, ...]
    unreadable: tuple[str, ...]
    mixed: tuple[str, ...]

    def of(self, task: TaskName) -> tuple[Run, ...]:
        """The runs of one task."""
        return tuple(run for run in self.runs if run.task == task)

    def protocol_pairs(self) -> list[tuple[Run, Run]]:
        """Runs of one model with and without chain of thought, on the same pairs.

        Returns:
            For every chain-of-thought run the direct run that shares most of its settings, as (direct, chain of thought).
        """
        runs = self.of("veto")
        return _likest(
            [run for run in runs if run.protocol == "cot"],
            [run for run in runs if run.protocol == "direct"],
            lambda run: (run.model, run.pair_set),
        )

    def edition_pairs(self) -> list[tuple[Run, Run]]:
        """Runs of one model on the published and the repaired edition, by the same protocol.

        Returns:
            For every run on the repaired edition the one on the published edition that shares most of its settings, as
            (published, repaired).
        """
        runs = self.of("veto")
        return _likest(
            [run for run in runs if run.edition == "repaired"],
            [run for run in runs if run.edition == "published"],
            lambda run: (run.model, run.protocol, run.parser),
        )


def _likest(wanted: Sequence[Run], others: Sequence[Run], key: Callable[[Run], Hashable]) -> list[tuple[Run, Run]]:
    """For each run that is wanted the other one with the same key that shares most of its settings, as (other, run)."""
    pairs: list[tuple[Run, Run]] = []
    for run in wanted:
        same = [other for other in others if key(other) == key(run)]
        if same:
            pairs.append((max(same, key=lambda other: len(set(other.settings) & set(run.settings))), run))
    return pairs


def runs_of(found: FoundLogs, *, allow_mixed: bool = False) -> RunSet:
    """The runs over pairs among some logs.

    Args:
        found: The logs.
        allow_mixed: Whether runs may differ in pairs, suite version or parser.

    Returns:
        The runs, named; there may be none.

    Raises:
        InputError: Runs differ that may not.
    """
    logs = sorted((log for log in found.logs if log.family in _TASKS), key=_order)
    runs = [_run(log, log.family, log.location in found.rivalled) for log in logs if log.family in ("veto", "priming")]
    names = short_names({run.model for run in runs})
    named_runs: list[Run] = []
    for task in _TASKS:
        members = [run for run in runs if run.task == task]
        own = labels(members, names, [("protocol", "direct")])
        named_runs += [replace(run, label=label) for run, label in zip(members, own, strict=True)]
    mixed = [*rivals_of(found, _TASKS), *_differences(named_runs)]
    if not allow_mixed:
        refuse_mixed(mixed)
    return RunSet(tuple(named_runs), found.superseded, found.copies, found.foreign, found.unreadable, tuple(mixed))


def _order(log: FoundLog) -> tuple[bool, str, str, str, str, str]:
    spec = log.header.eval
    return log.family != "veto", spec.model, spec.created, spec.eval_id, log.scoring.words, log.location


def _run(log: FoundLog, task: TaskName, rivalled: bool) -> Run:
    spec, metadata = log.header.eval, log.header.eval.metadata or {}
    arguments = spec.task_args
    edition = None if metadata.get("edition") is None else str(metadata["edition"])
    parser = str(dict(log.scoring.options).get("parser", arguments.get("parser", "strict")))
    told = {"parser": parser} | ({"edition": edition} if edition else {}) | ({"log": log.name} if rivalled else {})
    return Run(
        label=spec.model,
        model=spec.model,
        task=task,
        edition=edition,
        protocol=str(arguments.get("protocol", "direct")),
        parser=parser,
        scoring=log.scoring,
        other_scorings=log.scorings[1:],
        settings=settings_of(log.header, _NOT_SETTINGS, told),
        status=log.header.status,
        epochs=spec.config.epochs or 1,
        pair_count=noted_count(log.header, "pair_count"),
        pair_source=str(metadata.get("pair_source", "")),
        pair_origin=str(metadata.get("pair_origin", "")),
        pair_set=str(metadata.get("pair_set_sha256", "")),
        unverified_files=noted_texts(log.header, "unverified_files"),
        suite_version=str(metadata.get("suite_version", "")),
        arms=noted_texts(log.header, "arms") or (BASE,),
        task_id=spec.task_id,
        created=spec.created,
        log=log.location,
        stored=tuple(stored_metrics(log.header, log.scoring.column).items()),
    )


_NOT_SETTINGS = frozenset(
    {"source", "categories", "pairs", "per_scenario", "seed", "parser", "bbq_dir", "allow_unverified", "path", "revision"}
)
"""Task parameters that say which pairs and how they are read; those are compared by hash and parser."""


def _differences(runs: Sequence[Run]) -> list[str]:
    """What must be alike in all runs of a task and is not, in words. Editions differ in pairs by design, and are compared by scenario."""
    lines: list[str] = []
    for task in _TASKS:
        members = [run for run in runs if run.task == task]
        repaired = [run for run in members if run.edition == "repaired"]
        others = [run for run in members if run.edition != "repaired"]
        lines += difference(others, f"pair sets of {task}", lambda run: run.pair_set, _pair_set_words)
        lines += difference(repaired, f"pair sets of the repaired edition of {task}", lambda run: run.pair_set, _pair_set_words)
        if repaired:
            lines += difference(members, f"pair sources of {task}", lambda run: run.pair_source, _pair_set_words)
        lines += difference(members, f"suite versions of {task}", lambda run: run.suite_version, lambda run: run.suite_version or "unknown")
        lines += difference(members, f"parsers of {task}", lambda run: run.parser, lambda run: run.parser)
    return lines


def _pair_set_words(run: Run) -> str:
    return f"{run.pair_count} pairs, {run.pair_origin} (sha256 {run.pair_set[:12]})"
