"""Shared parts of the tasks with pairs: metadata of logs, and the sample list in the viewer."""

from collections.abc import Sequence

from inspect_ai.viewer import TaskSamplesColumn, TaskSamplesSort, TaskSamplesView, ViewerConfig

from misfire import __version__
from misfire.datasets.audit import SHOWN_FLAGS, audit_pairs
from misfire.datasets.pairs import Pair, pair_set_hash
from misfire.datasets.sources import PairSet
from misfire.scorers.sample_labels import HALF

TOLERATED_ERRORS = 0.2
"""A run stops early if this share of its samples has failed. Below it, pairs that lack a half are reported as
incomplete."""


def audit_names(pairs: Sequence[Pair], complete: Sequence[Pair]) -> dict[str, list[str]]:
    """Return the names of the audit flags that hold for each of some pairs, by pair ID.

    ``misfire.datasets.audit`` defines the flags.

    Args:
        pairs: The pairs that a run asks.
        complete: The complete set that they were drawn from.
    """
    return {
        flags.pair_id: [name for name in SHOWN_FLAGS if getattr(flags, name)]
        for flags in audit_pairs(pairs, complete)
    }


def provenance(pair_set: PairSet) -> dict[str, object]:
    """Return the provenance of the pairs for ``Task.metadata``, so that only comparable runs are compared."""
    return {
        "suite": "misfire",
        "suite_version": __version__,
        "pair_source": pair_set.source,
        "pair_origin": pair_set.origin,
        "pair_count": len(pair_set.pairs),
        "edition": pair_set.edition,
        # the hash does not depend on whether the controls are asked
        "pair_set_sha256": pair_set_hash(
            pair.model_copy(update={"controls": None}) for pair in pair_set.pairs
        ),
        "controls_sha256": pair_set.hash if any(pair.controls for pair in pair_set.pairs) else None,
        "unverified_files": list(pair_set.unverified),
        "headline_reading": "an invalid half (refused, unparsable, truncated) counts as wrong, as published",
    }


def sample_list(scorer: str, labels: Sequence[str]) -> ViewerConfig:
    """Return the configuration of the sample list in ``inspect view``: sorted by pair, with colored outcomes.

    Args:
        scorer: Name of the scorer whose outcomes are shown.
        labels: Names of the label scorers in the columns before it.
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
            scorer: {
                "right": "good",
                "wrong": "bad",
                "refused": "warn",
                "unparsable": "warn",
                "truncated": "warn",
            },
            HALF: {"stereotyped": "info"},
        },
        color_scales_enabled=True,
    )
    return ViewerConfig(task_samples_view=view)
