"""What became of one half: right, wrong, refused, unparsable, truncated, or failed.

*Invalid* outcomes (refused, unparsable, truncated) are the model's; *failed* is the instrument's (the provider gave no output).
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
    """The outcome of one half, with what it rests on.

    Attributes:
        outcome: What became of the half.
        answer: The answer that was read, if any.
        explanation: One sentence on why.
    """

    outcome: Outcome
    answer: GivenAnswer | None
    explanation: str


def half_outcome(output: ModelOutput, target: str, parser: Parser, case: Case, allowed: Answers = YES_NO) -> HalfOutcome:
    """Classify a model's output for one half.

    The strict reading goes by the provider's stop reason first: a blocked output is a refusal, and one that was cut
    off is truncated whatever it holds, since its answer may be missing. Then by the answer, and only
    where there is none by the wording. The published reading takes an answer wherever it finds one.

    Args:
        output: What the provider returned.
        target: The right answer.
        parser: How to read the text.
        case: Passage and question, as the model was shown them; the strict reading tells by them what a bare "Yes, …" is about.
        allowed: The answers that the question allows.

    Returns:
        The outcome.
    """
    if output.empty:
        return HalfOutcome("failed", None, f"The provider returned no output{f': {output.error}' if output.error else '.'}")
    text = output.completion
    answer = parse_answer(text, parser, case, allowed)
    if answer is not None and parser == "published":
        return _answered(answer, target)
    if was_blocked(output):
        return HalfOutcome("refused", None, f"Refused: the provider says so (stop reason {output.stop_reason}).")
    if was_cut_off(output):
        return HalfOutcome("truncated", None, f"Cut off by the token limit (stop reason {output.stop_reason}); raise --max-tokens.")
    if answer is not None:
        return _answered(answer, target)
    if not text.strip():
        return HalfOutcome("unparsable", None, f"The text is empty (stop reason {output.stop_reason}).")
    own = own_words(text)
    if own is None:
        return HalfOutcome("unparsable", None, "The text is reasoning that does not end: its mark is opened and never closed.")
    if is_refusal(own):
        return HalfOutcome("refused", None, "Refused, by its wording; no answer is given.")
    return HalfOutcome("unparsable", None, f"No {' or '.join(allowed.words)} is given, or nothing says which one is meant.")


def was_blocked(output: ModelOutput) -> bool:
    """Whether the provider says that the output is a refusal, or filtered it."""
    content = output.message.content
    refused = not isinstance(content, str) and any(isinstance(part, ContentText) and part.refusal for part in content)
    return refused or output.stop_reason == "content_filter"


def was_cut_off(output: ModelOutput) -> bool:
    """Whether the output ended at a limit of tokens: the provider says so, or says nothing and the limit in force was used up."""
    return reached_limit(output)


def _answered(answer: GivenAnswer, target: str) -> HalfOutcome:
    outcome: Outcome = "right" if answer == target else "wrong"
    return HalfOutcome(outcome, answer, f'Answered "{answer}"; the evidence supports "{target}".')
