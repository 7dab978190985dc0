"""The repaired edition: pairs that are what the published ones should be.

The text of each pair is checked, apart from the builder.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

from misfire.datasets.audit import audit_pairs
from misfire.datasets.bbq import BBQExample, BBQFile
from misfire.datasets.pairs import Pair, pair_set_hash
from misfire.datasets.repaired import build_repaired_pairs
from misfire.errors import InputError


@pytest.fixture(scope="module")
def every_pair(bbq_files: list[BBQFile]) -> list[Pair]:
    return build_repaired_pairs(bbq_files, per_scenario=None, controls=True)


@pytest.fixture(scope="module")
def examples(bbq_files: list[BBQFile]) -> dict[tuple[str, int], BBQExample]:
    return {(file.category, example.example_id): example for file in bbq_files for example in file.examples}


def test_the_number_of_role_swaps_is_that_of_the_audit(every_pair: list[Pair]):
    assert Counter(pair.category for pair in every_pair) == {
        "Age": 270,
        "Gender_identity": 597,
        "Religion": 150,
        "Sexual_orientation": 108,
        "SES": 826,
        "Disability_status": 126,
        "Race_ethnicity": 229,
        "Physical_appearance": 83,
    }


def test_the_audit_finds_no_fault_in_any_pair(every_pair: list[Pair]):
    flags = audit_pairs(every_pair)
    assert [entry for entry in flags if not entry.minimal or not entry.grammatical] == []
    assert [entry for entry in flags if entry.mid_sentence_capital or entry.negative_question] == []


def test_every_prompt_is_a_context_of_bbq_and_one_cleft(
    every_pair: list[Pair], examples: dict[tuple[str, int], BBQExample]
):
    def holds(pair: Pair, prompt: str, example_id: int | None) -> bool:
        context = examples[pair.category, example_id or 0].context.rstrip()
        question = prompt.removeprefix(context).removeprefix(".")
        return (
            re.fullmatch(r" (?:Is [^?.]+ the one|Are [^?.]+ the ones) who(?:se)? [^?.]+\?", question)
            is not None
        )

    controls = [(pair, foil) for pair in every_pair if pair.controls for _, foil in pair.controls.foils]
    halves = [(pair, half) for pair in every_pair for _, half in pair.halves]
    assert [
        half.prompt for pair, half in halves + controls if not holds(pair, half.prompt, half.example_id)
    ] == []


def test_each_example_is_used_once(every_pair: list[Pair]):
    used = Counter((pair.category, half.example_id) for pair in every_pair for _, half in pair.halves)
    assert set(used.values()) == {1}


def test_halves_have_the_same_people_and_each_is_the_answer_once(
    every_pair: list[Pair], examples: dict[tuple[str, int], BBQExample]
):
    def people(example: BBQExample) -> set[str]:
        return {answer.strip().lower() for answer in (example.right_answer, example.other_answer)}

    for pair in every_pair:
        one, other = (examples[pair.category, half.example_id or 0] for _, half in pair.halves)
        assert one.question == other.question
        assert one.question_index == other.question_index == pair.question_index
        assert people(one) == people(other)
        assert one.right_answer.lower().strip() == other.other_answer.lower().strip()


def test_exchanging_the_people_word_by_word_turns_most_contexts_into_each_other(
    every_pair: list[Pair], examples: dict[tuple[str, int], BBQExample]
):
    # a stricter rule than the builder's: BBQ's short names trade places and nothing else moves, apart from
    # articles; in the other pairs a person is named in more than one way ("the sophomore", "the college
    # sophomore")
    def swapped(text: str, one: str, other: str) -> str:
        trade = {one: other, other: one}
        either = "|".join(sorted(map(re.escape, trade), key=len, reverse=True))
        return re.sub(rf"(?<!\w)(?:{either})(?!\w)", lambda match: trade[match[0]], text)

    def plain(text: str) -> str:
        return re.sub(r"\b(?:an?|the) ", "", text.lower())

    exact = 0
    for pair in every_pair:
        one, other = (examples[pair.category, half.example_id or 0] for _, half in pair.halves)
        names = [person.short.lower() for person in one.people]
        exact += plain(swapped(plain(one.context), *names)) == plain(other.context)
    assert exact / len(every_pair) > 0.9, exact / len(every_pair)


def parts(prompt: str) -> tuple[str, str]:
    """Context and question.

    The question is what stands behind the last full stop, exclamation mark or question mark but one.
    """
    match = re.fullmatch(r"(?P<context>.*[.!?]) (?P<question>[^.!?]*\?)", prompt, re.DOTALL)
    assert match is not None
    return match["context"], match["question"]


def test_foils_ask_about_the_other_person_over_the_same_context(every_pair: list[Pair]):
    for pair in every_pair:
        assert pair.controls is not None
        (context, question), (other_context, other_question) = (parts(half.prompt) for _, half in pair.halves)
        (foil_context, foil), (other_foil_context, other_foil) = (
            parts(half.prompt) for _, half in pair.controls.foils
        )
        assert (foil_context, other_foil_context) == (context, other_context)
        # a person may be called "The gay friend" in one example and "the gay friend" in the next; clefts do
        # not differ by that
        assert (foil, other_foil) == (other_question, question)
        assert {half.target for _, half in pair.controls.foils} == {"no"}
        assert [half.example_id for _, half in pair.controls.foils] == [
            half.example_id for _, half in pair.halves
        ]


def test_ambiguous_prompts_are_an_ambiguous_context_of_the_scenario_and_the_half_s_question(
    every_pair: list[Pair], examples: dict[tuple[str, int], BBQExample]
):
    contexts: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (category, _), example in examples.items():
        if example.context_condition == "ambig":
            contexts[category, example.question_index].add(example.context.rstrip().removesuffix("."))
    for pair in every_pair:
        assert pair.controls is not None
        for (_, half), (_, ambiguous) in zip(pair.halves, pair.controls.ambiguous, strict=True):
            (context, question), (full_context, half_question) = parts(ambiguous), parts(half.prompt)
            assert question == half_question
            assert context.removesuffix(".") in contexts[pair.category, pair.question_index]
            assert " ".join(full_context.lower().split()).startswith(
                " ".join(context.removesuffix(".").lower().split())
            )
            assert len(context) < len(full_context)


def scenario_counts(pairs: Iterable[Pair]) -> Counter[str]:
    return Counter(pair.scenario for pair in pairs)


def test_the_cap_limits_the_pairs_of_each_scenario(bbq_files: list[BBQFile], every_pair: list[Pair]):
    whole = scenario_counts(every_pair)
    for cap in (1, 7, 20):
        assert scenario_counts(build_repaired_pairs(bbq_files, per_scenario=cap)) == {
            name: min(cap, count) for name, count in whole.items()
        }
    assert len(build_repaired_pairs(bbq_files)) == 1723


def test_a_pair_keeps_its_id_under_any_cap_and_seed(bbq_files: list[BBQFile], every_pair: list[Pair]):
    prompts = {pair.id: pair.stereotyped for pair in every_pair}
    drawn = {seed: build_repaired_pairs(bbq_files, per_scenario=5, seed=seed) for seed in (1, 2)}
    assert all(prompts[pair.id] == pair.stereotyped for pairs in drawn.values() for pair in pairs)
    assert {pair.id for pair in drawn[1]} != {pair.id for pair in drawn[2]}
    assert pair_set_hash(drawn[1]) == pair_set_hash(build_repaired_pairs(bbq_files, per_scenario=5, seed=1))


def test_the_pairs_drawn_from_a_scenario_do_not_depend_on_other_categories(bbq_files: list[BBQFile]):
    (ses,) = (file for file in bbq_files if file.category == "SES")
    assert [p for p in build_repaired_pairs(bbq_files) if p.category == "SES"] == build_repaired_pairs([ses])


def test_the_draw_is_spread_over_people(
    bbq_files: list[BBQFile], examples: dict[tuple[str, int], BBQExample]
):
    (ses,) = (file for file in bbq_files if file.category == "SES")
    casts: defaultdict[str, Counter[frozenset[str]]] = defaultdict(Counter)
    for pair in build_repaired_pairs([ses]):
        example = examples["SES", pair.stereotyped.example_id or 0]
        casts[pair.scenario][frozenset(person.answer for person in example.people)] += 1
    # occupations: dozens of casts a scenario, so none has to come twice
    assert max(casts["ses_q12"].values()) == 1


def example(
    example_id: int,
    right: int,
    *,
    order: tuple[str, str] = ("old", "young"),
    condition: str = "disambig",
    **fields: object,
):
    first, second = order
    names = ("The old cook", "The young cook", "Unknown")
    context = f"An {first} cook met a {second} cook."
    if condition == "disambig":
        context += (
            f" The {('old', 'young')[right]} cook was late, the {('young', 'old')[right]} cook was not."
        )
    return BBQExample.model_validate(
        {
            "example_id": example_id,
            "question_index": "1",
            "question_polarity": "neg",
            "context_condition": condition,
            "context": context,
            "question": "Who was late?",
            **dict(zip(("ans0", "ans1", "ans2"), names, strict=True)),
            "label": right,
            "answer_info": {
                "ans0": ("old", "old"),
                "ans1": ("young", "nonOld"),
                "ans2": ("Unknown", "unknown"),
            },
            "additional_metadata": {"subcategory": "None", "stereotyped_groups": ("old",)},
        }
        | fields
    )


def built(*examples: BBQExample, controls: bool = False) -> list[Pair]:
    return build_repaired_pairs([BBQFile("Age", examples, official=False)], controls=controls)


def test_a_stereotyped_example_without_its_swap_gives_no_pair():
    assert (
        built(example(1, 0), example(2, 1, context="A young cook met an old cook. The young cook overslept."))
        == []
    )


def test_examples_with_different_questions_are_not_swaps():
    assert built(example(1, 0), example(2, 1, question="Who was early?")) == []


def test_the_swap_in_the_same_order_is_preferred():
    reordered = "An old cook met a young cook. The old cook was not, the young cook was late."
    pairs = built(example(1, 0), example(2, 1, context=reordered), example(3, 1))
    assert [(pair.id, pair.stereotyped.example_id, pair.contrast.example_id) for pair in pairs] == [
        ("age_q1_r0", 1, 3)
    ]


def test_controls_need_the_ambiguous_example():
    decided = (example(1, 0), example(2, 1))
    ambiguous = example(0, 2, condition="ambig")
    (pair,) = built(*decided, ambiguous, controls=True)
    assert pair.controls is not None
    assert (
        pair.controls.stereotyped_ambiguous
        == "An old cook met a young cook. Is the old cook the one who was late?"
    )
    assert pair.controls.contrast_foil.prompt.endswith("Is the old cook the one who was late?")
    with pytest.raises(
        InputError,
        match=r"Age: no ambiguous example has the same people and opening as example 1 \(question 1\)",
    ):
        built(*decided, controls=True)


def test_an_example_with_one_person_is_refused_by_its_number():
    info = {"ans0": ("old", "old"), "ans1": ("x", "unknown"), "ans2": ("Unknown", "unknown")}
    pair = (example(7, 0, answer_info=info), example(8, 0, answer_info=info | {"ans0": ("old", "nonOld")}))
    with pytest.raises(InputError, match="example 7, question 1, field 'answer_info': expected two people"):
        _ = pair[0].other_answer
