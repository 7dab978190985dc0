"""Check whether two contexts differ only in who plays which role.

A pair is *minimal* if its halves use the same words with the two people in exchanged roles. Contexts are
compared as bags of words, since exchanging two people moves words without changing them.
"""

import re
from collections.abc import Iterable

_CHANGES_WITH_THE_PERSON = frozenset({
    "a", "an", "the", "my", "his", "her", "hers", "their", "theirs", "he", "she", "him", "they", "them",
    "one", "other",
})  # fmt: skip
"""Articles, pronouns, and words that stand for a person who was named before."""

_LINKS = frozenset({
    "who", "is", "was", "has", "had", "with", "without", "in", "on", "of", "from", "no", "not", "person",
    "people",
})  # fmt: skip
"""Words in names that do not distinguish one person from another."""


def swaps_roles(one: str, other: str, people: Iterable[str]) -> bool:
    """Check whether two contexts are the same except for who plays which role.

    Articles and pronouns are ignored, since they change with the person ("an old man", "a young man"). All
    other words must occur equally often. It is also sufficient if all words outside the people's names do,
    since one context may name a person more fully ("the friend with autism", "the friend").

    Args:
        one: A context.
        other: Another context.
        people: Names of the two people as the questions use them. Several names per person are allowed.

    Returns:
        True if there is no other difference.
    """
    return _bag(one) == _bag(other) or differ_only_in_people(one, other, people, in_order=False)


def differ_only_in_people(one: str, other: str, people: Iterable[str], *, in_order: bool) -> bool:
    """Check whether two contexts contain the same words apart from the people's names, articles and pronouns.

    Args:
        one: A context.
        other: Another context.
        people: Names of the people.
        in_order: Whether the words must also have the same order.
    """
    names = {word for name in people for word in words(name)}
    rest, other_rest = (
        [word for word in words(text) if word not in names | _CHANGES_WITH_THE_PERSON]
        for text in (one, other)
    )
    return rest == other_rest if in_order else sorted(rest) == sorted(other_rest)


def distinct_words(name: str, other: str) -> frozenset[str]:
    """Return the words of a name that another name lacks: "old" for "the old man" and "the young man".

    Args:
        name: A name.
        other: The other person's name.

    Returns:
        The words of the first name that are not in the second. Words such as "the" and "with" never count.
    """
    return frozenset(words(name)) - frozenset(words(other)) - _CHANGES_WITH_THE_PERSON - _LINKS


def named_first(context: str, one: str, other: str) -> bool | None:
    """Check whether a context names one person before the other.

    Args:
        context: The context.
        one: Name of one person.
        other: Name of the other person.

    Returns:
        None if the context does not contain the words that distinguish the two people.
    """
    context_words = words(context)
    places = [
        # first position of a word that only this person's name has
        min((place for place, word in enumerate(context_words) if word in marks), default=None)
        for marks in (distinct_words(one, other), distinct_words(other, one))
    ]
    first, second = places
    return None if first is None or second is None else first < second


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without the "s" after an apostrophe."""
    return [word for word in re.findall(r"\w+", text.lower()) if word != "s"]


def _bag(text: str) -> list[str]:
    return sorted(word for word in words(text) if word not in _CHANGES_WITH_THE_PERSON)
