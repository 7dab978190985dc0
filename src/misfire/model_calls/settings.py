"""The task parameters ``temperature``, ``max_tokens`` and ``system``, which apply to each call."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

from inspect_ai.model import GenerateConfig

from misfire.errors import InputError
from misfire.model_calls.ask import SystemRole
from misfire.model_calls.token_limits import Limit

Temperature = float | Literal["none"] | None
"""A temperature, or ``none`` (or null) to send none."""

MaxTokens = int | Literal["auto", "none"] | None
"""A limit of output tokens, ``auto`` for the published limit, or ``none`` (or null) to send none."""

_NONE = frozenset({"none", "null"})


@dataclass(frozen=True)
class CallSettings:
    """The settings for each call of one model.

    Attributes:
        temperature: The temperature, or None to send none.
        max_tokens: The user's limit, if any.
        limit: Whether the task sets a limit if the user gave none.
        system: Where the instruction goes.
    """

    temperature: float | None
    max_tokens: int | None
    limit: Limit
    system: SystemRole

    @property
    def config(self) -> GenerateConfig:
        """The settings for ``Task.config``. Command line options override them."""
        return GenerateConfig(temperature=self.temperature, max_tokens=self.max_tokens)


def call_settings(temperature: object, max_tokens: object, system: object, prefix: str = "") -> CallSettings:
    """Validate the task parameters that set what is sent with each call.

    Args:
        temperature: A number of at least 0, or ``none`` or null to send none.
        max_tokens: An integer of at least 1, ``auto`` for the task's own limit, or ``none`` or null to send
            none.
        system: ``auto``, ``system`` or ``user``.
        prefix: Prefix of the parameters' names, for the model of a role.

    Returns:
        The settings.

    Raises:
        InputError: A value is invalid.
    """
    if system not in get_args(SystemRole):
        raise InputError(
            f"parameter '{prefix}system' must be one of {', '.join(get_args(SystemRole))} (got {system!r})."
        )
    given, limit = _limit(max_tokens, f"{prefix}max_tokens")
    return CallSettings(
        _temperature(temperature, f"{prefix}temperature"), given, limit, cast(SystemRole, system)
    )


def _is_none(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.lower() in _NONE)


def _temperature(value: object, name: str) -> float | None:
    if _is_none(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise InputError(
            f"parameter '{name}' must be a number of at least 0, or none to send no temperature (got "
            f"{value!r})."
        )
    return float(value)


def _limit(value: object, name: str) -> tuple[int | None, Limit]:
    if _is_none(value):
        return None, "none"
    if value == "auto":
        return None, "auto"
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(
            f"parameter '{name}' must be an integer of at least 1, auto for the task's own limit, or none "
            f"to send no limit (got {value!r})."
        )
    return value, "auto"
