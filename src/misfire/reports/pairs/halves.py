"""Read the samples of a log of VETO or priming as typed halves.

Reports and mechanistic analyses use only this reader.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from misfire.reports.logs.log_files import read_header
from misfire.reports.logs.samples import (
    Reading,
    Sample,
    asked_text,
    content_of,
    each_once,
    error_of,
    is_shortened,
    key_of,
    read_samples,
    score_of,
)
from misfire.reports.logs.secrets import hidden_values, without_secrets
from misfire.scorers.first_tokens import FirstTokenNote
from misfire.scorers.half_notes import HalfNote
from misfire.scorers.outcomes import Outcome
from misfire.scorers.veto import read_outcome

_CUT = "..."
"""The ending of a long text that Inspect shortened in a sample's summary. Two long names may then look
equal."""


@dataclass(frozen=True)
class LoggedHalf:
    """A sample of a log that asks about a half of a pair or about one of the pair's controls.

    Attributes:
        note: The note that the task wrote about the sample.
        sample_id: Id of the sample.
        epoch: The epoch, starting at 1.
        outcome: Outcome of the sample. None if the sample has no score that names an outcome.
        answer: The answer in the score, or the beginning of the model's reply if there is no such answer.
            None without a score.
        first: What the first token showed, if the answer was read from it. None if it was read from text.
        error: Error message without secrets. None if the sample did not end in an error.
        invalidated: Whether the sample is marked as invalid. Such a sample is ignored.
        prompt: The prompt. It is complete only if the samples were read whole.
        target: The answer that the evidence supports.
    """

    note: HalfNote
    sample_id: str
    epoch: int
    outcome: Outcome | None
    answer: str | None
    first: FirstTokenNote | None
    error: str | None
    invalidated: bool
    prompt: str
    target: str


def read_logged_halves(location: str, column: str, *, whole: bool = False) -> Reading[LoggedHalf]:
    """Read the halves of a log.

    Args:
        location: The log file.
        column: Name of the score that contains the outcomes.
        whole: Whether complete texts are needed. If so, the samples are read instead of their summaries,
            which is slow.

    Returns:
        One record for each (half, arms, probe, epoch) that counts, and one for each invalidated sample, in
        the order of the log.

    Raises:
        InputError: The samples cannot be read.
    """
    samples, invalid, unlisted = read_samples(location, lambda sample: whole or _needs_whole(sample))
    noted = [(number, sample, note) for number, sample in enumerate(samples) if (note := _note(sample))]

    def question(one: tuple[int, Sample, HalfNote]) -> Hashable:
        number, sample, note = one
        if key_of(sample) in invalid:
            return number
        return _Question(note.pair_id, note.half, note.probe, note.served_arms, sample.epoch)

    own, repeated, contradicted = each_once(noted, question, lambda one: _scored(one[1], column))
    names = [f"{one.pair_id}/{one.half}" for one in contradicted if isinstance(one, _Question)]
    # the header is needed only to recognize secrets in error messages
    hidden = (
        hidden_values(read_header(location))
        if any(error_of(sample) for _, sample, _ in own)
        else frozenset[str]()
    )
    halves = tuple(
        _half(sample, note, column, hidden, invalidated=key_of(sample) in invalid) for _, sample, note in own
    )
    return Reading(halves, content_of(samples, invalid, unlisted, column, repeated, names))


@dataclass(frozen=True)
class _Question:
    """The question of a sample, and its epoch."""

    pair_id: str
    half: str
    probe: str
    arms: tuple[str, ...]
    epoch: int


def _needs_whole(sample: Sample) -> bool:
    """Whether a summary lacks the arms of a sample with dozens of arms, or the end of a long name."""
    note = _note(sample)
    if note is None:
        return False
    names = (note.category, note.subcategory, note.scenario, note.stereotyped_group, note.contrast_group)
    return note.lacks_arms or any(name is not None and name.endswith(_CUT) for name in names)


def _note(sample: Sample) -> HalfNote | None:
    """Return the sample's note, without values that its summary omits because of their length."""
    metadata: Mapping[str, object] = sample.metadata or {}
    return HalfNote.of({name: value for name, value in metadata.items() if not is_shortened(value)})


def _half(
    sample: Sample, note: HalfNote, column: str, hidden: frozenset[str], *, invalidated: bool
) -> LoggedHalf:
    score = score_of(sample, column)
    return LoggedHalf(
        note=note,
        sample_id=str(sample.id),
        epoch=sample.epoch,
        outcome=read_outcome(score.value) if score else None,
        answer=score.answer if score and isinstance(score.answer, str) else None,
        first=FirstTokenNote.in_score(score) if score else None,
        error=without_secrets(error_of(sample), hidden) or None,
        invalidated=invalidated,
        prompt=asked_text(sample.input),
        target=str(sample.target),
    )


def _scored(sample: Sample, column: str) -> tuple[Outcome, str | None] | None:
    """Return the outcome and the answer in a sample's score, or None if the score names no outcome."""
    score = score_of(sample, column)
    outcome = read_outcome(score.value) if score else None
    return (outcome, score.answer) if score and outcome else None
