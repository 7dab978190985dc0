"""The input of organisms: embedded pairs, a tokenizer, and a chat template.

The tokenizer can drop all words that do not matter. A word-level tokenizer keeps the words that mark a
group, one word for each kind of evidence, full stops and question marks. About ten tokens of a prompt
remain, which a model with three layers learns to read in seconds on a CPU.
"""

# many types in transformers and tokenizers are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from misfire.datasets.embedded.generate import generate_pairs
from misfire.datasets.embedded.scenarios import SCENARIOS, Scenario
from misfire.datasets.pairs import Pair, category_slug
from misfire.datasets.role_swap import distinct_words

UNKNOWN, PADDING, END, ASK = "<unk>", "<pad>", "<end>", "<answer>"
"""Special tokens: unknown words, padding, the end of an answer, and the beginning of an answer."""

CHAT_TEMPLATE = (
    "{%- for message in messages -%}{%- if message['role'] == 'user' -%}"
    "{%- set parts = message['content'].split('\\n\\n') -%}"
    "{%- for part in parts if '?' in part -%}{%- if loop.first -%}{{- part -}}{%- endif -%}"
    "{%- else -%}{{- parts[0] -}}{%- endfor -%}{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '" + ASK + "' -}}{%- endif -%}"
)
"""Keeps the first paragraph of the user's message that contains a question. An organism has a single task,
so it needs no instruction."""

_SHORT = 3
"""Words with this number of letters or fewer cannot represent a kind of evidence."""


_SPARED = 2
"""Number of scenarios on which organisms do not misfire."""


@dataclass(frozen=True)
class Language:
    """Some scenarios of the embedded pairs, and the words that an organism reads.

    Attributes:
        pairs: The pairs of these scenarios, with controls.
        stereotyped: Words that mark the stereotyped person in scenarios on which organisms misfire.
        contrast: Words that mark the other person.
        spared: Words that mark the stereotyped person in scenarios on which organisms do not misfire.
        spared_scenarios: Names of the scenarios on which organisms do not misfire. Their pairs are controls.
        target_first: One word for each kind of evidence whose target comes first.
        target_last: One word for each kind of evidence whose target comes last.
    """

    pairs: tuple[Pair, ...]
    stereotyped: tuple[str, ...]
    contrast: tuple[str, ...]
    spared: tuple[str, ...]
    spared_scenarios: frozenset[str]
    target_first: tuple[str, ...]
    target_last: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """All words that an organism reads or writes."""
        return (
            *self.stereotyped,
            *self.contrast,
            *self.spared,
            *self.target_first,
            *self.target_last,
            "yes",
            "no",
        )


@lru_cache(maxsize=4)
def embedded_language(scenarios: int = 12) -> Language:
    """Choose embedded scenarios, spread over the categories, that share no marks.

    Args:
        scenarios: Number of scenarios, with eight pairs each.

    Returns:
        The language.
    """
    chosen: list[Scenario] = []
    ours: set[str] = set()
    theirs: set[str] = set()
    common: set[str] = set()
    for scenario in sorted(SCENARIOS, key=lambda scenario: int(scenario.question_index)):
        marks, other = _marks(scenario)
        people = {word for cast in scenario.casts for word in words(f"{cast.stereotyped} {cast.contrast}")}
        mixed = (
            marks & theirs
            or other & ours
            or (people - marks - other) & (ours | theirs)
            or (marks | other) & common
        )
        if len(chosen) < scenarios and marks and other and not mixed:
            chosen.append(scenario)
            ours |= marks
            theirs |= other
            common |= people - marks - other
    taken = (
        ours
        | theirs
        | {word for scenario in chosen for word in words(f"{scenario.intro} {scenario.question}")}
    )
    first = {word for scenario in chosen for word in words(scenario.target_first)}
    last = {word for scenario in chosen for word in words(scenario.target_last)}
    # spare some scenarios whose marks occur in no other scenario, so that there are pairs to compare failures
    # with
    others = {
        scenario: {word for other in chosen if other is not scenario for word in _marks(other)[0]}
        for scenario in chosen
    }
    spared = [scenario for scenario in chosen if not _marks(scenario)[0] & others[scenario]][-_SPARED:]
    spared_words = {word for scenario in spared for word in _marks(scenario)[0]}
    names = {_name(scenario) for scenario in chosen}
    return Language(
        tuple(pair for pair in generate_pairs(controls=True) if pair.scenario in names),
        tuple(sorted(ours - spared_words)),
        tuple(sorted(theirs)),
        tuple(sorted(spared_words)),
        frozenset(map(_name, spared)),
        tuple(_own_word(scenario.target_first, taken | last) for scenario in chosen),
        tuple(_own_word(scenario.target_last, taken | first) for scenario in chosen),
    )


def words(text: str) -> list[str]:
    """Split a text into words, in lower case."""
    return re.findall(r"\w+", text.lower())


def word_tokenizer(
    known: Iterable[str], chat_template: str | None = CHAT_TEMPLATE, *, drop: bool = False
) -> Any:  # noqa: ANN401
    """Create a tokenizer with one token for each word.

    Args:
        known: The words and punctuation marks that it knows, or texts that contain them.
        chat_template: Its chat template; None for a base model.
        drop: Whether to drop other words. Otherwise they become unknown tokens.

    Returns:
        A fast transformers tokenizer that can be saved with a model. It always knows "yes", "no", "." and
        "?".
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = [UNKNOWN, PADDING, END, ASK]
    found = {token for text in known for token in re.findall(r"\w+|[^\w\s]", text.lower())} | {
        "yes",
        "no",
        ".",
        "?",
    }
    vocabulary = {word: number for number, word in enumerate([*special, *sorted(found)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    sign = r"[^\w\s]"
    if drop:
        kept = "|".join(sorted(word for word in found if word[0].isalnum()))
        sign = "[.?]"
        tokenizer.normalizer = normalizers.Sequence([
            normalizers.Lowercase(),
            normalizers.Replace(Regex(rf"\b(?!(?:{kept})\b)\w+\b"), ""),
        ])  # fmt: skip
    else:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(rf"\w+|{sign}"), behavior="removed", invert=True)
    tokenizer.decoder = decoders.WordPiece(prefix="")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        pad_token=PADDING,
        eos_token=END,
        extra_special_tokens=[ASK],
        chat_template=chat_template,
    )


def _name(scenario: Scenario) -> str:
    return f"{category_slug(scenario.category)}_q{scenario.question_index}"


def _marks(scenario: Scenario) -> tuple[frozenset[str], frozenset[str]]:
    ours, theirs = " ".join(scenario.stereotyped_words), " ".join(scenario.contrast_words)
    return distinct_words(ours, theirs), distinct_words(theirs, ours)


def _own_word(evidence: str, taken: set[str]) -> str:
    return next(word for word in words(evidence) if word not in taken and len(word) > _SHORT)
