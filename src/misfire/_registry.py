"""What Inspect loads by misfire's entry point: tasks, scorers and models, by name (``misfire/veto``)."""

from inspect_ai.model import ModelAPI, modelapi

from misfire.scorers.misalign import (
    misalign_answer,
    misalign_answer_metrics,
    misalign_metrics,
    misalign_verdict,
)
from misfire.scorers.priming import priming_metrics, priming_outcome
from misfire.scorers.sample_labels import cue_label, half_label
from misfire.scorers.veto import veto_metrics, veto_outcome
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.priming import priming
from misfire.tasks.solvers import ask_half
from misfire.tasks.verdict_solvers import answer_prompt, ask_verdict
from misfire.tasks.veto import veto

__all__ = [
    "answer_prompt",
    "ask_half",
    "ask_verdict",
    "cue_label",
    "half_label",
    "intervened",
    "misalign_answer",
    "misalign_answer_metrics",
    "misalign_bench",
    "misalign_metrics",
    "misalign_verdict",
    "priming",
    "priming_metrics",
    "priming_outcome",
    "simulated",
    "simulated_savacu",
    "veto",
    "veto_metrics",
    "veto_outcome",
]


@modelapi(name="simulated")
def simulated() -> type[ModelAPI]:
    """The simulated model, loaded only when it is asked for."""
    from misfire.models.simulated import SimulatedModel

    return SimulatedModel


@modelapi(name="simulated-savacu")
def simulated_savacu() -> type[ModelAPI]:
    """Simulated models for the roles of the SaVaCu build, loaded only when they are asked for."""
    from misfire.savacu.simulated import SimulatedSavacu

    return SimulatedSavacu


@modelapi(name="intervened")
def intervened() -> type[ModelAPI]:
    """A Hugging Face model with an intervention on, loaded only when it is asked for."""
    from misfire.mechanistic.requirements import need_torch

    need_torch("intervened/…")
    from misfire.models.intervened import IntervenedModel

    return IntervenedModel
