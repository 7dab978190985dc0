"""Strict parsing of JSON rows. Errors are returned as ``Fault`` values and not raised."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

_SPACE = re.compile(r"[ \t\n\r]*")


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


class Fault(str):
    """Description of what is wrong with a record that cannot be parsed."""


Located = tuple[str, "dict[str, Any] | Fault"]
"""A raw record and its location, for example ("line 3", {...})."""


def parse_json(content: bytes) -> object:
    """Parse JSON text in UTF-8.

    Returns:
        The value, or a fault if the text is not UTF-8, is not JSON, contains NaN or infinity, or repeats a
        field.
    """
    try:
        return json.loads(
            content.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        return Fault(f"not UTF-8 at byte {error.start + 1}")
    except json.JSONDecodeError as error:
        return Fault(f"not JSON: {error}")
    except (ValueError, RecursionError) as error:
        return Fault(f"not usable JSON: {error}")


def json_items(content: bytes) -> Iterator[object]:
    """Parse the items of a JSON list one at a time.

    A reader can therefore stop before a long list has filled the memory.

    Args:
        content: UTF-8 text that starts with "[".

    Yields:
        Each item. If the list ends early or is not JSON, the last item is a fault.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        yield Fault(f"not UTF-8 at byte {error.start + 1}")
        return
    decoder = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    try:
        # raw_decode reads one value and returns its end; the brackets and commas between values are checked
        # here
        place = _after_space(text, text.index("[") + 1)
        while not text.startswith("]", place):
            item, place = decoder.raw_decode(text, place)
            yield item
            place = _after_space(text, place)
            if not text.startswith((",", "]"), place):
                raise json.JSONDecodeError("Expecting ',' delimiter", text, place)
            if text.startswith(",", place):
                place = _after_space(text, place + 1)
                if text.startswith("]", place):
                    raise json.JSONDecodeError("Expecting value", text, place)
        if (end := _after_space(text, place + 1)) < len(text):
            raise json.JSONDecodeError("Extra data", text, end)
    except json.JSONDecodeError as error:
        yield Fault(f"not JSON: {error}")
    except (ValueError, RecursionError) as error:
        yield Fault(f"not usable JSON: {error}")


def json_object(value: object) -> dict[str, Any] | Fault:
    """Return the value if it is a JSON object or already a fault, otherwise a fault that names its type."""
    if isinstance(value, Fault):
        return value
    if isinstance(value, dict):
        return cast(dict[str, Any], value)
    return Fault(f"expected a JSON object, not {type(value).__name__}")


def names_in(value: object) -> list[str]:
    """Collect the names of all fields in a value, including those of nested objects."""
    names: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            fields = cast("dict[str, object]", one)
            names += fields
            waiting += fields.values()
        elif isinstance(one, list):
            waiting += cast("list[object]", one)
    return names


def _no_duplicates(items: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(items)
    if len(record) < len(items):
        twice = next(name for name, number in Counter(name for name, _ in items).items() if number > 1)
        raise ValueError(f"field '{twice}' occurs twice")
    return record


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value")
