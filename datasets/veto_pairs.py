"""The published construction of VETO's contrastive pairs from BBQ (arXiv 2606.18656 and its release).

The rules are reproduced with their errors, so that the pairs are those behind the published numbers. The
known faults are described in docs/limits.md, and ``misfire.datasets.audit`` finds them pair by pair.
"""

from collections.abc import Iterable

from misfire.datasets.bbq import BBQExample, BBQFile
from misfire.datasets.pairs import Controls, Half, Pair
from misfire.datasets.published_cue import priming_sentence
from misfire.datasets.questions import yes_no_question
from misfire.datasets.scenarios import BBQScenario, bbq_scenarios, full_context, readable_group

PAIRS_PER_SCENARIO = 20
"""Maximum number of pairs per scenario."""


def build_pairs(files: Iterable[BBQFile], *, controls: bool = False) -> list[Pair]:
    """Build the published pairs of some categories.

    Args:
        files: BBQ's files. All eight, complete and official, give 2,032 pairs.
        controls: Whether to add foils and ambiguous prompts, with the same wording as the pairs.

    Returns:
        The pairs: categories in the given order, scenarios by number, pairs by k.

    Raises:
        InputError: Controls were requested, and an example has no ambiguous counterpart or does not name two
            people.
    """
    return [
        pair
        for file in files
        for scenario in bbq_scenarios(file)
        for pair in _scenario_pairs(scenario, controls)
    ]


def _scenario_pairs(scenario: BBQScenario, controls: bool) -> list[Pair]:
    # the published construction uses one wording for the whole scenario, although BBQ sometimes varies it
    question = scenario.stereotyped[0].question
    sentence = priming_sentence(scenario.stereotyped_group, question)
    return [
        Pair(
            id=f"{scenario.name}_p{k}",
            category=scenario.category,
            subcategory=one.additional_metadata.subcategory,
            question_index=scenario.index,
            stereotyped_group=scenario.stereotyped_group,
            contrast_group=readable_group(other.right_group),
            priming_sentence=sentence,
            stereotyped=_half(one, question),
            contrast=_half(other, question),
            controls=_controls(scenario, one, other, question) if controls else None,
        )
        for k, (one, other) in enumerate(
            zip(scenario.stereotyped[:PAIRS_PER_SCENARIO], scenario.contrast, strict=False)
        )
    ]


def _half(example: BBQExample, question: str) -> Half:
    prompt = f"{full_context(example)} {yes_no_question(question, example.right_answer)}"
    return Half(prompt=prompt, target="yes", example_id=example.example_id)


def _controls(scenario: BBQScenario, one: BBQExample, other: BBQExample, question: str) -> Controls:
    return Controls(
        stereotyped_foil=_foil(one, question),
        contrast_foil=_foil(other, question),
        stereotyped_ambiguous=_ambiguous(scenario, one, question),
        contrast_ambiguous=_ambiguous(scenario, other, question),
    )


def _foil(example: BBQExample, question: str) -> Half:
    prompt = f"{full_context(example)} {yes_no_question(question, example.other_answer)}"
    return Half(prompt=prompt, target="no", example_id=example.example_id)


def _ambiguous(scenario: BBQScenario, example: BBQExample, question: str) -> str:
    return (
        f"{full_context(scenario.without_evidence(example))} "
        f"{yes_no_question(question, example.right_answer)}"
    )
