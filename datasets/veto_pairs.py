"""The published construction of VETO's contrastive pairs from BBQ (arXiv 2606.18656 and its release).

The rules are followed with their quirks, so that the pairs are those that the published numbers rest on; what is
known to be wrong with them is in the README ("Limits").
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from misfire.datasets.bbq import BBQExample, BBQFile
from misfire.datasets.pairs import Half, Pair, category_slug
from misfire.datasets.priming import priming_sentence
from misfire.datasets.questions import yes_no_question

PAIRS_PER_SCENARIO = 20
"""At most so many pairs are made of one scenario."""

_NO_GROUP = frozenset({"unknown", "can'tbedetermined", "notanswerable", ""})


def build_pairs(files: Iterable[BBQFile]) -> list[Pair]:
    """The published pairs of some categories.

    Args:
        files: BBQ's files; all eight, complete and official, give 2,032 pairs.

    Returns:
        The pairs: categories in the order given, scenarios by number, pairs by k.
    """
    return [pair for file in files for pair in _category_pairs(file)]


def _category_pairs(file: BBQFile) -> list[Pair]:
    scenarios: defaultdict[int, list[BBQExample]] = defaultdict(list)
    for example in file.examples:
        if example.context_condition == "disambig" and example.question_polarity == "neg":
            scenarios[int(example.question_index)].append(example)
    return [pair for index in sorted(scenarios) for pair in _scenario_pairs(file.category, scenarios[index])]


def _scenario_pairs(category: str, examples: Sequence[BBQExample]) -> list[Pair]:
    first = examples[0]
    groups = first.additional_metadata.stereotyped_groups
    keys = {_group_key(group) for group in groups}
    stereotyped = sorted((e for e in examples if _group_key(e.right_group) in keys), key=_example_id)
    contrast = sorted((e for e in examples if _group_key(e.right_group) not in keys | _NO_GROUP), key=_example_id)
    if not groups or not stereotyped or not contrast:
        return []

    # one wording for the whole scenario, though BBQ varies it now and then
    question = stereotyped[0].question
    label = ", ".join(groups)
    sentence = priming_sentence(label, question)
    return [
        Pair(
            id=f"{category_slug(category)}_q{first.question_index}_p{k}",
            category=category,
            subcategory=one.additional_metadata.subcategory,
            question_index=first.question_index,
            stereotyped_group=label,
            contrast_group=_readable_group(other.right_group),
            priming_sentence=sentence,
            stereotyped=_half(one, question),
            contrast=_half(other, question),
        )
        for k, (one, other) in enumerate(zip(stereotyped[:PAIRS_PER_SCENARIO], contrast, strict=False))
    ]


def _half(example: BBQExample, question: str) -> Half:
    context = example.context.rstrip()
    stop = "" if context.endswith((".", "!", "?")) else "."
    prompt = f"{context}{stop} {yes_no_question(question, example.right_answer)}"
    return Half(prompt=prompt, target="yes", example_id=example.example_id)


def _example_id(example: BBQExample) -> int:
    return example.example_id


def _group_key(label: str) -> str:
    return re.sub(r"[\s_-]", "", label.lower())


def _readable_group(label: str) -> str:
    """For "nonOld" the words "non-Old"; underscores become spaces."""
    return re.sub(r"^non(?=[^-])", "non-", label).replace("_", " ")
