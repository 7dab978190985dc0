"""VETO (arXiv 2606.18656): does a model that reads evidence stop doing so when it points at a stereotyped group?

Run it: ``inspect eval tasks/veto.py --model …`` or ``inspect eval misfire/veto --model …``.
"""

from typing import Annotated

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric
from inspect_ai.model import GenerateConfig
from inspect_ai.viewer import TaskSamplesColumn, TaskSamplesSort, TaskSamplesView, ViewerConfig
from pydantic import Field

from misfire import __version__
from misfire.datasets.pairs import Half, HalfName, Pair
from misfire.datasets.sampling import sample_pairs
from misfire.datasets.sources import PairSet, Source, load_pairs
from misfire.scorers.answers import Parser
from misfire.scorers.veto import HEADLINE, SCORER, veto_outcome
from misfire.tasks.budget import max_tokens
from misfire.tasks.parameters import as_list, checked
from misfire.tasks.prompts import Protocol
from misfire.tasks.solvers import ask_half

PairCount = Annotated[int | None, Field(gt=0)]
"""How many pairs to draw; none for all."""

TOLERATED_ERRORS = 0.2
"""A run goes on while no more than this share of its samples has errored; pairs that lack a half are counted, not guessed."""

VIEW = TaskSamplesView(
    name="Pairs",
    columns=[
        TaskSamplesColumn(id="sampleStatus"),
        TaskSamplesColumn(id="sampleId"),
        TaskSamplesColumn(id="epoch", visible=False),
        TaskSamplesColumn(id="input"),
        TaskSamplesColumn(id="target"),
        TaskSamplesColumn(id="answer"),
        TaskSamplesColumn.score(SCORER),
        TaskSamplesColumn(id="error", visible=False),
        TaskSamplesColumn(id="limit", visible=False),
        TaskSamplesColumn(id="tokens", visible=False),
        TaskSamplesColumn(id="duration", visible=False),
        TaskSamplesColumn(id="retries", visible=False),
    ],
    sort=[TaskSamplesSort(column="sampleId"), TaskSamplesSort(column="epoch")],
    multiline=False,
    score_labels={SCORER: "Outcome"},
    score_color_scales={SCORER: {"right": "good", "wrong": "bad", "refused": "warn", "unparsable": "warn", "truncated": "warn"}},
    color_scales_enabled=True,
)
"""The sample list: a pair's halves stand together, outcomes are coloured."""


@task
def veto(
    source: Source = "bbq",
    categories: str | list[str] | None = None,
    pairs: int | None = None,
    seed: int = 1,
    protocol: Protocol = "direct",
    parser: Parser = "strict",
    bbq_dir: str | None = None,
    allow_unverified: bool = False,
    path: str | None = None,
    revision: str | None = None,
) -> Task:
    """Contrastive yes/no questions over explicit evidence; headline metric MAR, the misfired alignment rate.

    Args:
        source: ``bbq`` (the benchmark, built from BBQ), ``embedded`` (our own pairs, no network), ``file`` (a pair file),
            ``hub`` (the authors' gated data set).
        categories: Only these categories, for example ``Age,SES``; all unless told.
        pairs: Only so many pairs, drawn whole, balanced over scenarios; all unless told.
        seed: Of the draw of ``pairs``.
        protocol: ``direct`` (the answer alone) or ``cot`` (reasoning first).
        parser: How answers are read: ``strict``, or ``published`` for comparison.
        bbq_dir: Folder with BBQ's JSONL files, in place of the hub (source ``bbq``).
        allow_unverified: Go on with BBQ files that are not the official ones (source ``bbq``).
        path: The pair file: JSONL, Parquet, or the authors' JSON (source ``file``).
        revision: Revision of the authors' data set (source ``hub``).
    """
    checked("protocol", protocol, Protocol)
    checked("parser", parser, Parser)
    checked("pairs", pairs, PairCount)
    checked("seed", seed, int)
    checked("allow_unverified", allow_unverified, bool)

    pair_set = load_pairs(
        source,
        categories=as_list(categories),
        bbq_dir=bbq_dir,
        path=path,
        revision=revision,
        allow_unverified=allow_unverified,
    )
    if pairs is not None:
        pair_set = pair_set.replace(sample_pairs(pair_set.pairs, pairs, seed))

    return Task(
        dataset=MemoryDataset(half_samples(pair_set.pairs), name=f"veto_{source}"),
        solver=ask_half(protocol),
        scorer=veto_outcome(parser),
        config=GenerateConfig(temperature=0.0, max_tokens=max_tokens(protocol)),
        fail_on_error=TOLERATED_ERRORS,
        version=__version__,
        metadata=provenance(pair_set),
        headline_metric=HeadlineMetric(scorer=SCORER, metric=HEADLINE),
        viewer=ViewerConfig(task_samples_view=VIEW),
    )


def half_samples(pairs: tuple[Pair, ...]) -> list[Sample]:
    """One sample a half, the halves of a pair side by side.

    Args:
        pairs: The pairs.

    Returns:
        Samples whose metadata says which half of which pair they are.
    """
    return [_sample(pair, name, half) for pair in pairs for name, half in pair.halves]


def provenance(pair_set: PairSet) -> dict[str, object]:
    """What a log must say of its pairs, so that only like is compared with like.

    Args:
        pair_set: The pairs of the run.

    Returns:
        For the task's metadata.
    """
    return {
        "suite": "misfire",
        "suite_version": __version__,
        "pair_source": pair_set.source,
        "pair_origin": pair_set.origin,
        "pair_count": len(pair_set.pairs),
        "pair_set_sha256": pair_set.hash,
        "unverified_files": list(pair_set.unverified),
        "headline_reading": "an invalid half (refused, unparsable, truncated) counts as wrong, as published",
    }


def _sample(pair: Pair, name: HalfName, half: Half) -> Sample:
    return Sample(
        id=f"{pair.id}_{name}",
        input=half.prompt,
        target=half.target,
        metadata={
            "pair_id": pair.id,
            "half": name,
            "category": pair.category,
            "subcategory": pair.subcategory,
            "scenario": pair.scenario,
            "stereotyped_group": pair.stereotyped_group,
            "contrast_group": pair.contrast_group,
            "example_id": half.example_id,
        },
    )
