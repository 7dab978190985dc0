"""Labels of a sample as scores, for the sample list.

``inspect view`` shows, sorts, filters and colours scores, but not metadata, and cuts long ids. These scores label a half in its own
columns. They have no metrics and take no part in any. Each costs some CPU time a sample, so there are no more than the list needs: the
category, for one, begins the id.
"""

from inspect_ai.scorer import Score, Scorer, Target, scorer
from inspect_ai.solver import TaskState


@scorer(metrics=[])
def half() -> Scorer:
    """Label a sample with its half, ``stereotyped`` or ``contrast``."""
    return _label("half")


@scorer(metrics=[])
def cue() -> Scorer:
    """Label a sample with its priming cue, or ``none``."""
    return _label("cue")


def _label(field: str) -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001 (Inspect's signature)
        return Score(value=str(state.metadata.get(field) or "none"))

    return score
