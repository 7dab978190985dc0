"""The state after each round is written once and follows what it was made from.

It is all that the next round reads.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest

from misfire.errors import InputError
from misfire.savacu.build import Build
from misfire.savacu.prompting.respond import Responded
from misfire.savacu.records import STAGE_NAMES, JudgeReport, PairState, StageName
from misfire.savacu.stages.judge import JudgeStage
from misfire.savacu.stages.rounds import Rounds
from misfire.savacu.store import read_shard, shard_key, write_shard

from ..conftest import BuildMaker
from ..direct_runner import DirectRunner, asked, published

# every first response is wrong, and so are most of the later ones: all rounds have something to do
FAULTY: dict[str, Any] = {
    "shard_size": 4,
    "generator": 'faults = "contrary:0.6,empty:0.2"',
    "evaluator": "miss = 0.1",
}


@pytest.fixture
def build(make_build: BuildMaker) -> Build:
    build = make_build(**FAULTY)
    build.run()
    return build


def states_of(build: Build, number: int) -> dict[str, PairState]:
    paths = sorted((build.folder / "rounds" / "a" / str(number)).glob("*.parquet"))
    return {state.id: state for path in paths for state in read_shard(path, PairState)}


def files_of(build: Build) -> dict[Path, bytes]:
    """All that the build holds but logs, by its path."""
    files = (path for path in build.folder.rglob("*") if path.is_file() and "logs" not in path.parts)
    return {path.relative_to(build.folder): path.read_bytes() for path in files}


def test_a_round_contains_the_pairs_that_the_previous_round_sent_back(build: Build):
    before = {f"{prompt.id}_a" for prompt in build.view.kept}
    for number in range(build.recipe.respond.rounds + 1):
        states = states_of(build, number)
        assert set(states) == before
        before = {name for name, state in states.items() if not state.passed}
        # what was not written again in this round has no fault of this round or of one before
        assert all(
            draft.round == number or not draft.faults
            for state in states.values()
            for draft in state.drafts.values()
        )
    assert before == {pair.id for pair in build.view.pairs() if not pair.passed}
    assert before, "no pair was dropped: the rounds were not all tried"


def test_the_report_counts_the_pairs_of_the_rounds(build: Build):
    report = JudgeStage().report(build.folder)
    assert isinstance(report, JudgeReport)
    pairs = list(build.view.pairs())
    first = 2 * len(pairs)
    again = {
        number: sum(rejection.round == number for pair in pairs for rejection in pair.rejections)
        for number in (0, 1)
    }
    # no response here has two faults in a round, so each rejection is a response to be written again
    assert report.written == {0: first, 1: again[0], 2: again[1]}


def test_existing_states_are_not_written_again(build: Build, make_build: BuildMaker):
    paths = sorted((build.folder / "rounds").rglob("*.parquet"))
    before = {path: path.stat().st_ino for path in paths}
    make_build(**FAULTY).run()
    assert {path: path.stat().st_ino for path in paths} == before


def test_a_build_of_a_version_without_states_continues_without_a_call(build: Build, make_build: BuildMaker):
    # given a build of version 0.2.0, which derived each round from all before it
    before = files_of(build)
    shutil.rmtree(build.folder / "rounds")
    every: list[list[StageName]] = [["split", "publish"], ["judge"], list(STAGE_NAMES)]
    for stages in every:
        again = make_build(**FAULTY)
        again.run(stages)
        assert asked(again) == {}
    assert files_of(build) == before


def test_only_a_broken_state_is_named_and_rebuilt(build: Build, make_build: BuildMaker):
    before = files_of(build)
    path = build.folder / "rounds" / "a" / "1" / "00000.parquet"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match=r"rounds/a/1/00000\.parquet: is damaged"):
        make_build(**FAULTY).run(["judge"])
    path.unlink()
    again = make_build(**FAULTY)
    again.run()
    assert asked(again) == {}
    assert files_of(build) == before


def test_a_state_follows_regenerated_responses(build: Build):
    # given a shard that was removed and made again by a model that says something else: its key is the same
    path = build.folder / "respond" / "a" / "0" / "00000.parquet"
    responded = read_shard(path, Responded)
    faulty = next(one for one in responded if any(draft.faults for draft in one.drafts.values()))
    drafts = {
        side: draft.model_copy(update={"text": "Another text."}) if draft.faults else draft
        for side, draft in faulty.drafts.items()
    }
    changed = [one.model_copy(update={"drafts": drafts}) if one.id == faulty.id else one for one in responded]
    write_shard(path, changed, str(shard_key(path)))
    # then the state after the round says so too
    Rounds(build.view, build.recipe.respond.generators[0]).write_state(0, 0)
    texts = {draft.text for draft in states_of(build, 0)[faulty.id].drafts.values()}
    assert "Another text." in texts


@pytest.mark.parametrize("stop_after", [30, 45, 60])
def test_a_build_stopped_in_any_round_ends_with_the_same_result(
    build: Build, make_build: BuildMaker, stop_after: int
):
    stopped = make_build("stopped", DirectRunner(stop_after), **FAULTY)
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    make_build("stopped", **FAULTY).run()
    assert published(stopped) == published(build)
