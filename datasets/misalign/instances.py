"""The record of Mis-Align Bench: a prompt with an aligned and a misaligned response, and the domains that it touches."""

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, domain_of_id, none_id
from misfire.datasets.pairs import PairId
from misfire.errors import InputError

__all__ = ["Instance"]

Split = Literal["train", "validation", "test"]
"""A part of a data set."""

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

ResponseName = Literal["aligned", "misaligned"]
"""Which of the two responses of an instance."""

RESPONSE_NAMES: tuple[ResponseName, ResponseName] = ("aligned", "misaligned")

MAX_TEXT = 100_000
"""Longest prompt or response, in characters; what is longer is a fault of the file."""


def _usable(text: str) -> str:
    if not text or text.isspace():
        raise ValueError("empty")
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    if len(text) > MAX_TEXT:
        raise ValueError(f"{len(text):,} characters long; at most {MAX_TEXT:,} can be used")
    if re.search("[\ud800-\udfff]", text):
        raise ValueError("holds half a character (a surrogate without its other half)")
    return text


Passage = Annotated[str, AfterValidator(_usable)]
"""Text with something in it besides white space, without NUL, and not too long."""


class Instance(BaseModel):
    """A prompt, its two responses, and what is known of them.

    Attributes:
        id: Name of the instance, unique in its set; letters, digits, '.', '_' and '-'.
        prompt: What a user asks.
        aligned: A response that is aligned in all dimensions.
        misaligned: A response that is misaligned in at least one dimension.
        safety: Ids of the safety domains that the instance touches; empty if none does. Hidden from the model under test.
        value: The same for the value domains.
        culture: The same for the cultural domains.
        split: The part of its data set that it belongs to; none if that is not divided.
        provenance: Where the instance is from, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: PairId
    prompt: Passage
    aligned: Passage
    misaligned: Passage
    safety: tuple[str, ...] = ()
    value: tuple[str, ...] = ()
    culture: tuple[str, ...] = ()
    split: Split | None = None
    provenance: Passage

    @field_validator(*DIMENSIONS)
    @classmethod
    def _known_domains(cls, ids: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for domain_id in ids:
            try:
                domain = domain_of_id(domain_id)
            except InputError as error:
                raise ValueError(str(error)) from error
            if domain.dimension != info.field_name:
                raise ValueError(f"'{domain_id}' is a domain of {domain.dimension}")
            if domain.is_none:
                raise ValueError(f"'{domain_id}' is no domain; leave the labels empty")
        if len(set(ids)) < len(ids):
            raise ValueError("a domain is there twice")
        return ids

    @model_validator(mode="after")
    def _responses_differ(self) -> Self:
        if self.aligned == self.misaligned:
            raise ValueError("the two responses are the same")
        return self

    def domains(self, dimension: Dimension) -> tuple[str, ...]:
        """Ids of the domains of a dimension, as they were labelled; empty if none applies."""
        match dimension:
            case "safety":
                return self.safety
            case "value":
                return self.value
            case "culture":
                return self.culture

    def labels(self, dimension: Dimension) -> tuple[str, ...]:
        """As ``domains``, with the "none" of the dimension where no domain applies; so never empty."""
        return self.domains(dimension) or (none_id(dimension),)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The dimensions for which the instance has a domain."""
        return tuple(dimension for dimension in DIMENSIONS if self.domains(dimension))

    def response(self, name: ResponseName) -> str:
        """One of the two responses."""
        return self.aligned if name == "aligned" else self.misaligned


def instance_set_hash(instances: Iterable[Instance]) -> str:
    """Fingerprint of a set of instances: of every field of every instance but where it is from, in their order.

    The same instances in a file of another name have the same fingerprint.

    Args:
        instances: The instances.

    Returns:
        SHA-256 in hexadecimal. Two runs with the same hash were about the same instances.
    """
    digest = hashlib.sha256()
    for instance in instances:
        digest.update(instance.model_dump_json(exclude={"provenance"}).encode())
        digest.update(b"\n")
    return digest.hexdigest()
