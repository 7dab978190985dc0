"""Read an answer from the probabilities of the first token.

No text is needed. The same reading serves the tasks (``-T readout=logprobs``) and the probe of ``misfire
localise``, so that a pair fails in both or in neither.

A server lists only the most likely tokens. What it does not list is bounded: a spelling that is missing from
the list is at most as likely as the last token of the list.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from inspect_ai.model import Logprob, ModelOutput, TopLogprob

from misfire.model_calls.answer_words import SPELLINGS, Word, word_of

Readout = Literal["text", "logprobs"]
"""How an answer is read: ``text`` (from what the model writes), or ``logprobs`` (from the probabilities of
the first token)."""

Bound = Literal["exact", "at least", "at most"]
"""What a margin is: the value itself up to unlisted spellings, or a limit if one answer is not listed."""

LOW_MASS = 0.5
"""If yes and no together have less mass than this, the model would most likely write something else."""

_TINY = 1e-12
"""Smallest mass that a bound assumes for an answer that is not listed, so that its logarithm is finite."""


@dataclass(frozen=True)
class FirstToken:
    """The probability mass of each answer at the first token.

    Attributes:
        listed: Mass of the spellings that the provider lists, from 0 to 1. It is a lower bound of the mass.
        unlisted: Upper bound of the mass of all other spellings.
        tokens: Number of tokens that the provider lists.
    """

    listed: Mapping[Word, float]
    unlisted: Mapping[Word, float]
    tokens: int

    def mass(self, allowed: Iterable[Word]) -> float:
        """Return the mass of some answers together, as far as it is listed."""
        return min(1.0, sum(self.listed[word] for word in allowed))

    def most_mass(self, allowed: Iterable[Word]) -> float:
        """Return the upper bound of the mass of some answers together."""
        return min(1.0, sum(self.listed[word] + self.unlisted[word] for word in allowed))

    @property
    def margin(self) -> tuple[float, Bound] | None:
        """Log mass of yes minus log mass of no, in nats, and what this number is.

        If one of the two is not listed, the number is the bound that its largest possible mass gives. None if
        neither is listed.
        """
        yes, no = self.listed["yes"], self.listed["no"]
        if yes and no:
            return math.log(yes / no), "exact"
        if yes:
            return math.log(yes / max(self.unlisted["no"], _TINY)), "at least"
        if no:
            return math.log(max(self.unlisted["yes"], _TINY) / no), "at most"
        return None

    def decision(self, allowed: Sequence[Word]) -> Word | None:
        """Return the answer with the largest mass.

        Args:
            allowed: The answers that the question allows.

        Returns:
            None if no answer is listed, if the two largest are equal, or if an answer that is not listed
            could have more mass.
        """
        first, second, *_ = sorted(allowed, key=lambda word: -self.listed[word])
        largest = self.listed[first]
        if largest == self.listed[second]:
            return None
        hidden = (self.unlisted[word] for word in allowed if not self.listed[word])
        return None if any(mass > largest for mass in hidden) else first


def first_token_of(output: ModelOutput) -> FirstToken | None:
    """Return the masses of the answers at an output's first token.

    Args:
        output: The output of any provider.

    Returns:
        None if the provider returned no log-probabilities.
    """
    logprobs = output.choices[0].logprobs if output.choices else None
    return read_tokens(logprobs.content[0]) if logprobs is not None and logprobs.content else None


def read_tokens(first: Logprob) -> FirstToken:
    """Return the masses of the answers among the tokens that a provider lists.

    Args:
        first: The first token, with the most likely alternatives.
    """
    listed: Sequence[Logprob | TopLogprob] = first.top_logprobs or [first]
    # a server may add the token that it chose, if this is not among the most likely ones
    chosen = [] if any(token.token == first.token for token in listed) else [first]
    masses = [(word_of(token.token), math.exp(float(token.logprob))) for token in (*listed, *chosen)]
    rest = max(0.0, 1.0 - sum(mass for _, mass in masses))
    last = min(math.exp(float(token.logprob)) for token in listed)
    words = get_args(Word)
    found = {word: [mass for own, mass in masses if own == word] for word in words}
    return FirstToken(
        {word: sum(found[word]) for word in words},
        {word: min(rest, max(0, SPELLINGS - len(found[word])) * last) for word in words},
        len(masses),
    )
