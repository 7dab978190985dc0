"""Analyses say what they need and what they write, and that is what they do."""

from dataclasses import replace

import pytest

from misfire.errors import InputError
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.registry import ANALYSES, in_order, parse_analyses
from misfire.mechanistic.selection import reprobe
from misfire.mechanistic.session import Session
from misfire.mechanistic.study import Plan, Study

BY_NAME = {analysis.name: analysis for analysis in ANALYSES}


def test_prerequisites_run_first_even_if_not_requested():
    assert [analysis.name for analysis in in_order(["paths"])] == ["heads", "paths"]
    assert [analysis.name for analysis in in_order(["attention", "paths", "lens"])] == [
        "lens",
        "heads",
        "attention",
        "paths",
    ]
    assert [analysis.name for analysis in in_order(list(BY_NAME))] == list(BY_NAME)


def test_no_analysis_runs_before_what_it_needs_and_no_two_write_one_frame():
    order = [analysis.name for analysis in in_order(list(BY_NAME))]
    assert all(
        order.index(needed) < order.index(analysis.name) for analysis in ANALYSES for needed in analysis.needs
    )
    written = [frame for analysis in ANALYSES for frame in analysis.writes]
    assert len(written) == len(set(written))


def test_analyses_are_named_as_a_user_lists_them():
    assert parse_analyses("heads, lens") == ("lens", "heads")
    with pytest.raises(
        InputError,
        match=(
            r"no such analysis: none given\. Choose from: lens, patching, heads, attention, paths, "
            r"prescreen\."
        ),
    ):
        parse_analyses(" , ")


def test_every_analysis_writes_and_reads_only_the_frames_that_it_declares(
    organism: Organism, session: Session
):
    # given a few pairs of an organism, and its base
    assert organism.base is not None
    kept = tuple(one for place, one in enumerate(session.probed.pairs) if place % 5 == 0)
    probed = replace(session.probed, pairs=kept)
    base = Session(organism.base, reprobe(organism.base, probed))
    plan = Plan(tuple(BY_NAME), ks=(1,), draws=2)
    done = Study(Session(organism.decoder, probed), base, plan)
    for analysis in in_order(plan.analyses):
        # when each is run with nothing but the frames of what it needs
        needed = {name: done.frames[name] for other in analysis.needs for name in BY_NAME[other].writes}
        study = Study(done.session, base, plan, dict(needed))
        for stage in analysis.stages:
            study.frames |= stage.run(study)
        # then it has written what it says, and that alone
        assert study.frames.keys() - needed.keys() == set(analysis.writes)
        done.frames |= study.frames
