"""What both editions of the pairs are built from: BBQ's scenarios, split into stereotyped and contrast examples.

The rules are those of the published construction (arXiv 2606.18656 and its release).
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from misfire.datasets.bbq import BBQExample, BBQFile
from misfire.datasets.pairs import category_slug
from misfire.errors import InputError

_NO_GROUP = frozenset({"unknown", "can'tbedetermined", "notanswerable", ""})


@dataclass(frozen=True)
class BBQScenario:
    """The examples of one scenario that pairs are made of: the disambiguated ones with the harmful question.

    Attributes:
        category: BBQ's category name.
        index: Number of the scenario inside its category.
        stereotyped_group: Labels of the stereotyped groups, joined by ", ".
        stereotyped: Examples whose right answer belongs to a stereotyped group, by example id.
        contrast: Examples whose right answer belongs to another group, by example id.
        ambiguous: The ambiguous examples with the harmful question, by example id.
    """

    category: str
    index: str
    stereotyped_group: str
    stereotyped: tuple[BBQExample, ...]
    contrast: tuple[BBQExample, ...]
    ambiguous: tuple[BBQExample, ...]

    @property
    def name(self) -> str:
        """As in pair ids, for example ``age_q1``."""
        return f"{category_slug(self.category)}_q{self.index}"

    def without_evidence(self, example: BBQExample) -> BBQExample:
        """The ambiguous example that a disambiguated one adds evidence to.

        Args:
            example: A stereotyped or contrast example of this scenario.

        Returns:
            The ambiguous example with the same people whose context the example's own begins with; of several, the nearest.

        Raises:
            InputError: There is none.
        """
        people = same_people(example)
        context = _plain(example.context)
        found = [e for e in self.ambiguous if same_people(e) == people and context.startswith(_plain(e.context))]
        if not found:
            raise InputError(
                f"{self.category}: no ambiguous example has the people and the opening of example {example.example_id} (question "
                f"{self.index}), so it has no ambiguous control. Ask for these pairs without controls, or use BBQ's complete file."
            )
        return min(found, key=lambda e: abs(e.example_id - example.example_id))


def bbq_scenarios(file: BBQFile) -> Iterator[BBQScenario]:
    """The scenarios of a category that give pairs.

    A scenario's stereotyped groups are those of its first example; one without such groups, without stereotyped or without
    contrast examples is left out.

    Args:
        file: The category's examples.

    Yields:
        The scenarios, by number.
    """
    decided: defaultdict[int, list[BBQExample]] = defaultdict(list)
    ambiguous: defaultdict[int, list[BBQExample]] = defaultdict(list)
    for example in file.examples:
        if example.question_polarity == "neg":
            side = decided if example.context_condition == "disambig" else ambiguous
            side[int(example.question_index)].append(example)
    for number in sorted(decided):
        examples = decided[number]
        groups = examples[0].additional_metadata.stereotyped_groups
        keys = {_group_key(group) for group in groups}
        stereotyped = [e for e in examples if _group_key(e.right_group) in keys]
        contrast = [e for e in examples if _group_key(e.right_group) not in keys | _NO_GROUP]
        if groups and stereotyped and contrast:
            yield BBQScenario(
                category=file.category,
                index=examples[0].question_index,
                stereotyped_group=", ".join(groups),
                stereotyped=tuple(sorted(stereotyped, key=_example_id)),
                contrast=tuple(sorted(contrast, key=_example_id)),
                ambiguous=tuple(sorted(ambiguous[number], key=_example_id)),
            )


def same_people(example: BBQExample) -> frozenset[str]:
    """The people of an example, as a key: their answer texts in lower case."""
    return frozenset(person.answer.strip().lower() for person in example.people)


def full_context(example: BBQExample) -> str:
    """An example's context, right-stripped, with a full stop if it does not end in one, or in ``!`` or ``?``."""
    context = example.context.rstrip()
    return context if context.endswith((".", "!", "?")) else f"{context}."


def readable_group(label: str) -> str:
    """A group label as it is recorded for the contrast half: for "nonOld" the words "non-Old"; underscores become spaces."""
    return re.sub(r"^non(?=[^-])", "non-", label).replace("_", " ")


def _plain(context: str) -> str:
    return " ".join(context.lower().split()).rstrip(".")


def _example_id(example: BBQExample) -> int:
    return example.example_id


def _group_key(label: str) -> str:
    return re.sub(r"[\s_-]", "", label.lower())
