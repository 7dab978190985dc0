"""VETO (arXiv 2606.18656): does a model that reads evidence stop doing so when it points at a stereotyped group?

Run it: ``inspect eval tasks/veto.py --model …`` or ``inspect eval misfire/veto --model …``.
"""

from collections.abc import Sequence

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.log import HeadlineMetric
from inspect_ai.model import GenerateConfig

from misfire import __version__
from misfire.datasets.pairs import Pair
from misfire.datasets.sampling import sample_pairs
from misfire.datasets.sources import Source, load_pairs
from misfire.scorers.answers import Parser
from misfire.scorers.labels import half
from misfire.scorers.veto import HEADLINE, SCORER, veto_outcome
from misfire.tasks.parameters import PairCount, as_list, checked
from misfire.tasks.prompts import Protocol
from misfire.tasks.samples import TOLERATED_ERRORS, half_metadata, provenance, sample_list
from misfire.tasks.solvers import ask_half


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
    checked(protocol=(protocol, Protocol), parser=(parser, Parser), pairs=(pairs, PairCount), seed=(seed, int))

    pair_set = load_pairs(
        source,
        categories=as_list("categories", categories),
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
        scorer=[veto_outcome(parser), half()],
        config=GenerateConfig(temperature=0.0),
        fail_on_error=TOLERATED_ERRORS,
        version=__version__,
        metadata=provenance(pair_set),
        headline_metric=HeadlineMetric(scorer=SCORER, metric=HEADLINE),
        viewer=sample_list(SCORER, ["half"]),
    )


def half_samples(pairs: Sequence[Pair]) -> list[Sample]:
    """One sample a half, the halves of a pair side by side.

    Args:
        pairs: The pairs.

    Returns:
        Samples whose metadata says which half of which pair they are.
    """
    return [
        Sample(id=f"{pair.id}_{name}", input=asked.prompt, target=asked.target, metadata=half_metadata(pair, name))
        for pair in pairs
        for name, asked in pair.halves
    ]
