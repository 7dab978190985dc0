"""What a task sends with each call: the parameters ``temperature``, ``max_tokens`` and ``system``, and how to leave them out."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

from inspect_ai.model import GenerateConfig

from misfire.errors import InputError
from misfire.model_calls.ask import SystemRole
from misfire.model_calls.token_limits import Limit

Temperature = float | Literal["none"] | None
"""A temperature, or ``none`` (or null) to send none."""

MaxTokens = int | Literal["auto", "none"] | None
"""A limit of output tokens; ``auto`` for the published one; ``none`` (or null) to send none."""

_NONE = frozenset({"none", "null"})


@dataclass(frozen=True)
class CallSettings:
    """What goes with each call of one model.

    Attributes:
        temperature: The temperature; none if the request names none.
        max_tokens: The limit that the user gave, if any.
        limit: Whether the task sets a limit where the user gave none.
        system: Where the instruction goes.
    """

    temperature: float | None
    max_tokens: int | None
    limit: Limit
    system: SystemRole

    @property
    def config(self) -> GenerateConfig:
        """For ``Task.config``; options of the command line go before it."""
        return GenerateConfig(temperature=self.temperature, max_tokens=self.max_tokens)


def call_settings(temperature: object, max_tokens: object, system: object, prefix: str = "") -> CallSettings:
    """Check the parameters of a task that say what goes with each call.

    Args:
        temperature: A number from 0 up; ``none`` or null to send none.
        max_tokens: A whole number from 1 up; ``auto`` for the task's own limit; ``none`` or null to send none.
        system: ``auto``, ``system`` or ``user``.
        prefix: What the parameters' names begin with, for the model of a role.

    Returns:
        The settings.

    Raises:
        InputError: One is of another kind.
    """
    if system not in get_args(SystemRole):
        raise InputError(f"parameter '{prefix}system': one of {', '.join(get_args(SystemRole))} was expected (got {system!r}).")
    given, limit = _limit(max_tokens, f"{prefix}max_tokens")
    return CallSettings(_temperature(temperature, f"{prefix}temperature"), given, limit, cast(SystemRole, system))


def _is_none(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.lower() in _NONE)


def _temperature(value: object, name: str) -> float | None:
    if _is_none(value):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise InputError(f"parameter '{name}': a number from 0 up, or none to send no temperature, was expected (got {value!r}).")
    return float(value)


def _limit(value: object, name: str) -> tuple[int | None, Limit]:
    if _is_none(value):
        return None, "none"
    if value == "auto":
        return None, "auto"
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(
            f"parameter '{name}': a whole number from 1 up, auto for the task's own limit, or none to send no limit, was expected "
            f"(got {value!r})."
        )
    return value, "auto"
