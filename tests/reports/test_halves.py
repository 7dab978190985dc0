"""The one reader of halves: what tasks wrote about samples comes back typed, with what became of them."""

from pathlib import Path

from inspect_ai.log import ProvenanceData, invalidate_samples, read_eval_log, write_eval_log

from misfire.datasets.cues import CueName
from misfire.reports.pairs.halves import read_logged_halves
from misfire.scorers.half_notes import HalfNote
from misfire.scorers.priming import SCORER as PRIMING
from misfire.scorers.veto import SCORER as VETO
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto

from .conftest import make_log

PAIRS = 3


def test_halves_are_as_the_task_wrote_them(tmp_path: Path):
    # given a log with controls, of a model that misfires on all pairs
    task = veto(source="embedded", pairs=PAIRS, controls=True)
    log = make_log(task, "one", tmp_path, planted={"mar": 0.999, "br": 0.0})
    asked = {str(sample.id): sample for sample in task.dataset}
    # when its samples are read whole
    halves = read_logged_halves(log, VETO, whole=True).records
    # then each has its note, its text and its outcome
    assert {half.sample_id for half in halves} == set(asked)
    for half in halves:
        sample = asked[half.sample_id]
        assert half.note == sample.metadata_as(HalfNote)
        assert (half.prompt, half.target) == (sample.input, sample.target)
        assert (half.epoch, half.error, half.invalidated) == (1, None, False)
    outcomes = {(half.note.half, half.outcome) for half in halves if half.note.probe == "evidence"}
    assert outcomes == {("stereotyped", "wrong"), ("contrast", "right")}


def test_an_invalidated_sample_is_read_and_marked(tmp_path: Path):
    path = make_log(veto(source="embedded", pairs=PAIRS), "one", tmp_path)
    log = read_eval_log(path)
    first, second = (log.samples or [])[:2]
    first.scores = {}
    log = invalidate_samples(log, [str(second.uuid)], ProvenanceData(author="reader", reason="a slip"))
    write_eval_log(log, path)
    reading = read_logged_halves(path, VETO)
    assert [half.sample_id for half in reading.records if half.invalidated] == [second.id]
    assert [half.sample_id for half in reading.records if half.outcome is None] == [first.id]
    assert (reading.content.samples, reading.content.invalidated) == (2 * PAIRS, 1)


def test_arms_that_a_summary_leaves_out_are_read_from_the_samples(tmp_path: Path):
    # given texts that serve so many arms that Inspect leaves their names out of the summaries of samples
    cues: list[CueName] = ["published", "fairness", "policy", "neutral", "unrelated", "evidence"]
    task = priming(
        source="embedded",
        pairs=1,
        cues=",".join(cues),
        placements="stereotyped,contrast",
        positions="prefix,suffix,system",
    )
    log = make_log(task, "one", tmp_path)
    # when they are read
    notes = {half.sample_id: half.note for half in read_logged_halves(log, PRIMING).records}
    # then all arms are there
    assert notes == {str(sample.id): sample.metadata_as(HalfNote) for sample in task.dataset}
    assert max(len(note.served_arms) for note in notes.values()) == 1 + len(cues) * 3
