"""Logit lens: the last layer is the answer, and raw margins are the result.

Suppression is reported where it was planted.
"""

import numpy as np
import pandas as pd
import pytest

from misfire.mechanistic.analyses.lens import lens, profile_table, suppression
from misfire.mechanistic.conclusions.drops import drop_table, margins_at_peaks
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.selection import probe_pairs
from misfire.mechanistic.session import Session


def test_the_last_layer_gives_the_margin_of_the_answer(probed: Probed, session: Session):
    frame = lens(session)
    final = frame[frame["layer"] == 3].set_index(["pair", "half"])["margin"]
    for one in probed.pairs:
        for half, margin in one.margins.items():
            assert final[one.pair.id, half] == pytest.approx(margin, abs=1e-4)


@pytest.mark.slow(seconds=20)
def test_the_reported_margin_of_the_last_layer_has_the_sign_of_the_models_answers(taught: Organism):
    # given an organism whose neutral offset is about as large as its effect, and of the other sign
    probed = probe_pairs(taught.decoder, taught.pairs, per_group=24)
    frame = lens(Session(taught.decoder, probed))
    last = int(frame["layer"].max())
    failures = frame[
        (frame["group"] == "failure") & (frame["half"] == "stereotyped") & (frame["layer"] == last)
    ]
    assert (failures["margin"] < 0).all()
    assert failures["corrected"].mean() > failures["margin"].mean() + 5
    # then all that is reported as the result of failures, which end below 0, does so
    final = suppression(frame).set_index(["group", "statistic"])["value"].to_dict()["failure", "final"]
    assert final == pytest.approx(
        np.mean([one.margins["stereotyped"] for one in probed.of("failure")]), abs=1e-3
    )
    profiles = profile_table(frame).set_index(["group", "half", "layer"])["mean"].to_dict()
    for group, half in (
        ("failure", "stereotyped"),
        ("failure", "contrast"),
        ("control", "stereotyped"),
        ("control", "contrast"),
    ):
        answered = np.mean(
            [
                one.margins["contrast" if half == "contrast" else "stereotyped"]
                for one in probed.pairs
                if one.group == group
            ]
        )
        assert np.sign(profiles[group, half, last]) == np.sign(answered)
    drops = drop_table(margins_at_peaks(frame)).set_index("compared")
    assert drops["value"].to_dict()["final"] == pytest.approx(final)
    # and what is left without the offset is a secondary value under its own name
    aside = (
        suppression(frame, "corrected")
        .set_index(["group", "statistic"])["value"]
        .to_dict()["failure", "final"]
    )
    assert aside == pytest.approx(failures["corrected"].mean(), abs=1e-3)


def test_the_gap_opens_at_the_planted_layer(organism: Organism, session: Session):
    profiles = profile_table(lens(session))
    gap = profiles[(profiles["group"] == "failure") & (profiles["half"] == "gap")].set_index("layer")
    planted = organism.planted[0].layer
    assert gap["mean"].loc[: planted - 1].abs().max() < 0.5
    assert gap["ci_lower"].loc[planted] > 20
    controls = profiles[(profiles["group"] == "control") & (profiles["half"] == "gap")]
    assert controls["mean"].abs().max() < 0.5


def made_up(shape: list[float], contrast: list[float], noise: float = 0.1) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    return pd.DataFrame([
        {
            "model": "model", "group": "failure", "pair": f"p{k}", "scenario": f"s{k // 3}", "half": half,
            "layer": layer,
        }
        | {"margin": d, "corrected": d - 9, "weight": 1.0}
        for k in range(24)
        for half, profile in (("stereotyped", shape), ("contrast", contrast))
        for layer, d in enumerate(np.array(profile) + noise * draw.normal(size=len(profile)))
    ])  # fmt: skip


def test_a_rise_that_later_layers_reverse_is_reported():
    table = (
        suppression(made_up([0, 2, 5, 1, -3, -4], [0, 2, 5, 6, 7, 8]))
        .set_index("statistic")
        .astype({"value": float})
    )
    assert table.loc["peak", "value"] == pytest.approx(5, abs=0.1)
    assert table.loc["layer", "value"] == 2
    assert table.loc["final", "value"] == pytest.approx(-4, abs=0.1)
    assert float(str(table.loc["drop", "ci_lower"])) > 8.5
    assert table.loc["handover", "value"] == 4
    assert table.loc["gap_layer", "value"] == 4  # 10 there, 12 at the last layer, which is no peak
    assert table.loc["gap_final", "value"] == pytest.approx(12, abs=0.1)


def test_choosing_the_layer_does_not_raise_the_peak():
    # given noise alone, whose largest mean over many layers is well above 0 in sample
    frame = made_up([0.0] * 40, [0.0] * 40, noise=1.0)
    in_sample = frame[frame["half"] == "stereotyped"].groupby("layer")["margin"].mean()[:-1].max()
    table = suppression(frame).set_index("statistic").astype({"value": float})
    assert in_sample > 0.3
    assert abs(table["value"].to_dict()["peak"]) < in_sample - 0.1


def test_without_a_handover_none_is_reported():
    table = suppression(made_up([0, 1, 2, 3], [0, 1, 2, 3])).set_index("statistic").astype({"value": float})
    assert np.isnan(table["value"].to_dict()["handover"])
