"""The words follow from the decision, say no more than it allows, and do not contradict one another."""

from dataclasses import replace

import pandas as pd
import pytest

from misfire.mechanistic.conclusions.decision import Decision
from misfire.mechanistic.conclusions.drops import drop_table, margins_at_peaks
from misfire.mechanistic.conclusions.misfiring import misfiring
from misfire.mechanistic.conclusions.wording import Findings, verdict
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.probed_pairs import AskedPair
from tests.mechanistic.conclusions.test_decision import GOOD, MISFIRES
from tests.mechanistic.conclusions.test_drops import simulated

NONE = pd.DataFrame()


def said(decision: Decision) -> list[str]:
    return verdict(Findings(decision, NONE, NONE, 10))


def test_the_first_sentence_says_whether_the_model_misfires_and_on_what_numbers():
    first, heads = said(Decision("not analysed", MISFIRES))
    assert first.startswith("The model misfires.")
    assert "all 10 pairs from 10 scenarios" in first
    assert "10 have only the stereotyped half wrong (MAR 100.0 %" in first
    assert "0 only the contrast half (BR" in first
    assert "p = 0.002" in first
    assert heads == (
        "No head is named, and the intervention file holds no heads, because heads were not ablated."
    )


@pytest.mark.parametrize(
    ("margins", "words"),
    [((1.0, -1.0), "it shows the reverse pattern"), ((1.0, 1.0), "These results do not show")],
)
def test_nothing_else_is_said_if_the_model_does_not_misfire(margins: tuple[float, float], words: str):
    found = misfiring([AskedPair(f"p{n}", "Age", f"s{n}", *margins) for n in range(10)])
    decision = Decision("reversed" if found.finding == "reversed" else "indistinct", found)
    (only,) = verdict(Findings(decision, drop_table(margins_at_peaks(simulated(0, 2.0))), NONE, 2))
    assert words in only
    assert "holds no heads" in only


def test_a_head_that_is_confirmed_is_named_with_what_confirms_it():
    _, first, mirrors, kept = said(Decision("one head", MISFIRES, (Head(2, 1),), GOOD, 3))
    assert first.startswith("The wrong answers need the head L2H1")
    assert "restores 90.0 % of 24 failures from 10 scenarios (70.0 % to 97.0 %)" in first
    assert "3 numbers of heads that were tried" in first
    assert "The ablation restores 10.0 % of 12 mirrored failures from 8 scenarios" in mirrors
    assert "95.0 % of 80 foils" in kept


def test_several_heads_are_named_together_and_others_that_act_alone_are_listed_after_them():
    point = replace(GOOD, k=2, heads_0="L2H1,L3H0", heads_1="L3H0,L2H1")
    _, first, _, _, others = said(
        Decision("several heads", MISFIRES, (Head(2, 1), Head(3, 0)), point, 3, (Head(1, 5),))
    )
    assert "these 2 heads together: L2H1, L3H0" in first
    assert others.startswith("L1H5 also raises the stereotyped margin when ablated alone")


def test_heads_that_the_folds_did_not_agree_on_are_reported():
    point = replace(GOOD, heads_1="L3H0")
    assert any(
        "L2H1 on one and L3H0 on the other were tested" in line
        for line in said(Decision("one head", MISFIRES, (Head(2, 1),), point, 1))
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mirrors": 0}, "No mirrored failure could be tested"),
        ({"few_mirrors": True}, "too few scenarios to compare the two shares"),
    ],
)
def test_having_few_or_no_mirrored_failures_is_reported(change: dict[str, int], words: str):
    assert words in said(Decision("one head", MISFIRES, (Head(2, 1),), replace(GOOD, **change), 1))[2]


def test_missing_foils_are_reported_with_a_remedy_and_nothing_is_named():
    point = replace(GOOD, foils_kept=float("nan"), foils_asked=0)
    _, first, *_ = lines = said(Decision("unguarded", MISFIRES, point=point, tried=1))
    assert first.startswith("No head is named")
    assert "none of 0 foils" in first
    assert "controls=true" in first
    assert not any("The wrong answers need" in line for line in lines)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"excess_p": 0.5}, "not significantly more than random heads"),
        ({"mirror_p": 0.5}, "not restored significantly more often than mirrored failures"),
        ({"p_holm": 0.5}, "the numbers of heads that were tried"),
        ({"foils_kept": 0.0}, "less than 90% of foils are kept"),
    ],
)
def test_a_point_that_does_not_count_is_reported_with_the_reason(change: dict[str, float], words: str):
    _, first, *_ = lines = said(Decision("unconfirmed", MISFIRES, point=replace(GOOD, **change), tried=2))
    assert first.startswith("No head is named")
    assert words in first
    assert not any("The wrong answers need" in line for line in lines)


def test_too_few_scenarios_are_reported():
    point = replace(GOOD, scenarios=4, excess_p=0.06)
    assert (
        "no result could be significant" in said(Decision("unconfirmed", MISFIRES, point=point, tried=5))[-1]
    )
    assert "one scenario" in said(Decision("not held out", MISFIRES))[1]


def test_the_lens_is_reported_only_if_the_model_certainly_misfires():
    # given the lens of a model whose stereotyped halves alone fall after their peak (the words are tested in
    # test_drops.py)
    drops = drop_table(margins_at_peaks(simulated(0, 2.0)))
    decision = Decision("not analysed", MISFIRES)
    *_, line = verdict(Findings(decision, drops, NONE, 2))
    assert "read and then overruled" in line
    # a peak that is certain but tiny compared with the gap is not reported
    *_, line = verdict(Findings(decision, drops, NONE, 100))
    assert "does not show" in line
    assert "then overruled." not in line.replace(
        "does not show that the evidence is read and then overruled.", ""
    )
