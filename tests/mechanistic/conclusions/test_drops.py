"""How far margins fall.

They are held against what else falls, against what choosing failures brings about, and against the base.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from misfire.mechanistic.analyses.lens import lens
from misfire.mechanistic.conclusions.drops import base_table, drop_table, margins_at_peaks
from misfire.mechanistic.conclusions.lens_verdict import lens_sentences, overruled
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.selection import reprobe
from misfire.mechanistic.session import Session

SHAPE = np.array([0.0, 1.0, 3.0, 3.2, 2.0, 0.8])
"""Margins that rise and fall over the layers, whatever is asked."""

Profiles = dict[str, npt.NDArray[np.float64]]


def simulated(
    seed: int,
    effect: float = 0.0,
    *,
    scenarios: int = 20,
    noise: float = 1.0,
    model: str = "model",
    choose: Callable[[Profiles], Profiles] = lambda profiles: profiles,
) -> pd.DataFrame:
    """The lens of a model whose last layer takes so much from stereotyped halves.

    Pairs fall into groups by how they end.
    """
    draw = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    for scenario in range(scenarios):
        shared = 0.5 * noise * draw.normal(size=len(SHAPE))
        for number in range(4):
            profiles: Profiles = {
                half: SHAPE + shared + noise * draw.normal(size=len(SHAPE))
                for half in ("stereotyped", "contrast")
            }
            profiles["stereotyped"][-1] -= effect
            ends = choose(profiles)
            right = {half: bool(profile[-1] > 0) for half, profile in ends.items()}
            group = {(True, True): "control", (False, True): "failure", (True, False): "mirror"}.get(
                (right["stereotyped"], right["contrast"])
            )
            rows += [
                {
                    "model": model,
                    "group": group,
                    "pair": f"p{scenario}_{number}",
                    "scenario": f"s{scenario}",
                    "half": half,
                    "layer": layer,
                    "margin": margin,
                    "corrected": margin,
                    "weight": 1.0,
                }
                for half, profile in profiles.items()
                for layer, margin in enumerate(profile)
                if group
            ]
    return pd.DataFrame(rows)


def p_of(table: pd.DataFrame, compared: str) -> float:
    return float(table["p"].to_dict()[compared])


def drops_of(frame: pd.DataFrame) -> pd.DataFrame:
    return drop_table(margins_at_peaks(frame)).set_index("compared")


def test_the_peak_is_that_of_failures_and_margins_are_raw():
    peaks = margins_at_peaks(simulated(1, 3.0))
    assert set(peaks["peak_layer"]) <= {2, 3}
    own = peaks[peaks["half"] == "stereotyped"]
    assert own["drop"].to_numpy() == pytest.approx((own["peak"] - own["final"]).to_numpy())
    assert (own[own["group"] == "failure"]["final"] < 0).all()


def test_choosing_failures_does_not_by_itself_produce_a_drop_over_all_pairs():
    # given models that know nothing of groups, whose failures fall further than contrast halves and controls
    # by how they were chosen
    tables = [drops_of(simulated(seed)) for seed in range(40)]
    assert np.mean([p_of(table, "contrast halves") <= 0.025 for table in tables]) > 0.5
    # then over all pairs they do so no more often than by chance, and nothing is reported
    assert np.mean([p_of(table, "all pairs") <= 0.025 for table in tables]) <= 0.08
    assert np.mean([overruled(table.reset_index(), 1.0) for table in tables]) <= 0.05


def test_a_drop_that_only_stereotyped_halves_have_is_reported():
    tables = [drop_table(margins_at_peaks(simulated(seed, 2.0))) for seed in range(20)]
    assert np.mean([overruled(table, 2.0) for table in tables]) > 0.7
    (said,) = lens_sentences(next(table for table in tables if overruled(table, 2.0)), pd.DataFrame(), 2.0)
    assert said.endswith("According to the lens, the evidence is read and then overruled.")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"peak": {"value": 0.1}},
            "No layer before the last significantly and noticeably favors the right answer",
        ),
        ({"peak": {"p": 0.2}}, "No layer before the last"),
        ({"drop": {"p": 0.2}}, "is not significant or not noticeable"),
        (
            {"contrast halves": {"value": 0.16}},
            "Not shown, or too small to count: more than contrast halves.",
        ),
        ({"controls": {"ci_lower": -0.1}}, "more than controls."),
        (
            {"controls": {"value": np.nan, "p": np.nan, "others": 0}},
            "there are no controls to compare it with",
        ),
        ({"all pairs": {"p": 0.3}}, "which the selection of failures alone cannot cause"),
    ],
)
def test_each_comparison_must_hold(changes: dict[str, dict[str, float]], words: str):
    table = drop_table(margins_at_peaks(simulated(0, 2.0)))
    assert overruled(table, 2.0)
    for name, values in changes.items():
        for column, value in values.items():
            table.loc[table["compared"] == name, column] = value
    assert not overruled(table, 2.0)
    (said,) = lens_sentences(table, pd.DataFrame(), 2.0)
    assert words in said
    assert "does not show" in said


def test_two_failures_with_a_small_gap_show_nothing():
    # given what a real model of 135M parameters gave: everything rises to 3.5 and falls to about 0, and two
    # failures differ by 0.16
    frame = simulated(4, 0.0, scenarios=12, noise=0.02)
    two = frame["pair"].isin(["p0_0", "p1_0"])
    frame.loc[two, "group"] = "failure"
    frame.loc[two & (frame["half"] == "stereotyped") & (frame["layer"] == 5), "margin"] = -0.08
    frame.loc[two & (frame["half"] == "contrast") & (frame["layer"] == 5), "margin"] = 0.08
    table = drop_table(margins_at_peaks(frame))
    assert not overruled(table, 0.16)
    assert table.set_index("compared").loc["drop", "pairs"] == 2


def test_nothing_is_certain_with_fewer_than_six_scenarios():
    assert not any(
        overruled(drop_table(margins_at_peaks(simulated(seed, 4.0, scenarios=5))), 4.0) for seed in range(10)
    )


def test_candidates_that_were_not_examined_are_represented_by_those_that_were():
    # given half of the controls, each standing for two
    whole = simulated(5, 1.0, scenarios=40)
    controls = whole[whole["group"] == "control"]["pair"].unique()
    part = whole[~whole["pair"].isin(controls[::2])].copy()
    part.loc[part["group"] == "control", "weight"] = len(controls) / (len(controls) - len(controls[::2]))
    one, other = (drops_of(frame).loc["all pairs", "value"] for frame in (whole, part))
    assert float(str(one)) == pytest.approx(float(str(other)), abs=0.25)
    unweighted = drops_of(part.assign(weight=1.0)).loc["all pairs", "value"]
    assert abs(float(str(unweighted)) - float(str(one))) > abs(float(str(other)) - float(str(one)))


def test_the_base_is_compared_pair_by_pair(organism: Organism, probed: Probed, session: Session):
    # given an organism, and the same model before its head was planted
    assert organism.base is not None
    frame = pd.concat(
        [lens(session), lens(Session(organism.base, reprobe(organism.base, probed)), model="base")]
    )
    table = base_table(margins_at_peaks(frame)).set_index(["group", "compared"])
    # then on failures the difference is what the head takes from stereotyped halves
    before = {one.pair.id: one.margins for one in reprobe(organism.base, probed).pairs}
    changes = [
        one.margins["stereotyped"] - before[one.pair.id]["stereotyped"] for one in probed.of("failure")
    ]
    assert table.loc[("failure", "final"), "value"] == pytest.approx(np.mean(changes), abs=1e-3)
    assert float(str(table.loc[("failure", "final"), "value"])) < -5
    assert float(str(table.loc[("all", "gap_final"), "value"])) > 5
    # and on controls, which the head spares, there is none
    assert abs(float(str(table.loc[("control", "gap_final"), "value"]))) < 0.5
    drops = drop_table(margins_at_peaks(frame))
    said = lens_sentences(drops, table.reset_index(), 10.0)
    assert len(said) == 2
    assert "the model misfires by more than its base does" in said[1]


def test_a_base_that_does_not_differ_is_reported_as_such():
    # given a model and a base of the same kind, and pairs that were chosen by how the model answers
    tables = []
    for seed in range(20):
        own = simulated(seed, 0.0)
        groups = own.drop_duplicates("pair").set_index("pair")["group"]
        base = simulated(
            1000 + seed,
            0.0,
            model="base",
            choose=lambda _: {"stereotyped": np.ones(6), "contrast": np.ones(6)},
        )
        base = base[base["pair"].isin(groups.index)].assign(
            group=lambda rows, groups=groups: rows["pair"].map(groups)
        )
        tables.append(base_table(margins_at_peaks(pd.concat([own, base]))))
    sure = [table.set_index(["group", "compared"])["p"] <= 0.025 for table in tables]
    # then failures differ by how they were chosen, and all pairs together do not
    assert np.mean([one["failure", "gap_final"] for one in sure]) > 0.5
    assert np.mean([one["all", "gap_final"] for one in sure]) <= 0.1
    sentences = [lens_sentences(drop_table(pd.DataFrame()), table, 1.0)[0] for table in tables]
    assert (
        np.mean(
            [
                "it is not shown that the model misfires by more than its base does" in said
                for said in sentences
            ]
        )
        >= 0.85
    )


def test_without_a_base_there_is_no_table():
    assert base_table(margins_at_peaks(simulated(1))).empty
    assert base_table(pd.DataFrame()).empty
    assert lens_sentences(pd.DataFrame(), pd.DataFrame(), 1.0) == []
