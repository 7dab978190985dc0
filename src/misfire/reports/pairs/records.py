"""The halves of a run as records, one for each arm that a half serves, and the arms with their pairs joined."""

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
"""In the column ``probe``: a half of the pair itself. Controls are no halves of pairs."""


@dataclass(frozen=True)
class HalfRecord:
    """One half as a log has it, for one of the arms that it serves; fields as in the frame ``halves``."""

    arm: str
    pair_id: str
    half: HalfName
    probe: Probe
    epoch: int
    outcome: Outcome
    answer: str | None
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
        """The half's outcome, for the join into pairs."""
        return HalfResult(self.pair_id, self.half, self.category, self.scenario, self.epoch, self.outcome)


@dataclass(frozen=True)
class RunArm:
    """The pairs of one arm of one run, and the audit flags of each pair where the log has them."""

    run: Run
    name: str
    joined: Joined
    audit: Mapping[str, str]

    def by_category(self) -> dict[str, tuple[PairResult, ...]]:
        """The pairs of each category, in order of first appearance."""
        groups: defaultdict[str, list[PairResult]] = defaultdict(list)
        for pair in self.joined.pairs:
            groups[pair.category].append(pair)
        return {name: tuple(members) for name, members in groups.items()}


def read_halves(run: Run) -> Reading[HalfRecord]:
    """The halves of a run, from the summaries of its samples.

    Args:
        run: The run.

    Returns:
        One record for each (sample, epoch, arm), without samples that are invalidated or repeated. A sample that
        ended in an error or has no score is a half that failed.

    Raises:
        InputError: The samples cannot be read.
    """
    reading = read_logged_halves(run.log, run.scoring.column)
    counted = (half for half in reading.records if not half.invalidated)
    return Reading(tuple(record for half in counted for record in _records(half)), reading.content)


def _records(half: LoggedHalf) -> Iterable[HalfRecord]:
    note = half.note
    for arm in note.served_arms:
        yield HalfRecord(
            arm=arm,
            pair_id=note.pair_id,
            half=note.half,
            probe=note.probe,
            epoch=half.epoch,
            outcome=half.outcome or "failed",
            answer=half.answer,
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
    """What the samples of a run say of halves and of their controls."""
    return [ProbeResult(record.probe, record.result, answer_of(record.probe, record.outcome, record.answer)) for record in records]


def arms_of(run: Run, records: Sequence[HalfRecord]) -> list[RunArm]:
    """The arms of a run, the base arm first.

    Args:
        run: The run.
        records: Its halves.

    Returns:
        Every arm that the log names or that a half serves, pairs joined.
    """
    halves: defaultdict[str, list[HalfResult]] = defaultdict(list)
    audit = {record.pair_id: record.audit for record in records if record.audit is not None}
    for record in records:
        if record.probe == EVIDENCE:
            halves[record.arm].append(record.result)
    return [RunArm(run, name, join_halves(halves[name]), audit) for name in dict.fromkeys((BASE, *run.arms, *halves))]
