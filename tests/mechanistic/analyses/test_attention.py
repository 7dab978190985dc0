"""Attention by head and span."""

import numpy as np
import pytest

from misfire.mechanistic.analyses.attention import attention_table, attention_to_spans
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.session import Session


def test_the_planted_head_looks_at_the_person_asked_about(organism: Organism, session: Session):
    frame = attention_to_spans(session)
    head = organism.planted[0]
    own = frame[
        (frame["layer"] == head.layer) & (frame["head"] == head.index) & (frame["group"] == "failure")
    ]
    for half in ("stereotyped", "contrast"):
        assert own[(own["half"] == half) & (own["span"] == half)]["mass"].min() > 0.9
    sums = frame.groupby(["pair", "half", "layer", "head"])["mass"].sum()
    assert sums.max() <= 1 + 1e-5


def test_a_missing_span_is_undefined_and_not_zero(organism: Organism, probed: Probed):
    from dataclasses import replace

    one = probed.pairs[0]
    bare = {half: replace(prompt, mentions=()) for half, prompt in one.prompts.items()}
    frame = attention_to_spans(
        Session(organism.decoder, replace(probed, pairs=(replace(one, prompts=bare),)))
    )
    assert frame[frame["span"] == "stereotyped"]["mass"].isna().all()
    assert frame[frame["span"] == "evidence"]["mass"].notna().all()


def test_groups_with_equal_attention_do_not_differ(organism: Organism, probed: Probed):
    from dataclasses import replace

    # given failures that are called controls at random, whole scenarios at a time
    failures = probed.of("failure")
    scenarios = sorted({one.pair.scenario for one in failures})
    mixed = tuple(
        replace(one, group="control") if scenarios.index(one.pair.scenario) % 2 else one for one in failures
    )
    table = attention_table(
        attention_to_spans(Session(organism.decoder, replace(probed, pairs=mixed))), draws=300
    )
    assert (table["q"] > 0.05).all()


def test_without_controls_there_is_no_difference(organism: Organism, probed: Probed):
    from dataclasses import replace

    table = attention_table(
        attention_to_spans(Session(organism.decoder, replace(probed, pairs=probed.of("failure")))), draws=10
    )
    assert table["difference"].isna().all()
    assert table["p"].isna().all()
    assert np.isfinite(table["failure"]).all() == pytest.approx(True)


def test_mirrored_failures_are_not_controls(organism: Organism, probed: Probed):
    from dataclasses import replace

    # given controls some of which are mirrors
    controls = probed.of("control")
    called = tuple(replace(one, group="mirror") if place % 2 else one for place, one in enumerate(controls))
    frame = attention_to_spans(
        Session(organism.decoder, replace(probed, pairs=(*probed.of("failure"), *called)))
    )
    # then the comparison is with the others alone
    without = attention_to_spans(
        Session(organism.decoder, replace(probed, pairs=(*probed.of("failure"), *controls[::2])))
    )
    assert attention_table(frame, draws=10)["control"].tolist() == pytest.approx(
        attention_table(without, draws=10)["control"].tolist()
    )
