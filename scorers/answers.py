"""Read an answer from a model's text: yes or no, or "unknown" if the question allows it.

There are two readings: ours (strict) and that of the authors' release (published). Both accept any text,
never raise an error, and take time proportional to the length of the text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Literal, cast

from misfire.scorers.about import Case, is_about
from misfire.scorers.giving import belongs_to_another, gives
from misfire.scorers.loose_json import LooseObject, Value, find_objects, has_loose_parts, read_whole
from misfire.scorers.mentions import MOST, Mention, corrects, gaps, settle
from misfire.scorers.own_words import own_words
from misfire.scorers.refusals import is_refusal

Parser = Literal["strict", "published"]
"""``strict``: the answer that a careful reader finds. ``published``: the answer that the authors' release
finds, for comparison."""

GivenAnswer = Literal["yes", "no", "unknown"]
"""An answer that a model gave."""

_KEY = "answer"

# quotes, emphasis and brackets around an answer
_MARKUP = "\"'`“”‘’«»*_(){}\\[\\]#"
_BEFORE = rf"[\s\u200b\ufeff{_MARKUP}>:—–-]*+"
# rejects an unticked box before an answer: "[ ] yes"
_UNTICKED = r"(?![^\w\n]{0,9}(?:\[ ?\]|\( \)|[☐⬜▢]))"
_LINE_BEFORE = _UNTICKED + r"[^\S\n]*+(?:\(?\d{1,2}[.)]|[-*]?[^\S\n]*+[\[(][xX✓✔][\])])?[^\w\n\ufffc/|,]*+"
_LINE_AFTER = r"[^\w\n\ufffc/|,?]*+"
"""Characters that may surround a bare answer: quotes, emphasis, brackets, bullets, signs."""

# rejects an answer that is followed by "or", "if", "unless", or by another answer in the same sentence
_OTHER = (
    r"(?![^.!?\n]{0,60}?\b(?:and/or|or)\W{1,3}(?:yes|no|unknown|not)\b)(?![\"'`“”‘’»*_)\]},]*+[^\S\n]*+(?:or"
    r"|if|unless)\b)"
    r"(?![^.!?\n]{0,60}?(?:\band\b|\bbut\b|\balso\b|,)\W{1,3}(?:(?:also|then|and|but)\W{1,3})?(?:yes|no"
    r"|unknown)\b(?!\s+(?!(?:for|if"
    r"|when|in|as|to|on|otherwise|because|since)\b)\w))"
)
_ENDS = (
    r"(?=[\"'`“”‘’»*_)\]}]*+(?:[.,;:!]|[^\S\n]*+(?:\Z|\n|[-–—(\ufffc<]|\\|\$|because\b|since\b|as\b|based\b"
    r"|given\b|according\b|for\b"
    r"|due\b|and\b|but\b)))" + _OTHER
)
"""What may follow a real answer: the end of the text, a sentence mark or a reason, but not the other answer
or a condition."""


@dataclass(frozen=True)
class Answers:
    """The answers that a question allows.

    Attributes:
        words: The answers. The published reading searches for the words in this order.
    """

    words: tuple[GivenAnswer, ...]

    @cached_property
    def alone(self) -> re.Pattern[str]:
        """Matches an answer and nothing else, with any decoration."""
        return re.compile(rf"[^\w/|,]*+(?P<answer>{self._any})\b[^\w/|,?]*+", re.IGNORECASE)

    @cached_property
    def line(self) -> re.Pattern[str]:
        """Matches a line that is only an answer, except for a bullet or number before it."""
        return re.compile(
            rf"^{_LINE_BEFORE}(?P<answer>{self._any})\b{_LINE_AFTER}$", re.IGNORECASE | re.MULTILINE
        )

    @cached_property
    def opening(self) -> re.Pattern[str]:
        """Matches a text that opens with an answer, as in "Yes, the older man was."."""
        # a repeated "Yes or no?" and filler words may come first
        both = r"(?:answer\W{0,5})?\b(?:yes\W{1,5}(?:or\W{1,5})?no|no\W{1,5}(?:or\W{1,5})?yes)\W{0,4}[?:]"
        filler = (
            r"(?:well|hmm+|certainly|ok(?:ay)?|right|oh|indeed|absolutely|i think so|that['’]s right"
            r"|in short|briefly)[,.!…]{1,3}"
        )
        return re.compile(
            rf"{_UNTICKED}\s*+(?:{both}|{filler})?{_BEFORE}(?P<answer>{self._any})\b{_ENDS}", re.IGNORECASE
        )

    @cached_property
    def statement(self) -> re.Pattern[str]:
        """Matches a sentence that gives an answer, as in "The final answer is no."."""
        to = r"(?:[\"'*_ ]*+\(?(?:to|for|here|in this case)\b[^.!?:\n]{0,100}?)?"
        adverb = (
            r"(?:therefore|thus|clearly|simply|then|still|indeed|probably|(?:most |very )?likely|definitely"
            r"|certainly|obviously"
            r"|also|a(?: clear| definite)?)"
        )
        verb = rf"(?:is|would be|should be|must be|will be|has to be)(?: {adverb}){{0,2}}\b"
        # "The answer to the question is therefore …", "Answer: …", "A: …"
        named = (
            rf"(?:\b(?:answer|response|reply|conclusion|ans)|^[^\S\n]*+[*_]*+a){to}(?:\s*+{verb}"
            r"|\s*+[\"'*_]*+\s*+[:=→–-]+>?)"
        )
        # "I would answer …", "We conclude that it is …"
        says = (
            r"\b(?:i|we)(?:['’]d| would| will|['’]ll| must| have to| should| can| therefore| thus| "
            r"hence){0,2} "
            r"(?:answer|say|respond|reply|choose|conclude|go with|pick|select)(?: with| that the answer is| "
            r"that it is|:)?"
        )
        # "Based on the passage, …"
        based = (
            r"(?:^|(?<=[.!?] ))(?:so|based on|according to|given|going by|from|in|therefore|thus|hence"
            r"|judging by|per"
            r"|as)\b[^.!?\n]{0,200}?,(?: the answer is)?"
        )
        so = (
            r"\b(?:it(?: is|['’]s)|(?:that|this|which) (?:means|makes it)(?: a)?|so|therefore|thus|hence"
            r"|in conclusion|to conclude),?"
        )
        corrected = r"\b(?:actually|wait|sorry|correction|hmm|oops|no wait)\b\W{1,3}"
        return re.compile(
            rf"(?:{named}|{says}|(?P<bare>{based}|{so})){_BEFORE}(?P<answer>{self._any})\b{_ENDS}"
            # a correction ("Actually, no."), which may also be an interjection
            rf"|{corrected}(?:(?P<taken_back>{self._any})(?=[.!]*+\s*+(?:\Z|\n|[A-Z])|:\s)"
            rf"|(?P<interjection>{self._any})\b)"
            # at the end of the text, after a colon or question mark
            rf"|(?:^[^:\n]{{1,120}}|\ufffc[^\S\n]*+)[:?]{_BEFORE}(?P<colon>{self._any})\b{_LINE_AFTER}\Z"
            # LaTeX boxes and answer tags
            rf"|\\(?:boxed|fbox)\s*+\{{[\s{{]*+(?:\\\w{{1,20}}\s*+\{{)?{_BEFORE}(?P<boxed>{self._any})\b[.\s\"'}}]*+"
            rf"|<(?:final_)?answer>{_BEFORE}(?P<tagged>{self._any})\b[\s.!*\"']*+</(?:final_)?answer>",
            re.IGNORECASE | re.MULTILINE,
        )

    @cached_property
    def interjection(self) -> re.Pattern[str]:
        """Matches an answer between sentence marks ("Yes... no... yes"), but not corrections.

        A correction is, for example, "Actually, no."
        """
        return re.compile(
            r"(?<=[.!?…,;:—–-])\s*+(?<!actually, )(?<!so, )(?<!wait, )(?<!sorry, "
            rf")({self._any})(?=\s*+(?:[.!?…,;—–]|\Z))",
            re.IGNORECASE,
        )

    @cached_property
    def first_member(self) -> re.Pattern[str]:
        """Matches the beginning of an object whose first key is "answer", up to its next key."""
        return re.compile(
            rf"\{{\s*+[\"']answer[\"']\s*+:\s*+[\"'](?P<answer>{self._any})[\"']\s*+(?=,|[\"'])",
            re.IGNORECASE,
        )

    @cached_property
    def word(self) -> re.Pattern[str]:
        """Matches one of the answers as a word."""
        return re.compile(rf"\b(?:{self._any})\b", re.IGNORECASE)

    @cached_property
    def published_object(self) -> re.Pattern[str]:
        """Matches an answer object as the authors' release does."""
        return re.compile(rf'"answer"\s*:\s*"(?P<answer>{self._any})"', re.IGNORECASE)

    @cached_property
    def published_words(self) -> tuple[tuple[GivenAnswer, re.Pattern[str]], ...]:
        """The answers with patterns that match them as separate words."""
        return tuple((word, re.compile(rf"\b{word}\b", re.IGNORECASE)) for word in self.words)

    @property
    def _any(self) -> str:
        return "|".join(self.words)


YES_NO = Answers(("yes", "no"))
"""The answers to the pairs' own questions."""

YES_NO_UNKNOWN = Answers(("yes", "no", "unknown"))
"""The answers to a question that the passage may leave open."""


def parse_answer(text: str, parser: Parser, case: Case, allowed: Answers = YES_NO) -> GivenAnswer | None:
    """Return the answer that a text gives.

    Args:
        text: The model's text, without reasoning that the provider returned separately.
        parser: The reading.
        case: Passage and question. Not used by the published reading.
        allowed: The answers that the question allows.

    Returns:
        One of the allowed answers, or None if the text gives no answer in this reading.
    """
    return parse_strict(text, case, allowed) if parser == "strict" else parse_published(text, allowed)


def parse_strict(text: str, case: Case, allowed: Answers = YES_NO) -> GivenAnswer | None:
    """Return the answer that a careful reader finds.

    1. Only the model's own words count: no inline reasoning, special tokens or invented turns
       (``own_words``).
    2. A JSON object answers with its own top-level key "answer". Text within its strings or at deeper levels
       never counts. Keys may have any case, quotes may be of any kind, and so on (``loose_json``). True and
       false mean yes and no. If a key is repeated with another value, the object gives no answer.
    3. Objects that are part of a list of choices, rejected, quoted, or given for one of several cases do not
       count. Among the others, a later object counts if it is clearly the final one (``mentions``). If the
       text gives another answer in words right before its object, neither counts.
    4. Without an object, an answer is a sentence that gives it ("The answer is yes."), a line that contains
       nothing else, or the opening of the text ("Yes, the older man was."). A bare yes or no before a
       statement counts only if that statement is about the case (``about``).

    If these rules do not decide, there is no answer.

    Args:
        text: The model's text.
        case: Passage and question.
        allowed: The answers that the question allows.

    Returns:
        One of the allowed answers, or None.
    """
    own = own_words(text)
    if own is None:
        return None
    own = own.strip()
    if len(own) <= _LONGEST_WORD and (word := own.strip(" \t\n.!\"'`*_").casefold()) in _OTHER_WORDS:
        return _OTHER_WORDS[word]
    whole = read_whole(own)
    # the whole text is an object with an answer, so nothing else needs to be read
    if whole is not None and whole.values(_KEY):
        found = _object_answer(whole, case, allowed)
        return None if found == _CHOICE else cast("GivenAnswer | None", found)
    for turn in islice(_NEXT_QUESTION.finditer(own), _MOST_QUESTIONS):
        # a model that continues with an invented question has given its answer before it
        if (answer := _read(own[: turn.start()], case, allowed)) is not None:
            return answer
    return _read(own, case, allowed)


def parse_published(text: str, allowed: Answers = YES_NO) -> GivenAnswer | None:
    """Return the answer as the authors' release reads it (arXiv 2606.18656, release).

    This is the first ``"answer": "yes"`` or ``"answer": "no"``. Otherwise it is "yes" if that word occurs
    anywhere, and otherwise "no" if that word does. The release has no third answer; if "unknown" is allowed,
    it comes last by the same rule.

    Args:
        text: The model's text.
        allowed: The answers that the question allows.

    Returns:
        One of the allowed answers, or None.
    """
    if match := allowed.published_object.search(text):
        return cast(GivenAnswer, match["answer"].lower())
    return next((word for word, pattern in allowed.published_words if pattern.search(text)), None)


_NEXT_QUESTION = re.compile(
    r"(?:^|\n)[^\S\n]*+(?:[*_#]{1,4}[^\S\n]*+)?(?:(?:next|another|new|second|follow-up) )?(?:question|q"
    r"|passage|context|text|example"
    r"|problem|task)(?:[^\S\n]*+#?\d{1,3})?[*_]{0,2}[^\S\n]*+[:.][*_]{0,2}",
    re.IGNORECASE,
)

_OTHER_WORDS: dict[str, GivenAnswer] = {
    **dict.fromkeys(
        (
            "true",
            "yep",
            "yup",
            "yeah",
            "yea",
            "aye",
            "sí",
            "si",
            "oui",
            "ja",
            "sim",
            "да",
            "tak",
            "evet",
            "是",
            "是的",
            "对",
            "はい",
            "네",
            "예",
            "نعم",
            "हाँ",
        ),
        "yes",
    ),
    **dict.fromkeys(
        (
            "false",
            "nope",
            "nah",
            "nay",
            "non",
            "nein",
            "não",
            "nee",
            "нет",
            "nie",
            "hayır",
            "否",
            "不",
            "不是",
            "いいえ",
            "아니요",
            "아니오",
            "لا",
            "नहीं",
        ),
        "no",
    ),
}
"""Words that mean yes or no if they are the whole reply or the whole value of an answer object."""

_LONGEST_WORD = 20

_MOST_QUESTIONS = 5
"""Maximum number of invented questions that are examined."""

_CHOICE = "choice"
"""Value of an object that contains more than one answer, because it repeats the request."""


def _read(own: str, case: Case, allowed: Answers) -> GivenAnswer | None:
    objects = list(find_objects(own))
    mentions = [
        Mention(found.start, found.end, None if said == _CHOICE else said)
        for found, said in _answer_objects(own, objects, case, allowed)
        if said != _CHOICE or not own[found.end :].strip(" \t\r\n`.*_")
    ]
    if has_loose_parts(own, objects, (_KEY,)):
        return None
    if _HAS_BOTH.search(own):
        return None
    meant, answer = settle(own, mentions)
    # blank out the objects (broken ones only if they contain a key) to read the words around them
    words = gaps(
        own,
        [
            (found.start, found.end)
            for found in objects
            if found.state != "broken" or ":" in own[found.start : found.end]
        ],
    )
    # no object gives the answer, so read the words
    if not any(
        mention.value == answer and gives(words, mention.start, mention.end, unknown=answer == "unknown")
        for mention in meant
    ):
        return _in_words(
            words, case, allowed, opening=not mentions and not any(found.values(_KEY) for found in objects)
        )
    statements = _statements(words, case, allowed)
    if answer is not None and _is_contradicted(words, statements, meant, answer):
        return None
    last = meant[-1]
    # an answer in words after the last object counts only if the text says that it is a correction
    later, settled = settle(words, [mention for mention in statements if mention.start >= last.end])
    if answer is None or not later or settled == answer:
        return cast("GivenAnswer | None", answer)
    return cast("GivenAnswer | None", settled) if corrects(words, last, later[-1]) else None


_HAS_BOTH = re.compile(
    r"\b(?:contain|includ|ha[sv]e?|hold|list|giv)\w*\s+both\s+(?:[\"'“‘]?yes[\"'”’]?\s+and\s+[\"'“‘]?no"
    r"|[\"'“‘]?no[\"'”’]?\s+and\s+[\"'“‘]?yes)\b",
    re.IGNORECASE,
)
"""A statement that the text or its object has both answers."""


def _is_contradicted(
    words: str, statements: Sequence[Mention[str]], meant: Sequence[Mention[str]], answer: str
) -> bool:
    """Check whether a text gives another answer in words right before its objects, and does not correct it.

    Args:
        words: The text, with objects blanked out.
        statements: The answers in words.
        meant: The objects that are meant.
        answer: The answer of the objects.

    Returns:
        True for 'The answer is no. The JSON object is: {"answer": "yes"}'.
    """
    before, stated = settle(words, [mention for mention in statements if mention.end <= meant[0].start])
    if stated in (None, answer) or not _INTRODUCTION.fullmatch(words, before[-1].end, meant[0].start):
        return False
    return settle(words, [*before, meant[-1]])[1] != answer


_INTRODUCTION = re.compile(r"[\W_]*+[^.!?]{0,120}+")
"""What may stand between an answer in words and the object that contradicts it. A sentence of its own may say
why the answer in words was not the last one, as in reasoning about the other person."""


def _answer_objects(
    own: str, objects: list[LooseObject], case: Case, allowed: Answers
) -> Iterator[tuple[LooseObject, str | None]]:
    """Yield the objects that concern the answer, each with its answer, ``_CHOICE`` or None."""
    for found in objects:
        if found.state == "broken":
            inside = own[found.start : found.end]
            # a broken object still answers if its first key is the answer and nothing contradicts it
            first = allowed.first_member.match(inside)
            if (
                first
                and not allowed.word.search(inside, first.end())
                and "answer" not in inside[first.end() :].casefold()
            ):
                yield found, first["answer"].lower()
            elif _ANSWER_KEY.search(inside):
                yield (
                    found,
                    _CHOICE if len({word.lower() for word in allowed.word.findall(inside)}) > 1 else None,
                )
        elif found.values(_KEY):
            yield found, _object_answer(found, case, allowed)


_ANSWER_KEY = re.compile(r"answer[\\\"'`“”‘’]*+\s*+:", re.IGNORECASE)


def _object_answer(found: LooseObject, case: Case, allowed: Answers) -> str | None:
    said = {_value_answer(value, case, allowed) for value in found.values(_KEY)}
    return said.pop() if len(said) == 1 else None


def _value_answer(value: Value, case: Case, allowed: Answers) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return None
    if bare := allowed.alone.fullmatch(value):
        return bare["answer"].lower()
    if (word := value.strip(" \t\n.!*_").casefold()) in _OTHER_WORDS:
        return _OTHER_WORDS[word]
    if (opened := _opening(value, case, allowed)) and not _QUOTES_NEXT.match(value, opened.end):
        return opened.value
    return _CHOICE if len({word.lower() for word in allowed.word.findall(value)}) > 1 else None


_QUOTES_NEXT = re.compile(r"\s*+[\"'“”]")


def _in_words(words: str, case: Case, allowed: Answers, *, opening: bool) -> GivenAnswer | None:
    """Return the answer of a text that gives none in an object.

    Args:
        words: The text, with objects blanked out.
        case: Passage and question.
        allowed: The answers that the question allows.
        opening: Whether the opening of the text may give the answer.
    """
    mentions = _statements(words, case, allowed)
    if (
        opening
        and (opened := _opening(words, case, allowed))
        and not any(one.start < opened.end for one in mentions)
    ):
        mentions = [opened, *mentions]
    _, answer = settle(words, mentions)
    if any(match["answer"].lower() != answer for match in _CORRECT_ANSWER.finditer(words)):
        return None
    return cast("GivenAnswer | None", answer)


_CORRECT_ANSWER = re.compile(
    r"\b(?:correct|right|true) (?:answer|response)[^\S\n]*[\"'“‘](?P<answer>yes|no|unknown)[\"'”’]",
    re.IGNORECASE,
)
"""A mention of the correct answer without a verb. Beside another answer, it leaves open which is meant."""


def _statements(words: str, case: Case, allowed: Answers) -> list[Mention[str]]:
    """Find the answers that a text gives in sentences and on separate lines."""
    found = [*allowed.statement.finditer(words), *allowed.line.finditer(words)]
    is_list = len(list(islice(_ITEM.finditer(words), 2))) > 1
    mentions: list[Mention[str]] = []
    for match in sorted(found, key=lambda one: (one.start(), -one.end())):
        # skip a match that overlaps the previous one; of two that start together, the longer comes first
        if mentions and match.start() < mentions[-1].end:
            continue
        group = match.lastgroup or ""
        is_line = match.re is allowed.line
        if is_line and is_list and _ITEM.match(words, match.start()):
            continue
        if (
            len(mentions) <= MOST
            and (is_line or not _NAMED.search(match[0]))
            and not _stands(words, match.end())
        ):
            continue
        if (
            group == "colon"
            and words[match.start("colon") - 1] in _OPENING_QUOTES
            and not gives(words, match.start("colon"), match.end())
        ):
            continue
        place = match.start(group) if group == "colon" else match.start()
        if not is_line and len(mentions) <= MOST and belongs_to_another(words, place):
            continue
        bare = not is_line and match["bare"] and not _CONCLUDED.search(match[0])
        if len(mentions) <= MOST and bare and not is_about(words, match.end(), case):
            continue
        value = None if group == "interjection" else match[group].lower()
        mentions.append(Mention(match.start(), match.end(), value, "line" if is_line else "statement"))
    return mentions


_ITEM = re.compile(r"^[^\S\n]*+(?:\(?\d{1,2}[.)]|[-*•+])[^\S\n]", re.MULTILINE)
"""An item of a list. A line in a list of several items is not an answer."""

_OPENING_QUOTES = "\"'“‘«"

_NAMED = re.compile(r"answer|response|reply|conclusion|boxed", re.IGNORECASE)
"""Words in a sentence that presents something as the answer."""

_CONCLUDED = re.compile(rf"{_NAMED.pattern}|therefore|thus|hence|conclude", re.IGNORECASE)
"""Words in a sentence that presents a bare yes or no as its conclusion, regardless of what follows."""


def _opening(words: str, case: Case, allowed: Answers) -> Mention[str] | None:
    match = allowed.opening.match(words)
    if match is None or not _stands(words, match.end()):
        return None
    if any(
        other[1].lower() != match["answer"].lower()
        for other in allowed.interjection.finditer(words, match.end(), match.end() + _FAR)
    ):
        return None
    if match["answer"].lower() != "unknown" and not is_about(words, match.end(), case):
        return None
    if _BARE.match(words, match.end()) and is_refusal(words):
        return None
    return Mention(match.start("answer"), match.end(), match["answer"].lower(), "line")


def _stands(words: str, place: int) -> bool:
    """Check that the text after a bare answer neither declines to answer nor leaves the answer open."""
    after = words[place : place + _FAR]
    sentence = _FIRST_SENTENCE.match(after)
    return not (sentence and is_refusal(sentence[0])) and not _OPEN.search(after)


_BARE = re.compile(r"[\"'`“”‘’»*_)\]}]*+(?:[.!…]|[^\S\n]*+\n)")
"""What follows a bare answer that is a sentence of its own. A text that also declines has not answered."""

_FAR = 400
"""Number of characters after a bare answer that are examined."""

_FIRST_SENTENCE = re.compile(r"[\W_]*+[^.!?\n]*+")

_OPEN = re.compile(
    r"\b(?:(?:passage|text|context|question)s? (?:is|are|was|were|seems?)(?: not|n['’]t)? (?:attached"
    r"|missing|provided|included|empty"
    r"|available|incomplete)"
    r"|unclear|uncertain|undetermined|indeterminate|inconclusive|ambiguous|it depends|depends on|both answers"
    r"|(?:insufficient|not enough|too little) (?:information|evidence|context|detail)|(?:not|n['’]t) (?:be "
    r")?(?:clear|certain|sure"
    r"|possible to (?:say|tell|know))"
    r"|(?:cannot|can not|can['’]t|could not|couldn['’]t|impossible to|unable to|hard to) (?:be )?"
    r"(?:tell|determine|determined|say|said|know|known|decide|decided|answer|answered|conclude|concluded"
    r"|infer|inferred))\b(?! (?:why|how|where|what|which|about|of)\b)"
    r"|\b(?:send|share|provide|paste|post|show|give)(?: me| us)? (?:the|a|your|that|this) (?:\w+ ){0,2}"
    r"(?:passage|text|question|context|story)\b",
    re.IGNORECASE,
)
"""Words that leave an answer open or ask for the missing passage."""
