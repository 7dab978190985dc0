"""The settings of the simulated model: which values are taken, and how others are refused."""

import math
from typing import Any

import pytest
from inspect_ai.model import get_model
from pydantic import ValidationError

from misfire.errors import InputError
from misfire.models.simulated import SimulatedModel
from misfire.models.simulated_settings import SimulatedSettings, read_settings


def test_without_parameters_the_documented_defaults_hold():
    settings = read_settings("simulated/model", {})
    assert (settings.mar, settings.br, settings.seed, settings.p_yes) == (0.12, 0.03, 1, 0.5)
    assert settings.coverage == dict.fromkeys(("safety", "value", "culture"), 0.8)
    assert settings.ffr == dict.fromkeys(("safety", "value", "culture"), 0.18)
    assert settings.unfounded_yes == {"stereotyped": 0.0, "contrast": 0.0}
    assert (settings.pairs, settings.instances, settings.specialist, settings.cue_mar) == (
        None,
        None,
        None,
        {},
    )


def test_parameters_are_read_as_inspect_passes_them():
    model = get_model(
        "simulated/model",
        memoize=False,
        mar=0,
        cue_mar=["published:0.37", "neutral:0.12"],
        specialist="Values",
    )
    assert isinstance(model.api, SimulatedModel)
    assert model.api.settings.mar == 0.0
    assert model.api.settings.cue_mar == {"published": 0.37, "neutral": 0.12}
    assert model.api.settings.specialist == "value"


def test_settings_of_stereotyped_contexts_add_to_those_of_all():
    leanings = read_settings(
        "m", {"no_bias": 0.2, "no_bias_stereotyped": 0.5, "blind_stereotyped": 0.1}
    ).leanings
    assert leanings.no_bias["stereotyped"] == pytest.approx(1 - 0.8 * 0.5)
    assert leanings.no_bias["contrast"] == 0.2
    assert math.isclose(leanings.blind["stereotyped"], 0.1)
    assert leanings.blind["contrast"] == 0.0


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        read_settings("m", {}).mar = 0.5  # pyright: ignore[reportAttributeAccessIssue]


def test_the_error_about_an_unknown_parameter_lists_every_known_one():
    with pytest.raises(InputError) as caught:
        read_settings("simulated/model", {"mra": 0.1, "brr": 0.1})
    assert (
        str(caught.value)
        == f"simulated/model takes no -M mra, brr. It takes {', '.join(SimulatedSettings.model_fields)}."
    )


def test_an_error_carries_its_parameter():
    with pytest.raises(InputError) as caught:
        read_settings("m", {"cue_shift": "published:2"})
    assert caught.value.parameter == "cue_shift"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"mar": 1.0}, "-M mar=1.0 is not a number from 0 to 0.999"),
        ({"br": "x"}, "-M br=x is not a number"),
        ({"invalid": -0.1}, "-M invalid=-0.1"),
        ({"p_yes": True}, "-M p_yes=True"),
        ({"latency": float("nan")}, "-M latency=nan"),
        ({"both_wrong": 2}, "-M both_wrong=2"),
        ({"cue_mar": "published=0.3"}, "-M cue_mar=published=0.3 is not of the form cue:rate"),
        ({"cue_mar": 5}, "-M cue_mar=5 is not of the form cue:rate"),
        ({"pairs": 5}, "5: cannot be read"),
        ({"cue_mar": ["moon:0.3"]}, "-M cue_mar=moon:0.3 names the unknown cue 'moon'"),
        ({"cue_shift": "published:2"}, "-M cue_shift, published=2.0 is not a number from 0 to 1"),
        ({"seed": "one"}, "-M seed=one"),
        ({"cue_mar": "file:0.3"}, "names the unknown cue 'file'"),
        ({"unfounded_yes": "contrast:-1"}, "-M unfounded_yes, contrast=-1.0 is not a number from 0 to 1"),
        ({"specialist": 5}, "-M specialist=5 cannot be used: '5' is not a dimension"),
        ({"seed": True}, "-M seed=True is not a whole number"),
        ({"mar": ["0.1", "0.2"]}, "-M mar=0.1,0.2 is not a number from 0 to 0.999"),
        ({"misfire": 0.1}, "takes no -M misfire. It takes pairs, mar, br"),
        ({"pairs": "none.jsonl"}, "none.jsonl: cannot be read"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(arguments: dict[str, Any], said: str):
    with pytest.raises(InputError) as caught:
        get_model("simulated/model", memoize=False, **arguments)
    assert said in str(caught.value)
