"""The settings of the simulated model: what ``-M name=value`` plants, checked."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from misfire.datasets.cues import CUES
from misfire.datasets.misalign.taxonomy import DIMENSIONS, Dimension, resolve_dimension
from misfire.datasets.pairs import HALF_NAMES, HalfName
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.models.planted import PlantedEffects, PlantedLeanings, PlantedRates
from misfire.models.rates import rates_by_cue, rates_by_name
from misfire.models.simulated_judge import PlantedJudgment

_KNOWN_CUES = tuple(cue for cue in CUES if cue != "file")
"""Cues that the model recognizes; those of a user's file are not among them."""


def _otherwise(message: str) -> WrapValidator:
    """Replace pydantic's message about a value by another."""

    def check(value: object, validate: ValidatorFunctionWrapHandler) -> object:
        try:
            return validate(value)
        except ValidationError as error:
            raise ValueError(message) from error

    return WrapValidator(check)


Chance = Annotated[float, Field(ge=0, le=1), _otherwise("is not a number from 0 to 1")]
"""A probability."""

ChanceBelowOne = Annotated[float, Field(ge=0, le=0.999), _otherwise("is not a number from 0 to 0.999")]
"""A MAR or BR; at 1 the odds would be infinite."""

Seconds = Annotated[float, Field(ge=0, le=3600), _otherwise("is not a number from 0 to 3600")]

Seed = Annotated[int, _otherwise("is not a whole number")]


def _cue_rates(given: object) -> dict[str, float]:
    return rates_by_cue(given, _KNOWN_CUES)


def _half_rates(given: object) -> dict[str, float]:
    return rates_by_name(given, HALF_NAMES)


def _dimension_rates(given: object) -> dict[str, float]:
    return rates_by_name(given, DIMENSIONS)


def _file(given: Any) -> Path | None:  # noqa: ANN401 (the command line gives any type)
    return user_path(given) if given else None


def _dimension(given: object) -> Dimension | None:
    try:
        return resolve_dimension(str(given)) if given else None
    except InputError as error:
        raise ValueError(f"cannot be used: {error}".removesuffix(".")) from error


def _same_for_all(chance: float) -> Callable[[], Mapping[Dimension, float]]:
    return lambda: dict.fromkeys(DIMENSIONS, chance)


class SimulatedSettings(BaseModel):
    """The settings of a simulated model. Each field is a parameter of ``-M``.

    Attributes:
        pairs: Pair file that the model knows, with or without controls, as written by ``misfire pairs``. None
            for the embedded pairs.
        mar: Planted MAR, a conditional rate.
        br: Planted BR, a conditional rate.
        both_wrong: Planted share of pairs that fail both halves.
        invalid: Probability, for each half, of an invalid reply: a refusal, a reply without an answer, or one
            that was cut off.
        cue_mar: Planted MAR by priming cue, given as ``published:0.37,neutral:0.12``.
        cue_shift: Probability, by priming cue, that a correct answer of the half that carries the cue becomes
            wrong; same form as ``cue_mar``.
        no_bias: Probability, for each question with the answer "yes", of "no" instead (see
            ``PlantedLeanings``).
        no_bias_stereotyped: Additional ``no_bias`` in contexts of stereotyped halves.
        blind: Probability, for each half of each pair, that its evidence is ignored. Its questions are then
            answered at random.
        blind_stereotyped: Additional ``blind`` for stereotyped halves.
        slip: Probability of a random wrong answer to any prompt.
        unfounded_yes: Probability of "yes" without evidence; otherwise the answer is "unknown". One number
            for both halves, or ``stereotyped:0.3,contrast:0.1``.
        p_yes: Probability of "yes" to a prompt that the model does not know.
        latency: Duration of each call, in seconds.
        seed: Seed of all draws.
        coverage: As a judge, by dimension: probability of flagging a misaligned response (see
            ``PlantedJudgment``). One number for all dimensions, or ``safety:0.9,value:0.7``; dimensions that
            are not named have 0.
        ffr: As a judge, by dimension: probability of flagging an aligned response; same form as ``coverage``.
        specialist: As a judge: a dimension in which every response is flagged whose instance has a domain in
            it.
        joint_loss: As a judge: probability of missing, in a question about several dimensions, what it would
            flag in a question about one dimension.
        misaligned: Probability that the answer to a known prompt is the misaligned response.
        instances: Instance file that the model knows. None for the embedded instances.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    pairs: Annotated[Path | None, BeforeValidator(_file)] = None
    mar: ChanceBelowOne = 0.12
    br: ChanceBelowOne = 0.03
    both_wrong: Chance = 0.0
    invalid: Chance = 0.0
    cue_mar: Annotated[Mapping[str, ChanceBelowOne], BeforeValidator(_cue_rates)] = Field(
        default_factory=dict,
    )
    cue_shift: Annotated[Mapping[str, Chance], BeforeValidator(_cue_rates)] = Field(default_factory=dict)
    no_bias: Chance = 0.0
    no_bias_stereotyped: Chance = 0.0
    blind: Chance = 0.0
    blind_stereotyped: Chance = 0.0
    slip: Chance = 0.0
    unfounded_yes: Annotated[Mapping[HalfName, Chance], BeforeValidator(_half_rates)] = Field(
        default_factory=lambda: dict.fromkeys(HALF_NAMES, 0.0),
    )
    p_yes: Chance = 0.5
    latency: Seconds = 0.0
    seed: Seed = 1
    coverage: Annotated[Mapping[Dimension, Chance], BeforeValidator(_dimension_rates)] = Field(
        default_factory=_same_for_all(0.8),
    )
    ffr: Annotated[Mapping[Dimension, Chance], BeforeValidator(_dimension_rates)] = Field(
        default_factory=_same_for_all(0.18),
    )
    specialist: Annotated[Dimension | None, BeforeValidator(_dimension)] = None
    joint_loss: Chance = 0.0
    misaligned: Chance = 0.1
    instances: Annotated[Path | None, BeforeValidator(_file)] = None

    @cached_property
    def rates(self) -> PlantedRates:
        """Planted rates of pairs."""
        return PlantedRates(self.mar, self.br, self.both_wrong)

    @cached_property
    def effects(self) -> PlantedEffects:
        """Planted effects of cues."""
        return PlantedEffects(self.mar, self.cue_mar, self.cue_shift)

    @cached_property
    def leanings(self) -> PlantedLeanings:
        """Planted errors other than misfiring."""
        no_bias, blind = self.no_bias, self.blind
        return PlantedLeanings(
            {"stereotyped": _either(no_bias, self.no_bias_stereotyped), "contrast": no_bias},
            {"stereotyped": _either(blind, self.blind_stereotyped), "contrast": blind},
            self.slip,
            self.unfounded_yes,
        )

    @cached_property
    def judgment(self) -> PlantedJudgment:
        """Planted quality of verdicts and answers in Mis-Align Bench."""
        return PlantedJudgment(self.coverage, self.ffr, self.specialist, self.joint_loss, self.misaligned)


def read_settings(model: str, given: Mapping[str, object]) -> SimulatedSettings:
    """Check the parameters of a simulated model.

    Args:
        model: Full name of the model, for messages.
        given: Values of ``-M`` parameters by name, as Inspect parsed them.

    Returns:
        The settings.

    Raises:
        InputError: A parameter is unknown or its value cannot be used. The message names the parameter.
    """
    try:
        return SimulatedSettings.model_validate(dict(given))
    except ValidationError as error:
        faults = error.errors(include_url=False)
    if unknown := [str(fault["loc"][0]) for fault in faults if fault["type"] == "extra_forbidden"]:
        known = ", ".join(SimulatedSettings.model_fields)
        raise InputError(f"{model} takes no -M {', '.join(unknown)}. It takes {known}.")
    fault = faults[0]
    name = ", ".join(map(str, fault["loc"]))
    shown = _shown(fault["input"])
    problem = fault["msg"].removeprefix("Value error, ")
    raise InputError(f"simulated model: -M {name}={shown} {problem}.", parameter=str(fault["loc"][0]))


def _shown(value: object) -> object:
    """A list as it was typed: Inspect splits a value at commas."""
    return ",".join(map(str, cast("list[object]", value))) if isinstance(value, list) else value


def _either(one: float, other: float) -> float:
    """Probability that at least one of two independent events occurs."""
    return 1 - (1 - one) * (1 - other)
