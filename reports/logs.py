"""Finding logs: which there are, which of several attempts counts, what sets runs apart, and what they are called."""

import os
import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, cast

from inspect_ai.log import EvalLog, EvalSample, list_eval_logs, read_eval_log, read_eval_log_sample
from inspect_ai.model import ChatMessage

from misfire.datasets.json_rows import names_in
from misfire.datasets.problems import shorten
from misfire.errors import InputError
from misfire.scorers import misalign, priming, veto

if TYPE_CHECKING:
    import pandas as pd
    from inspect_ai.analysis import SampleColumn

Family = Literal["veto", "priming", "detect", "generate"]
"""A kind of run: the two tasks over pairs, and the two modes of Mis-Align Bench."""

SCORERS: dict[Family, str] = {
    "veto": veto.SCORER,
    "priming": priming.SCORER,
    "detect": misalign.VERDICT_SCORER,
    "generate": misalign.ANSWER_SCORER,
}
"""The scorer that tells the logs of a family."""

Places = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""One or several log files or folders, on any file system that Inspect reads (``s3://…`` too)."""

MOST = 10**9
"""No log has so many pairs or instances; a number that is larger is none of ours."""

Step = Callable[[], None]
"""Called after each log that was read, for a progress bar."""


_TRANSCRIPT = {"events", "store", "attachments", "timelines"}
"""Parts of a sample that are not needed, and large."""


@dataclass(frozen=True)
class FoundLogs:
    """The logs in some places.

    Attributes:
        headers: Family and header of each log that counts.
        superseded: Logs of earlier attempts at a run that is there.
        foreign: Logs in the given folders that are none of misfire's.
        unreadable: Logs in the given folders that could not be read, each with the reason.
    """

    headers: tuple[tuple[Family, EvalLog], ...]
    superseded: tuple[str, ...]
    foreign: tuple[str, ...]
    unreadable: tuple[str, ...]


def find_logs(places: Places) -> FoundLogs:
    """The logs of misfire in some places.

    Of several attempts at one run (Inspect's task id is the same) the successful one counts, else the newest.

    Args:
        places: Log files and folders of logs; folders are searched through.

    Returns:
        Their headers.

    Raises:
        InputError: A place cannot be read, no log of ours is there, or a file that was named is none of ours.
    """
    attempts: defaultdict[str, list[tuple[Family, EvalLog]]] = defaultdict(list)
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
        family = family_of(log)
        if family is None and named:
            raise InputError(f"{location}: a log of the task {log.eval.task}, which is none of misfire's. Leave it out.")
        if family is None:
            foreign.append(location)
        else:
            attempts[log.eval.task_id].append((family, log))
    if not attempts:
        raise InputError(
            "\n".join(["None of these places holds a log of misfire. Run `inspect eval misfire/veto --model …` first.", *unreadable])
        )
    best = {
        task_id: max(tries, key=lambda found: (found[1].status == "success", found[1].eval.created)) for task_id, tries in attempts.items()
    }
    superseded = (log.location for tries in attempts.values() for _, log in tries if log is not best[log.eval.task_id][1])
    return FoundLogs(tuple(best.values()), tuple(superseded), tuple(foreign), tuple(unreadable))


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


def sample_frame(location: str, columns: "Sequence[SampleColumn]") -> "pd.DataFrame":
    """The samples of a log.

    Args:
        location: The log file, whatever it is called.
        columns: What to read of each.

    Returns:
        One row a (sample, epoch), with these columns also where there is no sample.

    Raises:
        InputError: They cannot be read.
    """
    from inspect_ai.analysis import samples_df

    # by its header: by its name alone Inspect takes only what is called as it calls logs itself
    header = read_header(location)
    try:
        frame = samples_df(header, columns, quiet=True)
    except Exception as error:  # Inspect raises many kinds for samples that are none
        raise InputError(f"{location}: its samples cannot be read ({type(error).__name__}: {error}).") from error
    return frame.reindex(columns=[column.name for column in columns])


def read_sample(location: str, sample_id: str, epoch: int) -> EvalSample:
    """A sample of a log, without its transcript.

    Args:
        location: The log file.
        sample_id: The sample.
        epoch: Its epoch.

    Returns:
        The sample.

    Raises:
        InputError: It is not there, or cannot be read.
    """
    try:
        return read_eval_log_sample(location, sample_id, epoch, exclude_fields=_TRANSCRIPT)
    except Exception as error:  # Inspect raises many kinds for a sample that is none
        raise InputError(
            f"{location}: sample {sample_id}, epoch {epoch}, cannot be read ({type(error).__name__}: {error}). Say --examples 0 to leave "
            "texts out."
        ) from error


def asked_text(asked: str | Sequence[ChatMessage]) -> str:
    """What a sample asked: its last message; nothing if it has none."""
    return asked if isinstance(asked, str) else asked[-1].text if asked else ""


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


def family_of(log: EvalLog) -> Family | None:
    """Which family of ours a log is of; None if it is none of ours."""
    scorers = {scorer.name for scorer in log.eval.scorers or []} | {score.scorer for score in (log.results.scores if log.results else [])}
    return next((family for family, scorer in SCORERS.items() if scorer in scorers), None)


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


class Labelled(Protocol):
    """What a run must say to be told from others; fields as in ``misfire.reports.runs.Run``."""

    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def settings(self) -> tuple[tuple[str, str], ...]: ...  # noqa: D102
    @property
    def task_id(self) -> str: ...  # noqa: D102
    @property
    def created(self) -> str: ...  # noqa: D102


AnyRun = TypeVar("AnyRun", bound=Labelled)

_GENERATION = frozenset(
    {"temperature", "top_p", "top_k", "max_tokens", "seed", "system_message", "reasoning_effort", "reasoning_tokens", "effort", "verbosity"}
)
"""Options of generation that may change answers; others are about transport, and may hold secrets."""

_SECRET = re.compile(r"key|token(?!s)|secret|passw|auth|header|credential|cookie|bearer", re.IGNORECASE)

_LOGIN = re.compile(r"(?<=://)[^\s/@]{1,200}@")
"""A name and a password in an address."""


def settings_of(log: EvalLog, besides: Iterable[str], more: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """What may set two runs of one model apart, without what may be secret.

    Args:
        log: The run's log.
        besides: Task parameters that are told otherwise.
        more: Further settings.

    Returns:
        Names and values.
    """
    given: dict[str, object] = {
        **{name: value for name, value in log.eval.task_args.items() if name not in set(besides)},
        **log.eval.model_generate_config.model_dump(include=set(_GENERATION), exclude_none=True),
        **log.plan.config.model_dump(include=set(_GENERATION), exclude_none=True),
        **{name: value for name, value in log.eval.model_args.items() if not any(map(_SECRET.search, [name, *names_in(value)]))},
        "epochs": log.eval.config.epochs or 1,
        **more,
    }
    return tuple((name, textwrap.shorten(_LOGIN.sub("…@", str(value)), 60, placeholder="…")) for name, value in given.items())


def labels(runs: Sequence[Labelled], names: Mapping[str, str], left_out: Iterable[tuple[str, str]] = ()) -> list[str]:
    """Unique labels of the runs of one family: the model, with the settings that set its runs apart, or else their time.

    Args:
        runs: The runs.
        names: Short name of each model.
        left_out: Settings that need no word, as (name, value); of the value alone stands there if it is another.

    Returns:
        A label for each run.
    """
    siblings: defaultdict[str, list[Labelled]] = defaultdict(list)
    for run in runs:
        siblings[run.model].append(run)
    drafts: dict[str, str] = {}
    for group in siblings.values():
        settings = [dict(run.settings) for run in group]
        differing = [
            name for name in dict.fromkeys(name for own in settings for name in own) if len({own.get(name) for own in settings}) > 1
        ]
        own_drafts = [
            _label(names[run.model], {name: own.get(name) for name in differing}, dict(left_out))
            for run, own in zip(group, settings, strict=True)
        ]
        for run, draft in zip(group, own_drafts, strict=True):
            drafts[run.task_id] = draft if own_drafts.count(draft) == 1 else f"{draft} · {run.created[:19].replace('T', ' ')}"
    taken: defaultdict[str, int] = defaultdict(int)
    found: list[str] = []
    for run in runs:
        label = drafts[run.task_id]
        taken[label] += 1
        found.append(label if taken[label] == 1 else f"{label} #{taken[label]}")
    return found


def short_names(models: Iterable[str]) -> dict[str, str]:
    """Models without their provider, where that is unambiguous: ``openai/gpt-4o`` becomes ``gpt-4o``."""
    short = {model: model.rpartition("/")[2] for model in models}
    return {model: name if list(short.values()).count(name) == 1 else model for model, name in short.items()}


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


def _label(model: str, differing: Mapping[str, str | None], left_out: Mapping[str, str]) -> str:
    parts = [model]
    for name, value in differing.items():
        if name in left_out:
            parts += [value] if value not in (None, left_out[name]) else []
        else:
            parts.append(f"{name}={value}")
    return " · ".join(parts)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
