"""Mis-Align Bench (arXiv 2602.11305): does a model consider safety, values and culture together?

Run it with ``inspect eval tasks/misalign_bench.py --model …`` or ``inspect eval misfire/misalign_bench
--model …``.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric
from inspect_ai.scorer import Scorer
from inspect_ai.solver import Solver
from inspect_ai.viewer import TaskSamplesColumn, TaskSamplesSort, TaskSamplesView, ViewerConfig
from pydantic import Field

from misfire import __version__
from misfire.datasets.misalign.instances import RESPONSE_NAMES, Instance, ResponseName, Split
from misfire.datasets.misalign.sampling import sample_instances
from misfire.datasets.misalign.sources import InstanceSet, InstanceSource, load_instances
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, in_order, resolve_dimension
from misfire.errors import InputError

# tells whether a run is being set up, for which Inspect has no public function
from misfire.inspect_compat.calls import active_model
from misfire.model_calls.ask import SystemRole
from misfire.model_calls.settings import CallSettings, MaxTokens, Temperature, call_settings
from misfire.model_calls.structured import Structured
from misfire.scorers.judge import judged_text
from misfire.scorers.misalign import (
    ANSWER_SCORER,
    DETECT_HEADLINE,
    GENERATE_HEADLINE,
    VERDICT_SCORER,
    grader,
    misalign_answer,
    misalign_verdict,
)
from misfire.scorers.misalign_records import Kind, SampleNote
from misfire.scorers.verdicts import INVALID_VERDICTS, questions
from misfire.tasks.parameters import as_list, checked, on_or_off
from misfire.tasks.samples import TOLERATED_ERRORS
from misfire.tasks.verdict_solvers import answer_prompt, ask_verdict

__all__ = ["misalign_bench"]

Mode = Literal["detect", "generate"]
"""``detect``: the model judges labeled responses. ``generate``: the model answers and a grader judges."""

GRADER_SAMPLE = 50
"""Default number of instances whose responses the grader judges in generate mode (100 labeled responses)."""

_Many = Annotated[int | None, Field(gt=0)]


@task
def misalign_bench(
    mode: Mode = "detect",
    source: InstanceSource = "embedded",
    split: Split | None = None,
    dimensions: str | list[str] | None = None,
    joint: bool = True,
    structured: Structured = "auto",
    domains: str | list[str] | None = None,
    per_domain: int | None = None,
    per_dimension: int | None = None,
    seed: int = 1,
    path: str | None = None,
    dataset: str | None = None,
    revision: str | None = None,
    columns: str | list[str] | None = None,
    skip_invalid: bool = False,
    grader_sample: int | None = None,
    temperature: Temperature = 0.0,
    max_tokens: MaxTokens = "auto",
    system: SystemRole = "auto",
    grader_temperature: Temperature = 0.0,
    grader_max_tokens: MaxTokens = "auto",
    grader_system: SystemRole = "auto",
) -> Task:
    """Is a response misaligned in safety, value or culture? The headline metric is the joint Alignment Score.

    Args:
        mode: ``detect``: the model judges an aligned and a misaligned response to each prompt, separately.
            ``generate``: the model answers the prompt, and the model with the role ``grader`` judges
            (``--model-role grader=…``); the headline is the aligned rate.
        source: ``embedded`` (our own instances, no network), ``file`` or ``hub``.
        split: Only this split: ``train``, ``validation`` or ``test``.
        dimensions: Only these of ``safety,value,culture``, and only instances with a domain in one of them.
            Default: all.
        joint: Ask about all dimensions in one question, with a joint verdict. ``false`` asks about each
            dimension separately, on the same instances.
        structured: Let the provider enforce a JSON schema for the reply: ``auto`` (if all its models support
            it), ``on`` or ``off``.
        domains: Only instances of these domains (IDs, names or aliases), separated by commas.
        per_domain: Number of instances of each domain, drawn with ``seed``. Default: all.
        per_dimension: Number of instances of each dimension, drawn with ``seed``. Default: all.
        seed: Random seed of the draws.
        path: The file: JSONL, Parquet or CSV (source ``file``).
        dataset: The dataset, ``OWNER/NAME`` (source ``hub``).
        revision: Full commit hash of the dataset (source ``hub``).
        columns: Assignment of columns whose names are not recognized: ``prompt=question,aligned=good``.
        skip_invalid: Leave out and count invalid rows instead of raising an error.
        grader_sample: Number of instances whose two responses the grader also judges, to measure the grader
            (mode ``generate``). Default: 50.
        temperature: Temperature of the model under test. ``none`` sends none, for endpoints that reject it.
            ``--temperature`` takes precedence.
        max_tokens: Its limit of output tokens: ``auto``, a number, or ``none`` to send none.
        system: Where its instruction goes: ``system``, ``user`` (before the question, for models without a
            system role), or ``auto``.
        grader_temperature: Temperature of the grader (mode ``generate``). The settings in ``--model-role``
            take precedence.
        grader_max_tokens: The grader's limit of output tokens.
        grader_system: Where the grader's instruction goes.
    """
    if mode == "generate" and active_model() is not None:
        # Inspect is loading the task for a run and knows the roles, so a missing grader stops the run here
        grader()
    structured = cast(Structured, on_or_off(structured))
    checked(mode=(mode, Mode), joint=(joint, bool), structured=(structured, Structured), seed=(seed, int))
    checked(
        per_domain=(per_domain, _Many),
        per_dimension=(per_dimension, _Many),
        grader_sample=(grader_sample, _Many),
    )
    call = call_settings(temperature, max_tokens, system)
    call_settings(grader_temperature, grader_max_tokens, grader_system, "grader_")
    asked = asked_dimensions(dimensions)
    instances = load_instances(
        source,
        path=path,
        dataset=dataset,
        revision=revision,
        columns=columns,
        split=split,
        dimensions=() if len(asked) == len(DIMENSIONS) else asked,
        domains=as_list("domains", domains),
        skip_invalid=skip_invalid,
    )
    instances = drawn(instances, per_domain, per_dimension, seed)

    if mode == "detect":
        parts = _detection(instances.instances, asked, joint, structured, call, grader_sample)
    else:
        number = GRADER_SAMPLE if grader_sample is None else grader_sample
        parts = _Parts(
            samples=answer_samples(instances.instances, asked, number, seed),
            solver=answer_prompt(call.limit, call.system),
            scorer=misalign_answer(joint, structured, grader_temperature, grader_max_tokens, grader_system),
            scorer_name=ANSWER_SCORER,
            headline=GENERATE_HEADLINE,
        )
    return Task(
        dataset=MemoryDataset(parts.samples, name=f"misalign_bench_{source}"),
        solver=parts.solver,
        scorer=parts.scorer,
        config=call.config,
        fail_on_error=TOLERATED_ERRORS,
        version=__version__,
        metadata=provenance(instances, mode, asked, joint),
        headline_metric=HeadlineMetric(scorer=parts.scorer_name, metric=parts.headline),
        viewer=sample_list(parts.scorer_name),
    )


@dataclass(frozen=True)
class _Parts:
    """The parts of the task that depend on its mode.

    Attributes:
        samples: The samples.
        solver: What asks the model.
        scorer: What scores its replies.
        scorer_name: Name of the scorer in the log.
        headline: Name of its headline metric.
    """

    samples: list[Sample]
    solver: Solver
    scorer: Scorer
    scorer_name: str
    headline: str


def _detection(
    instances: Sequence[Instance],
    asked: Sequence[Dimension],
    joint: bool,
    structured: Structured,
    call: CallSettings,
    grader_sample: int | None,
) -> _Parts:
    """Return the parts for detect mode, which has no grader."""
    if grader_sample is not None:
        raise InputError(
            "parameter 'grader_sample' requires mode=generate, since detect mode has no grader. Omit it."
        )
    return _Parts(
        samples=verdict_samples(instances, asked, joint),
        solver=ask_verdict(structured, call.limit, call.system),
        scorer=misalign_verdict(),
        scorer_name=VERDICT_SCORER,
        headline=DETECT_HEADLINE,
    )


def asked_dimensions(given: str | list[str] | None) -> tuple[Dimension, ...]:
    """Return the dimensions to ask about, in the standard order.

    Args:
        given: The user's value. None means all.

    Raises:
        InputError: A dimension is unknown, or the list is empty.
    """
    wanted = {resolve_dimension(name) for name in as_list("dimensions", given)}
    return in_order(wanted) or DIMENSIONS


def drawn(
    instances: InstanceSet, per_domain: int | None, per_dimension: int | None, seed: int
) -> InstanceSet:
    """Draw the subset of the instances to use.

    Args:
        instances: All instances.
        per_domain: Number of instances of each domain. None means all.
        per_dimension: Number of instances of each dimension. None means all.
        seed: Random seed of the draw.

    Raises:
        InputError: Both numbers were given.
    """
    if per_domain is not None and per_dimension is not None:
        raise InputError("per_domain and per_dimension cannot be used together. Omit one of them.")
    if per_domain is not None:
        return instances.replace(sample_instances(instances.instances, per_domain, seed, "domain"))
    if per_dimension is not None:
        return instances.replace(sample_instances(instances.instances, per_dimension, seed, "dimension"))
    return instances


def verdict_samples(instances: Sequence[Instance], asked: Sequence[Dimension], joint: bool) -> list[Sample]:
    """Return the samples of detect mode: one per response, or one per response and dimension.

    Args:
        instances: The instances.
        asked: The dimensions to ask about.
        joint: Whether to ask about them in one question.

    Returns:
        Samples whose input contains only prompt and response. The labels are in the metadata, which no model
        sees.
    """
    return [
        Sample(
            id=f"{instance.id}_{name}" if joint else f"{instance.id}_{name}_{group[0]}",
            input=judged_text(instance.prompt, instance.response(name)),
            target=name,
            metadata=_note(instance, "verdict", asked, group, name),
        )
        for instance in instances
        for name in RESPONSE_NAMES
        for group in questions(asked, joint=joint)
    ]


def answer_samples(
    instances: Sequence[Instance], asked: Sequence[Dimension], grader_sample: int, seed: int
) -> list[Sample]:
    """Return the samples of generate mode: one per prompt, and labeled responses to measure the grader.

    Args:
        instances: The instances.
        asked: The dimensions to judge.
        grader_sample: Maximum number of instances whose two responses are judged.
        seed: Random seed for drawing them.

    Returns:
        The samples. Those of kind ``grader_check`` are never sent to the model under test.
    """
    # a separate generator, so that the draw does not depend on other draws with the same seed
    checks = random.Random(f"{seed}:grader").sample(list(instances), min(grader_sample, len(instances)))
    answers = [
        Sample(
            id=instance.id,
            input=instance.prompt,
            target="aligned",
            metadata=_note(instance, "answer", asked, asked),
        )
        for instance in instances
    ]
    return answers + [
        Sample(
            id=f"{instance.id}_{name}_grader",
            input=judged_text(instance.prompt, instance.response(name)),
            target=name,
            metadata=_note(instance, "grader_check", asked, asked, name),
        )
        for instance in checks
        for name in RESPONSE_NAMES
    ]


def provenance(
    instances: InstanceSet, mode: Mode, asked: Sequence[Dimension], joint: bool
) -> dict[str, object]:
    """Return the provenance of the instances for ``Task.metadata``, which shows if runs are comparable.

    Args:
        instances: The instances of the run.
        mode: The mode.
        asked: The dimensions that are asked about.
        joint: Whether they are asked about in one question.
    """
    return {
        "suite": "misfire",
        "suite_version": __version__,
        "mode": mode,
        "dimensions": list(asked),
        "joint": joint,
        "instance_source": instances.source,
        "instance_origin": instances.origin,
        "instance_count": len(instances.instances),
        "instance_set_sha256": instances.hash,
        "rows_skipped": instances.skipped.count,
        "headline_reading": (
            "an invalid verdict (refused, unparsable, truncated, failed) counts as the wrong decision"
        ),
    }


def sample_list(scorer: str) -> ViewerConfig:
    """Configure the sample list in ``inspect view``: sorted by instance, with colored outcomes.

    Args:
        scorer: Name of the scorer whose outcomes are shown.
    """
    hidden = ("epoch", "error", "limit", "tokens", "duration", "retries")
    view = TaskSamplesView(
        name="Responses",
        columns=[
            *(
                TaskSamplesColumn(id=name)
                for name in ("sampleStatus", "sampleId", "input", "target", "answer")
            ),
            TaskSamplesColumn.score(scorer),
            *(TaskSamplesColumn(id=name, visible=False) for name in hidden),
        ],
        sort=[TaskSamplesSort(column="sampleId"), TaskSamplesSort(column="epoch")],
        multiline=False,
        score_labels={scorer: "Outcome"},
        score_color_scales={
            scorer: {
                **dict.fromkeys(("right", "aligned"), "good"),
                **dict.fromkeys(("wrong", "misaligned"), "bad"),
                **dict.fromkeys((*INVALID_VERDICTS, "no_answer"), "warn"),
            }
        },
        color_scales_enabled=True,
    )
    return ViewerConfig(task_samples_view=view)


def _note(
    instance: Instance,
    kind: Kind,
    dimensions: Sequence[Dimension],
    asked: Sequence[Dimension],
    response: ResponseName | None = None,
) -> dict[str, object]:
    note = SampleNote(
        kind=kind,
        instance_id=instance.id,
        split=instance.split,
        dimensions=tuple(dimensions),
        asked=tuple(asked),
        response=response,
        length=len(instance.response(response)) if response else 0,
        safety=instance.safety,
        value=instance.value,
        culture=instance.culture,
    )
    return note.model_dump(mode="json")
