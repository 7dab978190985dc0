"""Generate the embedded pairs from the hand-written scenarios. A seed sets their order.

Every scenario yields eight pairs: two casts, two kinds of evidence, and two orders of mention in the opening
sentence. The halves of a pair are an exact role swap: the opening sentence is the same in both, and after it
the two people exchange roles.

Run ``python -m misfire.datasets.embedded.generate`` to write ``pairs.jsonl`` again.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final

from misfire.datasets.embedded.scenarios import SCENARIOS, Cast, Scenario
from misfire.datasets.pair_files import write_pairs
from misfire.datasets.pairs import Controls, Half, Pair, category_slug

SEED: Final = 1
"""Seed of the checked-in pairs."""

PAIRS_PATH: Final = Path(__file__).with_name("pairs.jsonl")
"""Path of the checked-in pairs."""

_VOWEL_SOUND: Final = re.compile(r"[aeiou]|8|11-|18-", re.IGNORECASE)


@dataclass(frozen=True)
class _Variant:
    """One of the eight versions of a scenario."""

    cast: Cast
    evidence: str
    stereotyped_first: bool


def generate_pairs(
    scenarios: Sequence[Scenario] = SCENARIOS, seed: int = SEED, *, controls: bool = False
) -> list[Pair]:
    """Generate all pairs of the scenarios.

    Args:
        scenarios: The scenarios, in the order of their pairs.
        seed: Sets the number of each variant of a scenario. The set of prompts does not depend on it.
        controls: Whether to add the controls: foils ask about the other person with the same evidence, and
            ambiguous prompts ask after the opening sentence alone.

    Returns:
        Eight pairs per scenario.
    """
    pairs: list[Pair] = []
    for scenario in scenarios:
        name = f"{category_slug(scenario.category)}_q{scenario.question_index}"
        variants = [
            _Variant(*choice)
            for choice in product(
                scenario.casts, (scenario.target_first, scenario.target_last), (True, False)
            )
        ]
        random.Random(f"{seed}:{name}").shuffle(variants)
        pairs.extend(_pair(scenario, variant, f"{name}_p{k}", controls) for k, variant in enumerate(variants))
    return pairs


def main() -> None:
    """Write the checked-in pairs again."""
    write_pairs(generate_pairs(), PAIRS_PATH)


def _pair(scenario: Scenario, variant: _Variant, pair_id: str, controls: bool) -> Pair:
    stereotyped, contrast = variant.cast.stereotyped, variant.cast.contrast
    first, second = (stereotyped, contrast) if variant.stereotyped_first else (contrast, stereotyped)
    intro = _fill(scenario.intro, first=_with_article(first), second=_with_article(second))
    one, other = f"the {stereotyped}", f"the {contrast}"

    def context(target: str, other: str) -> str:
        return f"{intro} {_fill(variant.evidence, target=target, other=other)}"

    def asked(target: str) -> str:
        return _fill(scenario.question, target=target)

    return Pair(
        id=pair_id,
        category=scenario.category,
        subcategory=scenario.subcategory,
        question_index=scenario.question_index,
        stereotyped_group=scenario.stereotyped_group,
        contrast_group=scenario.contrast_group,
        priming_sentence=scenario.priming_sentence,
        stereotyped=Half(prompt=f"{context(one, other)} {asked(one)}"),
        contrast=Half(prompt=f"{context(other, one)} {asked(other)}"),
        controls=Controls(
            stereotyped_foil=Half(prompt=f"{context(one, other)} {asked(other)}", target="no"),
            contrast_foil=Half(prompt=f"{context(other, one)} {asked(one)}", target="no"),
            stereotyped_ambiguous=f"{intro} {asked(one)}",
            contrast_ambiguous=f"{intro} {asked(other)}",
        )
        if controls
        else None,
    )


def _fill(template: str, **people: str) -> str:
    """Fill in the people: in lower case, or with a capital for placeholders that start with a capital."""
    capitalized = {name.capitalize(): person[0].upper() + person[1:] for name, person in people.items()}
    return template.format(**people, **capitalized)


def _with_article(person: str) -> str:
    return f"an {person}" if _VOWEL_SOUND.match(person) else f"a {person}"


if __name__ == "__main__":
    main()
