"""Recompute the metrics of a run from the scores of its samples and compare them with the stored metrics.

Users can edit scores or mark samples as invalid without recomputing the metrics that the log stores. The
samples take precedence.
"""

import math
from collections.abc import Mapping, Sequence

from misfire.reports.misalign.frames import VerdictRecord, answers_of, judged_of
from misfire.reports.misalign.runs import MisalignRun
from misfire.reports.number_format import percent
from misfire.reports.pairs.records import HalfRecord, RunArm, arms_of, probe_results
from misfire.reports.pairs.runs import Run
from misfire.scorers.controls import control_metrics
from misfire.scorers.generated_metrics import generate_metrics
from misfire.scorers.join import Joined, count_cells, invalid_rate
from misfire.scorers.misalign_metrics import detect_metrics
from misfire.scorers.outcomes import INVALID
from misfire.scorers.priming import arm_metrics
from misfire.scorers.probes import join_probes
from misfire.scorers.veto import HEADLINE, pair_metrics

TOLERANCE = 1e-6
"""Two numbers count as equal if they differ by less than this value."""

_HEADLINES = (HEADLINE, "br", "alignment_score", "coverage", "ffr", "aligned_rate", "pairs")
"""The numbers that are reported first."""

_MODELLED = ("_ci_lower", "_ci_upper", "stderr", "_p", "_q", "_clustered", "_corrected")
"""Suffixes of metrics that depend on how uncertainty is estimated, which may change between versions of
misfire."""


def pair_run_metrics(run: Run, records: Sequence[HalfRecord]) -> dict[str, float]:
    """Compute the metrics of a run over pairs from its halves.

    Returns:
        The metrics by key, as in ``veto_metrics`` or ``priming_metrics``.
    """
    arms = arms_of(run, records)
    if run.task == "priming":
        return arm_metrics({arm.name: arm.joined for arm in arms})
    (base, *_) = arms
    return pair_metrics(base.joined) | control_metrics(join_probes(probe_results(records)))


def misalign_run_metrics(run: MisalignRun, records: Sequence[VerdictRecord]) -> dict[str, float]:
    """Compute the metrics of a run of Mis-Align Bench from its samples.

    Returns:
        The metrics by key, as in ``misalign_metrics`` or ``misalign_answer_metrics``.
    """
    judged = judged_of(records)
    return detect_metrics(judged) if run.mode == "detect" else generate_metrics(answers_of(records), judged)


def pair_counts(arms: Sequence[RunArm]) -> dict[str, float]:
    """Compute the metrics that are quick to count.

    They suffice to detect whether the stored metrics were computed from other scores.

    Args:
        arms: The arms of one run.

    Returns:
        The metrics by the keys that the log uses.
    """
    return {
        f"{arm.name}_{name}" if arm.run.task == "priming" else name: value
        for arm in arms
        for name, value in _counts(arm.joined).items()
    }


def disagreement(stored: Mapping[str, float], own: Mapping[str, float]) -> str | None:
    """Describe how the stored metrics of a log differ from those of its samples.

    Args:
        stored: The metrics stored in the log.
        own: The metrics computed from its samples.

    Returns:
        A sentence, or None if all shares and counts that both contain agree.
    """
    shared = [name for name in own if name in stored and not name.endswith(_MODELLED)]
    differing = [name for name in shared if not _agree(stored[name], own[name])]
    if not differing:
        return None
    first = sorted(differing, key=_prominence)[:2]
    differences = ", ".join(
        f"{name} is {_form(stored[name])} in the log and {_form(own[name])} here" for name in first
    )
    more = f" ({len(differing) - len(first)} more differ)" if len(differing) > len(first) else ""
    return (
        f"the stored metrics of the log do not agree with the scores of its samples: {differences}{more}. "
        "All numbers here are computed from the samples. This happens if scores were edited, or samples were "
        "added or marked as invalid, after the metrics were computed."
    )


def _counts(joined: Joined) -> dict[str, float]:
    cells = count_cells(joined.pairs, "all")
    a, b, c, d = cells.totals
    return {
        HEADLINE: cells.mar().value,
        "br": cells.br().value,
        "pairs": len(joined.pairs),
        "incomplete_pairs": joined.incomplete,
        "a_both_right": a,
        "b_contrast_wrong_only": b,
        "c_stereotyped_wrong_only": c,
        "d_both_wrong": d,
        "stereotyped_invalid": invalid_rate(joined.pairs, "stereotyped", INVALID),
        "contrast_invalid": invalid_rate(joined.pairs, "contrast", INVALID),
    }


def _agree(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _prominence(name: str) -> int:
    """Return the sort key of a metric. Headline metrics of a run or of any of its arms come first."""
    return next(
        (
            place
            for place, headline in enumerate(_HEADLINES)
            if name == headline or name.endswith(f"_{headline}")
        ),
        len(_HEADLINES),
    )


def _form(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) > 1 else percent(value)
