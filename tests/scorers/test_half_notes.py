"""The metadata of samples of VETO and priming: what tasks write, logs hold and readers read is one record."""

from typing import Any

import pytest
from inspect_ai import Task
from pydantic import ValidationError

from misfire.scorers.half_notes import BASE, HalfNote
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto

TASKS: dict[str, dict[str, Any]] = {
    "veto": {"controls": False},
    "veto with controls": {"controls": True},
    "priming": {"cues": "published,neutral", "positions": "prefix,system", "demos": 1},
}

ABOUT = [
    "pair_id",
    "half",
    "category",
    "subcategory",
    "scenario",
    "stereotyped_group",
    "contrast_group",
    "example_id",
    "audit",
]

KEYS = {
    "veto": ABOUT,
    "veto with controls": [*ABOUT, "probe"],
    "priming": [*ABOUT, "arms", "arm_numbers", "cue", "cue_text", "position", "system_cue", "demos"],
}
"""The keys that logs have had since these tasks were written, in their order."""


def task_of(name: str) -> Task:
    make = priming if name == "priming" else veto
    return make(source="embedded", pairs=4, **TASKS[name])


@pytest.mark.parametrize("name", TASKS)
def test_a_sample_has_the_keys_that_logs_always_had(name: str):
    for sample in task_of(name).dataset:
        assert list(sample.metadata or {}) == KEYS[name]


@pytest.mark.parametrize("name", TASKS)
def test_what_a_task_wrote_is_read_and_written_again_unchanged(name: str):
    for sample in task_of(name).dataset:
        note = HalfNote.of(sample.metadata)
        assert note is not None
        assert note.as_metadata() == sample.metadata


def test_a_veto_sample_belongs_to_the_base_arm():
    notes = [sample.metadata_as(HalfNote) for sample in task_of("veto").dataset]
    assert {note.served_arms for note in notes} == {(BASE,)}
    assert {note.probe for note in notes} == {"evidence"}
    assert not any(note.lacks_arms for note in notes)


def test_a_primed_sample_belongs_to_the_arms_that_it_names():
    notes = [sample.metadata_as(HalfNote) for sample in task_of("priming").dataset]
    plain = [note for note in notes if note.cue is None]
    assert all(note.served_arms[0] == BASE for note in plain)
    assert all(BASE not in note.served_arms for note in notes if note.cue)
    assert {note.system_cue is None for note in notes if note.position == "system"} == {False}
    # and when a summary leaves out the list of arms, that is seen
    without = [
        {name: value for name, value in note.as_metadata().items() if name != "arms"} for note in notes
    ]
    assert all(note is not None and note.lacks_arms for note in map(HalfNote.of, without))


@pytest.mark.parametrize(
    "change",
    [{"pair_id": ""}, {"half": "third"}, {"probe": "x"}, {"scenario": None}, {"arms": "base"}, {"audit": 1}],
)
def test_metadata_of_another_kind_is_not_a_note(change: dict[str, object]):
    sample = task_of("veto").dataset[0]
    assert HalfNote.of({**(sample.metadata or {}), **change}) is None
    with pytest.raises((ValidationError, ValueError)):
        HalfNote.model_validate({**(sample.metadata or {}), **change})


@pytest.mark.parametrize("lacking", ["example_id", "audit", "subcategory"])
def test_metadata_of_an_earlier_version_is_read(lacking: str):
    # versions before 0.2 wrote no audit flags
    metadata = {
        name: value for name, value in (task_of("veto").dataset[0].metadata or {}).items() if name != lacking
    }
    note = HalfNote.of(metadata)
    assert note is not None
    assert note.as_metadata() == metadata


def test_empty_metadata_is_not_a_note():
    assert HalfNote.of(None) is None
    assert HalfNote.of({"half": "contrast"}) is None
