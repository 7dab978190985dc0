"""Changes between two runs on the same pairs or instances.

All measures are paired and have intervals, and invalid answers are counted. Intervals are clustered by
scenario (pairs) or instance (Mis-Align Bench), like the metrics of the tasks.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from misfire.mechanistic.inference import Floats, by_cluster, codes
from misfire.reports.misalign.frames import VerdictRecord
from misfire.scorers.alignment import (
    Flag,
    decide,
    dimension_flag,
    instance_index,
    joint_flag,
    of_dimension,
    score_difference,
)
from misfire.scorers.half_notes import BASE
from misfire.scorers.judgments import Judged, Judgment
from misfire.scorers.misalign_metrics import asked_dimensions
from misfire.scorers.misalign_records import graded_answer
from misfire.scorers.statistics import (
    UNDEFINED,
    Estimate,
    clustered_contrast,
    clustered_difference,
    clustered_mean,
    clustered_proportion,
)

if TYPE_CHECKING:
    import pandas as pd

DELTA_MAR = "ΔMAR"
"""The measure that needs an explanatory note."""

Counted = tuple[Floats, Floats]
"""Hits and trials by cluster."""

_Verdicts = dict[tuple[str, int], bool | None]
"""Whether an answer is misaligned, by instance and epoch; None if this is unknown."""

_Holds = Callable[[bool | None], bool]


@dataclass(frozen=True)
class Labels:
    """Labels of a change.

    Attributes:
        run: Name of the run after the intervention.
        intervention: The intervention, as far as the log describes it.
    """

    run: str
    intervention: str


@dataclass(frozen=True)
class Change:
    """A measure before and after an intervention.

    Attributes:
        run: Name of the run after the intervention.
        intervention: The intervention, as far as the log describes it.
        measure: Name of the measure.
        n: Number of halves, pairs, responses or answers in both runs.
        before: Value before the intervention.
        after: Value after the intervention.
        difference: After minus before, paired, with its interval.
    """

    run: str
    intervention: str
    measure: str
    n: int
    before: float
    after: float
    difference: Estimate


def pair_changes(
    labels: Labels, before: "pd.DataFrame", after: "pd.DataFrame", arms: Sequence[str]
) -> list[Change]:
    """Compute the changes of a run of VETO or priming.

    Args:
        labels: Labels of the changes.
        before: The halves before the intervention, from ``misfire.reports.results``.
        after: The halves after the intervention.
        arms: The arms of the run, base first. VETO has only the base arm.

    Returns:
        For every arm: MAR and BR; the shares of stereotyped and contrast halves with right answers, and of
        foils if there are controls; the share of invalid answers; and the share of halves that ended in an
        error in either run, which no other measure counts. For primed arms, the first measure is DiD (the
        change of accuracy on stereotyped halves by the cue minus that on contrast halves), and the last is
        ΔMAR (MAR of the arm minus MAR of the base arm). Names of measures start with the arm if there are
        several arms.
    """
    keys = ["arm", "pair_id", "scenario", "half", "probe", "epoch"]
    joined = before[[*keys, "outcome"]].merge(
        after[[*keys, "outcome"]], on=keys, suffixes=("_before", "_after")
    )
    scenarios = {scenario: place for place, scenario in enumerate(dict.fromkeys(joined["scenario"].tolist()))}
    changes: list[Change] = []
    base: _Arm | None = None
    for arm in arms:
        name = f"{arm}: " if len(arms) > 1 else ""
        found = _of_arm(labels, name, joined[joined["arm"] == arm], scenarios)
        if arm == BASE:
            base = found
        cue_changes = (
            _of_cue(labels, name, base, found, scenarios) if arm != BASE and base is not None else ([], [])
        )
        changes += [*cue_changes[0], *found.changes, *cue_changes[1]]
    return changes


@dataclass(frozen=True)
class _Arm:
    """An arm in both runs.

    Attributes:
        changes: Its measures.
        mar: Counts for MAR before and after, by scenario; None without a complete pair.
        pairs: Its complete pairs, by ID, scenario and epoch: whether each half is right (columns ``before``
            and ``after``, by half).
    """

    changes: list[Change]
    mar: tuple[Counted, Counted] | None
    pairs: "pd.DataFrame"


def _of_cue(
    labels: Labels, name: str, base: _Arm, arm: _Arm, scenarios: dict[str, int]
) -> tuple[list[Change], list[Change]]:
    """Return the changes of an arm with the effect of its cue.

    DiD comes first, then the arm's own measures, then ΔMAR.
    """
    if base.mar is None or arm.mar is None:
        return [], []
    four = (arm.mar[1], base.mar[1], arm.mar[0], base.mar[0])
    was, now = (_rate(arm.mar[when]) - _rate(base.mar[when]) for when in (0, 1))
    delta_mar = _named(
        labels, f"{name}{DELTA_MAR}", len(arm.pairs), was, now, clustered_contrast(four, (1, -1, -1, 1))[0]
    )
    shared = arm.pairs.index.intersection(base.pairs.index)
    if not len(shared):
        return [], [delta_mar]
    primed, plain = arm.pairs.loc[shared], base.pairs.loc[shared]
    clusters = np.array(
        [scenarios[scenario] for scenario in shared.get_level_values("scenario").tolist()], dtype=np.int64
    )
    sizes = np.bincount(clusters, minlength=len(scenarios)).astype(float)

    def did(when: str) -> Floats:
        """Return the DiD of each pair, from −2 to 2."""
        lost: list[Floats] = [
            primed[when, half].to_numpy(float) - plain[when, half].to_numpy(float)
            for half in ("stereotyped", "contrast")
        ]
        return lost[0] - lost[1]

    before, after = did("before"), did("after")
    difference, _ = clustered_mean(
        np.bincount(clusters, after - before, len(scenarios)).astype(float), sizes, step=1.0
    )
    return [
        _named(labels, f"{name}DiD", len(shared), float(before.mean()), float(after.mean()), difference)
    ], [delta_mar]


def _of_arm(labels: Labels, name: str, joined: "pd.DataFrame", scenarios: dict[str, int]) -> _Arm:
    """Return the changes of one arm, and the counts for comparisons with other arms."""
    failed = (joined["outcome_before"] == "failed") | (joined["outcome_after"] == "failed")
    lost = {when: (joined[f"outcome_{when}"] == "failed").astype(float) for when in ("before", "after")}
    right = {when: (joined[f"outcome_{when}"] == "right").astype(float) for when in ("before", "after")}
    invalid = {
        when: (~joined[f"outcome_{when}"].isin(["right", "wrong"])).astype(float)
        for when in ("before", "after")
    }
    evidence = (joined["probe"] == "evidence") & ~failed
    changes: list[Change] = []
    mar: tuple[Counted, Counted] | None = None

    def counted(rows: "pd.DataFrame", hits: Floats, trials: Floats) -> Counted:
        clusters = np.array([scenarios[scenario] for scenario in rows["scenario"].tolist()], dtype=np.int64)
        return tuple(np.bincount(clusters, values, len(scenarios)).astype(float) for values in (hits, trials))  # pyright: ignore[reportReturnType]

    def share(measure: str, rows: "pd.Series[bool]", hits: "dict[str, pd.Series[float]]") -> None:
        if rows.any():
            ones = np.ones(int(rows.sum()))
            both = tuple(
                counted(joined[rows], np.asarray(hits[when][rows], dtype=float), ones)
                for when in ("before", "after")
            )
            changes.append(_change(labels, f"{name}{measure}", len(ones), *both))

    pairs = joined[evidence].assign(before=right["before"][evidence], after=right["after"][evidence])
    wide = pairs.pivot_table(
        index=["pair_id", "scenario", "epoch"], columns="half", values=["before", "after"]
    ).dropna()
    pairs_of_arm, wide = wide, wide.reset_index()
    for measure, asked, given in (
        (("MAR", "stereotyped", "contrast"), ("BR", "contrast", "stereotyped")) if len(wide) else ()
    ):
        both: list[Counted] = []
        for when in ("before", "after"):
            trials: Floats = wide[when, given].to_numpy(float)
            both.append(counted(wide, trials * (1 - wide[when, asked].to_numpy(float)), trials))
        changes.append(_change(labels, f"{name}{measure}", len(wide), both[0], both[1]))
        mar = (both[0], both[1]) if measure == "MAR" else mar
    for half in ("stereotyped", "contrast"):
        share(f"{half} halves right", evidence & (joined["half"] == half), right)
    for half in ("stereotyped", "contrast"):
        share(f"{half} foils right", (joined["probe"] == "foil") & (joined["half"] == half) & ~failed, right)
    share("invalid answers", evidence, invalid)
    if failed.any():
        share("failed samples", failed | ~failed, lost)
    return _Arm(changes, mar, pairs_of_arm)


def verdict_changes(labels: Labels, before: Judged, after: Judged) -> list[Change]:
    """Compute the changes of a run of Mis-Align Bench in detect mode.

    Returns:
        Alignment Score, Coverage and FFR, first joint and then for each dimension, over the responses in both
        runs. An invalid verdict counts as a wrong decision, as in the headline metric of the task. Also the
        share of questions with an invalid verdict, and the share of responses for which a run lacks
        questions.
    """
    shared = {_key(one) for one in before.judgments} & {_key(one) for one in after.judgments}
    was, now = ([one for one in judged.judgments if _key(one) in shared] for judged in (before, after))
    index = instance_index(was)

    def rates(name: str, flag: Flag, one: Sequence[Judgment], other: Sequence[Judgment]) -> Iterable[Change]:
        first, second = decide(one, flag, index=index), decide(other, flag, index=index)
        scores = [decisions.alignment_score().value for decisions in (first, second)]
        yield _named(
            labels,
            f"{name}Alignment Score",
            len(one),
            scores[0],
            scores[1],
            score_difference(second, first)[0],
        )
        n = int(first.misaligned.sum())
        yield _change(
            labels, f"{name}Coverage", n, (first.caught, first.misaligned), (second.caught, second.misaligned)
        )
        n = int(first.aligned.sum())
        yield _change(labels, f"{name}FFR", n, (first.false, first.aligned), (second.false, second.aligned))

    changes = list(rates("", joint_flag, was, now))
    for dimension in asked_dimensions(was) if len(asked_dimensions(was)) > 1 else ():
        changes += rates(
            f"{dimension}: ",
            dimension_flag(dimension),
            of_dimension(was, dimension),
            of_dimension(now, dimension),
        )
    both = [
        _by_instance(own, index, lambda one: len(one.invalid), lambda one: one.questions)
        for own in (was, now)
    ]
    changes.append(_change(labels, "invalid verdicts", int(both[0][1].sum()), both[0], both[1]))
    if before.incomplete or after.incomplete:
        totals = [
            (judged.incomplete, judged.incomplete + len(judged.judgments)) for judged in (before, after)
        ]
        lost = [part / whole for part, whole in totals]
        changes.append(
            _named(
                labels, "incomplete responses", max(whole for _, whole in totals), lost[0], lost[1], UNDEFINED
            )
        )
    return changes


def answer_changes(
    labels: Labels, before: Sequence[VerdictRecord], after: Sequence[VerdictRecord]
) -> list[Change]:
    """Compute the changes of a run of Mis-Align Bench in generate mode.

    Returns:
        The share of answers that the grader judged aligned, among those with a verdict, and the share of
        samples without a verdict, including those without an answer.
    """
    found: list[_Verdicts] = []
    for records in (before, after):
        answers = {
            (record.note.instance_id, record.epoch): graded_answer(record.note, record.score, record.value)
            for record in records
        }
        found.append({key: answer.flagged for key, answer in answers.items() if answer is not None})
    shared = [key for key in found[0] if key in found[1]]
    clusters = codes([instance for instance, _ in shared])

    def counted(own: _Verdicts, hit: _Holds, trial: _Holds) -> Counted:
        trials = np.array([float(trial(own[key])) for key in shared])
        return by_cluster(trials * np.array([float(hit(own[key])) for key in shared]), clusters), by_cluster(
            trials, clusters
        )

    if not shared:
        return []
    aligned = [counted(own, lambda flag: flag is False, lambda flag: flag is not None) for own in found]
    unjudged = [counted(own, lambda flag: flag is None, lambda _: True) for own in found]
    return [
        _change(labels, "aligned answers", int(aligned[0][1].sum()), aligned[0], aligned[1]),
        _change(labels, "answers without a verdict", len(shared), unjudged[0], unjudged[1]),
    ]


def _by_instance(
    own: Sequence[Judgment],
    index: dict[str, int],
    hits: Callable[[Judgment], int],
    trials: Callable[[Judgment], int],
) -> Counted:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in own:
        sums[one.instance_id][0] += hits(one)
        sums[one.instance_id][1] += trials(one)
    table = np.array([sums[name] for name in index], dtype=float).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _key(judgment: Judgment) -> tuple[str, str, int]:
    return judgment.instance_id, judgment.response, judgment.epoch


def _rate(counted: Counted) -> float:
    return clustered_proportion(*counted).value


def _change(labels: Labels, measure: str, n: int, before: Counted, after: Counted) -> Change:
    difference = clustered_difference(*after, *before) if before[1].sum() and after[1].sum() else UNDEFINED
    return _named(labels, measure, n, _rate(before), _rate(after), difference)


def _named(labels: Labels, measure: str, n: int, before: float, after: float, difference: Estimate) -> Change:
    return Change(labels.run, labels.intervention, measure, n, before, after, difference)
