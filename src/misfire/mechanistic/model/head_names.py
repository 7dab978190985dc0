"""Names of attention heads: ``L24H3`` is head 3 of layer 24, both counted from 0."""

import re
from dataclasses import dataclass
from typing import cast

from misfire.errors import InputError

_NAME = re.compile(r"L(\d+)H(\d+)", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Head:
    """One attention head.

    Attributes:
        layer: Index of its layer, from 0.
        index: Index of the head in the layer, from 0.
    """

    layer: int
    index: int

    def __str__(self) -> str:
        return f"L{self.layer}H{self.index}"


def listed(value: object) -> list[str]:
    """Return the items of a list from a command line: ``a,b``, one item of any type, or a list.

    Args:
        value: The value from the command line.

    Returns:
        The items as text, without surrounding white space.
    """
    items = cast("list[object]", value) if isinstance(value, list | tuple) else str(value).split(",")
    return [str(item).strip() for item in items]


def parse_heads(names: object) -> tuple[Head, ...]:
    """Parse the names of heads, in any form that a command line produces.

    Args:
        names: ``L24H3,L25H7``, a list of names, or ``none`` for no head. Inspect's ``-M`` produces a list if
            there are commas.

    Returns:
        The heads, in the order given.

    Raises:
        InputError: An item is not the name of a head, or a head is named twice.
    """
    items = listed(names)
    if [item.lower() for item in items] == ["none"]:
        return ()
    heads: list[Head] = []
    for item in items:
        match = _NAME.fullmatch(item)
        if match is None:
            raise InputError(
                f"heads: '{item}' is not the name of a head. Write layer and head, counted from 0: "
                "L24H3,L25H7."
            )
        head = Head(int(match[1]), int(match[2]))
        if head in heads:
            raise InputError(f"heads: {head} is named twice.")
        heads.append(head)
    return tuple(heads)
