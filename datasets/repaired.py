"""The repaired edition: pairs from the same BBQ files that are minimal, grammatical and never negative.

Each stereotyped example is paired with the contrast example of its scenario that has the same two people and
differs only in which person the evidence points at. Both are asked a cleft question. Everything else in BBQ
is unchanged, including its contexts.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from misfire.datasets.bbq import BBQExample, BBQFile
from misfire.datasets.cleft import cleft_question
from misfire.datasets.pairs import Controls, Half, Pair
from misfire.datasets.published_cue import priming_sentence
from misfire.datasets.role_swap import differ_only_in_people, named_first, swaps_roles
from misfire.datasets.scenarios import BBQScenario, bbq_scenarios, full_context, readable_group, same_people

PER_SCENARIO = 20
"""Default maximum number of pairs per scenario."""


@dataclass(frozen=True)
class RoleSwap:
    """Two examples of a scenario that differ only in which person the evidence points at.

    Attributes:
        number: Number of the swap in its scenario, in order of the stereotyped examples. It does not depend
            on seed or limit.
        stereotyped: The stereotyped example.
        contrast: The contrast example.
    """

    number: int
    stereotyped: BBQExample
    contrast: BBQExample


def build_repaired_pairs(
    files: Iterable[BBQFile],
    *,
    per_scenario: int | None = PER_SCENARIO,
    seed: int = 1,
    controls: bool = False,
) -> list[Pair]:
    """Build the repaired pairs of some categories.

    Args:
        files: BBQ's files.
        per_scenario: Maximum number of pairs per scenario. The pairs are drawn at random and spread over
            people and order of mention. None keeps all.
        seed: Random seed of the draw.
        controls: Whether to add foils and ambiguous prompts.

    Returns:
        The pairs: categories in the given order, scenarios and pairs by number. IDs are
        ``<category>_q<index>_r<k>``.

    Raises:
        InputError: A question cannot be converted, or controls were requested and BBQ has no matching
            ambiguous example.
    """
    return [
        _pair(scenario, swap, controls)
        for file in files
        for scenario in bbq_scenarios(file)
        for swap in _draw(role_swaps(scenario), per_scenario, random.Random(f"{seed}:{scenario.name}"))
    ]


def role_swaps(scenario: BBQScenario) -> list[RoleSwap]:
    """Find all role swaps of a scenario. Each example is in at most one.

    Args:
        scenario: The scenario.

    Returns:
        The swaps, in order of the stereotyped examples. If several contrast examples match, one whose words
        have the same order is preferred, and among these the first.
    """
    free = list(scenario.contrast)
    swaps: list[RoleSwap] = []
    for one in scenario.stereotyped:
        fitting = [other for other in free if _is_swap(one, other)]
        if fitting:
            other = min(fitting, key=_in_other_order(one))
            free.remove(other)
            swaps.append(RoleSwap(len(swaps), one, other))
    return swaps


def _is_swap(one: BBQExample, other: BBQExample) -> bool:
    same = same_people(one) == same_people(other) and one.question == other.question
    return same and swaps_roles(one.context, other.context, _names(one))


def _in_other_order(one: BBQExample) -> Callable[[BBQExample], bool]:
    return lambda other: not differ_only_in_people(one.context, other.context, _names(one), in_order=True)


def _names(example: BBQExample) -> list[str]:
    return [name for person in example.people for name in (person.answer, person.short)]


def _draw(swaps: Sequence[RoleSwap], size: int | None, rng: random.Random) -> list[RoleSwap]:
    """Draw at most ``size`` swaps, spread evenly over the two people and over who is named first."""
    if size is None or len(swaps) <= size:
        return list(swaps)
    waiting = rng.sample(swaps, len(swaps))
    chosen: list[RoleSwap] = []
    people: Counter[frozenset[str]] = Counter()
    orders: Counter[bool | None] = Counter()
    while len(chosen) < size:
        # take the swap whose people, and then whose order of mention, have been chosen least often so far
        swap = min(
            waiting,
            key=lambda swap: (
                people[same_people(swap.stereotyped)],
                orders[_right_answer_is_first(swap.stereotyped)],
            ),
        )
        waiting.remove(swap)
        chosen.append(swap)
        people[same_people(swap.stereotyped)] += 1
        orders[_right_answer_is_first(swap.stereotyped)] += 1
    return sorted(chosen, key=lambda swap: swap.number)


def _right_answer_is_first(example: BBQExample) -> bool | None:
    return named_first(example.context, example.right_answer, example.other_answer)


def _pair(scenario: BBQScenario, swap: RoleSwap, controls: bool) -> Pair:
    one, other = swap.stereotyped, swap.contrast
    return Pair(
        id=f"{scenario.name}_r{swap.number}",
        category=scenario.category,
        subcategory=one.additional_metadata.subcategory,
        question_index=scenario.index,
        stereotyped_group=scenario.stereotyped_group,
        contrast_group=readable_group(other.right_group),
        priming_sentence=priming_sentence(scenario.stereotyped_group, one.question),
        stereotyped=_half(one),
        contrast=_half(other),
        controls=_controls(scenario, one, other) if controls else None,
    )


def _half(example: BBQExample) -> Half:
    return Half(
        prompt=_prompt(example, example, example.right_answer), target="yes", example_id=example.example_id
    )


def _controls(scenario: BBQScenario, one: BBQExample, other: BBQExample) -> Controls:
    return Controls(
        stereotyped_foil=_foil(one),
        contrast_foil=_foil(other),
        stereotyped_ambiguous=_prompt(scenario.without_evidence(one), one, one.right_answer),
        contrast_ambiguous=_prompt(scenario.without_evidence(other), other, other.right_answer),
    )


def _foil(example: BBQExample) -> Half:
    return Half(
        prompt=_prompt(example, example, example.other_answer), target="no", example_id=example.example_id
    )


def _prompt(situation: BBQExample, asked: BBQExample, answer: str) -> str:
    return f"{full_context(situation)} {cleft_question(asked.question, answer)}"
