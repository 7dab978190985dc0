"""Reading the samples of a log: their summaries, which of them are invalidated, and which are there more than once.

Inspect's list of summaries says nothing of invalidation; only the samples themselves do.
"""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from inspect_ai.log import EvalLog, EvalSample, EvalSampleSummary, read_eval_log, read_eval_log_sample, read_eval_log_sample_summaries
from inspect_ai.model import ChatMessage
from inspect_ai.scorer import Score

from misfire.errors import InputError
from misfire.reports.logs.log_sizes import check_size, opened

Sample = EvalSampleSummary | EvalSample
"""A sample of a log, whole or in short."""

_TRANSCRIPT = {"events", "store", "attachments", "timelines"}
"""Parts of a sample that are not needed, and large."""

_SHORTENED = "Key removed from summary"
"""What stands in a summary in place of a value that is too long for it."""

_MEMBER = re.compile(r"samples/(?P<sample>.+_epoch_\d+)(/sample)?\.json", re.DOTALL)
"""A sample within a log file, in the one form that Inspect gives it or in the other."""

_INVALIDATION = re.compile(rb'"invalidation"\s*:\s*\{')

READ_BY = ("parser", "grader")
"""What scores note of how they came about: the parser that read the answer, or the model that graded it."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class Content:
    """What the samples of a log are like, beside their outcomes.

    Attributes:
        samples: How many there are.
        scored: How many have a score in the column that is read.
        invalidated: How many are marked as invalid, which are left out everywhere.
        repeated: How many are there again and say the same; each counts once.
        contradicted: Names of those that are there again with another outcome; the later one counts.
        readings: By the parser that read answers, or the model that graded them, how many samples; empty where scores do not note it.
        unlisted: How many samples the file holds that its list of summaries lacks; they count for nothing.
    """

    samples: int
    scored: int
    invalidated: int
    repeated: int
    contradicted: tuple[str, ...]
    readings: tuple[tuple[str, int], ...]
    unlisted: int


@dataclass(frozen=True)
class Reading(Generic[Row]):
    """The samples of a log that count, as records of the caller's, and what its samples are like."""

    records: tuple[Row, ...]
    content: Content


def read_samples(location: str, needs_whole: Callable[[Sample], bool]) -> tuple[tuple[Sample, ...], frozenset[str], int]:
    """The samples of a log.

    Args:
        location: The log file.
        needs_whole: Whether a summary lacks what the caller needs, so that the samples must be read whole, which is slow.

    Returns:
        The samples in the order of the log, the keys (``key_of``) of those that are invalidated, and how many are in the file and not in
        its list of summaries.

    Raises:
        InputError: They cannot be read.
    """
    try:
        check_size(location, "samples")
        samples: Sequence[Sample] = read_eval_log_sample_summaries(location)
        if any(map(needs_whole, samples)):
            samples = read_eval_log(location, exclude_fields=_TRANSCRIPT | {"messages"}).samples or []
        invalid, names = _invalidated(location)
    except InputError:
        raise
    except Exception as error:  # Inspect raises many kinds for samples that are none
        raise InputError(f"{location}: its samples cannot be read ({type(error).__name__}: {error}).") from error
    return tuple(samples), invalid, len(names - {f"{sample.id}_epoch_{sample.epoch}" for sample in samples})


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


def key_of(sample: Sample) -> str:
    """What tells a sample from all others of its log: Inspect's unique id where it has one."""
    return _key(sample.uuid, sample.id, sample.epoch)


def is_shortened(value: object) -> bool:
    """Whether a value of a summary is only a remark that the value was too long."""
    return isinstance(value, str) and value.startswith(_SHORTENED)


def score_of(sample: Sample, column: str) -> Score | None:
    """A sample's score in a column; none if it has none."""
    return (sample.scores or {}).get(column)


def error_of(sample: Sample) -> str | None:
    """A sample's error in words; none if it ended in none."""
    return sample.error if sample.error is None or isinstance(sample.error, str) else sample.error.message


def content_of(
    samples: Sequence[Sample], invalid: frozenset[str], unlisted: int, column: str, repeated: int, contradicted: Sequence[str]
) -> Content:
    """What some samples are like.

    Args:
        samples: All samples of a log.
        invalid: Keys of those that are invalidated.
        unlisted: How many more the file holds.
        column: The score that is read.
        repeated: How many are there again with the same outcome.
        contradicted: Names of those that are there again with another.

    Returns:
        The counts.
    """
    scores = [score for sample in samples if (score := score_of(sample, column)) is not None]
    read_by = (score.metadata.get(name) for score in scores if score.metadata for name in READ_BY)
    readings = Counter(str(name) for name in read_by if name is not None)
    invalidated = sum(key_of(sample) in invalid for sample in samples)
    return Content(len(samples), len(scores), invalidated, repeated, tuple(contradicted), tuple(sorted(readings.items())), unlisted)


def each_once(
    rows: Iterable[Row], key: Callable[[Row], Hashable], outcome: Callable[[Row], object]
) -> tuple[list[Row], int, list[Hashable]]:
    """Rows without those that are there again, as after logs were put together by hand.

    Args:
        rows: Rows in the order of the log.
        key: What the row is about.
        outcome: What it says of that; none where it says nothing, as a sample that ended in an error.

    Returns:
        One row a key, at the place of its first: the later one, but one that says something before one that says nothing. Then how many
        rows were dropped that say the same or nothing, and the keys of which two rows say different things.
    """
    found: dict[Hashable, Row] = {}
    repeated, contradicted = 0, dict[Hashable, None]()
    for row in rows:
        name, said = key(row), outcome(row)
        if name not in found:
            found[name] = row
            continue
        before = outcome(found[name])
        if said is None or before is None or said == before:
            repeated += 1
        else:
            contradicted[name] = None
        if said is not None or before is None:
            found[name] = row
    return list(found.values()), repeated, list(contradicted)


def _invalidated(location: str) -> tuple[frozenset[str], set[str]]:
    """Keys of the samples that are marked as invalid, and the names of the samples in the file (none for a log in JSON)."""
    with opened(location) as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            marked = _INVALIDATION.search(file.read()) is not None
            log = read_eval_log(location) if marked else EvalLog.model_construct(samples=[])
            return frozenset(key_of(sample) for sample in log.samples or [] if sample.invalidation is not None), set()
        with zipfile.ZipFile(file) as archive:
            # of two members of one name the last counts, for Inspect as for zipfile
            members = {name: match["sample"] for name in archive.namelist() if (match := _MEMBER.fullmatch(name))}
            texts = (text for name in members if _INVALIDATION.search(text := archive.read(name)))
            found = (cast("dict[str, Any]", json.loads(text)) for text in texts)
            keys = frozenset(_key(own.get("uuid"), own["id"], own["epoch"]) for own in found if own.get("invalidation"))
            return keys, set(members.values())


def _key(uuid: str | None, sample_id: int | str, epoch: int) -> str:
    return uuid or f"{sample_id} {epoch}"
