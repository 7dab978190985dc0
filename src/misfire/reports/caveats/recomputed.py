"""The metrics of a run computed again from the scores of its samples, as its task computes them; and how the log's own compare with them.

Scores may be edited, and samples marked as invalid, without the log's own metrics being computed again. What the samples say counts.
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
"""Two numbers that differ by less say the same."""

_HEADLINES = (HEADLINE, "br", "alignment_score", "coverage", "ffr", "aligned_rate", "pairs")
"""The numbers that are told first."""

_MODELLED = ("_ci_lower", "_ci_upper", "stderr", "_p", "_q", "_clustered", "_corrected")
"""How names of metrics end that depend on how uncertainty is reckoned, which may change between versions of misfire."""


def pair_run_metrics(run: Run, records: Sequence[HalfRecord]) -> dict[str, float]:
    """The metrics of a run over pairs.

    Args:
        run: The run.
        records: Its halves.

    Returns:
        The metrics by key, as ``veto_metrics`` or ``priming_metrics`` give them.
    """
    arms = arms_of(run, records)
    if run.task == "priming":
        return arm_metrics({arm.name: arm.joined for arm in arms})
    (base, *_) = arms
    return pair_metrics(base.joined) | control_metrics(join_probes(probe_results(records)))


def misalign_run_metrics(run: MisalignRun, records: Sequence[VerdictRecord]) -> dict[str, float]:
    """The metrics of a run of Mis-Align Bench.

    Args:
        run: The run.
        records: Its samples.

    Returns:
        The metrics by key, as ``misalign_metrics`` or ``misalign_answer_metrics`` give them.
    """
    judged = judged_of(records)
    return detect_metrics(judged) if run.mode == "detect" else generate_metrics(answers_of(records), judged)


def pair_counts(arms: Sequence[RunArm]) -> dict[str, float]:
    """The metrics of a run over pairs that are quick to count: enough to see whether the log's own are of other scores.

    Args:
        arms: The arms of one run.

    Returns:
        The metrics by key, as the log has them.
    """
    return {
        f"{arm.name}_{name}" if arm.run.task == "priming" else name: value for arm in arms for name, value in _counts(arm.joined).items()
    }


def disagreement(stored: Mapping[str, float], own: Mapping[str, float]) -> str | None:
    """How the metrics of a log differ from those of its samples.

    Args:
        stored: The metrics that the log itself has.
        own: Those that were computed from its samples.

    Returns:
        A sentence; none where the two agree in all shares and counts that both have.
    """
    shared = [name for name in own if name in stored and not name.endswith(_MODELLED)]
    differing = [name for name in shared if not _agree(stored[name], own[name])]
    if not differing:
        return None
    first = sorted(differing, key=_prominence)[:2]
    told = ", ".join(f"{name} is {_form(stored[name])} there and {_form(own[name])} here" for name in first)
    more = f" ({len(differing) - len(first)} more differ)" if len(differing) > len(first) else ""
    return (
        f"the log's own metrics do not agree with the scores of its samples: {told}{more}. All numbers here are computed from the samples. "
        "They differ where scores were edited, or samples marked as invalid or added, after the metrics had been computed."
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
    """A number's place in a sentence: headlines first, of a run with arms those of each arm."""
    return next((place for place, headline in enumerate(_HEADLINES) if name == headline or name.endswith(f"_{headline}")), len(_HEADLINES))


def _form(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) > 1 else percent(value)
