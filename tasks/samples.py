"""What the tasks over pairs have in common: metadata of logs, and the sample list in the viewer."""

from collections.abc import Sequence

from inspect_ai.viewer import TaskSamplesColumn, TaskSamplesSort, TaskSamplesView, ViewerConfig

from misfire import __version__
from misfire.datasets.audit import SHOWN_FLAGS, audit_pairs
from misfire.datasets.pairs import Pair, pair_set_hash
from misfire.datasets.sources import PairSet
from misfire.scorers.sample_labels import HALF

TOLERATED_ERRORS = 0.2
"""A run ends early once this share of its samples has errored; below it, pairs that lack a half are counted, not guessed."""


def audit_names(pairs: Sequence[Pair]) -> dict[str, list[str]]:
    """The audit flags that each pair of a set carries.

    Args:
        pairs: The whole set.

    Returns:
        By pair id, the names of the flags that hold (``misfire.datasets.audit``).
    """
    return {flags.pair_id: [name for name in SHOWN_FLAGS if getattr(flags, name)] for flags in audit_pairs(pairs)}


def provenance(pair_set: PairSet) -> dict[str, object]:
    """What a log must say of its pairs, so that only like is compared with like.

    Args:
        pair_set: The pairs of the run.

    Returns:
        For ``Task.metadata``.
    """
    return {
        "suite": "misfire",
        "suite_version": __version__,
        "pair_source": pair_set.source,
        "pair_origin": pair_set.origin,
        "pair_count": len(pair_set.pairs),
        "edition": pair_set.edition,
        # pairs are the same pairs whether or not their controls are asked too
        "pair_set_sha256": pair_set_hash(pair.model_copy(update={"controls": None}) for pair in pair_set.pairs),
        "controls_sha256": pair_set.hash if any(pair.controls for pair in pair_set.pairs) else None,
        "unverified_files": list(pair_set.unverified),
        "headline_reading": "an invalid half (refused, unparsable, truncated) counts as wrong, as published",
    }


def sample_list(scorer: str, labels: Sequence[str]) -> ViewerConfig:
    """The sample list in ``inspect view``: a pair's halves stand together, outcomes are coloured.

    Args:
        scorer: Name of the scorer whose outcomes to show.
        labels: Names of the label scorers that stand before it.

    Returns:
        For ``Task.viewer``.
    """
    shown = ("sampleStatus", "sampleId", "input", "target", "answer")
    hidden = ("epoch", "error", "limit", "tokens", "duration", "retries")
    view = TaskSamplesView(
        name="Pairs",
        columns=[
            *(TaskSamplesColumn(id=name) for name in shown),
            *(TaskSamplesColumn.score(name) for name in (*labels, scorer)),
            *(TaskSamplesColumn(id=name, visible=False) for name in hidden),
        ],
        sort=[TaskSamplesSort(column="sampleId"), TaskSamplesSort(column="epoch")],
        multiline=False,
        score_labels={scorer: "Outcome"} | {name: name.capitalize() for name in labels},
        score_color_scales={
            scorer: {"right": "good", "wrong": "bad", "refused": "warn", "unparsable": "warn", "truncated": "warn"},
            HALF: {"stereotyped": "info"},
        },
        color_scales_enabled=True,
    )
    return ViewerConfig(task_samples_view=view)
