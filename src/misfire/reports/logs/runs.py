"""The runs of a report, whatever their task: what the logs say about them, labels, and comparability."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from misfire.errors import InputError
from misfire.reports.logs.log_files import Family, FoundLog, FoundLogs, Scoring, start_order, stored_metrics
from misfire.reports.logs.run_labels import labels, settings_of, short_names


@dataclass(frozen=True, kw_only=True)
class LoggedRun:
    """One run, as described by the header of its log.

    Attributes:
        label: Short name, unique among the runs of its task (and, in Mis-Align Bench, of its mode).
        model: The model under test, as Inspect names it.
        scoring: The scoring whose scores are read.
        other_scorings: Other scorings by misfire in the log, which are not read.
        settings: Other settings that distinguish runs of one model (reasoning effort, temperature, task
            parameters, …), by name.
        status: Inspect's status.
        epochs: Number of times that each sample was asked.
        suite_version: Version of misfire that wrote the log.
        task_id: Inspect's id of the task, which a retried run keeps.
        created: Time at which the run started, in ISO 8601.
        log: Location of the log.
        stored: The metrics that the log stores for this scoring, by key. Empty if it has none.
    """

    label: str
    model: str
    scoring: Scoring
    other_scorings: tuple[Scoring, ...]
    settings: tuple[tuple[str, str], ...]
    status: str
    epochs: int
    suite_version: str
    task_id: str
    created: str
    log: str
    stored: tuple[tuple[str, float], ...] = field(repr=False)


AnyRun = TypeVar("AnyRun", bound=LoggedRun)
AnyFamily = TypeVar("AnyFamily", bound=Family)


def logged_fields(log: FoundLog, besides: Iterable[str], more: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields of a ``LoggedRun``, with the model as the label.

    Args:
        log: The log.
        besides: Task parameters that are not settings, because they are reported elsewhere.
        more: Further settings.
    """
    spec = log.header.eval
    return {
        "label": spec.model,
        "model": spec.model,
        "scoring": log.scoring,
        "other_scorings": log.scorings[1:],
        "settings": settings_of(log.header, besides, more),
        "status": log.header.status,
        "epochs": spec.config.epochs or 1,
        "suite_version": str((spec.metadata or {}).get("suite_version", "")),
        "task_id": spec.task_id,
        "created": spec.created,
        "log": log.location,
        "stored": tuple(stored_metrics(log.header, log.scoring.column).items()),
    }


def labeled_runs(
    found: FoundLogs,
    families: Sequence[AnyFamily],
    make: Callable[[FoundLog, AnyFamily], AnyRun],
    usual: tuple[str, str],
) -> tuple[AnyRun, ...]:
    """Return the runs of some families with their labels.

    Args:
        found: The logs.
        families: The families.
        make: Function that describes the run of a log.
        usual: A setting and its usual value, which labels do not mention.

    Returns:
        The runs by family in the given order, then by model and time.
    """
    logs = sorted((log for log in found.logs if log.family in families), key=_order)
    names = short_names({log.header.eval.model for log in logs})
    runs: list[AnyRun] = []
    for family in families:
        members = [make(log, family) for log in logs if log.family == family]
        own = labels(members, names, [usual])
        runs += [replace(run, label=label) for run, label in zip(members, own, strict=True)]
    return tuple(runs)


def _order(log: FoundLog) -> tuple[str, tuple[str, str, str], str, str]:
    return log.header.eval.model, start_order(log), log.scoring.words, log.location


def conflict_setting(log: FoundLog, found: FoundLogs) -> dict[str, object]:
    """Return the name of a log as a setting if other logs of the same run contradict it, else nothing."""
    return {"log": log.name} if log.location in found.in_conflict else {}


def likest(
    wanted: Sequence[AnyRun], others: Sequence[AnyRun], key: Callable[[AnyRun], Hashable]
) -> list[tuple[AnyRun, AnyRun]]:
    """Return, for each wanted run, the most similar other run with the same key, as (other, run)."""
    pairs: list[tuple[AnyRun, AnyRun]] = []
    for run in wanted:
        same = [other for other in others if key(other) == key(run)]
        if same:
            pairs.append((max(same, key=lambda other: len(set(other.settings) & set(run.settings))), run))
    return pairs


def check_comparable(
    found: FoundLogs, families: Iterable[Family], differences: Sequence[str], *, allow_mixed: bool
) -> tuple[str, ...]:
    """Check that runs may be compared.

    Args:
        found: The logs.
        families: The families of the runs.
        differences: Descriptions of differences between the runs that should not exist.
        allow_mixed: Whether differences are allowed.

    Returns:
        The differences, after descriptions of logs of one run that contradict each other.

    Raises:
        InputError: There is a difference, and it is not allowed.
    """
    own = set(families)
    mixed = (*(conflict.words for conflict in found.conflicts if conflict.family in own), *differences)
    if mixed and not allow_mixed:
        raise InputError(
            "These runs must not be compared as they are:\n"
            + "\n".join(f"- {line}" for line in mixed)
            + "\nGive only logs that belong together, or use --allow-mixed. "
            "Runs on different pairs or instances are then shown in one table, but they are not compared."
        )
    return mixed


def difference(
    runs: Sequence[AnyRun],
    what: str,
    value: Callable[[AnyRun], str],
    words: Callable[[AnyRun], str],
) -> list[str]:
    """Describe a difference between runs that should not exist.

    Args:
        runs: The runs.
        what: Name of the property, for the message.
        value: Function that returns the value that must be equal in all runs.
        words: Function that describes this value.

    Returns:
        One line that names the runs by value. Empty if all runs have the same value.
    """
    by_value: defaultdict[str, list[AnyRun]] = defaultdict(list)
    for run in runs:
        by_value[value(run)].append(run)
    if len(by_value) < 2:
        return []
    groups = "; ".join(
        f"{words(members[0])}: {_some([run.label for run in members])}" for members in by_value.values()
    )
    return [f"{what} differ: {groups}"]


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def version_difference(runs: Sequence[LoggedRun], what: str) -> list[str]:
    """Describe a difference in the version of misfire. ``what`` names the runs, for the message."""
    return difference(
        runs,
        f"suite versions of {what}",
        lambda run: run.suite_version,
        lambda run: run.suite_version or "unknown",
    )
