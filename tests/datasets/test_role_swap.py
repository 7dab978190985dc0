"""Role swaps: two tellings that differ in nothing but who is who."""

import pytest

from misfire.datasets.role_swap import differ_only_in_people, distinct_words, named_first, swaps_roles

PEOPLE = ("The old man", "The young man")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("An old man met a young man. The old man fell.", "A young man met an old man. The young man fell."),
        ("An old man met a young man. The old man fell.", "An old man met a young man. The young man fell."),
        ("The old man told his story to the young man.", "The young man told their story to the old man"),
    ],
)
def test_an_exchange_of_people_is_a_role_swap(one: str, other: str):
    assert swaps_roles(one, other, PEOPLE)


@pytest.mark.parametrize(
    "other",
    [
        "A young man met an elderly man. The young man fell.",
        "A young man met an old man. The young man slipped.",
        "A young man met an old man. The young man fell twice.",
        "A young man met an old man.",
    ],
)
def test_any_other_difference_is_not_a_role_swap(other: str):
    assert not swaps_roles("An old man met a young man. The old man fell.", other, PEOPLE)


def test_a_person_may_be_named_more_or_less_fully():
    one = "A person with autism and his friend met. The friend talked and the person with autism did not."
    other = "A person with autism and his friend met. The person with autism talked and his friend did not."
    assert swaps_roles(one, other, ("the person with autism", "the friend"))


def test_the_same_order_of_the_other_words_can_be_required():
    one, other = "The old man fell and the young man sang.", "The young man sang and the old man fell."
    assert differ_only_in_people(one, other, PEOPLE, in_order=False)
    assert not differ_only_in_people(one, other, PEOPLE, in_order=True)


def test_people_are_distinguished_by_the_words_that_differ():
    assert distinct_words("The old man", "the young man") == {"old"}
    assert distinct_words("Amy Wang", "Amy Larson") == {"wang"}


@pytest.mark.parametrize(
    ("context", "first"),
    [
        ("An old man met a young man.", True),
        ("A young man met an old man.", False),
        ("A young man met somebody.", None),
        ("Older people than the young man met an old man.", False),
    ],
)
def test_whole_words_decide_who_is_named_first(context: str, first: bool | None):
    assert named_first(context, *PEOPLE) is first
