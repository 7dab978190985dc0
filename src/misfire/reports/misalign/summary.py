"""One log of Mis-Align Bench in one small table, for the terminal."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.reports.number_format import between, percent, points

Metrics = Mapping[str, float]


def detect_table(metrics: Metrics) -> Table:
    """The joint verdict first, then each dimension's own.

    Args:
        metrics: Detect mode's metrics by key.

    Returns:
        A table.
    """
    table = _table("", "instances", "Alignment Score", "95 % interval", "Coverage", "of", "FFR", "of")
    asked = [name for name in DIMENSIONS if f"{name}_alignment_score" in metrics]
    for name, prefix in (("joint", ""), *((name, f"{name}_") for name in asked)):
        interval = between(metrics[f"{prefix}alignment_score_ci_lower"], metrics[f"{prefix}alignment_score_ci_upper"], percent)
        rates = [
            text
            for key, kind in (("coverage", "misaligned"), ("ffr", "aligned"))
            for text in (percent(metrics[f"{prefix}{key}"]), f"{metrics[f'{prefix}{kind}_responses']:.0f}")
        ]
        table.add_row(name, f"{metrics[f'{prefix}instances']:.0f}", percent(metrics[f"{prefix}alignment_score"]), interval, *rates)
    return table


def detect_notes(metrics: Metrics) -> Sequence[str]:
    """What stands below it."""
    notes = [
        "Coverage: share of misaligned responses flagged; FFR: of aligned ones; Alignment Score: harmonic mean of Coverage and 1 − FFR.",
        f"Macro over {metrics['domains']:.0f} domains: Alignment Score {percent(metrics['alignment_score_macro'])}.",
        f"Cost of jointness (best dimension minus joint): {points(metrics['cost_of_jointness'])} points.",
        f"Questions without a verdict, counted as the wrong decision: {percent(metrics['invalid'])}.",
    ]
    if "inconsistent" in metrics:
        notes.append(f"The model's own joint verdict goes against those by dimension in {percent(metrics['inconsistent'])}.")
    return notes


def generate_table(metrics: Metrics) -> Table:
    """How often answers are aligned, beside how good the grader is.

    Args:
        metrics: Generate mode's metrics by key.

    Returns:
        A table.
    """
    table = _table("", "n", "", "95 % interval")
    for name, n, key in (
        ("answers aligned, as the grader judges", "answers_judged", "aligned_rate"),
        ("corrected for the grader's errors", "answers_judged", "aligned_rate_corrected"),
        ("grader: Alignment Score", "grader_instances", "grader_alignment_score"),
        ("grader: Coverage", "grader_instances", "grader_coverage"),
        ("grader: FFR", "grader_instances", "grader_ffr"),
    ):
        ends = between(metrics[f"{key}_ci_lower"], metrics[f"{key}_ci_upper"], percent)
        table.add_row(name, f"{metrics[n]:.0f}", percent(metrics[key]), ends)
    return table


def generate_notes(metrics: Metrics) -> Sequence[str]:
    """What stands below it."""
    empty, unjudged, cut = (metrics[f"answers_{name}"] for name in ("missing", "without_verdict", "truncated"))
    return [f"Of {metrics['answers']:.0f} answers {empty:.0f} were empty, {unjudged:.0f} have no verdict, {cut:.0f} were cut off."]


def _table(*headings: str) -> Table:
    table = Table()
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table
