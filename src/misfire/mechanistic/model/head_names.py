"""Names of attention heads, as people write them: ``L24H3`` is head 3 of layer 24, both counted from 0."""

import re
from dataclasses import dataclass
from typing import cast

from misfire.errors import InputError

_NAME = re.compile(r"L(\d+)H(\d+)", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Head:
    """One attention head.

    Attributes:
        layer: Its layer, from 0.
        index: Its place in the layer, from 0.
    """

    layer: int
    index: int

    def __str__(self) -> str:
        return f"L{self.layer}H{self.index}"


def listed(value: object) -> list[str]:
    """The items of a list as a command line gives it: ``a,b``, one item of any type, or a list.

    Args:
        value: What was given.

    Returns:
        The items as text, without white space around them.
    """
    items = cast("list[object]", value) if isinstance(value, list | tuple) else str(value).split(",")
    return [str(item).strip() for item in items]


def parse_heads(names: object) -> tuple[Head, ...]:
    """Heads from their names, in any form into which a command line puts them.

    Args:
        names: ``L24H3,L25H7``, a list of names, or ``none`` for no head. Inspect's ``-M`` gives a list where there are commas.

    Returns:
        The heads, in the order given.

    Raises:
        InputError: A name is not the name of a head, or stands there twice.
    """
    items = listed(names)
    if [item.lower() for item in items] == ["none"]:
        return ()
    heads: list[Head] = []
    for item in items:
        match = _NAME.fullmatch(item)
        if match is None:
            raise InputError(f"heads: '{item}' is not the name of a head. Write layer and head, counted from 0: L24H3,L25H7.")
        head = Head(int(match[1]), int(match[2]))
        if head in heads:
            raise InputError(f"heads: {head} is named twice.")
        heads.append(head)
    return tuple(heads)
