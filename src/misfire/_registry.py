"""What Inspect loads by misfire's entry point: tasks, scorers and models, by name (``misfire/veto``)."""

from inspect_ai.model import ModelAPI, modelapi

from misfire.scorers.veto import veto_metrics, veto_outcome
from misfire.tasks.solvers import ask_half
from misfire.tasks.veto import veto

__all__ = ["ask_half", "simulated", "veto", "veto_metrics", "veto_outcome"]


@modelapi(name="simulated")
def simulated() -> type[ModelAPI]:
    """The simulated model, loaded only when it is asked for."""
    from misfire.models.simulated import SimulatedModel

    return SimulatedModel
