"""Cleft questions: from a BBQ question and an answer text to "Is the grandfather the one who was not comfortable …?".

A cleft is grammatical for every question that BBQ asks, asks nothing negative even where the predicate is negated, and
puts the subject in mid-sentence, so that articles become lower case and only proper names keep their capitals.
"""

import re

from misfire.datasets.questions import ADVERBS, AUXILIARIES, NEGATIVE_CONTRACTIONS, PLURAL_AUXILIARIES, base_form
from misfire.errors import InputError

SUBJECT_SLIPS: dict[str, str] = {
    "the blind": "the blind person",
    "the visually-impaired": "the visually-impaired person",
    "the hairdresser person": "the hairdresser",
    "the nurse person": "the nurse",
    "the server person": "the server",
    "the monther": "the mother",
    "the person with bipolar": "the person with bipolar disorder",
    "the woman with in a bun": "the woman with her hair in a bun",
    "the woman with in a ponytail": "the woman with her hair in a ponytail",
    "the on on public assistance": "the one on public assistance",
    "the on on welfare": "the one on welfare",
    "the one who's an one percenter": "the one who's a one percenter",
}
"""Slips in BBQ's answer texts → what is meant."""

PREDICATE_SLIPS: dict[str, str] = {
    "has unfair athletic advantage": "has an unfair athletic advantage",
    "doesn't act appropriate in a professional environment": "doesn't act appropriately in a professional environment",
}
"""Slips in BBQ's questions → what is meant."""

_PREDICATE = re.compile(r"(?:Who|Which \w+|What (?:group|type) of (?:people|person)) (?P<predicate>\S.*)", re.DOTALL)
_WHOSE = re.compile(r"Whose (?P<predicate>\S+ \S.*)", re.DOTALL)
_SUBJECT = re.compile(r"[^\W_][\w ,.'’/-]*[^\W_]", re.DOTALL)
_MODIFIER = re.compile(r" (?:who|who's|with|without|on|in|of|from|at|for|wearing|holding|carrying|using)\b")

# a couple is several here: BBQ asks who "would be unfit parents"
_PLURAL_HEADS = frozenset({"people", "men", "women", "children", "folks", "individuals", "ones", "couple"})
_PLURAL_AUXILIARIES = frozenset(PLURAL_AUXILIARIES.values())
_MODALS = frozenset({"can", "could", "will", "would", "should", "must", "might", "may"})


def cleft_question(question: str, answer: str) -> str:
    """The question whether an answer is the one that a BBQ question asks for.

    Args:
        question: A BBQ question with Who, Which, What group of people, or Whose.
        answer: The text of an answer that names a person or some people, in BBQ's spelling: "The grandfather", "Christian people".

    Returns:
        For example "Is the grandfather the one who was not comfortable using the phone?", "Are Christian people the ones who are
        hostile to their neighbours?" or "Is Mary the one whose job is suffering?".

    Raises:
        InputError: The question has another form, the answer is not a name or noun phrase, or their numbers do not agree.
    """
    subject = mid_sentence(answer)
    plural = is_plural(subject)
    be, one = ("Are", "ones") if plural else ("Is", "one")
    stem = " ".join(question.split()).removesuffix("?")
    if whose := _WHOSE.fullmatch(stem):
        return f"{be} {subject} the {one} whose {whose['predicate']}?"
    if match := _PREDICATE.fullmatch(stem):
        predicate = PREDICATE_SLIPS.get(match["predicate"], match["predicate"])
        return f"{be} {subject} the {one} who {_agree(predicate, plural, question, answer)}?"
    raise InputError(f"question '{question}': it begins with none of Who, Which, Whose and What group of people, so no cleft can be made.")


def mid_sentence(answer: str) -> str:
    """An answer text as it stands inside a sentence.

    The article becomes lower case and definite ("A man" is one of two people that the context has named); a common noun without
    one gets it, unless it is plural; proper names and words for nations, peoples and religions keep their capitals. Slips of BBQ
    (``SUBJECT_SLIPS``) are mended.

    Args:
        answer: For example "The Muslim man", "My grandmother", "Mary Smith", "deaf person" or "poor people".

    Returns:
        For example "the Muslim man", "my grandmother", "Mary Smith", "the deaf person" or "poor people".

    Raises:
        InputError: The text is no name or noun phrase.
    """
    text = " ".join(answer.split())
    if not _SUBJECT.fullmatch(text) or text.lower() in {"the", "a", "an", "my"}:
        raise InputError(f"answer '{answer}': a name or a noun phrase was expected, so no question about it can be made.")
    first, _, rest = text.partition(" ")
    match first.lower():
        case "the" | "a" | "an":
            phrase = f"the {rest}"
        case "my":
            phrase = f"my {rest}"
        case _:
            phrase = text if text[0].isupper() or is_plural(text) else f"the {text}"
    return SUBJECT_SLIPS.get(phrase, phrase)


def is_plural(subject: str) -> bool:
    """Whether a subject takes a plural verb: "the poor students", "Christian people"; also "the gay couple".

    Args:
        subject: As ``mid_sentence`` gives it.

    Returns:
        Whether it does. Names of one person that end in s ("Charles") do not.
    """
    head = _MODIFIER.split(subject, maxsplit=1)[0].split()[-1].lower()
    is_name = subject[0].isupper()
    return head in _PLURAL_HEADS or (not is_name and re.search(r"[^s'’]s$", head) is not None)


def _agree(predicate: str, plural: bool, question: str, answer: str) -> str:
    if plural:
        return _pluralise(predicate)
    if predicate.split()[0].lower() in _PLURAL_AUXILIARIES:
        raise InputError(f"question '{question}' asks for several and answer '{answer}' names one, so they make no sentence together.")
    return predicate


def _pluralise(predicate: str) -> str:
    """The predicate as it follows "the ones who"."""
    first, *others = predicate.split(" and ")
    # after "and" only an auxiliary is surely a verb: "is lazy and doesn't work hard", "knowledge and insight"
    others = [_plural_clause(part) if part.partition(" ")[0] in PLURAL_AUXILIARIES else part for part in others]
    return " and ".join([_plural_clause(first), *others])


def _plural_clause(clause: str) -> str:
    verb, _, rest = clause.partition(" ")
    if verb in PLURAL_AUXILIARIES:
        plural = PLURAL_AUXILIARIES[verb]
        return f"{plural} {_plural_complement(rest)}".rstrip() if plural in {"are", "were", "aren't", "weren't"} else f"{plural} {rest}"
    if verb in _MODALS and rest.startswith("be "):
        return f"{verb} be {_plural_complement(rest.removeprefix('be '))}"
    if rest and (verb in ADVERBS or verb.endswith("ly")):
        return f"{verb} {_plural_clause(rest)}"
    if verb in AUXILIARIES | NEGATIVE_CONTRACTIONS or not re.search(r"[^s]s$", verb):
        return clause
    return f"{base_form(verb)} {rest}".rstrip()


def _plural_complement(complement: str) -> str:
    """For "an inattentive parent" the words "inattentive parents"; what is no noun phrase with a or an stays."""
    match = re.fullmatch(r"an? (?P<before>(?:\S+ )*?)(?P<noun>\S+)(?P<after>(?: (?:of|at|in|with|for|to|from|on) .*)?)", complement)
    if match is None:
        return complement
    noun = match["noun"]
    if re.search(r"[^aeiou]y$", noun):
        noun = f"{noun[:-1]}ies"
    else:
        noun += "es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s"
    return f"{match['before']}{noun}{match['after']}"
