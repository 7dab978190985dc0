"""The outcome of one half: right, wrong, refused, unparsable, truncated, or failed.

*Invalid* outcomes (refused, unparsable, truncated) are attributed to the model. *Failed* means that the
provider gave no output.
"""

from dataclasses import dataclass
from typing import Literal

from inspect_ai.model import ContentText, ModelOutput

from misfire.model_calls.ask import reached_limit
from misfire.scorers.about import Case
from misfire.scorers.answers import YES_NO, Answers, GivenAnswer, Parser, parse_answer
from misfire.scorers.own_words import own_words
from misfire.scorers.refusals import is_refusal

Outcome = Literal["right", "wrong", "refused", "unparsable", "truncated", "failed"]

INVALID: tuple[Outcome, ...] = ("refused", "unparsable", "truncated")


@dataclass(frozen=True)
class HalfOutcome:
    """The outcome of one half, and its basis.

    Attributes:
        outcome: The outcome.
        answer: The answer that was read, if any.
        explanation: The reason in one sentence.
    """

    outcome: Outcome
    answer: GivenAnswer | None
    explanation: str


def half_outcome(
    output: ModelOutput, target: str, parser: Parser, case: Case, allowed: Answers = YES_NO
) -> HalfOutcome:
    """Classify a model's output for one half.

    In the strict reading, the provider's stop reason takes precedence: a blocked output is a refusal, and an
    output that was cut off is truncated whatever its text, since its answer may be missing. The answer comes
    next, and the wording decides only if there is no answer. The published reading accepts an answer wherever
    it finds one.

    Args:
        output: The provider's output.
        target: The correct answer.
        parser: How to read the text.
        case: Passage and question as shown to the model. The strict reading uses them to decide what a bare
            "Yes, …" is about.
        allowed: The answers that the question allows.

    Returns:
        The outcome.
    """
    if output.empty:
        return HalfOutcome(
            "failed", None, f"The provider returned no output{f': {output.error}' if output.error else '.'}"
        )
    text = output.completion
    answer = parse_answer(text, parser, case, allowed)
    if answer is not None and parser == "published":
        return answered(answer, target)
    if was_blocked(output):
        return HalfOutcome(
            "refused", None, f"Refused: the provider says so (stop reason {output.stop_reason})."
        )
    if was_cut_off(output):
        return HalfOutcome(
            "truncated",
            None,
            f"Cut off by the token limit (stop reason {output.stop_reason}); raise --max-tokens.",
        )
    if answer is not None:
        return answered(answer, target)
    if not text.strip():
        return HalfOutcome("unparsable", None, f"The text is empty (stop reason {output.stop_reason}).")
    own = own_words(text)
    if own is None:
        return HalfOutcome(
            "unparsable",
            None,
            "The text is reasoning that does not end: its mark is opened and never closed.",
        )
    if is_refusal(own):
        return HalfOutcome("refused", None, "Refused, by its wording; no answer is given.")
    return HalfOutcome(
        "unparsable", None, f"No {' or '.join(allowed.words)} is given, or nothing says which one is meant."
    )


def was_blocked(output: ModelOutput) -> bool:
    """Check whether the provider reports a refusal or filtered the output."""
    content = output.message.content
    refused = not isinstance(content, str) and any(
        isinstance(part, ContentText) and part.refusal for part in content
    )
    return refused or output.stop_reason == "content_filter"


def was_cut_off(output: ModelOutput) -> bool:
    """Check whether the output ended at a token limit.

    The provider's stop reason decides. Without one, an output that used up the limit counts as cut off.
    """
    return reached_limit(output)


def answered(answer: GivenAnswer, target: str) -> HalfOutcome:
    """Return the outcome of a half with a valid answer.

    Args:
        answer: The answer.
        target: The correct answer.
    """
    outcome: Outcome = "right" if answer == target else "wrong"
    return HalfOutcome(outcome, answer, f'Answered "{answer}"; the evidence supports "{target}".')
