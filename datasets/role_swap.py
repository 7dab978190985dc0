"""Whether two contexts differ in nothing but who plays which role.

A pair is *minimal* if its halves tell the same in the same words with the two people in exchanged roles. Contexts are
compared as bags of words, since an exchange of people moves words about without changing them.
"""

import re
from collections.abc import Iterable

_CHANGES_WITH_THE_PERSON = frozenset({
    "a", "an", "the", "my", "his", "her", "hers", "their", "theirs", "he", "she", "him", "they", "them", "one", "other",
})  # fmt: skip
"""Articles, pronouns, and the words that stand for a person already named."""

_LINKS = frozenset({
    "who", "is", "was", "has", "had", "with", "without", "in", "on", "of", "from", "no", "not", "person", "people",
})  # fmt: skip
"""Words of a name that tell nobody apart."""


def swaps_roles(one: str, other: str, people: Iterable[str]) -> bool:
    """Whether two contexts are the same but for who plays which role.

    Articles and pronouns do not count, since they change with the person ("an old man", "a young man"). The contexts must hold
    all other words equally often; or else all but the words of the people's names, for where a person is named more or less fully
    ("the friend with autism", "the friend").

    Args:
        one: A context.
        other: Another one.
        people: The names of the two people, as the questions have them; more than one name each is fine.

    Returns:
        Whether nothing else differs.
    """
    return _bag(one) == _bag(other) or is_retold(one, other, people, in_order=False)


def is_retold(one: str, other: str, people: Iterable[str], *, in_order: bool) -> bool:
    """Whether two contexts hold the same words besides those of the people.

    Args:
        one: A context.
        other: Another one.
        people: The names of the people.
        in_order: Whether the words must come in the same order too.

    Returns:
        Whether they do.
    """
    names = {word for name in people for word in words(name)}
    rest, other_rest = ([word for word in words(text) if word not in names | _CHANGES_WITH_THE_PERSON] for text in (one, other))
    return rest == other_rest if in_order else sorted(rest) == sorted(other_rest)


def distinct_words(name: str, other: str) -> frozenset[str]:
    """The words that tell one person's name from the other's: of "the old man" and "the young man" the word "old".

    Args:
        name: A name.
        other: The other person's name.

    Returns:
        The words of the first that the second lacks; words like "the" and "with" never count.
    """
    return frozenset(words(name)) - frozenset(words(other)) - _CHANGES_WITH_THE_PERSON - _LINKS


def named_first(context: str, one: str, other: str) -> bool | None:
    """Whether a context names one person before the other.

    Args:
        context: The context.
        one: The name of one person.
        other: The name of the other.

    Returns:
        None where it cannot be told, since the context lacks the words that tell them apart.
    """
    told = words(context)
    places = [
        min((place for place, word in enumerate(told) if word in marks), default=None)
        for marks in (distinct_words(one, other), distinct_words(other, one))
    ]
    first, second = places
    return None if first is None or second is None else first < second


def words(text: str) -> list[str]:
    """The words of a text in lower case; an apostrophe's "s" does not count."""
    return [word for word in re.findall(r"\w+", text.lower()) if word != "s"]


def _bag(text: str) -> list[str]:
    return sorted(word for word in words(text) if word not in _CHANGES_WITH_THE_PERSON)
