"""Reading the rates that are planted in a simulated model, as the command line gives them."""

from collections.abc import Sequence
from typing import TypeVar, cast

from misfire.errors import InputError

Name = TypeVar("Name", bound=str)


def check_number(name: str, value: object, top: float) -> None:
    """Refuse what is no number from 0 to a limit.

    Args:
        name: The parameter, for the message.
        value: What was given.
        top: The largest value that may be.

    Raises:
        InputError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= top:
        raise InputError(f"simulated model: -M {name}={value} is not a number from 0 to {top}.")


def rates_by_name(name: str, given: object, names: Sequence[Name], default: float = 0.0) -> dict[Name, float]:
    """Rates by name from one number for all, or from ``one:0.3,other:0.1`` in whichever form the command line splits that.

    Args:
        name: The parameter, for messages.
        given: What was given.
        names: The names that there are.
        default: The rate of those that are not named.

    Returns:
        A rate from 0 to 1 for each name.

    Raises:
        InputError: It is of neither form, or a rate is out of range.
    """
    if isinstance(given, int | float):
        check_number(name, given, 1)
        return dict.fromkeys(names, float(given))
    rates = dict.fromkeys(names, default)
    for item in cast("list[object]", given) if isinstance(given, list) else str(given).split(","):
        key, _, rate = str(item).partition(":")
        named = next((known for known in names if known == key.strip()), None)
        try:
            value = float(rate)
        except ValueError:
            value, named = 0.0, None
        if named is None:
            example = ",".join(f"{known}:0.{3 - index}" for index, known in enumerate(names[:2]))
            raise InputError(f"simulated model: -M {name}={item} is neither a number nor of the form {example}.")
        check_number(f"{name}, {named}", value, 1)
        rates[named] = value
    return rates
