"""The record that everything else is about: a pair of yes/no questions, and its two halves.

A *pair* is two prompts over explicit evidence. In the ``stereotyped`` half the evidence points at a member
of a stereotyped group, in the ``contrast`` half at somebody else (arXiv 2606.18656, section 2). A model that
reads the evidence answers both halves alike; failing the stereotyped half alone is *misfired alignment*.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

HalfName = Literal["stereotyped", "contrast"]
"""Which of the two prompts of a pair."""

Answer = Literal["yes", "no"]
"""An answer that the questions allow."""

HALF_NAMES: tuple[HalfName, HalfName] = ("stereotyped", "contrast")

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
"""Text with something in it besides white space."""

CategoryName = Annotated[str, StringConstraints(pattern=r"[\p{L}\p{N}]")]
"""A name with a letter or digit in it."""

PairId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)]
"""A pair's name: letters, digits, '.', '_' and '-', since Inspect makes file names of sample ids."""


class Half(BaseModel):
    """One prompt of a pair.

    Attributes:
        prompt: The evidence and the yes/no question over it, as the model reads them.
        target: The answer that the evidence supports.
        example_id: Number of the BBQ example that the half was built from; none for pairs of other origin.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    prompt: Text
    target: Answer = "yes"
    example_id: int | None = None


class Pair(BaseModel):
    """Two halves over the same scenario, and what is known of them.

    Attributes:
        id: Name of the pair, unique in its set; for pairs from BBQ ``<category>_q<question index>_p<k>``.
        category: BBQ's name of the social category, for example ``Gender_identity``.
        subcategory: BBQ's finer division where it has one.
        question_index: Number of the scenario inside its category (text, as in BBQ).
        stereotyped_group: Label of the group, or groups joined by ", ", that the stereotype is about.
        contrast_group: Label of the group of the contrast half's answer.
        priming_sentence: The published safety cue for this pair, if the pair has one.
        stereotyped: The half whose evidence points at the stereotyped group.
        contrast: The half whose evidence points at somebody else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: PairId
    category: CategoryName
    subcategory: str | None = None
    question_index: Text
    stereotyped_group: Text
    contrast_group: Text
    priming_sentence: Text | None = None
    stereotyped: Half
    contrast: Half

    @model_validator(mode="after")
    def _halves_differ(self) -> Self:
        if self.stereotyped.prompt == self.contrast.prompt:
            raise ValueError("the two halves have the same prompt")
        return self

    @property
    def scenario(self) -> str:
        """Name of the scenario: pairs of one scenario share a question and are not independent."""
        return f"{category_slug(self.category)}_q{self.question_index}"

    @property
    def halves(self) -> tuple[tuple[HalfName, Half], tuple[HalfName, Half]]:
        """The two halves with their names, the stereotyped one first."""
        return ("stereotyped", self.stereotyped), ("contrast", self.contrast)


def category_slug(category: str) -> str:
    """The category as it stands in pair ids and metrics: lower case, letters and digits only (of any script).

    Args:
        category: A category name in any of its spellings, for example ``Gender_identity``.

    Returns:
        For example ``genderidentity``.
    """
    return re.sub(r"[\W_]", "", category.lower())


def pair_set_hash(pairs: Iterable[Pair]) -> str:
    """Fingerprint of a set of pairs: of every field of every pair, in their order.

    Args:
        pairs: The pairs.

    Returns:
        SHA-256 in hexadecimal. Two runs with the same hash asked the same questions.
    """
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(pair.model_dump_json().encode())
        digest.update(b"\n")
    return digest.hexdigest()
