"""Records of the halves of a run, one for each arm of a half, and the arms with joined pairs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from misfire.datasets.pairs import HalfName
from misfire.reports.logs.samples import Reading
from misfire.reports.pairs.halves import LoggedHalf, read_logged_halves
from misfire.reports.pairs.runs import Run
from misfire.scorers.half_notes import BASE
from misfire.scorers.join import HalfResult, Joined, PairResult, join_halves
from misfire.scorers.outcomes import Outcome
from misfire.scorers.probes import Probe, ProbeResult, answer_of

EVIDENCE: Probe = "evidence"
"""Value of the column ``probe`` for the halves of a pair. Other values are controls."""


@dataclass(frozen=True)
class HalfRecord:
    """One half in a log, for one of its arms. The fields are as in the frame ``halves``."""

    arm: str
    pair_id: str
    half: HalfName
    probe: Probe
    epoch: int
    outcome: Outcome
    answer: str | None
    margin: float | None
    margin_bound: str | None
    answer_mass: float | None
    answer_mass_max: float | None
    category: str
    subcategory: str | None
    scenario: str
    stereotyped_group: str | None
    contrast_group: str | None
    example_id: str | None
    cue: str | None
    error: str | None
    sample_id: str
    audit: str | None

    @property
    def result(self) -> HalfResult:
        """The outcome of the half, for joining halves into pairs."""
        return HalfResult(
            self.pair_id,
            self.half,
            self.category,
            self.scenario,
            self.epoch,
            self.outcome,
            self.answer_mass,
        )


@dataclass(frozen=True)
class RunArm:
    """The pairs of one arm of one run, with the audit flags by pair id if the log has them."""

    run: Run
    name: str
    joined: Joined
    audit: Mapping[str, str]

    def by_category(self) -> dict[str, tuple[PairResult, ...]]:
        """Return the pairs of each category, in order of first appearance."""
        groups: defaultdict[str, list[PairResult]] = defaultdict(list)
        for pair in self.joined.pairs:
            groups[pair.category].append(pair)
        return {name: tuple(members) for name, members in groups.items()}


def read_halves(run: Run) -> Reading[HalfRecord]:
    """Read the halves of a run from the summaries of its samples.

    Args:
        run: The run.

    Returns:
        One record for each (sample, epoch, arm), without invalidated and duplicate samples. A sample that
        ended in an error or has no score is a failed half.

    Raises:
        InputError: The samples cannot be read.
    """
    reading = read_logged_halves(run.log, run.scoring.column)
    counted = (half for half in reading.records if not half.invalidated)
    return Reading(tuple(record for half in counted for record in _records(half)), reading.content)


def _records(half: LoggedHalf) -> Iterable[HalfRecord]:
    note, first = half.note, half.first
    for arm in note.served_arms:
        yield HalfRecord(
            arm=arm,
            pair_id=note.pair_id,
            half=note.half,
            probe=note.probe,
            epoch=half.epoch,
            outcome=half.outcome or "failed",
            answer=half.answer,
            margin=first.margin if first else None,
            margin_bound=first.margin_bound if first else None,
            answer_mass=first.answer_mass if first else None,
            answer_mass_max=first.answer_mass_max if first else None,
            category=note.category,
            subcategory=note.subcategory,
            scenario=note.scenario,
            stereotyped_group=note.stereotyped_group,
            contrast_group=note.contrast_group,
            example_id=None if note.example_id is None else str(note.example_id),
            cue=note.cue,
            error=half.error,
            sample_id=half.sample_id,
            audit=None if note.audit is None else " ".join(note.audit),
        )


def probe_results(records: Iterable[HalfRecord]) -> list[ProbeResult]:
    """Return the results of the samples of a run, for halves and controls."""
    return [
        ProbeResult(record.probe, record.result, answer_of(record.probe, record.outcome, record.answer))
        for record in records
    ]


def arms_of(run: Run, records: Sequence[HalfRecord]) -> list[RunArm]:
    """Return the arms of a run, with the base arm first.

    Args:
        run: The run.
        records: Its halves.

    Returns:
        Every arm that the log names or that a half belongs to, with joined pairs.
    """
    halves: defaultdict[str, list[HalfResult]] = defaultdict(list)
    audit = {record.pair_id: record.audit for record in records if record.audit is not None}
    for record in records:
        if record.probe == EVIDENCE:
            halves[record.arm].append(record.result)
    return [
        RunArm(run, name, join_halves(halves[name]), audit)
        for name in dict.fromkeys((BASE, *run.arms, *halves))
    ]
