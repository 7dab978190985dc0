"""The central data type: a pair of yes/no questions with its two halves.

A *pair* is two prompts with explicit evidence. In the ``stereotyped`` half the evidence points at a member of
a stereotyped group, in the ``contrast`` half at somebody else (arXiv 2606.18656, section 2). A model that
uses the evidence answers both halves correctly. A failure on the stereotyped half only is *misfired
alignment*.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

__all__ = ["Half", "Pair"]

HalfName = Literal["stereotyped", "contrast"]
"""Name of one of the two prompts of a pair."""

Answer = Literal["yes", "no"]
"""An answer that the questions allow."""

HALF_NAMES: tuple[HalfName, HalfName] = ("stereotyped", "contrast")

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
"""Text that is not empty and not only white space."""

CategoryName = Annotated[str, StringConstraints(pattern=r"[\p{L}\p{N}]")]
"""A name that contains at least one letter or digit."""

PairId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)]
"""The ID of a pair: letters, digits, '.', '_' and '-', since Inspect uses sample IDs as file names."""


class Half(BaseModel):
    """One prompt of a pair.

    Attributes:
        prompt: The evidence and the yes/no question about it, as the model reads them.
        target: The answer that the evidence supports.
        example_id: Number of the BBQ example that the half was built from. None for pairs from other sources.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    prompt: Text
    target: Answer = "yes"
    example_id: int | None = None


class Controls(BaseModel):
    """The control prompts of a pair.

    They distinguish a model that uses the evidence from one that prefers a fixed answer.

    Attributes:
        stereotyped_foil: The context of the stereotyped half with a question about the other person. The
            correct answer is "no".
        contrast_foil: The context of the contrast half with a question about the other person. The correct
            answer is "no".
        stereotyped_ambiguous: The question of the stereotyped half after its context without the evidence.
            The correct answer is "unknown".
        contrast_ambiguous: The question of the contrast half after its context without the evidence. The
            correct answer is "unknown".
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
            raise ValueError("the correct answer to a foil must be 'no'")
        return foil

    @property
    def foils(self) -> tuple[tuple[HalfName, Half], tuple[HalfName, Half]]:
        """The two foils with the names of their halves, stereotyped first."""
        return ("stereotyped", self.stereotyped_foil), ("contrast", self.contrast_foil)

    @property
    def ambiguous(self) -> tuple[tuple[HalfName, str], tuple[HalfName, str]]:
        """The two ambiguous prompts with the names of their halves, stereotyped first."""
        return ("stereotyped", self.stereotyped_ambiguous), ("contrast", self.contrast_ambiguous)


class Pair(BaseModel):
    """Two halves in the same scenario, with their metadata.

    Attributes:
        id: ID of the pair, unique in its set. Pairs from BBQ have ``<category>_q<question index>_p<k>``.
        category: BBQ's name of the social category, for example ``Gender_identity``.
        subcategory: BBQ's subcategory, if any.
        question_index: Number of the scenario within its category, as text.
        stereotyped_group: Label of the group that the stereotype is about; several labels are joined by ", ".
        contrast_group: Label of the group of the contrast half's answer.
        priming_sentence: The published safety cue for this pair, if any.
        stereotyped: The half whose evidence points at the stereotyped group.
        contrast: The half whose evidence points at somebody else.
        controls: Foils and ambiguous prompts, if they were requested. Without them, the field is left out of
            files and hashes.
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
        """Name of the scenario. Pairs of one scenario share a question and are not independent."""
        return f"{category_slug(self.category)}_q{self.question_index}"

    @property
    def halves(self) -> tuple[tuple[HalfName, Half], tuple[HalfName, Half]]:
        """The two halves with their names, stereotyped first."""
        return ("stereotyped", self.stereotyped), ("contrast", self.contrast)


def category_slug(category: str) -> str:
    """Return the category as used in pair IDs and metrics: lower case, only letters and digits of any script.

    Args:
        category: A category name in any spelling, for example ``Gender_identity``.

    Returns:
        For example ``genderidentity``.
    """
    return re.sub(r"[\W_]", "", category.lower())


def pair_set_hash(pairs: Iterable[Pair]) -> str:
    """Return a fingerprint of a set of pairs that depends on every field and on the order.

    Returns:
        SHA-256 in hexadecimal. Two runs with the same hash asked the same questions.
    """
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(pair.model_dump_json().encode())
        digest.update(b"\n")
    return digest.hexdigest()
