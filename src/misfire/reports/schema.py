"""All frames by name with their columns, for the JSON schema and the reference page."""

from misfire.reports.columns import PAIR_FRAMES, Column
from misfire.reports.misalign.columns import MISALIGN_FRAMES

FRAMES: dict[str, tuple[Column, ...]] = {**PAIR_FRAMES, **MISALIGN_FRAMES}
"""All frames by name."""
