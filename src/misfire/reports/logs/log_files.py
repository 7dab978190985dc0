"""Logs of ours: which there are, what scored them, and which of several files on one run counts."""

import hashlib
import inspect
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar, cast

from inspect_ai.log import EvalLog, read_eval_log

from misfire.datasets.record_errors import shorten
from misfire.errors import InputError
from misfire.reports.logs.log_sizes import check_size
from misfire.reports.logs.places import Places, display_path, is_remote, local_path, locations, named
from misfire.reports.logs.samples import key_of, read_samples, score_of
from misfire.scorers import misalign, priming, veto

Family = Literal["veto", "priming", "detect", "generate"]
"""A kind of run: the two tasks over pairs, and the two modes of Mis-Align Bench."""

SCORERS: dict[Family, str] = {
    "veto": veto.SCORER,
    "priming": priming.SCORER,
    "detect": misalign.VERDICT_SCORER,
    "generate": misalign.ANSWER_SCORER,
}
"""The scorer of each family."""

MOST = 10**9
"""No log has so many pairs or instances; a number that is larger is none of ours."""

Step = Callable[[], None]
"""Called after each log that was read, for a progress bar."""


@dataclass(frozen=True)
class Scoring:
    """What gave the samples of a log their scores.

    Attributes:
        column: The name of the score in the samples: the scorer's, with a number where it scored more than once.
        options: The scorer's options (how it reads answers, who grades), by name.
    """

    column: str
    options: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """For example ``veto_outcome (parser=strict)``."""
        options = ", ".join(f"{name}={value}" for name, value in self.options)
        return f"{self.column} ({options})" if options else self.column


@dataclass(frozen=True)
class FoundLog:
    """A log of ours.

    Attributes:
        family: Its family.
        header: The log without its samples.
        scorings: What scored it with the family's scorer, the one that counts first; none if nothing did.
    """

    family: Family
    header: EvalLog
    scorings: tuple[Scoring, ...]

    @property
    def location(self) -> str:
        """Where it lies."""
        return local_path(self.header.location)

    @property
    def name(self) -> str:
        """Its file's name without the ending, and without the time that it begins with."""
        stem = self.location.rpartition("/")[2].rpartition(".")[0]
        return re.sub(r"^\d{4}-\d\d-\d\dT[\d:+-]+_", "", stem)

    @property
    def is_scored(self) -> bool:
        """Whether its header speaks of scores; not so after ``--no-score``. Where a run did not end it says nothing, and may hold some."""
        results = self.header.results
        return results is None or any(_base_name(score.scorer) == SCORERS[self.family] for score in results.scores)

    @property
    def scoring(self) -> Scoring:
        """The scoring that counts: the first, or that of the task where nothing of ours scored the log."""
        if self.scorings:
            return self.scorings[0]
        given = self.header.eval.task_args
        options = ((name, str(given.get(name, default))) for name, default in sorted(_DEFAULTS[self.family].items()))
        return Scoring(SCORERS[self.family], tuple(options))


@dataclass(frozen=True)
class Rivals:
    """A run of which several logs say different things.

    Attributes:
        family: Its family.
        task_id: Inspect's id of it.
        words: A sentence that names the logs.
    """

    family: Family
    task_id: str
    words: str


@dataclass(frozen=True)
class FoundLogs:
    """The logs in some places.

    Attributes:
        logs: The logs that count.
        superseded: Logs of earlier attempts at a run that is there, or of an earlier state of it.
        copies: Logs that say the same as one that counts.
        foreign: Logs in the given folders that are none of misfire's.
        unreadable: Logs in the given folders that could not be read, each with the reason.
        rivals: Runs of which several logs say different things, so that none can be told to be right.
    """

    logs: tuple[FoundLog, ...]
    superseded: tuple[str, ...]
    copies: tuple[str, ...]
    foreign: tuple[str, ...]
    unreadable: tuple[str, ...]
    rivals: tuple[Rivals, ...]

    @property
    def rivalled(self) -> frozenset[str]:
        """Locations of the logs that only their names tell from another log of the same run, read in the same way."""
        alike: defaultdict[tuple[str, str | None, str | None], list[str]] = defaultdict(list)
        for log in self.logs:
            options = dict(log.scoring.options)
            alike[log.header.eval.task_id, options.get("parser"), options.get("grader")].append(log.location)
        return frozenset(location for own in alike.values() if len(own) > 1 for location in own)


def find_logs(places: Places, broken: Mapping[str, str] | None = None) -> FoundLogs:
    """The logs of misfire in some places.

    Logs with one task id (Inspect's) are of one run. Which of them count is told by what they hold, never by the names or times of files:

    - Of several attempts the successful one counts, else the newest by the time in the log.
    - Of several logs of one attempt with the same scores one counts, since they are copies; of an attempt that went on, the later state.
    - Logs that give different scores to one attempt, since it was scored again, edited or partly invalidated, all stay, as ``rivals``.

    Args:
        places: Log files and folders of logs; folders are searched through.
        broken: Locations of logs whose samples turned out not to be readable, with the reason; they do not count.

    Returns:
        The logs.

    Raises:
        InputError: A place cannot be read, no log of ours is there, or a file that was named is none of ours.
    """
    runs: defaultdict[str, list[FoundLog]] = defaultdict(list)
    foreign: list[str] = []
    unreadable = dict(broken or {})
    named_logs: set[str] = set()
    for location, is_named in locations(places):
        if location in unreadable:
            continue
        try:
            log = read_header(location)
        except InputError as error:
            if is_named:
                raise
            unreadable[location] = str(error)
            continue
        found = found_log(log)
        if found is None and is_named:
            raise InputError(f"{location}: a log of the task {log.eval.task}, which is none of misfire's. Leave it out.")
        if found is None:
            foreign.append(location)
            continue
        runs[log.eval.task_id].append(found)
        named_logs |= {location} if is_named else set()
    chosen = [_chosen(logs, named_logs, unreadable) for logs in runs.values()]
    logs = tuple(log for one in chosen for log in one.logs)
    if not logs:
        raise InputError(
            "\n".join(
                [
                    "None of these places holds a log of misfire. Run `inspect eval misfire/veto --model …` first.",
                    *unreadable.values(),
                ]
            )
        )
    return FoundLogs(
        logs,
        tuple(location for one in chosen for location in one.superseded),
        tuple(location for one in chosen for location in one.copies),
        tuple(foreign),
        tuple(unreadable.values()),
        tuple(_rivals(one.logs, one.copies) for one in chosen if len(one.logs) > 1),
    )


def read_header(location: str) -> EvalLog:
    """A log without its samples.

    Args:
        location: The log file.

    Returns:
        Its header.

    Raises:
        InputError: It is no log that can be read.
    """
    place = local_path(location)
    if not is_remote(place) and Path(place).exists() and not Path(place).is_file():
        raise InputError(f"{place}: not a log that can be read (it is no regular file).")
    try:
        check_size(place, "header")
        return read_eval_log(place, header_only=True)
    except InputError:
        raise
    except Exception as error:  # Inspect raises many kinds for a file that is no log
        raise InputError(f"{place}: not a log that can be read ({type(error).__name__}: {error}).") from error


def found_log(log: EvalLog) -> FoundLog | None:
    """A log with its family and what scored it; none if it is none of ours."""
    family = family_of(log)
    return None if family is None else FoundLog(family, log, _scorings(log, family))


def family_of(log: EvalLog) -> Family | None:
    """Which family of ours a log is of; None if it is none of ours.

    The task tells, since a log may be scored again by another scorer; logs of tasks that do not tell are known by their scorers.
    """
    metadata = log.eval.metadata or {}
    if metadata.get("suite") == "misfire":
        if "instance_count" in metadata:
            return "generate" if metadata.get("mode") == "generate" else "detect"
        if "pair_count" in metadata:
            return "priming" if isinstance(metadata.get("arms"), list) else "veto"
    scorers = {_base_name(entry.name) for entry in log.eval.scorers or []}
    scorers |= {_base_name(score.scorer) for score in (log.results.scores if log.results else [])}
    return next((family for family, scorer in SCORERS.items() if scorer in scorers), None)


def noted_count(log: EvalLog, name: str) -> int:
    """A count in the metadata of a log's task.

    Args:
        log: The log.
        name: Name of the count.

    Returns:
        The count; 0 if there is none.

    Raises:
        InputError: It is none.
    """
    found: object = (log.eval.metadata or {}).get(name, 0)
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= MOST:
        return found
    raise InputError(f"{log.location}: metadata '{name}': a count from 0 to {MOST:,} was expected (got {shorten(found)}).")


def noted_texts(log: EvalLog, name: str) -> tuple[str, ...]:
    """A list of texts in the metadata of a log's task; none where there is no list."""
    found: object = (log.eval.metadata or {}).get(name)
    return tuple(map(str, cast("list[object]", found))) if isinstance(found, list) else ()


def stored_metrics(log: EvalLog, column: str) -> dict[str, float]:
    """The metrics that a log itself has, as they were computed when it was scored.

    Args:
        log: The log's header.
        column: The score that they are about.

    Returns:
        The metrics by key; none if it has none.
    """
    scores = log.results.scores if log.results else []
    own = next((score for score in scores if score.name == column), None)
    return {name: metric.value for name, metric in own.metrics.items()} if own else {}


class Named(Protocol):
    """What a run must say to be named in a sentence."""

    @property
    def label(self) -> str: ...  # noqa: D102


AnyRun = TypeVar("AnyRun", bound=Named)


def difference(runs: Sequence[AnyRun], what: str, value: Callable[[AnyRun], str], words: Callable[[AnyRun], str]) -> list[str]:
    """What differs between some runs though it should not.

    Args:
        runs: The runs.
        what: What it is, in words.
        value: What must be alike.
        words: The same for people.

    Returns:
        A line that names the runs by value; none if all are alike.
    """
    by_value: defaultdict[str, list[AnyRun]] = defaultdict(list)
    for run in runs:
        by_value[value(run)].append(run)
    if len(by_value) < 2:
        return []
    groups = "; ".join(f"{words(members[0])}: {_some([run.label for run in members])}" for members in by_value.values())
    return [f"{what} differ: {groups}"]


def refuse_mixed(mixed: Sequence[str]) -> None:
    """Refuse runs that must not be compared as they are.

    Args:
        mixed: What differs, in words.

    Raises:
        InputError: Something does.
    """
    if mixed:
        raise InputError(
            "These runs must not be compared as they are:\n"
            + "\n".join(f"- {line}" for line in mixed)
            + "\nGive only logs that belong together, or say --allow-mixed: runs on different pairs or instances then stand in one table, "
            "but are not compared."
        )


def rivals_of(found: FoundLogs, families: Iterable[Family]) -> list[str]:
    """The sentences on logs that say different things of one run, of some families."""
    own = set(families)
    return [rivals.words for rivals in found.rivals if rivals.family in own]


@dataclass(frozen=True)
class _Chosen:
    """Of the logs of one run those that count, and the locations of the others."""

    logs: tuple[FoundLog, ...]
    superseded: tuple[str, ...]
    copies: tuple[str, ...]


@dataclass(frozen=True)
class _Version:
    """A log with what it says of its samples: by sample, a hash of the score that counts and of whether it is invalidated."""

    log: FoundLog
    scores: Mapping[str, str]


def _chosen(logs: Sequence[FoundLog], named_logs: set[str], unreadable: dict[str, str]) -> _Chosen:
    if len(logs) == 1:
        return _Chosen(tuple(logs), (), ())
    ranked = sorted(logs, key=_rank, reverse=True)
    best = ranked[0]
    current = [log for log in ranked if _attempt(log) == _attempt(best)]
    # a log that was not scored is an earlier state of one that was, however it was scored
    current = [log for log in current if log.is_scored] or current
    # another attempt that also succeeded, and was scored in a way in which this one was not, is no earlier state of it
    ways = {log.scoring for log in current}
    others = [log for log in ranked if _attempt(log) != _attempt(best) and log.header.status == best.header.status]
    later = [log for log in others if log.scoring not in ways]
    superseded = [log.location for log in ranked if log not in current and log not in later]
    kept: list[FoundLog] = []
    copies: list[str] = []
    for way in dict.fromkeys(log.scoring for log in (*current, *later)):
        own = [log for log in (*current, *later) if log.scoring == way]
        own = [log for log in own if _attempt(log) == _attempt(own[0])]
        superseded += [log.location for log in later if log.scoring == way and log not in own]
        if len(own) == 1:
            kept += own
            continue
        versions = [version for log in own if (version := _version(log, named_logs, unreadable))]
        for version in versions:
            matching = next((other for other in versions if other is not version and _covers(other, version, versions)), None)
            if matching is None:
                kept.append(version.log)
            elif matching.scores == version.scores:
                copies.append(version.log.location)
            else:
                superseded.append(version.log.location)
    if not kept:
        # all files of the attempt that should count are broken
        rest = [log for log in logs if log.location not in unreadable]
        return _chosen(rest, named_logs, unreadable) if rest else _Chosen((), (), ())
    return _Chosen(tuple(kept), tuple(superseded), tuple(copies))


def _rank(log: FoundLog) -> tuple[bool, str, str, str]:
    """Attempts in the order in which they count, by what the logs say."""
    return log.header.status == "success", log.header.eval.created, log.header.stats.completed_at, log.header.eval.eval_id


def _attempt(log: FoundLog) -> tuple[str, str]:
    return log.header.eval.eval_id, log.header.eval.created


def _covers(other: _Version, version: _Version, versions: Sequence[_Version]) -> bool:
    """Whether another log says all that a log says, so that this one need not count."""
    if not version.scores.items() <= other.scores.items():
        return False
    if len(other.scores) > len(version.scores):
        return True
    first = min((one for one in versions if one.scores == version.scores), key=_copy_order)
    return first is not version and first is other


def _copy_order(version: _Version) -> tuple[bool, int, str]:
    """Of copies the first of this order counts; that changes no number."""
    return version.log.header.status != "success", -len(version.log.scorings), version.log.location


def _version(log: FoundLog, named_logs: set[str], unreadable: dict[str, str]) -> _Version | None:
    try:
        samples, invalid, _ = read_samples(log.location, lambda _: False)
    except InputError as error:
        if log.location in named_logs:
            raise
        unreadable[log.location] = str(error)
        return None
    spec, scores = log.header.eval, dict[str, str]()
    scores[""] = _digest([spec.model, spec.task, spec.metadata, spec.task_args, spec.config.epochs])
    for place, sample in enumerate(samples):
        score = score_of(sample, log.scoring.column)
        said = None if score is None else [score.value, score.answer, score.metadata]
        if said is None and key_of(sample) not in invalid:
            continue
        name = f"{sample.id} {sample.epoch}"
        scores[name if name not in scores else f"{name} {place}"] = _digest([said, key_of(sample) in invalid])
    return _Version(log, scores)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _rivals(logs: Sequence[FoundLog], copies: Sequence[str]) -> Rivals:
    family, spec = logs[0].family, logs[0].header.eval
    if len({log.scoring for log in logs}) > 1:
        files = "; ".join(f"{display_path(log.location)}: {log.scoring.words}" for log in logs)
        words = f"one run of {spec.model} ({family}) was scored in different ways: {files}"
    else:
        files = named((log.location for log in logs), most=10)
        words = (
            f"these logs give different scores to one run of {spec.model} ({family}), as after scores were edited or samples were marked "
            f"as invalid in one of them: {files}"
        )
    also = f" (and copies of these: {named(copies)})" if copies else ""
    return Rivals(family, spec.task_id, words + also)


def _scorings(log: EvalLog, family: Family) -> tuple[Scoring, ...]:
    """What scored a log with its family's scorer, in the order of the columns.

    The results tell, where there are any: the header's list of scorers also has those that a run with ``--no-score`` left out. Inspect
    names the columns of a scorer that scored more than once by number: ``veto_outcome``, ``veto_outcome1``, …
    """
    scorer = SCORERS[family]
    own = [score for score in (log.results.scores if log.results else []) if _base_name(score.scorer) == scorer]
    own = [score for score in own if score.scored_samples != 0] or own[:1]
    listed = [entry.options or {} for entry in log.eval.scorers or [] if _base_name(entry.name) == scorer]
    found: list[tuple[str, Mapping[str, object]]] = [(score.name, score.params) for score in own]
    if not found or len(found) == len(listed):
        columns = [name for name, _ in found] or [scorer + (str(place) if place else "") for place in range(len(listed))]
        found = list(zip(columns, listed, strict=True))
    grader = {"grader": name} if family == "generate" and (name := grader_of(log)) else {}
    return tuple(
        Scoring(column, tuple((name, str(value)) for name, value in sorted({**_DEFAULTS[family], **options, **grader}.items())))
        for column, options in found
    )


def grader_of(log: EvalLog) -> str | None:
    """The model that the run's header names as the grader."""
    role = (log.eval.model_roles or {}).get(misalign.GRADER)
    first = role[0] if isinstance(role, list) else role
    return first.model if first else None


def _defaults(scorer: Callable[..., object]) -> dict[str, object]:
    """The options of a scorer that a log does not note, since they were not given."""
    parameters = inspect.signature(scorer).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.default is not parameter.empty}


_DEFAULTS: Mapping[Family, dict[str, object]] = {
    "veto": _defaults(veto.veto_outcome),
    "priming": _defaults(priming.priming_outcome),
    "detect": _defaults(misalign.misalign_verdict),
    "generate": _defaults(misalign.misalign_answer),
}


def _base_name(scorer: str) -> str:
    return scorer.rpartition("/")[2].rstrip("0123456789").rstrip("-")


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
