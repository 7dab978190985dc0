"""Find the logs of misfire, their scorings, and the logs to use if a run has several."""

import hashlib
import inspect
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from inspect_ai.log import EvalLog, read_eval_log

from misfire.datasets.record_errors import shorten
from misfire.errors import InputError
from misfire.reports.logs.log_sizes import check_size
from misfire.reports.logs.places import Places, display_path, is_remote, local_path, locations, named
from misfire.reports.logs.samples import key_of, read_samples, score_of
from misfire.scorers import misalign, priming, veto

Family = Literal["veto", "priming", "detect", "generate"]
"""The type of a run: one of the two tasks over pairs, or one of the two modes of Mis-Align Bench."""

SCORERS: dict[Family, str] = {
    "veto": veto.SCORER,
    "priming": priming.SCORER,
    "detect": misalign.VERDICT_SCORER,
    "generate": misalign.ANSWER_SCORER,
}
"""The scorer of each family."""

MOST = 10**9
"""Maximum number of pairs or instances of a log. A larger number was not written by misfire."""

Step = Callable[[], None]
"""Called after each log that was read, for a progress bar."""


@dataclass(frozen=True)
class Scoring:
    """How the samples of a log were scored.

    Attributes:
        column: Name of the score in the samples. This is the name of the scorer, with a number if it scored
            more than once.
        options: Options of the scorer by name, such as the parser or the grader.
    """

    column: str
    options: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """The scoring as text, for example ``veto_outcome (parser=strict)``."""
        options = ", ".join(f"{name}={value}" for name, value in self.options)
        return f"{self.column} ({options})" if options else self.column


@dataclass(frozen=True)
class FoundLog:
    """A log written by a task of misfire.

    Attributes:
        family: Its family.
        header: The log without its samples.
        scorings: How the family's scorer scored it. The first one takes precedence. Empty if the log was not
            scored.
    """

    family: Family
    header: EvalLog
    scorings: tuple[Scoring, ...]

    @property
    def location(self) -> str:
        """Location of the log."""
        return local_path(self.header.location)

    @property
    def name(self) -> str:
        """Name of the file without its extension and without the time at its beginning."""
        stem = self.location.rpartition("/")[2].rpartition(".")[0]
        return re.sub(r"^\d{4}-\d\d-\d\dT[\d:+-]+_", "", stem)

    @property
    def is_scored(self) -> bool:
        """Whether the header contains scores, which it does not after ``--no-score``.

        If the run did not finish, the header does not say. The log may then contain scores, and this is True.
        """
        results = self.header.results
        return results is None or any(
            _base_name(score.scorer) == SCORERS[self.family] for score in results.scores
        )

    @property
    def scoring(self) -> Scoring:
        """The first scoring, or the scoring of the task if misfire did not score the log."""
        if self.scorings:
            return self.scorings[0]
        given = self.header.eval.task_args
        options = (
            (name, str(given.get(name, default))) for name, default in sorted(_DEFAULTS[self.family].items())
        )
        return Scoring(SCORERS[self.family], tuple(options))


@dataclass(frozen=True)
class Conflict:
    """A run with several logs that contradict each other.

    Attributes:
        family: Its family.
        task_id: Inspect's id of the task.
        words: A sentence that names the logs.
    """

    family: Family
    task_id: str
    words: str


@dataclass(frozen=True)
class FoundLogs:
    """The logs in a set of places.

    Attributes:
        logs: The logs to use.
        superseded: Logs of earlier attempts at one of these runs, or of an earlier state of it.
        copies: Logs with the same content as one of the logs to use.
        foreign: Logs in the given folders that were not written by misfire.
        unreadable: Reasons why logs in the given folders could not be read, one per log.
        conflicts: Runs with several logs that contradict each other, so that none can be preferred.
    """

    logs: tuple[FoundLog, ...]
    superseded: tuple[str, ...]
    copies: tuple[str, ...]
    foreign: tuple[str, ...]
    unreadable: tuple[str, ...]
    conflicts: tuple[Conflict, ...]

    @property
    def in_conflict(self) -> frozenset[str]:
        """Locations of logs that differ only by name from another log of the same run and scoring."""
        alike: defaultdict[tuple[str, str | None, str | None], list[str]] = defaultdict(list)
        for log in self.logs:
            options = dict(log.scoring.options)
            alike[log.header.eval.task_id, options.get("parser"), options.get("grader")].append(log.location)
        return frozenset(location for own in alike.values() if len(own) > 1 for location in own)


def find_logs(places: Places, broken: Mapping[str, str] | None = None) -> FoundLogs:
    """Find the logs of misfire.

    Logs with the same task id (Inspect's) belong to one run. Their content decides which of them is used,
    never the names or times of the files:

    - Among several attempts, the successful one is used, or else the newest according to the time in the log.
    - Among several logs of one attempt with the same scores, one is used, since they are copies. If the
    attempt continued, the later state is used.
    - Logs that give different scores to one attempt, because it was scored again, edited or partly
    invalidated, are all kept, as ``conflicts``.

    Args:
        places: Log files and folders of logs. Folders are searched recursively.
        broken: Locations of logs whose samples could not be read, with the reason. These logs are not used.

    Returns:
        The logs.

    Raises:
        InputError: A place cannot be read, there is no log of misfire, or a log that was named explicitly was
            not written by misfire.
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
            raise InputError(
                f"{location}: a log of the task {log.eval.task}, which is not a task of misfire. Omit it."
            )
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
                    "None of these places holds a log of misfire. Run `inspect eval misfire/veto --model …` "
                    "first.",
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
        tuple(_conflict(one.logs, one.copies) for one in chosen if len(one.logs) > 1),
    )


def read_header(location: str) -> EvalLog:
    """Read a log without its samples.

    Raises:
        InputError: The file is not a log that can be read.
    """
    place = local_path(location)
    if not is_remote(place) and Path(place).exists() and not Path(place).is_file():
        raise InputError(f"{place}: not a log that can be read (it is not a regular file).")
    try:
        check_size(place, "header")
        return read_eval_log(place, header_only=True)
    except InputError:
        raise
    except Exception as error:  # Inspect raises many types of errors for files that are not logs
        raise InputError(f"{place}: not a log that can be read ({type(error).__name__}: {error}).") from error


def found_log(log: EvalLog) -> FoundLog | None:
    """Return a log with its family and its scorings, or None if it was not written by misfire."""
    family = family_of(log)
    return None if family is None else FoundLog(family, log, _scorings(log, family))


def family_of(log: EvalLog) -> Family | None:
    """Return the family of a log, or None if it was not written by misfire.

    The task determines the family, because a log may be scored again by another scorer. If the metadata of
    the task does not name it, the scorers do.
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
    """Return a count in the metadata of the task.

    Args:
        log: The log.
        name: Name of the count.

    Returns:
        The count, or 0 if there is none.

    Raises:
        InputError: The value is not a count.
    """
    found: object = (log.eval.metadata or {}).get(name, 0)
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= MOST:
        return found
    raise InputError(
        f"{log.location}: metadata '{name}': expected a count from 0 to {MOST:,} (got {shorten(found)})."
    )


def noted_texts(log: EvalLog, name: str) -> tuple[str, ...]:
    """Return a list of texts in the metadata of the task. Empty if the value is not a list."""
    found: object = (log.eval.metadata or {}).get(name)
    return tuple(map(str, cast("list[object]", found))) if isinstance(found, list) else ()


def stored_metrics(log: EvalLog, column: str) -> dict[str, float]:
    """Return the metrics that a log stores, as they were computed when it was scored.

    Args:
        log: The header of the log.
        column: Name of the score.

    Returns:
        The metrics by key. Empty if the log stores none for this score.
    """
    scores = log.results.scores if log.results else []
    own = next((score for score in scores if score.name == column), None)
    return {name: metric.value for name, metric in own.metrics.items()} if own else {}


def start_order(log: FoundLog) -> tuple[str, str, str]:
    """Return a sort key that puts runs in the order in which they started.

    Inspect writes the time in whole seconds, and its ids are random. Runs that started in the same second
    are therefore ordered by their settings, so that a repeated set of runs is reported in the same order.
    """
    spec = log.header.eval
    settings = (spec.task_args, spec.model_args, spec.model_generate_config.model_dump(exclude_none=True))
    return (
        spec.created,
        json.dumps([*settings, spec.config.epochs], sort_keys=True, default=str),
        spec.eval_id,
    )


@dataclass(frozen=True)
class _Chosen:
    """The logs of one run to use, and the locations of the others."""

    logs: tuple[FoundLog, ...]
    superseded: tuple[str, ...]
    copies: tuple[str, ...]


@dataclass(frozen=True)
class _Version:
    """A log and its scores: by sample, a hash of its score and of whether it is invalidated."""

    log: FoundLog
    scores: Mapping[str, str]


def _chosen(logs: Sequence[FoundLog], named_logs: set[str], unreadable: dict[str, str]) -> _Chosen:
    if len(logs) == 1:
        return _Chosen(tuple(logs), (), ())
    ranked = sorted(logs, key=_rank, reverse=True)
    best = ranked[0]
    current = [log for log in ranked if _attempt(log) == _attempt(best)]
    # a log that was not scored is an earlier state of any log of the same attempt that was scored
    current = [log for log in current if log.is_scored] or current
    # another successful attempt with a different scoring is not an earlier state of this one
    ways = {log.scoring for log in current}
    others = [
        log for log in ranked if _attempt(log) != _attempt(best) and log.header.status == best.header.status
    ]
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
            matching = next(
                (other for other in versions if other is not version and _covers(other, version, versions)),
                None,
            )
            if matching is None:
                kept.append(version.log)
            elif matching.scores == version.scores:
                copies.append(version.log.location)
            else:
                superseded.append(version.log.location)
    if not kept:
        # all files of the preferred attempt are broken
        rest = [log for log in logs if log.location not in unreadable]
        return _chosen(rest, named_logs, unreadable) if rest else _Chosen((), (), ())
    return _Chosen(tuple(kept), tuple(superseded), tuple(copies))


def _rank(log: FoundLog) -> tuple[bool, str, str, str]:
    """Return the sort key of attempts, according to the content of their logs."""
    return (
        log.header.status == "success",
        log.header.eval.created,
        log.header.stats.completed_at,
        log.header.eval.eval_id,
    )


def _attempt(log: FoundLog) -> tuple[str, str]:
    return log.header.eval.eval_id, log.header.eval.created


def _covers(other: _Version, version: _Version, versions: Sequence[_Version]) -> bool:
    """Whether another log contains everything that this log contains, so that this log is not needed."""
    if not version.scores.items() <= other.scores.items():
        return False
    if len(other.scores) > len(version.scores):
        return True
    first = min((one for one in versions if one.scores == version.scores), key=_copy_order)
    return first is not version and first is other


def _copy_order(version: _Version) -> tuple[bool, int, str]:
    """Return the sort key of copies. The first copy is used, which does not affect any number."""
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


def _conflict(logs: Sequence[FoundLog], copies: Sequence[str]) -> Conflict:
    family, spec = logs[0].family, logs[0].header.eval
    if len({log.scoring for log in logs}) > 1:
        files = "; ".join(f"{display_path(log.location)}: {log.scoring.words}" for log in logs)
        words = f"one run of {spec.model} ({family}) was scored in different ways: {files}"
    else:
        files = named((log.location for log in logs), most=10)
        words = (
            f"these logs give different scores to one run of {spec.model} ({family}), for example because "
            f"scores were edited or samples were marked as invalid in one of them: {files}"
        )
    also = f" (and copies of these: {named(copies)})" if copies else ""
    return Conflict(family, spec.task_id, words + also)


def _scorings(log: EvalLog, family: Family) -> tuple[Scoring, ...]:
    """Return how the scorer of the family scored a log, in the order of the columns.

    If the log has results, they are used, because the list of scorers in the header also contains those that
    a run with ``--no-score`` skipped. If a scorer scored more than once, Inspect numbers its columns:
    ``veto_outcome``, ``veto_outcome1``, …
    """
    scorer = SCORERS[family]
    own = [
        score for score in (log.results.scores if log.results else []) if _base_name(score.scorer) == scorer
    ]
    own = [score for score in own if score.scored_samples != 0] or own[:1]
    listed = [entry.options or {} for entry in log.eval.scorers or [] if _base_name(entry.name) == scorer]
    found: list[tuple[str, Mapping[str, object]]] = [(score.name, score.params) for score in own]
    if not found or len(found) == len(listed):
        columns = [name for name, _ in found] or [
            scorer + (str(place) if place else "") for place in range(len(listed))
        ]
        found = list(zip(columns, listed, strict=True))
    grader = {"grader": name} if family == "generate" and (name := grader_of(log)) else {}
    return tuple(
        Scoring(
            column,
            tuple(
                (name, str(value))
                for name, value in sorted({**_DEFAULTS[family], **options, **grader}.items())
            ),
        )
        for column, options in found
    )


def grader_of(log: EvalLog) -> str | None:
    """Return the model that the header of the run names as the grader."""
    role = (log.eval.model_roles or {}).get(misalign.GRADER)
    first = role[0] if isinstance(role, list) else role
    return first.model if first else None


def _defaults(scorer: Callable[..., object]) -> dict[str, object]:
    """Return the default options of a scorer. A log does not record options that were not given."""
    parameters = inspect.signature(scorer).parameters.values()
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.default is not parameter.empty
    }


_DEFAULTS: Mapping[Family, dict[str, object]] = {
    "veto": _defaults(veto.veto_outcome),
    "priming": _defaults(priming.priming_outcome),
    "detect": _defaults(misalign.misalign_verdict),
    "generate": _defaults(misalign.misalign_answer),
}


def _base_name(scorer: str) -> str:
    return scorer.rpartition("/")[2].rstrip("0123456789").rstrip("-")
