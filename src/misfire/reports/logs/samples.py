"""Read the samples of a log, and detect invalidated and duplicate samples.

Inspect's sample summaries do not record invalidation. Only the samples do.
"""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from inspect_ai.log import (
    EvalLog,
    EvalSample,
    EvalSampleSummary,
    read_eval_log,
    read_eval_log_sample,
    read_eval_log_sample_summaries,
)
from inspect_ai.model import ChatMessage
from inspect_ai.scorer import Score

from misfire.errors import InputError
from misfire.reports.logs.log_sizes import check_size, opened

Sample = EvalSampleSummary | EvalSample
"""A sample of a log or its summary."""

_TRANSCRIPT = {"events", "store", "attachments", "timelines"}
"""Large parts of a sample that are not needed."""

_SHORTENED = "Key removed from summary"
"""The text that a summary contains in place of a value that is too long for it."""

_MEMBER = re.compile(r"samples/(?P<sample>.+_epoch_\d+)(/sample)?\.json", re.DOTALL)
"""The name of a sample in a log file, in either of the two forms that Inspect writes."""

_INVALIDATION = re.compile(rb'"invalidation"\s*:\s*\{')

READ_BY = ("parser", "grader")
"""Keys in the metadata of scores for the parser that read the answer and for the model that graded it."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class Content:
    """Counts of the samples of a log.

    Attributes:
        samples: Number of samples.
        scored: Number of samples with a score in the column that is read.
        invalidated: Number of samples marked as invalid. They are excluded everywhere.
        repeated: Number of duplicate samples with the same outcome. Each sample counts once.
        contradicted: Names of samples that have a duplicate with another outcome. The last one counts.
        readings: Number of samples per parser or grader. Empty if the scores do not record it.
        unlisted: Number of samples in the file that are not in its list of summaries. They are ignored.
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
    """The records of the samples of a log that count, and the counts of all its samples."""

    records: tuple[Row, ...]
    content: Content


def read_samples(
    location: str, needs_whole: Callable[[Sample], bool]
) -> tuple[tuple[Sample, ...], frozenset[str], int]:
    """Read the samples of a log.

    Args:
        location: The log file.
        needs_whole: Whether a summary lacks information that the caller needs. If this is true for any
            sample, the complete samples are read, which is slow.

    Returns:
        The samples in the order of the log, the keys (``key_of``) of the invalidated samples, and the number
        of samples in the file that are not in its list of summaries.

    Raises:
        InputError: The samples cannot be read.
    """
    try:
        check_size(location, "samples")
        samples: Sequence[Sample] = read_eval_log_sample_summaries(location)
        if any(map(needs_whole, samples)):
            samples = read_eval_log(location, exclude_fields=_TRANSCRIPT | {"messages"}).samples or []
        invalid, names = _invalidated(location)
    except InputError:
        raise
    except Exception as error:  # Inspect raises many types of errors for invalid samples
        raise InputError(
            f"{location}: its samples cannot be read ({type(error).__name__}: {error})."
        ) from error
    return tuple(samples), invalid, len(names - {f"{sample.id}_epoch_{sample.epoch}" for sample in samples})


def read_sample(location: str, sample_id: str, epoch: int) -> EvalSample:
    """Read a sample of a log without its transcript.

    Args:
        location: The log file.
        sample_id: Id of the sample.
        epoch: The epoch, starting at 1.

    Returns:
        The sample.

    Raises:
        InputError: The sample does not exist or cannot be read.
    """
    try:
        return read_eval_log_sample(location, sample_id, epoch, exclude_fields=_TRANSCRIPT)
    except Exception as error:  # Inspect raises many types of errors for an invalid sample
        raise InputError(
            f"{location}: sample {sample_id}, epoch {epoch}, cannot be read ({type(error).__name__}: "
            f"{error}). Use --examples 0 to omit the texts."
        ) from error


def asked_text(asked: str | Sequence[ChatMessage]) -> str:
    """Return the last message of a sample's input. Empty if there is none."""
    return asked if isinstance(asked, str) else asked[-1].text if asked else ""


def key_of(sample: Sample) -> str:
    """Return a key that is unique within the log: Inspect's unique id if the sample has one."""
    return _key(sample.uuid, sample.id, sample.epoch)


def is_shortened(value: object) -> bool:
    """Whether a value of a summary is only a note that the original value was too long."""
    return isinstance(value, str) and value.startswith(_SHORTENED)


def score_of(sample: Sample, column: str) -> Score | None:
    """Return the score of a sample in a column, or None if there is none."""
    return (sample.scores or {}).get(column)


def error_of(sample: Sample) -> str | None:
    """Return the error message of a sample, or None if it did not end in an error."""
    return sample.error if sample.error is None or isinstance(sample.error, str) else sample.error.message


def content_of(
    samples: Sequence[Sample],
    invalid: frozenset[str],
    unlisted: int,
    column: str,
    repeated: int,
    contradicted: Sequence[str],
) -> Content:
    """Count the samples of a log.

    Args:
        samples: All samples of the log.
        invalid: Keys of the invalidated samples.
        unlisted: Number of samples that are not in the list of summaries.
        column: Name of the score that is read.
        repeated: Number of duplicates with the same outcome.
        contradicted: Names of samples that have a duplicate with another outcome.

    Returns:
        The counts.
    """
    scores = [score for sample in samples if (score := score_of(sample, column)) is not None]
    read_by = (score.metadata.get(name) for score in scores if score.metadata for name in READ_BY)
    readings = Counter(str(name) for name in read_by if name is not None)
    invalidated = sum(key_of(sample) in invalid for sample in samples)
    return Content(
        len(samples),
        len(scores),
        invalidated,
        repeated,
        tuple(contradicted),
        tuple(sorted(readings.items())),
        unlisted,
    )


def each_once(
    rows: Iterable[Row], key: Callable[[Row], Hashable], outcome: Callable[[Row], object]
) -> tuple[list[Row], int, list[Hashable]]:
    """Remove duplicate rows, which occur after logs were merged by hand.

    Args:
        rows: Rows in the order of the log.
        key: Function that returns what identifies a row.
        outcome: Function that returns the outcome of a row, or None if it has none, like a sample that ended
            in an error.

    Returns:
        One row per key, at the position of its first row: the last row with an outcome, or the last row if
        none has one. Also the number of removed rows that agree with the others or have no outcome, and the
        keys whose rows have different outcomes.
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
    """Return the keys of invalidated samples and the names of all samples.

    The names are empty for a log in JSON.
    """
    with opened(location) as file:
        if not zipfile.is_zipfile(file):
            file.seek(0)
            marked = _INVALIDATION.search(file.read()) is not None
            log = read_eval_log(location) if marked else EvalLog.model_construct(samples=[])
            return frozenset(
                key_of(sample) for sample in log.samples or [] if sample.invalidation is not None
            ), set()
        with zipfile.ZipFile(file) as archive:
            # if two members have the same name, both Inspect and zipfile use the last one
            members = {
                name: match["sample"] for name in archive.namelist() if (match := _MEMBER.fullmatch(name))
            }
            texts = (text for name in members if _INVALIDATION.search(text := archive.read(name)))
            found = (cast("dict[str, Any]", json.loads(text)) for text in texts)
            keys = frozenset(
                _key(own.get("uuid"), own["id"], own["epoch"]) for own in found if own.get("invalidation")
            )
            return keys, set(members.values())


def _key(uuid: str | None, sample_id: int | str, epoch: int) -> str:
    return uuid or f"{sample_id} {epoch}"
