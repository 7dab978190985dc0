"""How a bad record is reported: file, place, field, what is wrong, and what to do, in one error."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from misfire.errors import InputError

SHOWN = 10
"""So many problems are spelt out; the rest are counted."""

MOST = 10_000
"""A file with so many bad records is not read on."""


def first_problem(error: ValidationError) -> str:
    """The first fault of a record, with its field: ``field 'label': Input should be 0, 1 or 2 (got 7)``.

    Args:
        error: What pydantic said of the record.

    Returns:
        One line of plain text.
    """
    field, message = field_problems(error)[0]
    return f"field '{field}': {message}" if field else message


def field_problems(error: ValidationError) -> list[tuple[str, str]]:
    """All faults of a record: each with its field ("" for the record as a whole) and one line of plain text.

    Args:
        error: What pydantic said of the record.

    Returns:
        For example [("label", "Input should be 0, 1 or 2 (got 7)")].
    """
    problems: list[tuple[str, str]] = []
    for fault in error.errors(include_url=False):
        got = "" if fault["type"] in {"missing", "json_invalid", "value_error"} else f" (got {shorten(fault['input'])})"
        problems.append((".".join(str(part) for part in fault["loc"]), f"{fault['msg'].removeprefix('Value error, ')}{got}"))
    return problems


def raise_problems(path: Path | str, problems: Sequence[str], advice: str) -> None:
    """Refuse a file for all its problems at once; nothing happens if there are none.

    Args:
        path: The file.
        problems: One line for each, with its place in the file.
        advice: What the user should do.

    Raises:
        InputError: There is a problem.
    """
    if not problems:
        return
    shown = "\n".join(f"  {problem}" for problem in problems[:SHOWN])
    more = f"\n  … and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    count = "1 bad record" if len(problems) == 1 else f"{len(problems)} bad records{' or more' if len(problems) >= MOST else ''}"
    raise InputError(f"{path}: {count}\n{shown}{more}\n{advice}")


def shorten(value: object) -> str:
    """A value as an error quotes it: its representation, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
