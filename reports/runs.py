"""Which logs a report rests on: finding them, choosing between attempts, naming them, and refusing to mix what differs."""

import os
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log

from misfire.errors import InputError
from misfire.scorers import priming, veto

TaskName = Literal["veto", "priming"]

SCORERS: dict[TaskName, str] = {"veto": veto.SCORER, "priming": priming.SCORER}
"""The scorer that tells a task's logs."""

Places = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One or several log files or folders, on any file system that Inspect reads (``s3://…`` too)."""

Step = Callable[[], None]
"""Called after each log that was read, for a progress bar."""


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
    """

    label: str
    model: str
    task: TaskName
    edition: str | None
    protocol: str
    parser: str
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
        foreign: Logs in the given folders that are none of misfire's.
        unreadable: Logs in the given folders that could not be read, each with the reason.
        mixed: What differs between the runs though it should not, in words; empty unless mixing was asked for.
    """

    runs: tuple[Run, ...]
    superseded: tuple[str, ...]
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


def find_runs(places: Places, *, allow_mixed: bool = False) -> RunSet:
    """The runs in some logs.

    Of several attempts at one run (Inspect's task id is the same) the successful one counts, else the newest.

    Args:
        places: Log files and folders of logs; folders are searched through.
        allow_mixed: Whether runs may differ in pairs, suite version or parser.

    Returns:
        The runs, named.

    Raises:
        InputError: A place cannot be read, no log of ours is there, a file that was named is none of ours, or runs differ that may not.
    """
    attempts: defaultdict[str, list[Run]] = defaultdict(list)
    foreign: list[str] = []
    unreadable: list[str] = []
    for location, named in _locations([places] if isinstance(places, (str, os.PathLike)) else places):
        try:
            log = read_header(location)
        except InputError as error:
            if named:
                raise
            unreadable.append(str(error))
            continue
        task = task_of(log)
        if task is None and named:
            raise InputError(f"{location}: a log of the task {log.eval.task}, which is none of misfire's. Leave it out.")
        if task is None:
            foreign.append(location)
        else:
            attempts[log.eval.task_id].append(_run(log, task))
    if not attempts:
        raise InputError(
            "\n".join(["None of these places holds a log of misfire. Run `inspect eval misfire/veto --model …` first.", *unreadable])
        )
    best = {task_id: max(tries, key=lambda run: (run.status == "success", run.created)) for task_id, tries in attempts.items()}
    runs = _named(
        sorted(best.values(), key=lambda run: (run.task != "veto", run.model, run.created, run.edition or "", run.protocol, run.log))
    )
    mixed = _differences(runs)
    if mixed and not allow_mixed:
        raise InputError(
            "These runs must not be compared as they are:\n"
            + "\n".join(f"- {line}" for line in mixed)
            + "\nGive only logs that belong together, or say --allow-mixed: runs on different pairs then stand in one table, "
            "but are not compared."
        )
    superseded = tuple(run.log for tries in attempts.values() for run in tries if run is not best[run.task_id])
    return RunSet(tuple(runs), superseded, tuple(foreign), tuple(unreadable), tuple(mixed))


def read_header(location: str) -> EvalLog:
    """A log without its samples.

    Args:
        location: The log file.

    Returns:
        Its header.

    Raises:
        InputError: It is no log that can be read.
    """
    try:
        return read_eval_log(location, header_only=True)
    except Exception as error:  # Inspect raises many kinds for a file that is no log
        raise InputError(f"{location}: not a log that can be read ({type(error).__name__}: {error}).") from error


def task_of(log: EvalLog) -> TaskName | None:
    """Which task of ours a log is of; None if it is none of ours."""
    scorers = {scorer.name for scorer in log.eval.scorers or []} | {score.scorer for score in (log.results.scores if log.results else [])}
    return next((task for task, scorer in SCORERS.items() if scorer in scorers), None)


def is_log(place: str) -> bool:
    """Whether a place is named like a log file."""
    return place.endswith((".eval", ".json"))


def folder_logs(place: str) -> list[str]:
    """The logs in a folder and the folders in it, the newest first.

    Args:
        place: The folder, on any file system that Inspect reads.

    Returns:
        Their locations.

    Raises:
        InputError: There is no such folder.
    """
    if "://" not in place and not Path(place).is_dir():
        raise InputError(f"{place}: no folder, and no log file (they end in .eval or .json).")
    try:
        return [log.name for log in list_eval_logs(place)]
    except (OSError, ValueError) as error:
        raise InputError(f"{place}: no folder of logs that can be read ({error}).") from error


def _locations(places: Iterable[str | os.PathLike[str]]) -> list[tuple[str, bool]]:
    """Every log once, and whether it was named itself."""
    found: dict[str, bool] = {}
    for place in (str(place) for place in places):
        if is_log(place):
            found[place if "://" in place else f"file://{Path(place).absolute()}"] = True
        else:
            found.update((log, False) for log in folder_logs(place) if log not in found)
    return list(found.items())


def _run(log: EvalLog, task: TaskName) -> Run:
    spec, metadata = log.eval, log.eval.metadata or {}
    arguments = spec.task_args
    return Run(
        label=spec.model,
        model=spec.model,
        task=task,
        edition=metadata.get("edition"),
        protocol=str(arguments.get("protocol", "direct")),
        parser=_parser(log, SCORERS[task]),
        settings=_settings(log),
        status=log.status,
        epochs=spec.config.epochs or 1,
        pair_count=int(metadata.get("pair_count", 0)),
        pair_source=str(metadata.get("pair_source", "")),
        pair_origin=str(metadata.get("pair_origin", "")),
        pair_set=str(metadata.get("pair_set_sha256", "")),
        unverified_files=_texts(metadata.get("unverified_files")),
        suite_version=str(metadata.get("suite_version", "")),
        arms=_texts(metadata.get("arms")) or (priming.BASE,),
        task_id=spec.task_id,
        created=spec.created,
        log=log.location,
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, cast("list[object]", value))) if isinstance(value, list) else ()


def _parser(log: EvalLog, scorer: str) -> str:
    for entry in log.eval.scorers or []:
        if entry.name == scorer and "parser" in (entry.options or {}):
            return str((entry.options or {})["parser"])
    return str(log.eval.task_args.get("parser", "strict"))


_NOT_SETTINGS = frozenset(
    {"source", "categories", "pairs", "per_scenario", "seed", "parser", "bbq_dir", "allow_unverified", "path", "revision"}
)
"""Task parameters that say which pairs and how they are read; those are compared by hash and parser."""


_GENERATION = frozenset(
    {"temperature", "top_p", "top_k", "max_tokens", "seed", "system_message", "reasoning_effort", "reasoning_tokens", "effort", "verbosity"}
)
"""Options of generation that may change answers; others are about transport, and may hold secrets."""

_SECRET = re.compile(r"key|token(?!s)|secret|password|auth|header|credential", re.IGNORECASE)


def _settings(log: EvalLog) -> tuple[tuple[str, str], ...]:
    """What may set two runs of one model apart, without what may be secret."""
    given: dict[str, object] = {
        **{name: value for name, value in log.eval.task_args.items() if name not in _NOT_SETTINGS},
        **log.eval.model_generate_config.model_dump(include=set(_GENERATION), exclude_none=True),
        **log.plan.config.model_dump(include=set(_GENERATION), exclude_none=True),
        **{name: value for name, value in log.eval.model_args.items() if not _SECRET.search(name)},
        "epochs": log.eval.config.epochs or 1,
    }
    if edition := (log.eval.metadata or {}).get("edition"):
        given["edition"] = edition
    return tuple((name, textwrap.shorten(str(value), 60, placeholder="…")) for name, value in given.items())


def _named(runs: Sequence[Run]) -> list[Run]:
    """Runs with unique labels: the model, with the settings that set its runs of the task apart, or else their time."""
    names = _short_names({run.model for run in runs})
    siblings: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in runs:
        siblings[run.task, run.model].append(run)
    labels: dict[str, str] = {}
    for group in siblings.values():
        settings = [dict(run.settings) for run in group]
        differing = [
            name for name in dict.fromkeys(name for own in settings for name in own) if len({own.get(name) for own in settings}) > 1
        ]
        drafts = [_label(names[run.model], {name: own.get(name) for name in differing}) for run, own in zip(group, settings, strict=True)]
        for run, draft in zip(group, drafts, strict=True):
            labels[run.task_id] = draft if drafts.count(draft) == 1 else f"{draft} · {run.created[:19].replace('T', ' ')}"
    taken: defaultdict[tuple[str, str], int] = defaultdict(int)
    named: list[Run] = []
    for run in runs:
        label = labels[run.task_id]
        taken[run.task, label] += 1
        number = taken[run.task, label]
        named.append(replace(run, label=label if number == 1 else f"{label} #{number}"))
    return named


def _label(model: str, differing: dict[str, str | None]) -> str:
    protocol = differing.pop("protocol", None) or "direct"
    return " · ".join([model, *([protocol] if protocol != "direct" else []), *(f"{name}={value}" for name, value in differing.items())])


def _short_names(models: Iterable[str]) -> dict[str, str]:
    """Models without their provider, where that is unambiguous: ``openai/gpt-4o`` becomes ``gpt-4o``."""
    short = {model: model.rpartition("/")[2] for model in models}
    return {model: name if list(short.values()).count(name) == 1 else model for model, name in short.items()}


def _differences(runs: Sequence[Run]) -> list[str]:
    """What must be alike in all runs of a task and is not, in words. Editions differ in pairs by design, and are compared by scenario."""
    lines: list[str] = []
    for task in SCORERS:
        members = [run for run in runs if run.task == task]
        repaired = [run for run in members if run.edition == "repaired"]
        others = [run for run in members if run.edition != "repaired"]
        lines += _difference(others, "pair sets", lambda run: run.pair_set, _pair_set_words)
        lines += _difference(repaired, "pair sets of the repaired edition", lambda run: run.pair_set, _pair_set_words)
        if repaired:
            lines += _difference(members, "pair sources", lambda run: run.pair_source, _pair_set_words)
        lines += _difference(members, "suite versions", lambda run: run.suite_version, lambda run: run.suite_version or "unknown")
        lines += _difference(members, "parsers", lambda run: run.parser, lambda run: run.parser)
    return lines


def _difference(runs: Sequence[Run], what: str, value: Callable[[Run], str], words: Callable[[Run], str]) -> list[str]:
    by_value: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_value[value(run)].append(run)
    if len(by_value) < 2:
        return []
    groups = "; ".join(f"{words(members[0])}: {_some([run.label for run in members])}" for members in by_value.values())
    return [f"{what} of {runs[0].task} differ: {groups}"]


def _pair_set_words(run: Run) -> str:
    return f"{run.pair_count} pairs, {run.pair_origin} (sha256 {run.pair_set[:12]})"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
