"""Convert BBQ questions to cleft questions such as "Is the grandfather the one who was not comfortable …?".

A cleft question is grammatical for every question in BBQ and is never negative, even if the predicate is
negated. It puts the subject in mid-sentence, so articles are lower case and only proper names keep their
capitals.
"""

import re

from misfire.datasets.questions import (
    ADVERBS,
    AUXILIARIES,
    NEGATIVE_CONTRACTIONS,
    PLURAL_AUXILIARIES,
    base_form,
)
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
"""Errors in BBQ's answer texts → the intended text."""

PREDICATE_SLIPS: dict[str, str] = {
    "has unfair athletic advantage": "has an unfair athletic advantage",
    "doesn't act appropriate in a professional environment": (
        "doesn't act appropriately in a professional environment"
    ),
}
"""Errors in BBQ's questions → the intended text."""

# "Who <predicate>", "Which student <predicate>", "What group of people <predicate>"
_PREDICATE = re.compile(
    r"(?:Who|Which \w+|What (?:group|type) of (?:people|person)) (?P<predicate>\S.*)", re.DOTALL
)
_WHOSE = re.compile(r"Whose (?P<predicate>\S+ \S.*)", re.DOTALL)
_SUBJECT = re.compile(r"[^\W_][\w ,.'’/-]*[^\W_]", re.DOTALL)
_MODIFIER = re.compile(r" (?:who|who's|with|without|on|in|of|from|at|for|wearing|holding|carrying|using)\b")

# "couple" is plural here, since BBQ asks who "would be unfit parents"
_PLURAL_HEADS = frozenset({"people", "men", "women", "children", "folks", "individuals", "ones", "couple"})
_PLURAL_AUXILIARIES = frozenset(PLURAL_AUXILIARIES.values())
_MODALS = frozenset({"can", "could", "will", "would", "should", "must", "might", "may"})


def cleft_question(question: str, answer: str) -> str:
    """Return the question that asks whether an answer is the one that a BBQ question asks for.

    Args:
        question: A BBQ question that starts with Who, Which, What group of people, or Whose.
        answer: The text of an answer that names one or more people, in BBQ's spelling: "The grandfather",
            "Christian people".

    Returns:
        For example "Is the grandfather the one who was not comfortable using the phone?", "Are Christian
        people the ones who are hostile to their neighbors?" or "Is Mary the one whose job is suffering?".

    Raises:
        InputError: The question has another form, the answer is not a name or noun phrase, or one is singular
            and the other plural.
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
    raise InputError(
        f"question '{question}': cannot make a cleft, since it does not start with Who, Which, Whose or "
        "What group of people."
    )


def mid_sentence(answer: str) -> str:
    """Return an answer text as it appears inside a sentence.

    The article becomes lower case and definite ("A man" is one of two people that the context has named). A
    singular common noun without an article gets "the". Proper names and words for nations, peoples and
    religions keep their capitals. Errors in BBQ's texts (``SUBJECT_SLIPS``) are corrected.

    Args:
        answer: For example "The Muslim man", "My grandmother", "Mary Smith", "deaf person" or "poor people".

    Returns:
        For example "the Muslim man", "my grandmother", "Mary Smith", "the deaf person" or "poor people".

    Raises:
        InputError: The text is not a name or noun phrase.
    """
    text = " ".join(answer.split())
    if not _SUBJECT.fullmatch(text) or text.lower() in {"the", "a", "an", "my"}:
        raise InputError(
            f"answer '{answer}': cannot make a question about it, because it is not a name or a noun phrase."
        )
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
    """Check whether a subject takes a plural verb, as do "the poor students" and "the gay couple".

    Args:
        subject: A subject as returned by ``mid_sentence``.

    Returns:
        True for a plural subject. Names of one person that end in "s" ("Charles") are singular.
    """
    # the head noun is the last word before a modifier: "men" in "the men with long hair"
    head = _MODIFIER.split(subject, maxsplit=1)[0].split()[-1].lower()
    is_name = subject[0].isupper()
    return head in _PLURAL_HEADS or (not is_name and re.search(r"[^s'’]s$", head) is not None)


def _agree(predicate: str, plural: bool, question: str, answer: str) -> str:
    if plural:
        return _pluralize(predicate)
    if predicate.split()[0].lower() in _PLURAL_AUXILIARIES:
        raise InputError(
            f"question '{question}' asks for several people but answer '{answer}' names one, so they cannot "
            "be combined."
        )
    return predicate


def _pluralize(predicate: str) -> str:
    """Return the predicate in the form that follows "the ones who"."""
    first, *others = predicate.split(" and ")
    # after "and", only an auxiliary is certain to be a verb: "is lazy and doesn't work hard", "knowledge and
    # insight"
    others = [
        _plural_clause(part) if part.partition(" ")[0] in PLURAL_AUXILIARIES else part for part in others
    ]
    return " and ".join([_plural_clause(first), *others])


def _plural_clause(clause: str) -> str:
    verb, _, rest = clause.partition(" ")
    if verb in PLURAL_AUXILIARIES:
        plural = PLURAL_AUXILIARIES[verb]
        return (
            f"{plural} {_plural_complement(rest)}".rstrip()
            if plural in {"are", "were", "aren't", "weren't"}
            else f"{plural} {rest}"
        )
    if verb in _MODALS and rest.startswith("be "):
        return f"{verb} be {_plural_complement(rest.removeprefix('be '))}"
    if rest and (verb in ADVERBS or verb.endswith("ly")):
        return f"{verb} {_plural_clause(rest)}"
    if verb in AUXILIARIES | NEGATIVE_CONTRACTIONS or not re.search(r"[^s]s$", verb):
        return clause
    return f"{base_form(verb)} {rest}".rstrip()


def _plural_complement(complement: str) -> str:
    """Return a complement in the plural, for example "inattentive parents" for "an inattentive parent".

    Text that is not a noun phrase with "a" or "an" is returned unchanged.
    """
    # the noun is the last word before a preposition, if there is one: "a bad parent of young children"
    match = re.fullmatch(
        r"an? (?P<before>(?:\S+ )*?)(?P<noun>\S+)(?P<after>(?: (?:of|at|in|with|for|to|from|on) .*)?)",
        complement,
    )
    if match is None:
        return complement
    noun = match["noun"]
    if re.search(r"[^aeiou]y$", noun):
        noun = f"{noun[:-1]}ies"
    else:
        noun += "es" if noun.endswith(("s", "x", "z", "ch", "sh")) else "s"
    return f"{match['before']}{noun}{match['after']}"
