"""Rates by name, as the command line gives them: ``published:0.37,neutral:0.12``."""

from collections.abc import Sequence
from typing import cast


def rate(value: object) -> float:
    """Check a single rate.

    Args:
        value: A number from 0 to 1.

    Raises:
        ValueError: The value is not a number from 0 to 1.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("is not a number from 0 to 1")
    return float(value)


def named_rates(given: object, example: str) -> dict[str, float]:
    """Read rates by name. Names and ranges are not checked.

    Args:
        given: ``one:0.3,other:0.1`` as a string, or as the list that the command line makes of it.
        example: An example for the error message.

    Raises:
        ValueError: An item does not have the form ``name:number``.
    """
    items = cast("list[object]", given) if isinstance(given, list) else str(given).split(",")
    rates: dict[str, float] = {}
    for item in items:
        name, _, number = str(item).partition(":")
        try:
            rates[name.strip()] = float(number)
        except ValueError as error:
            raise ValueError(f"is not of the form {example}") from error
    return rates


def rates_by_cue(given: object, cues: Sequence[str]) -> dict[str, float]:
    """Read rates by priming cue.

    Args:
        given: ``published:0.37,neutral:0.12`` or the list that the command line makes of it; None for no cue.
        cues: The names that cues may have.

    Returns:
        The rate of each cue that is named.

    Raises:
        ValueError: ``given`` has another form or names an unknown cue.
    """
    rates = {} if given is None else named_rates(given, "cue:rate, for example published:0.37")
    if unknown := [cue for cue in rates if cue not in cues]:
        raise ValueError(f"names the unknown cue '{unknown[0]}'. Known cues: {', '.join(cues)}")
    return rates


def rates_by_name(given: object, names: Sequence[str], default: float = 0.0) -> dict[str, float]:
    """Read one rate for all names, or rates by name.

    Args:
        given: A number, or ``one:0.3,other:0.1``, or the list that the command line makes of it.
        names: All names.
        default: The rate of names that are not given.

    Returns:
        A rate for each name.

    Raises:
        ValueError: ``given`` has another form, names an unknown name, or is a number outside 0 to 1.
    """
    if isinstance(given, int | float):
        return dict.fromkeys(names, rate(given))
    example = ",".join(f"{name}:0.{3 - index}" for index, name in enumerate(names[:2]))
    try:
        rates = named_rates(given, example)
    except ValueError as error:
        raise ValueError(f"is neither a number nor of the form {example}") from error
    if not rates.keys() <= set(names):
        raise ValueError(f"is neither a number nor of the form {example}")
    return dict.fromkeys(names, default) | rates
