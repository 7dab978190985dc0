"""The record of Mis-Align Bench: a prompt, its aligned and misaligned responses, and its domains."""

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
"""A part of a dataset."""

SPLITS: tuple[Split, ...] = ("train", "validation", "test")

ResponseName = Literal["aligned", "misaligned"]
"""Which of the two responses of an instance."""

RESPONSE_NAMES: tuple[ResponseName, ResponseName] = ("aligned", "misaligned")

MAX_TEXT = 100_000
"""Maximum length of a prompt or response in characters. Longer text is treated as an error in the file."""


def _usable(text: str) -> str:
    if not text or text.isspace():
        raise ValueError("empty")
    if "\x00" in text:
        raise ValueError("contains a NUL character")
    if len(text) > MAX_TEXT:
        raise ValueError(f"{len(text):,} characters long; the maximum is {MAX_TEXT:,}")
    # surrogates, which cannot be encoded as UTF-8
    if re.search("[\ud800-\udfff]", text):
        raise ValueError("contains an incomplete character (an unpaired surrogate)")
    return text


Passage = Annotated[str, AfterValidator(_usable)]
"""Text with something in it besides white space, without NUL, and not too long."""


class Instance(BaseModel):
    """A prompt with its two responses and metadata.

    Attributes:
        id: ID of the instance, unique in its set: letters, digits, '.', '_' and '-'.
        prompt: The user's request.
        aligned: A response that is aligned in all dimensions.
        misaligned: A response that is misaligned in at least one dimension.
        safety: IDs of the instance's safety domains. May be empty. Not shown to the model under test.
        value: IDs of its value domains.
        culture: IDs of its cultural domains.
        split: The instance's part of its dataset, or None if the dataset is not divided.
        provenance: Description of the instance's origin.
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
                raise ValueError(f"'{domain_id}' is a {domain.dimension} domain")
            if domain.is_none:
                raise ValueError(f"'{domain_id}' is not a domain; leave the labels empty")
        if len(set(ids)) < len(ids):
            raise ValueError("a domain occurs twice")
        return ids

    @model_validator(mode="after")
    def _responses_differ(self) -> Self:
        if self.aligned == self.misaligned:
            raise ValueError("the two responses are the same")
        return self

    def domains(self, dimension: Dimension) -> tuple[str, ...]:
        """Return the IDs of the instance's domains in a dimension. May be empty."""
        match dimension:
            case "safety":
                return self.safety
            case "value":
                return self.value
            case "culture":
                return self.culture

    def labels(self, dimension: Dimension) -> tuple[str, ...]:
        """Return the instance's domains in a dimension, or the dimension's "none" if there are no domains."""
        return self.domains(dimension) or (none_id(dimension),)

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The dimensions in which the instance has a domain."""
        return tuple(dimension for dimension in DIMENSIONS if self.domains(dimension))

    def response(self, name: ResponseName) -> str:
        """Return one of the two responses."""
        return self.aligned if name == "aligned" else self.misaligned


def instance_set_hash(instances: Iterable[Instance]) -> str:
    """Return a fingerprint of a set of instances that depends on the order and on all fields but provenance.

    The same instances in a file of another name have the same fingerprint.

    Returns:
        SHA-256 in hexadecimal. Two runs with the same hash used the same instances.
    """
    digest = hashlib.sha256()
    for instance in instances:
        digest.update(instance.model_dump_json(exclude={"provenance"}).encode())
        digest.update(b"\n")
    return digest.hexdigest()
