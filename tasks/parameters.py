"""Checking task parameters: a wrong one gets an error that names it and what it may be."""

from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from misfire.datasets.problems import first_problem
from misfire.errors import InputError


def checked(name: str, value: object, kind: Any) -> None:  # noqa: ANN401 (a type form has no type of its own yet)
    """Refuse a task parameter that is not of the kind that it should be.

    Args:
        name: The parameter's name.
        value: What the user gave.
        kind: A type that pydantic can check, strictly, for example ``Literal["direct", "cot"]``.

    Raises:
        InputError: The value is of another kind; the message says which are allowed.
    """
    try:
        TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError as error:
        raise InputError(f"parameter '{name}': {first_problem(error)}. Set it with -T {name}=…") from error


def as_list(value: str | list[str] | None) -> list[str]:
    """A list parameter in any of its forms: ``Age,SES``, one name, a list, or nothing.

    Args:
        value: What the user gave.

    Returns:
        The names, without white space around them.
    """
    names = value.split(",") if isinstance(value, str) else (value or [])
    return [name.strip() for name in names if name.strip()]
