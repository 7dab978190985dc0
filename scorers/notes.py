"""Base class of the records that a log contains as metadata of a sample or score."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError


class Note(BaseModel):
    """Metadata of a sample or score, written and read by the same class."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def of(cls, metadata: Mapping[str, Any] | None) -> Self | None:
        """Read a note.

        Args:
            metadata: Metadata from a log. Unknown keys are ignored.

        Returns:
            The note, or None if the metadata is not of this kind.
        """
        try:
            return cls.model_validate(metadata or {})
        except ValidationError:
            return None
