"""Check whether a statement after a bare "Yes" or "No" is about the case (passage and question).

"Yes, the server is running." acknowledges something and answers nothing. No list of subjects can distinguish
such a statement from an answer, but the case can: an answering statement mentions somebody or something in
the case. The rule is closed, like that of ``giving``: if the statement neither opens with a word of the case
nor refers back to it with a pronoun, the yes or no is not counted.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise


@dataclass(frozen=True)
class Case:
    """The text that a model was asked about.

    Attributes:
        text: Passage and question, without instructions. If it is empty, only a statement that refers back
            ("Yes, he was.") counts as being about the case.
    """

    text: str

    @cached_property
    def words(self) -> frozenset[str]:
        """The content words of the case."""
        return frozenset(_content(self.text))

    @cached_property
    def roots(self) -> frozenset[str]:
        """The first letters of the content words, which other forms of these words share."""
        return frozenset(word[:_ROOT] for word in self.words)

    @cached_property
    def names(self) -> frozenset[str]:
        """The words with a capital letter, which include people's names."""
        return frozenset(word.casefold() for word in _WORD.findall(self.text) if word[0].isupper())

    @cached_property
    def matter(self) -> frozenset[str]:
        """What the case is about: content words of the question and openings of the passage's sentences.

        The openings are mostly its people.
        """
        sentences = _ENDS.split(self.text)
        asked = next((sentence for sentence in reversed(sentences) if sentence.rstrip().endswith("?")), "")
        return frozenset(_content(asked)) | {
            word for sentence in sentences for word in _opening_words(sentence)
        }


_ROOT = 4
"""Number of letters that count as the root of a word."""

UNKNOWN_CASE = Case("")
"""For reading without a case. It accepts a subset of the answers that are accepted with the case."""

_REACH = 600
"""Number of characters after an answer that are examined."""

# letters and digits, with apostrophes inside a word
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PRONOUNS = _set("he she him her his hers himself herself")
"""Words that refer back to a person of the case."""

_GRAMMAR = _PRONOUNS | _set(
    """
    a an the this that these those such it its itself they them their theirs themselves there
    one ones two three four five both either neither none another other others else same opposite latter
    former
    first second third fourth last who whom whose which what when where why how
    am is are was were be been being isn't aren't wasn't weren't do does did done doing don't doesn't didn't
    have has had having haven't hasn't hadn't can could cannot can't couldn't will would won't wouldn't shall
    should shouldn't
    may might must not no nor never yes unknown
    and or but if then than so because since as although though while whereas unless until whether therefore
    thus hence however
    of in on at by for from to into onto with without about over under after before between during against
    through out up off per via like
    based according given due despite instead rather concerning regarding
    also too only just even still very quite really again once alone indeed almost more most less least much
    many few some any each every
    happened happen case true right correct false accurate inaccurate incorrect wrong stated written here
    """
)
"""Words without content of their own, and words that affirm or deny."""

_EVERYDAY_WORDS = _set(
    """
    all everyone everybody everything nothing nobody anything anybody anyone something somebody someone people
    get got go going ask asked come came help know need say said see tell told think understand want way thing
    time
    """
)
"""Words that occur in any conversation and therefore do not identify a case."""

_APOSTROPHES = str.maketrans("’‘ʼ´`＇", "''''''")


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES))


def _is_grammar(word: str) -> bool:
    return word.removesuffix("'s") in _GRAMMAR


def _content(text: str) -> list[str]:
    """Return the content words of a text in order, without possessive endings.

    Other endings are kept: a plural in place of a singular is a general statement ("Yes, tablets are
    useful."), and another form of a verb may be small talk.
    """
    return [_bare(word) for word in _words(text) if not _is_grammar(word) and word not in _EVERYDAY_WORDS]


def _bare(word: str) -> str:
    return word.removesuffix("'s")


_ENDS = re.compile(r"(?<=[.!?])\s+")


def _opening_words(sentence: str) -> list[str]:
    """Return the first one or two consecutive content words of a sentence."""
    found: list[str] = []
    for word in _words(sentence):
        if not _is_grammar(word):
            found.append(_bare(word))
        elif found:
            break
    return found[:2]


_MARKUP = re.compile(r"[\s\"'`“”‘’«»*_(){}\[\]#.,;:!…–—\\$>-]*+")

_QUOTED = re.compile(
    r"[,.!]?[\"”’'»][,.!]?[^\S\n]*+(?![^\S\n]|because\b|since\b|as\b|based\b|according\b)(?=\w)|,[\"”’'»]"
)
"""An answer in quotation marks that is part of a longer sentence, and thus somebody's speech."""

_DOCUMENT = (
    r"(?:passages?|texts?|stor(?:y|ies)|context|excerpt|paragraph|article|narrative|information"
    r"|details?|sentences?|evidence|description)\b"
)

_HEDGE = re.compile(
    r"(?:(?:i|we) (?:do |would |can |am |['’]m )?(?:\w+ly )?(?:think|believe|say|conclude|agree|infer|assume"
    r"|guess|suppose|find|judge|sure"
    r"|certain|confident|see that|don['’]t (?:think|believe)|do not (?:think|believe))(?: that| so)?"
    r"|i['’](?:d|m) (?:say|sure|certain"
    r"|confident)(?: that)?|in my (?:opinion|view|reading)|as (?:i|you) (?:can )?(?:see|read|said)|as we "
    r"(?:can )?see|we (?:can|could)"
    r" (?:see|say|conclude|infer|tell)(?: that)?|we (?:are told|know|read|learn|see)(?: that)?|my (?:answer"
    r"|reasoning|conclusion|reading"
    r"|view)(?: is)?(?: that)?|(?:reason(?:ing)?|explanation)(?=:)|of course(?: not)?|not at all|exactly"
    r"|absolutely|definitely|clearly"
    r"|certainly|obviously|indeed|it (?:\w+ly )?(?:seems|appears|says|states|is stated)(?: that)?"
    r"|(?:it is|it['’]s) (?:(?:not )?\w+ to (?:say|claim|state)|clear|apparent|evident)(?: "
    r"that)?)\b[\s,:;.!–—-]*+",
    re.IGNORECASE,
)
"""Phrases that may come before the statement about the case."""

_CONVERSATION = re.compile(
    r"\b(?:i|me|my|mine|we|us|our|you|your|yours|let['’]s)(?:['’](?:m|d|ll|ve|re))?\b", re.IGNORECASE
)

_REMARK = re.compile(r"(?:here|there(?: is| are|['’]s)|(?:this|that|it)(?: is|['’]s) about)\b", re.IGNORECASE)
"""The beginning of a remark about the text itself."""

_SENTENCE = re.compile(
    r"[^.!?\n\ufffc]*+(?:\.(?=\w)[^.!?\n\ufffc]*+|(?<=\b[MD]r)\.[^.!?\n\ufffc]*+"
    r"|(?<=\bM[rs]s)\.[^.!?\n\ufffc]*+)*+\??"
)
_OPENING_QUOTES = ('"', "“")
_QUOTATION = re.compile(r"[\"“][^\"”\n]{0,200}[\"”]")

_GROUND = re.compile(
    r"\b(?:in|from|by|on|to|per|with|given|throughout)\s+(?:(?:the|this|that|its|an?|any"
    rf"|both)\s+)*(?:\w+\s+)?{_DOCUMENT}(?:\s+(?:given"
    r"|provided|above|itself|alone))?",
    re.IGNORECASE,
)
"""The passage as the basis of a statement, as in "according to the passage"."""

_STATES = (
    r"(?:(?:and|or) (?:the )?\w+\s+)?(?:about (?:the )?\w+\s+)?(?:is (?:very |quite |\w+ly )?(?:explicit"
    r"|clear|plain)\b|leaves no (?:doubt"
    r"|question)\b"
    r"|(?:(?:also|clearly|explicitly|directly|only|strongly|specifically|itself|above|given|provided"
    r"|here)\s+)*(?:say|said|state|mention"
    r"|show|impl(?:y|ie)|tell|told|indicate|name|make|suggest|support|confirm|note|explain|attribute"
    r"|identif(?:y|ie)|reveal"
    r"|specif(?:y|ie)|report|portray|point|refer|establish|claim|prove|contradict|depict|demonstrate|den(?:y"
    r"|ie))(?:e?s|e?d)?\b)(?:(?:\s+(?:it|this|that|so))?\s+(?:clear|explicit|plain))?"
)
_STATED = re.compile(rf"\s+{_STATES}", re.IGNORECASE)
_PASSAGE_STATES = re.compile(rf"{_DOCUMENT}\s+{_STATES}", re.IGNORECASE)
"""The passage as the source of information about the case."""

_SUBJECT = re.compile(
    r"(?:(?:the|this|that|these|an?|both|as|because|since|for|and|but|it is|it['’]s|there(?: is|['’]s)"
    r"|first|second|third|last|final)\s+)*"
    rf"(?:[\w-]+ )?{_DOCUMENT}",
    re.IGNORECASE,
)
"""The passage as the subject of a statement."""

_NOT_STATED = re.compile(
    r"\s*(?:does|do|did)(?: not|n['’]t)\s+\w+\s+(?:that|any|the|an?|(?=s?he\b))\b"
    r"|(?:there(?: is|['’]s| was) (?:no|nothing)(?: \w+)?|nothing)\s+(?:\w+s\s+)?"
    r"(?:that|of|for|to (?:suggest|say|show|indicate)(?: that)?)\b",
    re.IGNORECASE,
)
"""Phrases which say that the passage does not give some information, up to that information."""

_ADVERBIAL = re.compile(
    r"(?:despite|because|since|after|before|when|while|although|though|with|without|during|due|given|as|at"
    r"|in|on|by|for|from)\b[^,]*,",
    re.IGNORECASE,
)
"""Phrases that may come before the main clause."""

_GROUNDED = re.compile(r"(?:,|\band)\s*(?:so|because|since)\b", re.IGNORECASE)
"""The beginning of a reason or a consequence."""


def is_about(words: str, place: int, case: Case) -> bool:
    """Check whether the text after a bare "Yes" or "No" is a statement about the case, or is empty.

    Args:
        words: The text.
        place: Index of the end of the bare answer.
        case: Passage and question.

    Returns:
        True if the answer may count.
    """
    after = words[place : place + _REACH]
    if _QUOTED.match(after):
        return False
    markup = _MARKUP.match(after)
    at = markup.end() if markup else 0
    # skip any number of hedges ("I think", "of course")
    while hedge := _HEDGE.match(after, at):
        at = hedge.end()
    # start one character earlier if that is an opening quote, so that the whole quotation can be removed
    found = _SENTENCE.match(after, at - 1 if after[at - 1 : at] in _OPENING_QUOTES else at)
    sentence = found[0] if found else ""
    sentence = _QUOTATION.sub("", sentence).strip() or sentence
    if sentence.endswith("?") or _CONVERSATION.search(sentence):
        return False
    sentence = _GROUND.sub(" ", sentence).strip(" ,:;")
    # what remains is the information that the passage gives or lacks
    if missing := _NOT_STATED.match(sentence):
        sentence = sentence[missing.end() :]
    elif subject := _SUBJECT.match(sentence):
        stated = _STATED.match(sentence, subject.end()) or _NOT_STATED.match(sentence, subject.end())
        if stated is None:
            return False
        sentence = sentence[stated.end() :]
    return not _REMARK.match(sentence) and _speaks_of(_PASSAGE_STATES.sub(" ", sentence), case)


def _speaks_of(sentence: str, case: Case) -> bool:
    """Check whether a sentence, or a later clause of it, is about the case.

    It is if it starts with a pronoun, or if it opens with a word of the case and also mentions what the case
    is about.
    """
    words = _words(sentence)
    if words[:1] == ["they"]:
        return any(_bare(word) in case.words for word in words) or _opens_with(sentence, frozenset())
    # words of the case count only if the sentence is about its subject matter and reports something about it
    matters = _CLEFT.match(sentence) or any(word in _PRONOUNS or _bare(word) in case.matter for word in words)
    matters = matters or case.words.issuperset(_content(sentence))
    known = case.words if matters and _is_about_the_case(words, case) else frozenset[str]()
    main = _ADVERBIAL.match(sentence) or _GROUNDED.search(sentence)
    return _opens_with(sentence, known) or (main is not None and _opens_with(sentence[main.end() :], known))


def _opens_with(sentence: str, known: frozenset[str]) -> bool:
    """Check whether a sentence opens with a pronoun or a known word.

    This is also the case if there is no content word. The known word must be in the first group of content
    words.
    """
    words = _words(sentence)
    unknown = 0
    for earlier, word in pairwise(["", *words]):
        if _is_grammar(word):
            if unknown or word.removesuffix("'s") in _PRONOUNS:
                return not unknown
        elif word in _PERSONS and earlier in _POINTERS:
            return True
        elif word in _EVERYDAY_WORDS or unknown == _LONGEST_NAME or (earlier == "it" and not unknown):
            return False
        elif _bare(word) in known:
            return True
        elif not _is_adverb(word):
            unknown += 1
    return not unknown and not (words and all(_is_adverb(word) for word in words))


_PAST_TENSE = _set("was were did had wasn't weren't didn't hadn't")
"""Verbs that report what happened."""


def _is_about_the_case(words: list[str], case: Case) -> bool:
    """Check whether a sentence reports something about the case, instead of a general statement.

    At least half of its content words must be from the case, or it must be in the past tense or contain a
    pronoun. It must not start with a noun of the case without a determiner ("bring it on", "seedlings need
    water").
    """
    if words and words[0] in case.words - case.names:
        return False
    content = [word for word in words if not _is_grammar(word) and not _is_adverb(word)]
    shared = sum(word[:_ROOT] in case.roots for word in content)
    return 2 * shared >= len(content) or not (_PRONOUNS | _PAST_TENSE).isdisjoint(words)


_CLEFT = re.compile(
    r"(?:(?:because|since|as) )?(?:it|that)(?:['’]s| is| was| wasn['’]t| isn['’]t)(?: not| only| actually| "
    r"clearly| really)* (?:the|[A-Z]\w+)\b"
)
"""The beginning of a sentence that points out one person."""

_PERSONS = _set("person man woman individual character")
_POINTERS = _set("first second other former latter same")
"""Words that point out a person of the case without a name, as in "the first person"."""

_LONGEST_NAME = 3
"""Maximum number of words before the first word of the case in a description of a person, as in "the rather
tall young man"."""


def _is_adverb(word: str) -> bool:
    return len(word) > 5 and word.endswith("ly")
