"""Rule-based checks for common faults in pairs.

The rules use only the text of a pair, so they work for pairs from any source and also check the code that
builds the pairs. They cover the forms of question that occur in the two editions; a question counts as
"grammatical" if none of the faults listed here is found in it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from misfire.datasets.demos import split_question
from misfire.datasets.pairs import Pair
from misfire.datasets.questions import AUXILIARIES, IRREGULAR_VERBS, NEGATIVE_CONTRACTIONS
from misfire.datasets.role_swap import named_first, swaps_roles, words

MentionOrder = Literal["stereotyped_first", "contrast_first", "unclear"]
"""The person that a context names first: the one that the stereotyped half asks about, or the one of the
contrast half."""


@dataclass(frozen=True)
class AuditFlags:
    """The result of the checks for one pair.

    A flag about questions is true if it holds for at least one half.

    Attributes:
        pair_id: ID of the pair.
        category: Category of the pair.
        scenario: Scenario of the pair.
        minimal: The halves differ only in who plays which role: after articles, pronouns and the people's
            names are removed, their contexts contain the same words.
        grammatical: The question has none of the faults in ``grammar_faults``.
        grammar_faults: Descriptions of the faults that were found.
        mid_sentence_capital: The question contains "The", "A", "An" or "My" in mid-sentence.
        negative_question: The question opens with a negation ("Doesn't the …?"), so the meaning of "yes" is
            debatable.
        contains_not: The question contains "not" or "n't" at a later place ("Is she the one who didn't …?")
            and does not open with it.
        stereotyped_order: The person that the context of the stereotyped half names first.
        contrast_order: The person that the context of the contrast half names first.
        same_mention_order: Both contexts name the same person first.
        duplicate: One of the two prompts also occurs in another pair of the set.
        context_slip: A context has "a" instead of "an", "an" instead of "a", or two spaces in a row (errors
            in BBQ itself).
        length_difference: Number of words in the stereotyped half's context minus the number in the contrast
            half's.
    """

    pair_id: str
    category: str
    scenario: str
    minimal: bool
    grammatical: bool
    grammar_faults: tuple[str, ...]
    mid_sentence_capital: bool
    negative_question: bool
    contains_not: bool
    stereotyped_order: MentionOrder
    contrast_order: MentionOrder
    same_mention_order: bool
    duplicate: bool
    context_slip: bool
    length_difference: int


SHOWN_FLAGS = (
    "minimal",
    "grammatical",
    "mid_sentence_capital",
    "negative_question",
    "contains_not",
    "same_mention_order",
    "duplicate",
    "context_slip",
)
"""The flags that are true or false, in the order in which tables show them."""


def audit_pairs(pairs: Sequence[Pair], complete: Sequence[Pair] | None = None) -> list[AuditFlags]:
    """Check pairs.

    Args:
        pairs: The pairs to check.
        complete: The complete set that the pairs were drawn from. Duplicates are searched for within it.
            Default: ``pairs``.

    Returns:
        One entry per pair, in the order of ``pairs``.
    """
    texts = Counter(half.prompt for pair in complete or pairs for _, half in pair.halves)
    return [_audit(pair, duplicate=any(texts[half.prompt] > 1 for _, half in pair.halves)) for pair in pairs]


def grammar_faults(question: str, rest: str | None = None) -> tuple[str, ...]:
    """Find the grammatical faults of a yes/no question.

    Args:
        question: The question.
        rest: The words after the subject, if they are known. Some rules need them.

    Returns:
        Descriptions of the faults. Capital letters are reported separately
        (``AuditFlags.mid_sentence_capital``).
    """
    found = [fault for fault, pattern in _FAULTS.items() if pattern.search(question)]
    if wrong_articles(question):
        found.append("a where an belongs, or the other way round")
    if rest is not None:
        found.extend(_verb_faults(question, rest))
    return tuple(found)


def wrong_articles(text: str) -> list[str]:
    """Find the places where "a" or "an" does not match the word that follows, for example "a affluent"."""
    pairs = re.findall(r"\b([Aa]n?) ([\w][\w'’-]*)", text)
    return [
        f"{article} {word}"
        for article, word in pairs
        if (article.lower() == "an") != _sounds_like_a_vowel(word)
    ]


_FAULTS: dict[str, re.Pattern[str]] = {
    "doubled space": re.compile(r"\s\s"),
    # one capitalized word, more words, and a final question mark; no space before a mark
    "not one sentence with its mark": re.compile(r"^(?!(?:[A-Z][a-z]+(?:n't)?) \S.*\S\?$)|\s[?.,]"),
    "ones with a singular verb": re.compile(
        r"\bthe ones who (?:\w+ly )?(?:is|was|has|does|isn't|wasn't|hasn't|doesn't|\w+[^s\W]s)\b|^(?:Is"
        r"|Was) [^?]*\bthe ones\b"
    ),
    "one with a plural verb": re.compile(
        r"\bthe one who (?:\w+ly )?(?:are|were|have|do|aren't|weren't|haven't|don't)\b|^Are [^?]*\bthe one "
        r"(?:who|whose)\b"
    ),
    # up to three words may come between the verb and the plural noun, but none that starts another phrase
    "singular verb before a plural subject": re.compile(
        r"^(?:Is|Was|Has|Does|Isn't|Wasn't|Hasn't|Doesn't) (?:[Tt]he )?(?:(?!the\b|who\b|with\b|in\b|of\b"
        r"|their\b|be\b)[\w-]+ ){0,3}(?:people|parents|students)(?![\w'’])"
    ),
    "adjective for a person": re.compile(r"\b[Tt]he (?:blind|visually-impaired) (?:the ones?\b|\S+\?)"),
    "noun without article": re.compile(
        r"^(?:Is|Was|Does|Did|Has|Isn't|Doesn't) (?!(?:the|my|a|an|it|their)\b|(?:[\w-]+ "
        r")?people\b)[a-z][\w-]* "
    ),
    "adjective for an adverb": re.compile(r"\bact appropriate\b"),
    "two prepositions": re.compile(r"\bwith in\b|\bon on\b"),
}

_PARTICIPLES = frozenset({
    "been", "had", "done", "gone", "come", "seen", "made", "given", "taken", "become", "begun", "grown",
    "known", "shown", "lost", "left", "kept", "told", "found",
})  # fmt: skip
_PASTS = frozenset(past for past, base in IRREGULAR_VERBS.items() if past != base) | frozenset({
    "forgot", "drank", "grew", "ate", "began", "bought", "brought", "built", "caught", "chose", "felt",
    "fought", "flew", "forgave", "froze", "heard", "hid", "kept", "lent", "meant", "rose", "sang", "sent",
    "shook", "shot", "showed", "spent", "stood", "swam", "taught", "thought", "threw", "understood", "woke",
    "wore",
})  # fmt: skip
# vowel letters with a consonant sound ("one", "university", "user"), and the reverse ("hour", "8", "11",
# "18")
_CONSONANT_SOUND = re.compile(r"one\b|once|uni(?!n|m|d)|us[eua]|util|eu", re.IGNORECASE)
_VOWEL_SOUND = re.compile(r"[aeiou]|hour|honest|heir|8|11\b|18\b", re.IGNORECASE)
# initials whose first letter is pronounced with a vowel ("an FBI agent")
_INITIALS = re.compile(r"[AEFHILMNORSX][A-Z]+\b")


def _audit(pair: Pair, duplicate: bool) -> AuditFlags:
    (one, question), (other, other_question) = (split_question(half.prompt) for _, half in pair.halves)
    person, other_person, rest = _people(question, other_question)
    faults = dict.fromkeys(grammar_faults(question, rest) + grammar_faults(other_question, rest))
    questions = (question, other_question)
    negative = any(q.split()[0].lower() in NEGATIVE_CONTRACTIONS for q in questions)
    order, other_order = _order(one, person, other_person), _order(other, person, other_person)
    return AuditFlags(
        pair_id=pair.id,
        category=pair.category,
        scenario=pair.scenario,
        minimal=swaps_roles(one, other, (person, other_person)),
        grammatical=not faults,
        grammar_faults=tuple(faults),
        mid_sentence_capital=any(re.search(r"\s(?:The|An?|My)\s", q) is not None for q in questions),
        negative_question=negative,
        contains_not=not negative
        and any(re.search(r"\bnot\b|n['’]t\b", q, re.IGNORECASE) is not None for q in questions),
        stereotyped_order=order,
        contrast_order=other_order,
        same_mention_order=order == other_order != "unclear",
        duplicate=duplicate,
        context_slip=any(wrong_articles(context) or "  " in context for context in (one, other)),
        length_difference=len(words(one)) - len(words(other)),
    )


def _people(question: str, other: str) -> tuple[str, str, str]:
    """Return the words by which two questions name different people, and the shared words after them."""
    one, two = question.split(), other.split()
    # The words that differ lie between the shared beginning and the shared end. The end is limited so that
    # the two never overlap.
    front = _shared(one, two)
    back = min(_shared(one[::-1], two[::-1]), len(one) - front, len(two) - front)
    return (
        " ".join(one[front : len(one) - back]),
        " ".join(two[front : len(two) - back]),
        " ".join(one[len(one) - back :]),
    )


def _shared(one: list[str], other: list[str]) -> int:
    """Count the words that two lists have in common at their beginning."""
    return next(
        (k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _order(context: str, person: str, other: str) -> MentionOrder:
    match named_first(context, person, other):
        case None:
            return "unclear"
        case True:
            return "stereotyped_first"
        case False:
            return "contrast_first"


def _verb_faults(question: str, rest: str) -> list[str]:
    first = question.split()[0].lower()
    behind = words(rest)
    faults: list[str] = []
    if first in {"do", "does", "did", "don't", "doesn't", "didn't"}:
        # only the first words are checked (the verb may follow nouns and an adverb), since later clauses have
        # their own verbs
        pairs = list(zip(["", *behind], behind, strict=False))
        past = any(verb in _PASTS and before not in {"get", "be", "have"} for before, verb in pairs[:3])
        inflected = any(
            before.endswith("ly") and re.search(r"ed$|[^s]s$", verb) for before, verb in pairs[:5]
        )
        if past or inflected:
            faults.append("finite verb behind do, does or did")
    if first in {"has", "have", "had"} and not any(
        word in _PARTICIPLES or re.search(r"e[dn]$", word) for word in behind
    ):
        faults.append("have as an auxiliary without a participle")
    if first in AUXILIARIES and behind[-1:] == [first]:
        faults.append("verb twice")
    return faults


def _sounds_like_a_vowel(word: str) -> bool:
    return (_INITIALS.match(word) or _VOWEL_SOUND.match(word)) is not None and _CONSONANT_SOUND.match(
        word
    ) is None
