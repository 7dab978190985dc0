"""Names of attention heads, as people write them: ``L24H3`` is head 3 of layer 24, both counted from 0."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

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


def parse_heads(names: str | Iterable[str]) -> tuple[Head, ...]:
    """Heads from their names.

    Args:
        names: ``L24H3,L25H7``, or one name an item.

    Returns:
        The heads, in the order given.

    Raises:
        InputError: A name is none, or stands there twice.
    """
    items = names.split(",") if isinstance(names, str) else [str(name) for name in names]
    heads: list[Head] = []
    for item in (item.strip() for item in items):
        match = _NAME.fullmatch(item)
        if match is None:
            raise InputError(f"heads: '{item}' is not the name of a head. Write layer and head, counted from 0: L24H3,L25H7.")
        head = Head(int(match[1]), int(match[2]))
        if head in heads:
            raise InputError(f"heads: {head} is named twice.")
        heads.append(head)
    return tuple(heads)
