"""The samples of a log of VETO or priming as typed halves.

This is the one reader of such samples, for reports and for the mechanistic analyses.
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
from misfire.scorers.half_notes import HalfNote
from misfire.scorers.outcomes import Outcome
from misfire.scorers.veto import read_outcome

_CUT = "..."
"""What Inspect ends a long text in a sample's summary with. Of two long names nothing else may be left."""


@dataclass(frozen=True)
class LoggedHalf:
    """A sample of a log that asks a half of a pair, or one of the pair's controls.

    Attributes:
        note: What the task wrote about the sample.
        sample_id: The sample's id.
        epoch: The epoch, from 1.
        outcome: What became of it. None if the sample has no score that names an outcome.
        answer: The answer in the score, or the beginning of what the model said in its place. None without a
            score.
        error: The sample's error, without secrets. None if it did not end in one.
        invalidated: Whether the sample is marked as invalid. Such a sample counts for nothing.
        prompt: The text that was asked, in full only if the samples were read whole.
        target: The answer that the evidence supports.
    """

    note: HalfNote
    sample_id: str
    epoch: int
    outcome: Outcome | None
    answer: str | None
    error: str | None
    invalidated: bool
    prompt: str
    target: str


def read_logged_halves(location: str, column: str, *, whole: bool = False) -> Reading[LoggedHalf]:
    """Read the halves of a log.

    Args:
        location: The log file.
        column: Name of the score that holds the outcomes.
        whole: Whether texts are needed in full. Then the samples are read instead of their summaries, which is
            slow.

    Returns:
        One record for each (half, arms, probe, epoch) that counts, and one for each invalidated sample, in the
        order of the log.

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
    # the header is needed only to tell what is secret in the words of an error
    hidden = hidden_values(read_header(location)) if any(error_of(sample) for _, sample, _ in own) else frozenset[str]()
    halves = tuple(_half(sample, note, column, hidden, invalidated=key_of(sample) in invalid) for _, sample, note in own)
    return Reading(halves, content_of(samples, invalid, unlisted, column, repeated, names))


@dataclass(frozen=True)
class _Question:
    """What a sample asks, and in which epoch."""

    pair_id: str
    half: str
    probe: str
    arms: tuple[str, ...]
    epoch: int


def _needs_whole(sample: Sample) -> bool:
    """Whether a summary lacks the arms of a sample that serves dozens, or the end of a very long name."""
    note = _note(sample)
    if note is None:
        return False
    names = (note.category, note.subcategory, note.scenario, note.stereotyped_group, note.contrast_group)
    return note.lacks_arms or any(name is not None and name.endswith(_CUT) for name in names)


def _note(sample: Sample) -> HalfNote | None:
    """The sample's note, without what its summary leaves out for its length."""
    metadata: Mapping[str, object] = sample.metadata or {}
    return HalfNote.of({name: value for name, value in metadata.items() if not is_shortened(value)})


def _half(sample: Sample, note: HalfNote, column: str, hidden: frozenset[str], *, invalidated: bool) -> LoggedHalf:
    score = score_of(sample, column)
    return LoggedHalf(
        note=note,
        sample_id=str(sample.id),
        epoch=sample.epoch,
        outcome=read_outcome(score.value) if score else None,
        answer=score.answer if score and isinstance(score.answer, str) else None,
        error=without_secrets(error_of(sample), hidden) or None,
        invalidated=invalidated,
        prompt=asked_text(sample.input),
        target=str(sample.target),
    )


def _scored(sample: Sample, column: str) -> tuple[Outcome, str | None] | None:
    """The outcome and the answer in a sample's score. None where the score names no outcome."""
    score = score_of(sample, column)
    outcome = read_outcome(score.value) if score else None
    return (outcome, score.answer) if score and outcome else None
