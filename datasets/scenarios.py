"""BBQ's scenarios, split into stereotyped and contrast examples.

Both editions of the pairs are built from them.

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
    """The disambiguated examples of one scenario with the harmful question, from which pairs are built.

    Attributes:
        category: BBQ's name of the category.
        index: Number of the scenario within its category.
        stereotyped_group: Labels of the stereotyped groups, joined by ", ".
        stereotyped: Examples whose correct answer belongs to a stereotyped group, by example ID.
        contrast: Examples whose correct answer belongs to another group, by example ID.
        ambiguous: The ambiguous examples with the harmful question, by example ID.
    """

    category: str
    index: str
    stereotyped_group: str
    stereotyped: tuple[BBQExample, ...]
    contrast: tuple[BBQExample, ...]
    ambiguous: tuple[BBQExample, ...]

    @property
    def name(self) -> str:
        """Name of the scenario as in pair IDs, for example ``age_q1``."""
        return f"{category_slug(self.category)}_q{self.index}"

    def without_evidence(self, example: BBQExample) -> BBQExample:
        """Return the ambiguous example that matches a disambiguated one.

        Args:
            example: A stereotyped or contrast example of this scenario.

        Returns:
            The ambiguous example with the same people whose context is the beginning of the example's
            context. If there are several, the one with the closest example ID.

        Raises:
            InputError: There is no such example.
        """
        people = same_people(example)
        context = _plain(example.context)
        found = [
            e for e in self.ambiguous if same_people(e) == people and context.startswith(_plain(e.context))
        ]
        if not found:
            raise InputError(
                f"{self.category}: no ambiguous example has the same people and opening as example "
                f"{example.example_id} (question {self.index}), so it has no ambiguous control. Load these "
                "pairs without controls, or use BBQ's complete file."
            )
        return min(found, key=lambda e: abs(e.example_id - example.example_id))


def bbq_scenarios(file: BBQFile) -> Iterator[BBQScenario]:
    """Yield the scenarios of a category that give pairs, by number.

    The stereotyped groups of a scenario are those of its first example. A scenario is left out if it has no
    such groups, no stereotyped examples or no contrast examples.
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
    """Return the people of an example as a key: their answer texts in lower case."""
    return frozenset(person.answer.strip().lower() for person in example.people)


def full_context(example: BBQExample) -> str:
    """Return an example's context with a final full stop, unless it already ends in ``.``, ``!`` or ``?``."""
    context = example.context.rstrip()
    return context if context.endswith((".", "!", "?")) else f"{context}."


def readable_group(label: str) -> str:
    """Return a group label as recorded for the contrast half.

    For example, "nonOld" becomes "non-Old". Underscores become spaces.
    """
    return re.sub(r"^non(?=[^-])", "non-", label).replace("_", " ")


def _plain(context: str) -> str:
    return " ".join(context.lower().split()).rstrip(".")


def _example_id(example: BBQExample) -> int:
    return example.example_id


def _group_key(label: str) -> str:
    return re.sub(r"[\s_-]", "", label.lower())
