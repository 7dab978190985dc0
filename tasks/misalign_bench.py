"""Mis-Align Bench (arXiv 2602.11305): are safety, values and culture kept in view together?

Run it: ``inspect eval tasks/misalign_bench.py --model …`` or ``inspect eval misfire/misalign_bench --model …``.
"""

import random
from collections.abc import Sequence
from typing import Annotated, Literal, cast

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric
from inspect_ai.viewer import TaskSamplesColumn, TaskSamplesSort, TaskSamplesView, ViewerConfig
from pydantic import Field

from misfire import __version__
from misfire.datasets.misalign.instances import RESPONSE_NAMES, Instance, ResponseName, Split
from misfire.datasets.misalign.sampling import sample_instances
from misfire.datasets.misalign.sources import InstanceSet, InstanceSource, load_instances
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, in_order, resolve_dimension
from misfire.errors import InputError

# whether a run is being set up, which Inspect shows in no public place
from misfire.inspect_compat.calls import active_model
from misfire.model_calls.ask import SystemRole
from misfire.model_calls.settings import MaxTokens, Temperature, call_settings
from misfire.scorers.judge import Structured, judged_text
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
"""``detect``: the model judges labelled responses; ``generate``: it answers, and a grader judges."""

GRADER_SAMPLE = 50
"""Instances whose responses the grader judges in generate mode, unless told: 100 labelled responses."""

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
    """Is a response misaligned in safety, value or culture? Headline metric: the joint Alignment Score.

    Args:
        mode: ``detect``: the model judges an aligned and a misaligned response to each prompt, by themselves. ``generate``: it answers
            the prompt, and the model with the role ``grader`` judges (``--model-role grader=…``); its headline is the aligned rate.
        source: ``embedded`` (our own instances, no network), ``file`` or ``hub``.
        split: Only this split: ``train``, ``validation`` or ``test``.
        dimensions: Only these of ``safety,value,culture``, and only instances that touch one of them; all unless told.
        joint: Ask about all dimensions in one question, with a joint verdict; ``false`` for each dimension alone, on the same instances.
        structured: Have the provider hold the reply to a JSON schema: ``auto`` (where all its models can), ``on`` or ``off``.
        domains: Only instances of these domains (ids, names or aliases), with commas between.
        per_domain: So many instances of each domain, drawn by ``seed``; all unless told.
        per_dimension: The same for each dimension.
        seed: Of the draws.
        path: The file: JSONL, Parquet or CSV (source ``file``).
        dataset: The data set, ``OWNER/NAME`` (source ``hub``).
        revision: Its commit, in full (source ``hub``).
        columns: Which columns hold what, where their names do not tell: ``prompt=question,aligned=good``.
        skip_invalid: Leave bad rows out, and count them, rather than stop.
        grader_sample: Of so many instances the grader judges both responses too, to measure it (mode ``generate``); 50 unless told.
        temperature: Of the model under test; ``none`` sends none, for endpoints that reject it; ``--temperature`` goes before it.
        max_tokens: Its limit of output tokens: ``auto``, a number, or ``none`` to send none.
        system: Where its instruction goes: ``system``, ``user`` (before the question, for models without a system role), or ``auto``.
        grader_temperature: The same for the grader (mode ``generate``); what ``--model-role`` says goes before it.
        grader_max_tokens: The same for the grader.
        grader_system: The same for the grader.
    """
    if mode == "generate" and active_model() is not None:
        grader()  # Inspect is loading the task for a run, and knows the roles: without a grader nothing is begun
    structured = cast(Structured, on_or_off(structured))
    checked(mode=(mode, Mode), joint=(joint, bool), structured=(structured, Structured), seed=(seed, int))
    checked(per_domain=(per_domain, _Many), per_dimension=(per_dimension, _Many), grader_sample=(grader_sample, _Many))
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
        if grader_sample is not None:
            raise InputError("parameter 'grader_sample' goes with mode=generate; in detect mode no grader judges. Leave it out.")
        samples = verdict_samples(instances.instances, asked, joint)
        solver, scorer = ask_verdict(structured, call.limit, call.system), misalign_verdict()
        name, headline = VERDICT_SCORER, DETECT_HEADLINE
    else:
        samples = answer_samples(instances.instances, asked, GRADER_SAMPLE if grader_sample is None else grader_sample, seed)
        solver = answer_prompt(call.limit, call.system)
        scorer = misalign_answer(joint, structured, grader_temperature, grader_max_tokens, grader_system)
        name, headline = ANSWER_SCORER, GENERATE_HEADLINE

    return Task(
        dataset=MemoryDataset(samples, name=f"misalign_bench_{source}"),
        solver=solver,
        scorer=scorer,
        config=call.config,
        fail_on_error=TOLERATED_ERRORS,
        version=__version__,
        metadata=provenance(instances, mode, asked, joint),
        headline_metric=HeadlineMetric(scorer=name, metric=headline),
        viewer=sample_list(name),
    )


def asked_dimensions(given: str | list[str] | None) -> tuple[Dimension, ...]:
    """The dimensions to ask about, in their own order.

    Args:
        given: As the user gave them; None for all.

    Returns:
        The dimensions.

    Raises:
        InputError: One is unknown, or none was named.
    """
    wanted = {resolve_dimension(name) for name in as_list("dimensions", given)}
    return in_order(wanted) or DIMENSIONS


def drawn(instances: InstanceSet, per_domain: int | None, per_dimension: int | None, seed: int) -> InstanceSet:
    """The part of the instances that is to be used.

    Args:
        instances: All of them.
        per_domain: So many of each domain; None for all.
        per_dimension: So many of each dimension; None for all.
        seed: Of the draw.

    Returns:
        The instances drawn.

    Raises:
        InputError: Both were asked for.
    """
    if per_domain is not None and per_dimension is not None:
        raise InputError("per_domain and per_dimension each draw a subset of their own. Leave one of them out.")
    if per_domain is not None:
        return instances.replace(sample_instances(instances.instances, per_domain, seed, "domain"))
    if per_dimension is not None:
        return instances.replace(sample_instances(instances.instances, per_dimension, seed, "dimension"))
    return instances


def verdict_samples(instances: Sequence[Instance], asked: Sequence[Dimension], joint: bool) -> list[Sample]:
    """Detect mode: one sample a (instance, response), or one a (instance, response, dimension).

    Args:
        instances: The instances.
        asked: The dimensions to ask about.
        joint: Whether in one question.

    Returns:
        Samples whose input holds prompt and response alone; labels stand in the metadata, which no model sees.
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


def answer_samples(instances: Sequence[Instance], asked: Sequence[Dimension], grader_sample: int, seed: int) -> list[Sample]:
    """Generate mode: one sample a prompt, and both responses of some instances for the grader to be measured on.

    Args:
        instances: The instances.
        asked: The dimensions to judge.
        grader_sample: Of so many instances both responses are judged, or of all there are.
        seed: Of their draw.

    Returns:
        Samples; those of kind ``grader_check`` never reach the model under test.
    """
    checks = random.Random(f"{seed}:grader").sample(list(instances), min(grader_sample, len(instances)))
    answers = [
        Sample(id=instance.id, input=instance.prompt, target="aligned", metadata=_note(instance, "answer", asked, asked))
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


def provenance(instances: InstanceSet, mode: Mode, asked: Sequence[Dimension], joint: bool) -> dict[str, object]:
    """What a log must say of its instances, so that only like is compared with like.

    Args:
        instances: The instances of the run.
        mode: The mode.
        asked: The dimensions asked about.
        joint: Whether in one question.

    Returns:
        For ``Task.metadata``.
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
        "headline_reading": "an invalid verdict (refused, unparsable, truncated, failed) counts as the wrong decision",
    }


def sample_list(scorer: str) -> ViewerConfig:
    """The sample list in ``inspect view``: the responses of an instance stand together, outcomes are coloured.

    Args:
        scorer: Name of the scorer whose outcomes to show.

    Returns:
        For ``Task.viewer``.
    """
    hidden = ("epoch", "error", "limit", "tokens", "duration", "retries")
    view = TaskSamplesView(
        name="Responses",
        columns=[
            *(TaskSamplesColumn(id=name) for name in ("sampleStatus", "sampleId", "input", "target", "answer")),
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
    instance: Instance, kind: Kind, dimensions: Sequence[Dimension], asked: Sequence[Dimension], response: ResponseName | None = None
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
