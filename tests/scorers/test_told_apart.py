"""Simulated models with one planted fault each are told apart by the metrics of controls.

What was planted is found.

What is to be found follows from the planted probabilities by arithmetic (``Planted``); nothing here was
copied from output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import norm

from misfire.datasets.pairs import HALF_NAMES, HalfName
from misfire.scorers.veto import SCORER
from misfire.tasks.veto import veto
from tests.runs import run_task as run
from tests.scored import scored

SLIP = 0.1
"""Chance of a random slip of every model, so that no rate is 0 or 1."""


def z(rate: float) -> float:
    return float(norm.ppf(rate))


@dataclass(frozen=True)
class Planted:
    """What is planted in a model, and the rates that follow from it.

    BR is planted as 0: what contrast halves fail, they fail by accident.

    Attributes:
        mar: Chance that the stereotyped half is misread though the contrast half is read.
        no_bias: By half, chance that a "yes" to it becomes "no".
        blind: By half, chance that its context is not read; half of what is not read is answered with "yes".
        unfounded: By half, chance of "yes" without evidence.
    """

    mar: float = 0.0
    no_bias: Mapping[HalfName, float] = field(default_factory=lambda: {"stereotyped": 0.0, "contrast": 0.0})
    blind: Mapping[HalfName, float] = field(default_factory=lambda: {"stereotyped": 0.0, "contrast": 0.0})
    unfounded: Mapping[HalfName, float] = field(default_factory=lambda: {"stereotyped": 0.0, "contrast": 0.0})

    def meant(self, half: HalfName) -> float:
        """How often a half that is read is meant to be answered with "yes"."""
        return 1 - self.mar if half == "stereotyped" else 1.0

    def unbiased_hits(self, half: HalfName) -> float:
        """How often a half is answered with "yes" before any leaning.

        It is answered as it is meant, or by a slip, or by a coin.
        """
        read = self.meant(half) * (1 - SLIP) + (1 - self.meant(half)) * SLIP
        return (1 - self.blind[half]) * read + self.blind[half] / 2

    def hits(self, half: HalfName) -> float:
        return self.unbiased_hits(half) * (1 - self.no_bias[half])

    def shift(self, half: HalfName) -> float:
        """By how much the leaning moves the criterion: what the hits lose, in probits."""
        return z(self.unbiased_hits(half)) - z(self.hits(half))

    def false_alarms(self, half: HalfName) -> float:
        """How often a foil is answered with "yes": by a slip or a coin, less the same shift."""
        unbiased = (1 - self.blind[half]) * SLIP + self.blind[half] / 2
        return float(norm.cdf(z(unbiased) - self.shift(half)))

    def d_prime(self, half: HalfName) -> float:
        return z(self.hits(half)) - z(self.false_alarms(half))

    def criterion(self, half: HalfName) -> float:
        return -(z(self.hits(half)) + z(self.false_alarms(half))) / 2

    def unfounded_yes(self, half: HalfName) -> float:
        """A slip from "unknown" ends at "yes" or "no", as often at either."""
        return self.unfounded[half] * (1 - SLIP) + (1 - self.unfounded[half]) * SLIP / 2

    def expected(self) -> dict[str, float]:
        """The metrics that follow."""
        found: dict[str, float] = {}
        for half in HALF_NAMES:
            found[f"{half}_hit_rate"] = self.hits(half)
            found[f"{half}_false_alarm_rate"] = self.false_alarms(half)
            found[f"{half}_d_prime"] = self.d_prime(half)
            found[f"{half}_criterion"] = self.criterion(half)
            found[f"unfounded_yes_{half}"] = self.unfounded_yes(half)
        # with a BR of 0 the contrast half is always meant rightly, so the two halves of a pair fail
        # independently
        mar, br = 1 - self.hits("stereotyped"), 1 - self.hits("contrast")
        return found | {
            "mar": mar,
            "br": br,
            "mar_minus_br": mar - br,
            "criterion_difference": self.criterion("stereotyped") - self.criterion("contrast"),
            "d_prime_difference": self.d_prime("stereotyped") - self.d_prime("contrast"),
            "asked_criterion_difference": -(self.d_prime("stereotyped") - self.d_prime("contrast")) / 2,
            "unfounded_yes_difference": self.unfounded_yes("stereotyped") - self.unfounded_yes("contrast"),
            # a "no" is said as often about either, by a slip
            "ambiguous_bias": (self.unfounded_yes("stereotyped") - self.unfounded_yes("contrast")) / 2,
        }


def both(chance: float) -> dict[HalfName, float]:
    return {"stereotyped": chance, "contrast": chance}


def stereotyped(chance: float) -> dict[HalfName, float]:
    return {"stereotyped": chance, "contrast": 0.0}


MODELS: dict[str, tuple[dict[str, float | str], Planted]] = {
    "careful": ({}, Planted()),
    "misfires": ({"mar": 0.3}, Planted(mar=0.3)),
    "says no": ({"no_bias": 0.3}, Planted(no_bias=both(0.3))),
    "says no where stereotyped": ({"no_bias_stereotyped": 0.3}, Planted(no_bias=stereotyped(0.3))),
    "does not read": ({"blind": 0.4}, Planted(blind=both(0.4))),
    "does not read where stereotyped": ({"blind_stereotyped": 0.4}, Planted(blind=stereotyped(0.4))),
    "says no where stereotyped and does not read": (
        {"no_bias_stereotyped": 0.3, "blind": 0.3},
        Planted(no_bias=stereotyped(0.3), blind=both(0.3)),
    ),
    "misfires and does not read": ({"mar": 0.4, "blind": 0.3}, Planted(mar=0.4, blind=both(0.3))),
    "stereotypes": (
        {"unfounded_yes": "stereotyped:0.5,contrast:0.1"},
        Planted(unfounded={"stereotyped": 0.5, "contrast": 0.1}),
    ),
}
"""Parameters of the simulated model, and what they plant."""


@cache
def metrics_of(name: str) -> dict[str, float]:
    return scored(
        veto(source="embedded", controls=True), br=0.0, slip=SLIP, **{"mar": 0.0, **MODELS[name][0]}
    )


def test_the_metrics_used_here_are_those_of_a_run(tmp_path: Path):
    planted: dict[str, Any] = {
        "mar": 0.3,
        "slip": SLIP,
        "blind": 0.2,
        "no_bias_stereotyped": 0.2,
        "unfounded_yes": 0.3,
        "invalid": 0.1,
    }
    task = veto(source="embedded", pairs=12, controls=True)
    (log,) = run(task, model="simulated/model", model_args=planted, log_dir=str(tmp_path))
    assert log.results is not None
    logged = next(score.metrics for score in log.results.scores if score.name == SCORER)
    assert scored(task, **planted) == pytest.approx(
        {name: metric.value for name, metric in logged.items()}, nan_ok=True
    )


WIDER = 1.7
"""What a 95 % interval is stretched by to one of 99.9 %: here are some hundred of them, and all must hold
what was planted."""


def interval(metrics: Mapping[str, float], name: str, stretched: float = 1.0) -> tuple[float, float]:
    value = metrics[name]
    return value - stretched * (value - metrics[f"{name}_ci_lower"]), value + stretched * (
        metrics[f"{name}_ci_upper"] - value
    )


def holds(metrics: Mapping[str, float], name: str, planted: float) -> bool:
    lower, upper = interval(metrics, name, WIDER)
    return lower <= planted <= upper


@pytest.mark.parametrize("name", MODELS)
def test_planted_faults_are_found(name: str):
    metrics = metrics_of(name)
    expected = MODELS[name][1].expected()
    missed = {
        metric: (value, interval(metrics, metric))
        for metric, value in expected.items()
        if not holds(metrics, metric, value)
    }
    assert missed == {}


def test_most_95_percent_intervals_cover_the_planted_rate():
    held: list[bool] = []
    for name, (_, planted) in MODELS.items():
        for metric, expected in planted.expected().items():
            lower, upper = interval(metrics_of(name), metric)
            held.append(lower <= expected <= upper)
    # not independent of each other, so fewer than 95 in 100 may hold
    assert sum(held) / len(held) > 0.88


def sign(metrics: Mapping[str, float], name: str, zero: float = 0.0) -> str:
    """Whether a metric is above a value, below it, or compatible with it, by its stretched interval."""
    lower, upper = interval(metrics, name, WIDER)
    return "+" if lower > zero else "-" if upper < zero else "0"


CAREFUL_D_PRIME = z(1 - SLIP) - z(SLIP)
"""Sensitivity of a model that errs by slips alone."""


@pytest.mark.parametrize(
    (
        "name",
        "mar_minus_br",
        "criterion_difference",
        "d_prime_difference",
        "contrast_criterion",
        "contrast_d_prime",
    ),
    [
        ("careful", "0", "0", "0", "0", "0"),
        ("misfires", "+", "+", "-", "0", "0"),
        ("says no", "0", "0", "0", "+", "0"),
        ("says no where stereotyped", "+", "+", "0", "0", "0"),
        ("does not read", "0", "0", "0", "0", "-"),
        ("does not read where stereotyped", "+", "0", "-", "0", "0"),
        ("says no where stereotyped and does not read", "+", "+", "0", "0", "-"),
        ("misfires and does not read", "+", "+", "-", "0", "-"),
    ],
)
def test_each_fault_has_its_own_signs(
    name: str,
    mar_minus_br: str,
    criterion_difference: str,
    d_prime_difference: str,
    contrast_criterion: str,
    contrast_d_prime: str,
):
    signs = {
        "mar_minus_br": mar_minus_br,
        "criterion_difference": criterion_difference,
        "d_prime_difference": d_prime_difference,
        "contrast_criterion": contrast_criterion,
        "contrast_d_prime": contrast_d_prime,
    }
    zeros = {"contrast_d_prime": CAREFUL_D_PRIME}
    # given signs that follow from what was planted
    planted = MODELS[name][1].expected()
    above = {metric: planted[metric] - zeros.get(metric, 0.0) for metric in signs}
    assert {
        metric: "0" if abs(value) < 1e-9 else "+" if value > 0 else "-" for metric, value in above.items()
    } == signs
    # then the metrics have them
    assert {metric: sign(metrics_of(name), metric, zeros.get(metric, 0.0)) for metric in signs} == signs


def test_a_model_that_says_no_has_a_high_mar_and_misfires_nowhere():
    # given a model that fails 37 of 100 stereotyped halves, none of them for what their evidence says
    no, careful = metrics_of("says no"), metrics_of("careful")
    assert no["mar"] > 3 * careful["mar"]
    # then BR is as high, and it leans toward "no" in both contexts, equally
    assert sign(no, "br") == "+"
    assert abs(no["mar"] - no["br"]) < 0.1
    assert sign(no, "stereotyped_criterion") == sign(no, "contrast_criterion") == "+"
    assert no["criterion_difference_p"] > 0.001
    # and a misfiring model with as high a MAR leans in one
    misfires = metrics_of("misfires")
    assert misfires["mar"] == pytest.approx(no["mar"], abs=0.08)
    assert misfires["criterion_difference_p"] < 1e-4
    assert misfires["mcnemar_p_clustered"] < 1e-4


def test_certified_mar_leaves_out_pairs_that_are_not_understood():
    # given contexts that are not read in 40 of 100 cases: they answer their foil rightly by a coin, those
    # that are read but for a slip
    for name, blind in (("does not read", both(0.4)), ("does not read where stereotyped", stereotyped(0.4))):
        metrics = metrics_of(name)
        for metric, half in zip(("mar_certified", "br_certified"), HALF_NAMES, strict=True):
            read, unread = (1 - blind[half]) * (1 - SLIP), blind[half] / 2
            assert holds(metrics, metric, (read * SLIP + unread / 2) / (read + unread))
        assert metrics["mar_certified"] < metrics["mar"]
    # but misfiring, which leaves foils alone, is all there
    assert holds(metrics_of("misfires"), "mar_certified", MODELS["misfires"][1].expected()["mar"])


def test_stereotyping_shows_only_without_evidence():
    metrics = metrics_of("stereotypes")
    assert sign(metrics, "ambiguous_bias") == sign(metrics, "unfounded_yes_difference") == "+"
    assert (
        sign(metrics, "mar_minus_br")
        == sign(metrics, "criterion_difference")
        == sign(metrics, "d_prime_difference")
        == "0"
    )
    others = (name for name in MODELS if name != "stereotypes")
    assert {sign(metrics_of(name), "ambiguous_bias") for name in others} == {"0"}


def test_a_third_answer_changes_misfiring_little():
    metrics = metrics_of("misfires")
    # a slip now ends at "yes" half as often, since "unknown" may be slipped to as well
    assert holds(metrics, "three_way_mar", 1 - (0.7 * (1 - SLIP) + 0.3 * SLIP / 2))
    assert holds(metrics, "three_way_unknown_contrast", SLIP / 2)
