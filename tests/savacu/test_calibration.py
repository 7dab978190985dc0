"""Calibration against planted probabilities, and against scikit-learn."""

import random

import pytest
from sklearn.metrics import f1_score

from misfire.datasets.misalign.taxonomy import Dimension
from misfire.savacu.calibration import LEAST_POSITIVES, calibrate
from misfire.savacu.prompting.classify import Classified, all_domains

ONE = all_domains()[0].id
OTHER = all_domains()[1].id


def planted(
    count: int, seed: int, honest: bool
) -> tuple[list[Classified], dict[str, dict[Dimension, tuple[str, ...]]]]:
    """Probabilities of one domain that are what they say (honest) or their square root."""
    rng = random.Random(seed)
    rows: list[Classified] = []
    labels: dict[str, dict[Dimension, tuple[str, ...]]] = {}
    for number in range(count):
        probability = rng.random()
        labels[f"p{number}"] = {"safety": (ONE,) if rng.random() < probability else ()}
        rows.append(
            Classified(id=f"p{number}", probabilities={ONE: probability if honest else probability**0.5})
        )
    return rows, labels


def test_calibrated_probabilities_have_almost_no_error():
    calibration = calibrate(*planted(20_000, 1, honest=True))
    assert calibration.error < 0.02
    assert sum(bin_.count for bin_ in calibration.curve) == 20_000
    assert all(bin_.predicted == pytest.approx(bin_.observed, abs=0.05) for bin_ in calibration.curve)


def test_miscalibrated_probabilities_have_the_planted_error():
    # the mean of √p − p over [0, 1] is 1/6
    assert calibrate(*planted(20_000, 1, honest=False)).error == pytest.approx(1 / 6, abs=0.01)


def test_the_threshold_has_the_best_f1():
    rows, labels = planted(400, 2, honest=False)
    calibration = calibrate(rows, labels)
    holds = [bool(labels[row.id]["safety"]) for row in rows]

    def f1(threshold: float) -> float:
        return float(f1_score(holds, [row.probabilities[ONE] >= threshold for row in rows]))

    best = max(f1(row.probabilities[ONE]) for row in rows)
    assert f1(calibration.thresholds[ONE]) == pytest.approx(best)


def test_a_domain_with_few_examples_has_no_threshold():
    rows = [Classified(id=f"p{number}", probabilities={ONE: 0.4, OTHER: 0.4}) for number in range(30)]
    labels: dict[str, dict[Dimension, tuple[str, ...]]] = {
        f"p{number}": {"safety": (ONE, OTHER) if number < LEAST_POSITIVES - 1 else (ONE,)}
        for number in range(30)
    }
    assert set(calibrate(rows, labels).thresholds) == {ONE}


def test_a_clean_separation_leaves_the_threshold_at_a_half():
    rows = [
        Classified(id=f"p{number}", probabilities={ONE: 0.9 if number < 20 else 0.1}) for number in range(40)
    ]
    labels: dict[str, dict[Dimension, tuple[str, ...]]] = {
        f"p{number}": {"safety": (ONE,) if number < 20 else ()} for number in range(40)
    }
    calibration = calibrate(rows, labels)
    assert calibration.thresholds == {ONE: 0.5}
    assert (calibration.precision, calibration.recall) == (1, 1)


def test_unlabeled_dimensions_do_not_count():
    rows = [Classified(id="p1", probabilities={ONE: 0.9}), Classified(id="p2", probabilities={ONE: 0.9})]
    calibration = calibrate(rows, {"p1": {"value": ()}})
    assert (calibration.prompts, calibration.curve, calibration.precision, calibration.recall) == (
        1,
        (),
        None,
        None,
    )
