"""VETO of a simulated model without the cost of a run, so that a test can ask whole sets of pairs.

``tests/models/test_simulated.py`` and ``tests/scorers/test_told_apart.py`` check that a run has the same
numbers.
"""

from typing import Any

from inspect_ai import Task
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import SampleScore, Score

from misfire.models.simulated import SimulatedModel
from misfire.scorers.about import Case
from misfire.scorers.answers import YES_NO_UNKNOWN
from misfire.scorers.outcomes import half_outcome
from misfire.scorers.probes import allowed_answers
from misfire.scorers.veto import veto_metrics
from misfire.tasks.prompts import question_message, system_message


def scored(task: Task, **planted: Any) -> dict[str, float]:
    """The metrics of a run of VETO.

    Each prompt is put to the model and scored as the task would have it.

    Args:
        task: VETO with the protocol ``direct``, with or without controls.
        planted: Parameters of the simulated model.
    """
    model = SimulatedModel("model", **planted)
    scores: list[SampleScore] = []
    for sample in task.dataset:
        metadata = sample.metadata or {}
        allowed = allowed_answers(metadata.get("probe", "evidence"))
        three_way = allowed is YES_NO_UNKNOWN
        question = question_message(str(sample.input), "direct", three_way=three_way)
        reply, stop_reason = model.reply(question, system_message("direct", three_way=three_way))
        output = ModelOutput.from_content("simulated/model", reply, stop_reason=stop_reason)
        result = half_outcome(output, str(sample.target), "strict", Case(str(sample.input)), allowed)
        score = Score(value=result.outcome, answer=result.answer, metadata={"epoch": 1})
        scores.append(SampleScore(score=score, sample_id=sample.id, sample_metadata=metadata))
    metric: Any = veto_metrics()
    return metric(scores)
