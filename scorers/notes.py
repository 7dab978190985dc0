"""The base of every record that a log holds as metadata of a sample or of a score."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError


class Note(BaseModel):
    """Metadata of a sample or a score: written by one class and read by the same one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def of(cls, metadata: Mapping[str, Any] | None) -> Self | None:
        """Read a note.

        Args:
            metadata: Metadata as a log holds it. Keys that the note does not know are ignored.

        Returns:
            The note, or None if the metadata is not of this kind.
        """
        try:
            return cls.model_validate(metadata or {})
        except ValidationError:
            return None
