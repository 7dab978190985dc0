"""The runs of VETO and priming in a report: their labels, and checks that they may be compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from misfire.reports.logs.log_files import FoundLog, FoundLogs, noted_count, noted_texts
from misfire.reports.logs.runs import (
    LoggedRun,
    check_comparable,
    conflict_setting,
    difference,
    labeled_runs,
    likest,
    logged_fields,
    version_difference,
)
from misfire.scorers.half_notes import BASE

TaskName = Literal["veto", "priming"]

_TASKS: tuple[TaskName, ...] = ("veto", "priming")


@dataclass(frozen=True, kw_only=True)
class Run(LoggedRun):
    """One run of VETO or priming, as described by the header of its log.

    Attributes:
        task: The task.
        edition: How the pairs were built from BBQ. None for pairs of other sources, and for logs that do not
            record it.
        protocol: ``direct`` or ``cot``.
        parser: How answers were parsed, after re-scoring if there was any.
        pair_count: Number of pairs of the task.
        pair_source: Type of source of the pairs.
        pair_origin: Description of the source.
        pair_set: SHA-256 over the pairs.
        unverified_files: BBQ files that differ from the official ones.
        arms: Arms of the priming experiment, with the base arm first. Only the base arm in VETO.
    """

    task: TaskName
    edition: str | None
    protocol: str
    parser: str
    pair_count: int
    pair_source: str
    pair_origin: str
    pair_set: str
    unverified_files: tuple[str, ...]
    arms: tuple[str, ...]

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
        return likest(
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
        return likest(
            [run for run in runs if run.edition == "repaired"],
            [run for run in runs if run.edition == "published"],
            lambda run: (run.model, run.protocol, run.parser),
        )


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
    runs = labeled_runs(
        found, _TASKS, lambda log, task: _run(log, task, conflict_setting(log, found)), ("protocol", "direct")
    )
    mixed = check_comparable(found, _TASKS, _differences(runs), allow_mixed=allow_mixed)
    return RunSet(runs, found.superseded, found.copies, found.foreign, found.unreadable, mixed)


def _run(log: FoundLog, task: TaskName, more: Mapping[str, object]) -> Run:
    metadata = log.header.eval.metadata or {}
    arguments = log.header.eval.task_args
    edition = None if metadata.get("edition") is None else str(metadata["edition"])
    parser = str(dict(log.scoring.options).get("parser", arguments.get("parser", "strict")))
    settings = {"parser": parser, **({"edition": edition} if edition else {}), **more}
    return Run(
        **logged_fields(log, _NOT_SETTINGS, settings),
        task=task,
        edition=edition,
        protocol=str(arguments.get("protocol", "direct")),
        parser=parser,
        pair_count=noted_count(log.header, "pair_count"),
        pair_source=str(metadata.get("pair_source", "")),
        pair_origin=str(metadata.get("pair_origin", "")),
        pair_set=str(metadata.get("pair_set_sha256", "")),
        unverified_files=noted_texts(log.header, "unverified_files"),
        arms=noted_texts(log.header, "arms") or (BASE,),
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
        lines += version_difference(members, task)
        lines += difference(members, f"parsers of {task}", lambda run: run.parser, lambda run: run.parser)
    return lines


def _pair_set_words(run: Run) -> str:
    return f"{run.pair_count} pairs, {run.pair_origin} (sha256 {run.pair_set[:12]})"
