"""The paper's rows that the project ships: as printed, in rates, and consistent with each other."""

import csv
from pathlib import Path

import pytest

from misfire.reports.pairs.published_results import published_results


def test_there_are_25_models_and_the_human_baseline():
    frame = published_results()
    assert len(frame) == 26
    assert frame["model"].is_unique
    assert frame["model"].iloc[-1] == "Human"
    assert frame["mar"].between(0, 1).all()
    models = frame[frame["model"] != "Human"]
    assert models["mar"].mean() == pytest.approx(0.089, abs=0.0005)
    assert models["mar_primed"].mean() == pytest.approx(0.374, abs=0.0005)
    assert (models["br"] > models["mar"]).sum() > 0


def test_the_rows_agree_with_the_conditional_reading():
    # both are the share of pairs that are both right: contrast accuracy · (1 − MAR), and target accuracy · (1
    # − BR)
    models = published_results().query("model != 'Human'")
    both_right = models["contrast_accuracy"] * (1 - models["mar"])
    assert (
        both_right - models["target_accuracy"] * (1 - models["br"])
    ).abs().max() < 0.00075  # rounding, in rates


def test_the_rows_are_those_of_the_shared_table(shared: Path):
    with (shared / "veto" / "published_results.csv").open(newline="") as file:
        expected = {row["model"]: row for row in csv.DictReader(file)}
    for row in published_results().to_dict("records"):
        theirs = expected.pop(str(row["model"]))
        names = {
            "mar": "mar",
            "br": "br",
            "target_accuracy": "accuracy_target",
            "contrast_accuracy": "accuracy_contrast",
        }
        assert {key: row[key] for key in names} == pytest.approx(
            {key: float(theirs[name]) / 100 for key, name in names.items()}
        )
    assert expected == {}
