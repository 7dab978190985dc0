"""Report invalid records: file, location, field, fault and advice in one error."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from misfire.errors import InputError

SHOWN = 10
"""Number of problems that an error lists; the others are only counted."""

MOST = 10_000
"""Reading stops after this number of invalid records."""


def first_problem(error: ValidationError) -> str:
    """Return the first fault of a record, such as ``field 'label': Input should be 0, 1 or 2 (got 7)``."""
    return problem_texts(error)[0]


def problem_texts(error: ValidationError) -> list[str]:
    """Return all faults of a record, each in the form of ``first_problem``."""
    return [f"field '{field}': {message}" if field else message for field, message in field_problems(error)]


def field_problems(error: ValidationError) -> list[tuple[str, str]]:
    """Return all faults of a record.

    Args:
        error: The validation error that pydantic raised for the record.

    Returns:
        Each field ("" for the whole record) and a description of one line, for example
        [("label", "Input should be 0, 1 or 2 (got 7)")].
    """
    problems: list[tuple[str, str]] = []
    for fault in error.errors(include_url=False):
        got = (
            ""
            if fault["type"] in {"missing", "json_invalid", "value_error"}
            else f" (got {shorten(fault['input'])})"
        )
        problems.append(
            (
                ".".join(str(part) for part in fault["loc"]),
                f"{fault['msg'].removeprefix('Value error, ')}{got}",
            )
        )
    return problems


def raise_problems(path: Path | str, problems: Sequence[str], advice: str) -> None:
    """Raise one error for all problems of a file, or do nothing if there are none.

    Args:
        path: The file.
        problems: One line per problem, with its location in the file.
        advice: What the user should do.

    Raises:
        InputError: There is at least one problem.
    """
    if problems:
        raise problems_error(path, problems, advice)


def problems_error(path: Path | str, problems: Sequence[str], advice: str) -> InputError:
    """Return the error that ``raise_problems`` raises."""
    shown = "\n".join(f"  {problem}" for problem in problems[:SHOWN])
    more = f"\n  … and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    count = (
        "1 bad record"
        if len(problems) == 1
        else f"{len(problems)} bad records{' or more' if len(problems) >= MOST else ''}"
    )
    return InputError(f"{path}: {count}\n{shown}{more}\n{advice}")


def shorten(value: object) -> str:
    """Return the representation of a value for an error message, truncated to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
