"""The outcome of a half by the probabilities of its first token, and the note about them in a log."""

from collections.abc import Sequence
from typing import Self

from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Score
from pydantic import Field

from misfire.model_calls.answer_words import Word
from misfire.model_calls.first_token import Bound, FirstToken, first_token_of
from misfire.scorers.answers import YES_NO, Answers
from misfire.scorers.notes import Note
from misfire.scorers.outcomes import HalfOutcome, answered, was_blocked


class FirstTokenNote(Note):
    """What the first token of an answer showed. It is metadata of the score.

    Attributes:
        margin: Log mass of yes minus log mass of no, in nats; positive for "yes". None if neither is listed.
        margin_bound: What this number is: ``exact``, or ``at least`` or ``at most`` if one of the two is not
            among the tokens that the provider lists. None without a margin.
        answer_mass: Share of the probability mass that is on an answer, as far as it is listed. This is a
            lower bound.
        answer_mass_max: Upper bound of this share.
        masses: The listed mass of each answer.
        listed_tokens: Number of tokens that the provider lists, as logged.
    """

    margin: float | None
    margin_bound: Bound | None
    answer_mass: float = Field(ge=0, le=1)
    answer_mass_max: float = Field(ge=0, le=1)
    masses: dict[Word, float]
    listed_tokens: int

    @classmethod
    def about(cls, first: FirstToken, allowed: Sequence[Word]) -> Self:
        """Return the note about a first token.

        Args:
            first: The masses.
            allowed: The answers that the question allows.
        """
        margin, bound = first.margin or (None, None)
        return cls(
            margin=margin,
            margin_bound=bound,
            answer_mass=first.mass(allowed),
            answer_mass_max=first.most_mass(allowed),
            masses={word: first.listed[word] for word in allowed},
            listed_tokens=first.tokens,
        )

    @classmethod
    def in_score(cls, score: Score) -> Self | None:
        """Return the note in a score, or None if the answer was read from text.

        An edit may have replaced the score's metadata, but its history is kept.
        """
        versions = [score.metadata, *(edit.metadata for edit in score.history)]
        notes = (cls.of(version) for version in versions if isinstance(version, dict))
        return next((note for note in notes if note), None)


def first_token_outcome(
    output: ModelOutput, target: str, allowed: Answers = YES_NO
) -> tuple[HalfOutcome, FirstTokenNote | None]:
    """Classify a model's output for one half by the probabilities of its first token.

    The answer is the one with more mass. A half is unparsable if no answer is among the listed tokens, if two
    are equal, or if an answer that is not listed could have more mass than the listed one. A low mass on
    answers does not change the outcome.

    Args:
        output: The provider's output.
        target: The correct answer.
        allowed: The answers that the question allows.

    Returns:
        The outcome, and the note. None if nothing was read.
    """
    if was_blocked(output):
        words = f"Refused: the provider says so (stop reason {output.stop_reason})."
        return HalfOutcome("refused", None, words), None
    first = first_token_of(output)
    if first is None:
        return HalfOutcome("failed", None, "The provider returned no probabilities of tokens."), None
    note = FirstTokenNote.about(first, allowed.words)
    answer = first.decision(allowed.words)
    if answer is None:
        return HalfOutcome("unparsable", None, _undecided(first, note, allowed)), note
    found = answered(answer, target)
    return HalfOutcome(found.outcome, answer, f"{found.explanation} {_masses(note)}"), note


def _masses(note: FirstTokenNote) -> str:
    masses = ", ".join(f"{word} {mass:.3g}" for word, mass in note.masses.items())
    return f"Mass of the first token: {masses}."


def _undecided(first: FirstToken, note: FirstTokenNote, allowed: Answers) -> str:
    words = " or ".join(allowed.words)
    if not note.answer_mass:
        return (
            f"No {words} is among the {first.tokens} first tokens that the provider lists. Together they "
            f"have at most {note.answer_mass_max:.3g} of the mass."
        )
    return f"The listed first tokens do not decide between {words}. {_masses(note)}"
