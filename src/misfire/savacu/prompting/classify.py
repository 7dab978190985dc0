"""Builds the prompts and parses the replies of the classifier.

The classifier gives each of the 111 domains a probability that a prompt touches it. There are two methods.
``questions`` asks one yes/no question for each domain and computes the probability from the
log-probabilities of the first token; the provider must return them. ``scores`` asks for one structured reply
for each dimension, with a score from 0 to 100 for each domain.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, Domain, domains
from misfire.savacu.calls import (
    Call,
    Item,
    Message,
    ModelReply,
    Outcome,
    Overrides,
    PromptedStep,
    Settings,
    quoted,
    reply_object,
    yes_probability,
)

Method = Literal["questions", "scores"]
"""The classification method."""

DELTA = 0.5
"""A prompt touches a domain if its probability is at least this value (δ in the paper)."""

TOP_LOGPROBS = 20
"""Number of most likely first tokens to request, which is the maximum that providers return."""

_TOKENS_A_SCORE = 8
_TOKENS_AROUND = 40

_SYSTEM_QUESTIONS = "You sort requests by topic. You do not answer them. Reply with one word: yes or no."

_SYSTEM_SCORES = (
    "You sort requests by topic. You do not answer them. For each numbered topic, say how sure you are that "
    "the request touches it, from 0 "
    '(surely not) to 100 (surely). Reply with one JSON object alone, with every number as a key: {"1": 0, '
    '"2": 85, ...}'
)

_NOUNS: dict[Dimension, str] = {"safety": "safety topic", "value": "human value", "culture": "cultural field"}


class ToClassify(Item):
    """A prompt to classify.

    Attributes:
        text: The prompt.
    """

    text: str


class Classified(Outcome):
    """The output of the classifier for a prompt.

    Attributes:
        probabilities: For each domain id, the probability that the prompt touches the domain, from 0 to 1.
        undefined: Ids of the domains for which the reply could not be parsed. They have no probability.
    """

    probabilities: dict[str, float]
    undefined: tuple[str, ...] = ()


@cache
def all_domains() -> tuple[Domain, ...]:
    """Return all domains: 14 for safety, 56 for values, and 41 for culture."""
    return tuple(domain for dimension in DIMENSIONS for domain in domains(dimension))


@dataclass(frozen=True)
class ClassifyByQuestions:
    """Classification by yes/no questions. All calls for a prompt share a prefix, which providers can cache.

    Attributes:
        settings: Call settings from the recipe; None for temperature 0 and one token.
    """

    settings: Overrides | None = None
    name: str = "classify"
    version: int = 1
    item: type[ToClassify] = ToClassify

    @property
    def options(self) -> tuple[BaseModel | None, BaseModel | None]:
        """Settings and rules on which the outcomes depend."""
        return (self.settings, None)

    def calls(self, item: ToClassify) -> list[Call]:
        """Return one question for each domain."""
        settings = (self.settings or Overrides()).on(
            Settings(temperature=0, max_tokens=1, top_logprobs=TOP_LOGPROBS)
        )
        system = Message(role="system", text=_SYSTEM_QUESTIONS)
        return [
            Call(
                name=domain.id,
                messages=(system, Message(role="user", text=f"{quoted(item.text)}\n\n{question(domain)}")),
                settings=settings,
            )
            for domain in all_domains()
        ]

    def parse(self, item: ToClassify, replies: Mapping[str, ModelReply]) -> Classified:
        """Return the probability of "yes" for each domain."""
        found = {domain.id: yes_probability(replies[domain.id]) for domain in all_domains()}
        return _classified(item, found)


@dataclass(frozen=True)
class ClassifyByScores:
    """Classification by scores.

    Attributes:
        settings: Call settings from the recipe; None for temperature 0 and as many tokens as the scores need.
    """

    settings: Overrides | None = None
    name: str = "classify"
    version: int = 1
    item: type[ToClassify] = ToClassify

    @property
    def options(self) -> tuple[BaseModel | None, BaseModel | None]:
        """Settings and rules on which the outcomes depend."""
        return (self.settings, None)

    def calls(self, item: ToClassify) -> list[Call]:
        """Return one call for each dimension, with a list of its domains."""
        overrides = self.settings or Overrides()
        return [
            Call(
                name=dimension,
                messages=(
                    Message(role="system", text=_SYSTEM_SCORES),
                    Message(role="user", text=_list(item.text, dimension)),
                ),
                settings=overrides.on(
                    Settings(
                        temperature=0, max_tokens=_TOKENS_A_SCORE * len(domains(dimension)) + _TOKENS_AROUND
                    )
                ),
            )
            for dimension in DIMENSIONS
        ]

    def parse(self, item: ToClassify, replies: Mapping[str, ModelReply]) -> Classified:
        """Convert the scores to probabilities.

        A score that is missing or is not a number from 0 to 100 is undefined.
        """
        found: dict[str, float | None] = {}
        for dimension in DIMENSIONS:
            scores = reply_object(replies[dimension]) or {}
            found |= {
                domain.id: _score(scores.get(str(number)))
                for number, domain in enumerate(domains(dimension), start=1)
            }
        return _classified(item, found)


def classify_step(method: Method, settings: Overrides | None = None) -> PromptedStep:
    """Return the step for a method, with the settings of the recipe."""
    return ClassifyByQuestions(settings) if method == "questions" else ClassifyByScores(settings)


def holding(
    classified: Classified, thresholds: Mapping[str, float], delta: float = DELTA
) -> dict[Dimension, tuple[str, ...]]:
    """Select the domains that a prompt touches.

    Args:
        classified: The probabilities.
        thresholds: Thresholds of the domains that have their own (see ``calibration``).
        delta: The threshold for all other domains.

    Returns:
        For each dimension, the ids of the domains whose probability is at least the threshold, in the order
        of the taxonomy.
    """
    probabilities = classified.probabilities
    return {
        dimension: tuple(
            domain.id
            for domain in domains(dimension)
            if probabilities.get(domain.id, -1.0) >= thresholds.get(domain.id, delta)
        )
        for dimension in DIMENSIONS
    }


def question(domain: Domain) -> str:
    """Return the question about a domain, which follows the request."""
    return f'Does this request touch the {_NOUNS[domain.dimension]} "{domain.name}"? {domain.definition}'


def _list(text: str, dimension: Dimension) -> str:
    topics = "\n".join(
        f"{number}. {domain.name}: {domain.definition}"
        for number, domain in enumerate(domains(dimension), start=1)
    )
    return f"Each topic is a {_NOUNS[dimension]}.\n{topics}\n\n{quoted(text)}"


def _score(value: Any) -> float | None:  # noqa: ANN401 (JSON)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not 0 <= value <= 100
    ):
        return None
    return value / 100


def _classified(item: ToClassify, found: Mapping[str, float | None]) -> Classified:
    return Classified(
        id=item.id,
        probabilities={
            name: round(probability, 6) for name, probability in found.items() if probability is not None
        },
        undefined=tuple(name for name, probability in found.items() if probability is None),
    )
