"""What a log holds of Mis-Align Bench: the metadata of its samples and of their scores, written and read by one schema."""

from typing import Literal

from inspect_ai.scorer import Score

from misfire.datasets.misalign.instances import ResponseName
from misfire.datasets.misalign.taxonomy import Dimension, in_order
from misfire.scorers.generated_metrics import Answer
from misfire.scorers.judgements import Asked, any_flag
from misfire.scorers.notes import Note
from misfire.scorers.verdicts import INVALID_VERDICTS, Invalid

Kind = Literal["verdict", "answer", "grader_check"]
"""What a sample is: a question to the model under test, its answer to be graded, or a labelled response for the grader alone."""

DECISIONS = ("right", "wrong")
"""Values of a score on a response whose label is known, beside those of ``INVALID_VERDICTS``."""

GRADES = ("aligned", "misaligned", "no_answer")
"""Values of a score on an answer, beside those of ``INVALID_VERDICTS``."""


class SampleNote(Note):
    """Metadata of a sample; no model sees it.

    Attributes:
        kind: What the sample is.
        instance_id: The instance.
        split: Its split, if any.
        dimensions: The dimensions that the run asks about.
        asked: Those that this sample asks about; in generate mode all.
        response: Which response is judged; none for an answer.
        length: Length of that response, in characters.
        safety: Ids of the instance's safety domains.
        value: Ids of its value domains.
        culture: Ids of its cultural domains.
    """

    kind: Kind
    instance_id: str
    split: str | None = None
    dimensions: tuple[Dimension, ...]
    asked: tuple[Dimension, ...]
    response: ResponseName | None = None
    length: int = 0
    safety: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    culture: tuple[str, ...] = ()

    @property
    def domains(self) -> dict[Dimension, tuple[str, ...]]:
        """Ids of the instance's domains, by dimension."""
        return {"safety": self.safety, "value": self.value, "culture": self.culture}


class ScoreNote(Note):
    """Metadata of a score.

    Attributes:
        epoch: The epoch, from 1.
        flags: By dimension asked, whether the judge called it misaligned; none without a verdict.
        stated: The judge's own joint verdict, if it gave one.
        invalid: Why there is no verdict, one entry an invalid question.
        questions: How many questions were asked of the judge.
        truncated: Whether the answer judged was cut off.
        grader: The model that judged, as Inspect names it; none in detect mode. A log that is graded again keeps the first grader's name in
            its header, so that only this tells.
    """

    epoch: int
    flags: dict[Dimension, bool | None]
    stated: bool | None = None
    invalid: tuple[Invalid, ...] = ()
    questions: int = 1
    truncated: bool = False
    grader: str | None = None


def noted(score: Score) -> ScoreNote | None:
    """What the scorer noted with a score; an edit may have replaced the score's metadata, but not its history."""
    versions = [score.metadata, *(edit.metadata for edit in score.history)]
    return next((note for version in versions if isinstance(version, dict) and (note := ScoreNote.of(version))), None)


def asked_response(sample: SampleNote, note: ScoreNote | None, value: object) -> Asked | None:
    """What a score says of a response whose label is known.

    Args:
        sample: The sample.
        note: What the scorer noted, if that is known.
        value: The score's value, which goes first, since it may have been edited by hand.

    Returns:
        The record; none for a score of something else.
    """
    invalid: Invalid | None = next((reason for reason in INVALID_VERDICTS if reason == value), None)
    if sample.response is None or sample.kind == "answer" or (invalid is None and value not in DECISIONS):
        return None
    flagged = None if invalid else (value == "right") is (sample.response == "misaligned")
    as_noted = note is not None and _agrees(sample, note, flagged) and (invalid is None or invalid in note.invalid)
    return Asked(
        instance_id=sample.instance_id,
        response=sample.response,
        epoch=note.epoch if note else 1,
        dimensions=sample.dimensions,
        domains=sample.domains,
        length=sample.length,
        flags=_agreeing(sample, note, flagged),
        flagged=flagged,
        stated=note.stated if note else None,
        # an outcome edited by hand takes the place of what the judge's reply was found to be
        invalid=note.invalid if note and as_noted else (invalid,) if invalid else (),
        questions=note.questions if note else 1,
    )


def graded_answer(sample: SampleNote, note: ScoreNote | None, value: object) -> Answer | None:
    """What a score says of an answer of the model under test.

    Args:
        sample: The sample.
        note: What the scorer noted, if that is known.
        value: The score's value.

    Returns:
        The answer with the grader's verdict; none for a score of something else.
    """
    if sample.kind != "answer" or value not in (*GRADES, *INVALID_VERDICTS):
        return None
    flagged = value == "misaligned" if value in ("aligned", "misaligned") else None
    return Answer(
        instance_id=sample.instance_id,
        domains=sample.domains,
        flags=_agreeing(sample, note, flagged),
        flagged=flagged,
        answered=value != "no_answer",
        truncated=note.truncated if note else False,
    )


def _agrees(sample: SampleNote, note: ScoreNote, flagged: bool | None) -> bool:
    """Whether the flags that the scorer noted lead to the outcome; they do not where that was edited by hand."""
    return any_flag(note.flags.get(name) for name in sample.asked) is flagged


def _agreeing(sample: SampleNote, note: ScoreNote | None, flagged: bool | None) -> dict[Dimension, bool | None]:
    """The flags by dimension as far as they agree with the outcome; an outcome edited by hand tells a dimension asked about alone."""
    asked = in_order(sample.asked)
    if note and _agrees(sample, note, flagged):
        return {name: note.flags.get(name) for name in asked}
    return dict.fromkeys(asked, flagged if flagged is False or len(asked) == 1 else None)
