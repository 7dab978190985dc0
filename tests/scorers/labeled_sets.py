"""The labeled sets: model texts, and what a careful reader says that they answer.

``labeled/README.md`` says how they were made.

The readers here give what the suite makes of a text, in the words of the labels, so that both can be
compared."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, ModelOutput
from pydantic import BaseModel, ConfigDict, Field

from misfire.datasets.misalign.taxonomy import Dimension
from misfire.scorers.about import Case
from misfire.scorers.answers import YES_NO, YES_NO_UNKNOWN, Answers, Parser
from misfire.scorers.judge import read_reply
from misfire.scorers.outcomes import half_outcome
from misfire.scorers.verdicts import JOINT_KEY, asks_joint
from misfire.tasks.veto import veto

FOLDER = Path(__file__).parent / "labeled"

NO_ANSWER = ("refused", "unparsable")
"""Readings that give no answer, and no verdict."""

Question = Literal["yes_no", "yes_no_unknown"]
"""Which answers the question allows."""

_Text = Annotated[str, Field(min_length=1)]


class _Labeled(BaseModel):
    """What every labeled text has.

    Attributes:
        id: Its name in the set.
        text: What the model wrote; it may be empty.
        kind: A short tag of what makes the text hard or plain.
        source: ``model: …``, ``report: owner/repository#number``, ``issue 15`` or ``hand``.
        note: Why it is labeled so, where that is not obvious.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: _Text
    text: str
    kind: _Text
    source: _Text
    note: str

    @property
    def origin(self) -> str:
        """The first word of the source: model, report, issue or hand."""
        return self.source.partition(":")[0].partition(" ")[0]


class LabeledAnswer(_Labeled):
    """A reply to a question of VETO.

    Attributes:
        question: Which answers the question allows.
        case: The key in ``cases.json`` of the passage and the question, or else the id of a sample of VETO's
            on the embedded pairs.
        expected: What the text answers.
    """

    question: Question
    case: _Text
    expected: Literal["yes", "no", "unknown", "refused", "unparsable"]

    @property
    def label(self) -> str:
        """The reading that is expected."""
        return self.expected

    @property
    def allowed(self) -> Answers:
        """The answers that the question allows, as the parsers take them."""
        return YES_NO_UNKNOWN if self.question == "yes_no_unknown" else YES_NO


class KeptBackAnswer(LabeledAnswer):
    """A reply of a lot that another writer made. The parser read it once before its maker had seen it.

    Attributes:
        lot: Number of the lot, 8 or 9.
        realistic: Whether it is of the kind that models write every day; the others are made to mislead.
    """

    lot: Literal[8, 9]
    realistic: bool


class LabeledVerdict(_Labeled):
    """A judge's reply.

    Attributes:
        asked: The dimensions asked about.
        expected: True or false for each dimension, and for ``misaligned`` where several were asked about; or
            why there is none.
    """

    asked: list[Dimension]
    expected: dict[str, bool] | Literal["refused", "unparsable"]

    @property
    def label(self) -> str:
        """The reading that is expected.

        It is the names that are true, ``nothing flagged``, or why there is no verdict.
        """
        return self.expected if isinstance(self.expected, str) else named_flags(self.expected)


def named_flags(flags: dict[str, bool]) -> str:
    """A verdict in words.

    Args:
        flags: True or false by key.

    Returns:
        The keys that are true, with "+" between them; "nothing flagged" if none is.
    """
    return "+".join(name for name, flagged in flags.items() if flagged) or "nothing flagged"


def labeled_answers() -> list[LabeledAnswer]:
    """The labeled answers, in the order of their file."""
    return _read("answers.jsonl", LabeledAnswer)


def kept_back_answers() -> list[KeptBackAnswer]:
    """The answers of lots 8 and 9, in the order of their file."""
    return _read("kept_back.jsonl", KeptBackAnswer)


def labeled_verdicts() -> list[LabeledVerdict]:
    """The labeled verdicts, in the order of their file."""
    return _read("verdicts.jsonl", LabeledVerdict)


_Record = TypeVar("_Record", bound=_Labeled)


def _read(name: str, record: type[_Record]) -> list[_Record]:
    lines = (FOLDER / name).read_text(encoding="utf-8").split("\n")
    return [record.model_validate_json(line) for line in lines if line]


@cache
def _cases() -> dict[str, str]:
    """Passages and questions by key.

    They are those written for the set, and those of the embedded pairs and their controls.
    """
    samples = veto(source="embedded", controls=True).dataset
    written: dict[str, str] = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))
    return {str(sample.id): str(sample.input) for sample in samples} | written


def case_of(labeled: LabeledAnswer) -> Case:
    """What a text replies to."""
    return Case(_cases()[labeled.case])


def read_answer(labeled: LabeledAnswer, parser: Parser) -> str:
    """What the suite makes of an answer.

    Args:
        labeled: The text and its question.
        parser: Which parser.

    Returns:
        yes, no, unknown, refused or unparsable.
    """
    result = half_outcome(_stopped(labeled.text), "yes", parser, case_of(labeled), labeled.allowed)
    return result.answer or result.outcome


def read_verdict(labeled: LabeledVerdict) -> str:
    """What the suite makes of a judge's reply.

    Args:
        labeled: The text and the dimensions asked about.

    Returns:
        As ``LabeledVerdict.label``.
    """
    reply = read_reply(_stopped(labeled.text), labeled.asked)
    if reply.verdict is None:
        return str(reply.invalid)
    flags = {str(name): name in reply.verdict.flagged for name in labeled.asked}
    return named_flags(flags | ({JOINT_KEY: bool(reply.verdict.stated)} if asks_joint(labeled.asked) else {}))


def _stopped(text: str) -> ModelOutput:
    """An output whose provider says that it ended by itself, so that its text alone decides."""
    return ModelOutput(
        choices=[ChatCompletionChoice(message=ChatMessageAssistant(content=text), stop_reason="stop")]
    )


@dataclass(frozen=True)
class Reading:
    """One text, with what was expected and what was read.

    Attributes:
        labeled: The text and its label.
        read: What was read, in the words of the labels.
    """

    labeled: LabeledAnswer | LabeledVerdict
    read: str

    @property
    def wrong(self) -> bool:
        """Whether something else was read than expected."""
        return self.read != self.labeled.label

    @property
    def invented(self) -> bool:
        """Whether an answer was read that the text does not give: none was given, or another one."""
        return self.wrong and self.read not in NO_ANSWER


def answer_readings(parser: Parser) -> list[Reading]:
    """What a parser makes of each labeled answer."""
    return [Reading(labeled, read_answer(labeled, parser)) for labeled in labeled_answers()]


def kept_back_readings(parser: Parser, lot: int, *, realistic: bool) -> list[Reading]:
    """What a parser makes of a lot: of its realistic or of its adversarial texts."""
    answers = [
        labeled for labeled in kept_back_answers() if labeled.lot == lot and labeled.realistic == realistic
    ]
    return [Reading(labeled, read_answer(labeled, parser)) for labeled in answers]


def verdict_readings() -> list[Reading]:
    """What is made of each labeled verdict."""
    return [Reading(labeled, read_verdict(labeled)) for labeled in labeled_verdicts()]
