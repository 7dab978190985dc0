"""Which first tokens are answers, how much mass they have, and what a list that was cut off leaves open."""

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    Logprob,
    Logprobs,
    ModelOutput,
    TopLogprob,
)

from misfire.model_calls.answer_words import SPELLINGS, Word, answer_ids, word_of
from misfire.model_calls.first_token import first_token_of, read_tokens


def listed(masses: dict[str, float], chosen: str | None = None) -> Logprob:
    top = [TopLogprob(token=token, logprob=math.log(mass)) for token, mass in masses.items()]
    first = chosen or top[0].token
    return Logprob(token=first, logprob=math.log(masses.get(first, 1e-9)), top_logprobs=top)


@pytest.mark.parametrize(
    "token", ["yes", "Yes", "YES", " yes", "Ġyes", "ĠYes", "▁yes", "▁YES", "\nyes", "Ċyes"]
)
def test_every_spelling_of_an_answer_is_that_answer(token: str):
    assert word_of(token) == "yes"


@pytest.mark.parametrize(
    "token", ["", " ", "y", "ye", "yes.", '"yes', "yesterday", "not", "none", "nothing", "Ġ", "un"]
)
def test_a_part_of_an_answer_or_more_than_it_is_none(token: str):
    assert word_of(token) is None


def test_the_tokens_of_a_vocabulary_are_those_that_are_read_by_their_text():
    vocabulary = {"▁yes": 7, "yes": 3, "Ġno": 5, "nope": 9, "unknown": 4, "<unk>": 0}
    assert answer_ids(vocabulary, "yes") == (3, 7)
    assert answer_ids(vocabulary, "no") == (5,)
    assert answer_ids(vocabulary, "unknown") == (4,)


def test_masses_of_spellings_add_up_and_the_margin_is_their_log_ratio():
    first = read_tokens(listed({"yes": 0.4, " Yes": 0.2, "no": 0.1, "The": 0.2, "a": 0.1}))
    assert first.listed["yes"] == pytest.approx(0.6)
    assert first.margin is not None
    assert first.margin[0] == pytest.approx(math.log(6))
    assert first.margin[1] == "exact"
    assert first.mass(("yes", "no")) == pytest.approx(0.7)
    assert first.decision(("yes", "no")) == "yes"


def test_the_token_that_a_server_chose_counts_once():
    # a server may add it to the list, or leave it out of the list
    within, without = listed({"yes": 0.5, "no": 0.3}), listed({"yes": 0.5, "The": 0.3}, chosen="no")
    assert read_tokens(within).listed["yes"] == pytest.approx(0.5)
    assert read_tokens(without).listed["no"] == pytest.approx(1e-9)


def test_an_answer_that_is_not_listed_bounds_the_margin():
    first = read_tokens(listed({"The": 0.5, "yes": 0.3, "a": 0.01}))
    # each of the six spellings of no has at most the mass of the last token of the list
    assert first.margin == (pytest.approx(math.log(0.3 / 0.06)), "at least")
    assert read_tokens(listed({"no": 0.9, "a": 0.05})).margin == (
        pytest.approx(math.log(0.05 / 0.9)),
        "at most",
    )
    assert first.most_mass(("yes", "no")) == pytest.approx(0.3 + 5 * 0.01 + 6 * 0.01)
    assert first.decision(("yes", "no")) == "yes"


def test_what_a_list_leaves_open_is_not_decided():
    # the unlisted spellings of no could have 0.12 together
    assert read_tokens(listed({"The": 0.5, "yes": 0.1, "a": 0.02})).decision(("yes", "no")) is None
    # they could not if only 0.05 of the mass is left
    assert read_tokens(listed({"The": 0.83, "yes": 0.1, "a": 0.02})).decision(("yes", "no")) == "yes"
    assert read_tokens(listed({"The": 0.9, "a": 0.05})).decision(("yes", "no")) is None
    assert read_tokens(listed({"The": 0.9, "a": 0.05})).margin is None
    assert read_tokens(listed({"yes": 0.4, "no": 0.4, "a": 0.2})).decision(("yes", "no")) is None


def test_a_third_answer_counts_only_where_it_is_allowed():
    first = read_tokens(listed({"unknown": 0.5, "yes": 0.3, "no": 0.2}))
    assert first.decision(("yes", "no")) == "yes"
    assert first.decision(("yes", "no", "unknown")) == "unknown"
    assert first.mass(("yes", "no")) == pytest.approx(0.5)


def test_an_output_without_probabilities_has_no_first_token():
    choice = ChatCompletionChoice(message=ChatMessageAssistant(content="yes"))
    assert first_token_of(ModelOutput(model="m", choices=[choice])) is None
    empty = choice.model_copy(update={"logprobs": Logprobs(content=[])})
    assert first_token_of(ModelOutput(model="m", choices=[empty])) is None
    assert first_token_of(ModelOutput(model="m")) is None


@given(
    st.lists(st.integers(1, 1000), min_size=12, max_size=12),
    st.integers(1, 12),
)
def test_a_list_that_was_cut_off_holds_the_truth_between_its_bounds(weights: list[int], length: int):
    words = [
        f"{space}{spelling}" for spelling in ("yes", "Yes", "YES", "no", "No", "NO") for space in ("", " ")
    ]
    masses = {token: weight / sum(weights) for token, weight in zip(words, weights, strict=True)}
    ordered = dict(sorted(masses.items(), key=lambda item: -item[1]))
    whole, cut = read_tokens(listed(ordered)), read_tokens(listed(dict(list(ordered.items())[:length])))
    for word in get_args(Word):
        assert cut.listed[word] - 1e-9 <= whole.listed[word] <= cut.listed[word] + cut.unlisted[word] + 1e-9
    assert len([token for token in words if word_of(token) == "yes"]) == SPELLINGS
    if whole.margin and cut.margin and cut.margin[1] == "at least":
        assert whole.margin[0] >= cut.margin[0] - 1e-6
    if whole.margin and cut.margin and cut.margin[1] == "at most":
        assert whole.margin[0] <= cut.margin[0] + 1e-6
