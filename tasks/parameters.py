"""Validate task parameters. The error for an invalid value names the parameter and the allowed values."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, cast, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from misfire.datasets.record_errors import first_problem
from misfire.datasets.sources import PairSettings
from misfire.errors import InputError, Setting

PairCount = Annotated[int | None, Field(gt=0)]
"""Number of pairs to draw. None means all."""


def checked(**parameters: tuple[object, Any]) -> None:
    """Validate the types of task parameters.

    Args:
        parameters: For each name, the user's value and a type that pydantic can check, for example
            ``Literal["direct", "cot"]``.

    Raises:
        InputError: A value has the wrong type. The message names the parameter and the allowed values.
    """
    for name, (value, kind) in parameters.items():
        try:
            TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError as error:
            raise InputError(
                f"parameter '{name}': {first_problem(error)}.",
                parameter=name,
                advice="Set it with {}",
                settings=[Setting(name, "…")],
            ) from error


def on_or_off(value: object) -> object:
    """Convert true and false back to "on" and "off", which the command line reads as YAML booleans.

    Args:
        value: The user's value.

    Returns:
        "on" for true, "off" for false, otherwise the unchanged value.
    """
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def as_list(name: str, value: object) -> list[str]:
    """Return a list parameter as a list. It may be given as ``Age,SES``, one name, a list, or nothing.

    Args:
        name: Name of the parameter.
        value: The user's value. None means nothing.

    Returns:
        The names, without surrounding white space.

    Raises:
        InputError: The given list is empty.
    """
    if value is None:
        return []
    items = cast("list[object]", value) if isinstance(value, list) else str(value).split(",")
    names = [str(item).strip() for item in items if str(item).strip()]
    if not names:
        raise InputError(
            f"parameter '{name}': the list is empty.",
            parameter=name,
            advice="Give one or more names, separated by commas, or omit {}.",
            settings=[Setting(name)],
        )
    return names


def pair_settings(arguments: Mapping[str, object]) -> PairSettings:
    """Build the pair settings of a task or a command.

    Args:
        arguments: Arguments by name, for example ``locals()`` at the start of a task. Arguments that are not
            fields of ``PairSettings`` are ignored; fields without an argument have their defaults.
            ``categories`` may have any form that ``as_list`` reads.

    Returns:
        The settings.

    Raises:
        InputError: A value is wrong, or a parameter does not belong to the source.
    """
    names = [field.name for field in fields(PairSettings)]
    given: dict[str, Any] = {name: arguments[name] for name in names if name in arguments}
    given["categories"] = tuple(as_list("categories", given.get("categories")))
    return PairSettings(**given)


def choices(name: str, value: object, kind: Any) -> list[Any]:  # noqa: ANN401 (type forms cannot be typed yet)
    """Return a list parameter whose items must be from a set of names.

    Args:
        name: Name of the parameter.
        value: The user's value.
        kind: A ``Literal`` with the names.

    Returns:
        The names in the given order, without duplicates.

    Raises:
        InputError: The list is empty, or a name is unknown.
    """
    allowed, given = get_args(kind), list(dict.fromkeys(as_list(name, value)))
    unknown = [item for item in given if item not in allowed]
    if unknown:
        wanted = ", ".join(allowed)
        raise InputError(
            f"parameter '{name}' must be one or more of {wanted} (got '{', '.join(unknown)}').",
            parameter=name,
        )
    return given
