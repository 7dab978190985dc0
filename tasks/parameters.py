"""Checking task parameters: a wrong one gets an error that names it and what it may be."""

from typing import Annotated, Any, cast, get_args

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from misfire.datasets.record_errors import first_problem
from misfire.errors import InputError, Setting

PairCount = Annotated[int | None, Field(gt=0)]
"""How many pairs to draw; none for all."""


def checked(**parameters: tuple[object, Any]) -> None:
    """Refuse a task parameter that is not of the kind that it should be.

    Args:
        parameters: By name, the value that the user gave and a type that pydantic can check, for example ``Literal["direct", "cot"]``.

    Raises:
        InputError: A value is of another kind; the message names the parameter and says what is allowed.
    """
    for name, (value, kind) in parameters.items():
        try:
            TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(value)
        except ValidationError as error:
            raise InputError(
                f"parameter '{name}': {first_problem(error)}.", parameter=name, advice="Set it with {}", settings=[Setting(name, "…")]
            ) from error


def on_or_off(value: object) -> object:
    """A choice among words of which two are ``on`` and ``off``, which the command line (YAML) reads as true and false.

    Args:
        value: What the user gave.

    Returns:
        "on" for true, "off" for false, else the value as it is.
    """
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def as_list(name: str, value: object) -> list[str]:
    """A list parameter in any of its forms: ``Age,SES``, one name, a list, or nothing.

    Args:
        name: The parameter's name.
        value: What the user gave; None for nothing.

    Returns:
        The names, without white space around them.

    Raises:
        InputError: The list was given, and is empty.
    """
    if value is None:
        return []
    items = cast("list[object]", value) if isinstance(value, list) else str(value).split(",")
    names = [str(item).strip() for item in items if str(item).strip()]
    if not names:
        raise InputError(
            f"parameter '{name}': none was given.",
            parameter=name,
            advice="Name one or more, with commas between, or leave {} out.",
            settings=[Setting(name)],
        )
    return names


def choices(name: str, value: object, kind: Any) -> list[Any]:  # noqa: ANN401 (a type form has no type of its own yet)
    """A list parameter whose items must be of a set of names.

    Args:
        name: The parameter's name.
        value: What the user gave.
        kind: A ``Literal`` of the names.

    Returns:
        The names, each once, in the order given.

    Raises:
        InputError: There is none, or one is unknown.
    """
    allowed, given = get_args(kind), list(dict.fromkeys(as_list(name, value)))
    unknown = [item for item in given if item not in allowed]
    if unknown:
        wanted = ", ".join(allowed)
        raise InputError(
            f"parameter '{name}': one or more of {wanted} are wanted, and '{', '.join(unknown)}' is none of them.", parameter=name
        )
    return given
