"""The runs of VETO and priming in a report: their labels, and checks that they may be compared."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from misfire.reports.logs.log_files import (
    FoundLog,
    FoundLogs,
    Scoring,
    conflicts_of,
    difference,
    noted_count,
    noted_texts,
    refuse_mixed,
    start_order,
    stored_metrics,
)
from misfire.reports.logs.run_labels import labels, settings_of, short_names
from misfire.scorers.half_notes import BASE

TaskName = Literal["veto", "priming"]

_TASKS: tuple[TaskName, ...] = ("veto", "priming")


@dataclass(frozen=True)
class Run:
    """One run of VETO or priming, as described by the header of its log.

    Attributes:
        label: Short name, unique among the runs of a set.
        model: The model, as Inspect names it.
        task: The task.
        edition: How the pairs were built from BBQ. None for pairs of other sources, and for logs that do not
            record it.
        protocol: ``direct`` or ``cot``.
        parser: How answers were parsed, after re-scoring if there was any.
        scoring: The scoring whose scores are read.
        other_scorings: Other scorings by misfire in the log, which are not read.
        settings: Other settings that distinguish runs of one model (reasoning effort, temperature, task
            parameters, …), by name.
        status: Inspect's status.
        epochs: Number of times that each half was asked.
        pair_count: Number of pairs of the task.
        pair_source: Type of source of the pairs.
        pair_origin: Description of the source.
        pair_set: SHA-256 over the pairs.
        unverified_files: BBQ files that differ from the official ones.
        suite_version: Version of misfire that wrote the log.
        arms: Arms of the priming experiment, with the base arm first. Only the base arm in VETO.
        task_id: Inspect's id of the task, which a retried run keeps.
        created: Time at which the run started, in ISO 8601.
        log: Location of the log.
        stored: The metrics that the log stores for this scoring, by key. Empty if it has none.
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
        """Number of planned (pair, epoch) combinations in each arm."""
        return self.pair_count * self.epochs


@dataclass(frozen=True)
class RunSet:
    """The runs of a report.

    Attributes:
        runs: The runs, VETO before priming, then by model and time.
        superseded: Logs of earlier attempts at one of these runs.
        copies: Logs with the same content as one of the logs in use.
        foreign: Logs in the given folders that were not written by misfire.
        unreadable: Reasons why logs in the given folders could not be read, one per log.
        mixed: Descriptions of differences between the runs that should not exist. Empty unless mixing was
            allowed.
    """

    runs: tuple[Run, ...]
    superseded: tuple[str, ...]
    copies: tuple[str, ...]
    foreign: tuple[str, ...]
    unreadable: tuple[str, ...]
    mixed: tuple[str, ...]

    def of(self, task: TaskName) -> tuple[Run, ...]:
        """Return the runs of one task."""
        return tuple(run for run in self.runs if run.task == task)

    def protocol_pairs(self) -> list[tuple[Run, Run]]:
        """Return runs of one model with and without chain of thought, on the same pairs.

        Returns:
            For every chain-of-thought run, the direct run that shares most of its settings, as (direct, chain
            of thought).
        """
        runs = self.of("veto")
        return _likest(
            [run for run in runs if run.protocol == "cot"],
            [run for run in runs if run.protocol == "direct"],
            lambda run: (run.model, run.pair_set),
        )

    def edition_pairs(self) -> list[tuple[Run, Run]]:
        """Return runs of one model on the published and on the repaired edition, with the same protocol.

        Returns:
            For every run on the repaired edition, the run on the published edition that shares most of its
            settings, as (published, repaired).
        """
        runs = self.of("veto")
        return _likest(
            [run for run in runs if run.edition == "repaired"],
            [run for run in runs if run.edition == "published"],
            lambda run: (run.model, run.protocol, run.parser),
        )


def _likest(
    wanted: Sequence[Run], others: Sequence[Run], key: Callable[[Run], Hashable]
) -> list[tuple[Run, Run]]:
    """Return, for each wanted run, the most similar other run with the same key, as (other, run)."""
    pairs: list[tuple[Run, Run]] = []
    for run in wanted:
        same = [other for other in others if key(other) == key(run)]
        if same:
            pairs.append((max(same, key=lambda other: len(set(other.settings) & set(run.settings))), run))
    return pairs


def runs_of(found: FoundLogs, *, allow_mixed: bool = False) -> RunSet:
    """Return the runs over pairs among a set of logs.

    Args:
        found: The logs.
        allow_mixed: Whether runs may differ in pairs, suite version or parser.

    Returns:
        The labeled runs. There may be none.

    Raises:
        InputError: Runs differ in a way that is not allowed.
    """
    logs = sorted((log for log in found.logs if log.family in _TASKS), key=_order)
    runs = [
        _run(log, log.family, log.location in found.in_conflict)
        for log in logs
        if log.family in ("veto", "priming")
    ]
    names = short_names({run.model for run in runs})
    named_runs: list[Run] = []
    for task in _TASKS:
        members = [run for run in runs if run.task == task]
        own = labels(members, names, [("protocol", "direct")])
        named_runs += [replace(run, label=label) for run, label in zip(members, own, strict=True)]
    mixed = [*conflicts_of(found, _TASKS), *_differences(named_runs)]
    if not allow_mixed:
        refuse_mixed(mixed)
    return RunSet(
        tuple(named_runs), found.superseded, found.copies, found.foreign, found.unreadable, tuple(mixed)
    )


def _order(log: FoundLog) -> tuple[bool, str, tuple[str, str, str], str, str]:
    return log.family != "veto", log.header.eval.model, start_order(log), log.scoring.words, log.location


def _run(log: FoundLog, task: TaskName, in_conflict: bool) -> Run:
    spec, metadata = log.header.eval, log.header.eval.metadata or {}
    arguments = spec.task_args
    edition = None if metadata.get("edition") is None else str(metadata["edition"])
    parser = str(dict(log.scoring.options).get("parser", arguments.get("parser", "strict")))
    shown = (
        {"parser": parser}
        | ({"edition": edition} if edition else {})
        | ({"log": log.name} if in_conflict else {})
    )
    return Run(
        label=spec.model,
        model=spec.model,
        task=task,
        edition=edition,
        protocol=str(arguments.get("protocol", "direct")),
        parser=parser,
        scoring=log.scoring,
        other_scorings=log.scorings[1:],
        settings=settings_of(log.header, _NOT_SETTINGS, shown),
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
    {
        "source",
        "categories",
        "pairs",
        "per_scenario",
        "seed",
        "parser",
        "bbq_dir",
        "allow_unverified",
        "path",
        "revision",
    }
)
"""Task parameters that are not settings, because they select the pairs or the parser. Pairs are compared by
hash."""


def _differences(runs: Sequence[Run]) -> list[str]:
    """Describe differences between runs of a task in properties that must be equal.

    Editions have different pairs by design, and are compared by scenario.
    """
    lines: list[str] = []
    for task in _TASKS:
        members = [run for run in runs if run.task == task]
        repaired = [run for run in members if run.edition == "repaired"]
        others = [run for run in members if run.edition != "repaired"]
        lines += difference(others, f"pair sets of {task}", lambda run: run.pair_set, _pair_set_words)
        lines += difference(
            repaired,
            f"pair sets of the repaired edition of {task}",
            lambda run: run.pair_set,
            _pair_set_words,
        )
        if repaired:
            lines += difference(
                members, f"pair sources of {task}", lambda run: run.pair_source, _pair_set_words
            )
        lines += difference(
            members,
            f"suite versions of {task}",
            lambda run: run.suite_version,
            lambda run: run.suite_version or "unknown",
        )
        lines += difference(members, f"parsers of {task}", lambda run: run.parser, lambda run: run.parser)
    return lines


def _pair_set_words(run: Run) -> str:
    return f"{run.pair_count} pairs, {run.pair_origin} (sha256 {run.pair_set[:12]})"
