"""The record that everything else is about: a pair of yes/no questions, and its two halves.

A *pair* is two prompts over explicit evidence. In the ``stereotyped`` half the evidence points at a member
of a stereotyped group, in the ``contrast`` half at somebody else (arXiv 2606.18656, section 2). A model that
reads the evidence answers both halves alike; failing the stereotyped half alone is *misfired alignment*.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

__all__ = ["Half", "Pair"]

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


class Controls(BaseModel):
    """The control prompts of a pair: they tell a model that reads the evidence from one that leans towards an answer.

    Attributes:
        stereotyped_foil: The stereotyped half's context, asked about the other person; the right answer is "no".
        contrast_foil: The contrast half's context, asked about the other person; the right answer is "no".
        stereotyped_ambiguous: The stereotyped half's question over its context without the evidence; the right answer is "unknown".
        contrast_ambiguous: The contrast half's question over its context without the evidence; the right answer is "unknown".
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    stereotyped_foil: Half
    contrast_foil: Half
    stereotyped_ambiguous: Text
    contrast_ambiguous: Text

    @field_validator("stereotyped_foil", "contrast_foil")
    @classmethod
    def _foils_say_no(cls, foil: Half) -> Half:
        if foil.target != "no":
            raise ValueError("the right answer to a foil is 'no'")
        return foil

    @property
    def foils(self) -> tuple[tuple[HalfName, Half], tuple[HalfName, Half]]:
        """The two foils with the names of their halves, the stereotyped one first."""
        return ("stereotyped", self.stereotyped_foil), ("contrast", self.contrast_foil)

    @property
    def ambiguous(self) -> tuple[tuple[HalfName, str], tuple[HalfName, str]]:
        """The two ambiguous prompts with the names of their halves, the stereotyped one first."""
        return ("stereotyped", self.stereotyped_ambiguous), ("contrast", self.contrast_ambiguous)


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
        controls: Foils and ambiguous prompts, if they were asked for; without them the pair is written and hashed as if the
            field were not there.
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
    controls: Controls | None = Field(default=None, exclude_if=lambda controls: controls is None)

    @model_validator(mode="after")
    def _prompts_differ(self) -> Self:
        if self.stereotyped.prompt == self.contrast.prompt:
            raise ValueError("the two halves have the same prompt")
        for name, foil in self.controls.foils if self.controls else ():
            if foil.prompt == dict(self.halves)[name].prompt:
                raise ValueError(f"the foil of the {name} half has the same prompt as the half")
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
