"""Labels of a sample as scores, for the sample list.

``inspect view`` shows, sorts, filters and colors scores, but not metadata, and it truncates long IDs. These
scores show the labels of a half in separate columns. They have no metrics and are not part of any metric.
Each costs some CPU time per sample, so there are only as many as the list needs; the category, for example,
is already the beginning of the ID.
"""

from collections.abc import Callable

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState

from misfire.scorers.half_notes import HalfNote

HALF = "half"
"""Name in logs of the scorer that labels a sample with its half."""

CUE = "cue"
"""Name in logs of the scorer that labels a sample with its cue."""

NO_LABEL = "none"
"""Label of a sample without a cue, or of a sample that is not a half of a pair."""


@scorer(metrics=[], name=HALF)
def half_label() -> Scorer:
    """Label a sample with its half, ``stereotyped`` or ``contrast``."""
    return _label(lambda note: note.half)


@scorer(metrics=[], name=CUE)
def cue_label() -> Scorer:
    """Label a sample with its priming cue, or ``none``."""
    return _label(lambda note: note.cue)


def _label(text: Callable[[HalfNote], str | None]) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001 (Inspect's signature)
        note = HalfNote.of(state.metadata)
        return Score(value=(text(note) if note else None) or NO_LABEL)

    return score
