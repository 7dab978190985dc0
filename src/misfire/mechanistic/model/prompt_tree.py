"""A tree of prompts that stores a common beginning once.

Every token attends to the earlier tokens of its own prompts. All nodes are in one sequence, so a pass over
them needs no padding. Prompts that share more than the beginning common to all form a group. Attention is
computed for each group separately, because a token never attends to another group.
"""

# many types in transformers are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

IMPLEMENTATION = "misfire_tree"
"""Name of ``tree_attention`` in transformers."""

_WORTH = 8
"""Prompts that share fewer tokens after the common beginning are in different groups. The cost of attention
grows with the square
of a group's size.
"""


@dataclass(frozen=True)
class Tree:
    """Prompts as a tree.

    Attributes:
        row: For each node, a prompt that contains it, shape (nodes,).
        place: Position of the node in that prompt, from 0, shape (nodes,).
        ends: For each prompt, the node of its last token, which no other prompt shares, shape (prompts,).
        shared: Number of nodes at the start that all prompts share.
        groups: Start and end (exclusive) of the nodes of each group. The groups follow the shared nodes.
        ancestors: Whether node j is node i or comes before it in a prompt, shape (nodes, nodes).
    """

    row: Tensor
    place: Tensor
    ends: Tensor
    shared: int
    groups: tuple[tuple[int, int], ...]
    ancestors: Tensor


def grow(prompts: Sequence[Sequence[int]]) -> Tree:
    """Build the tree of some prompts.

    Args:
        prompts: Token IDs of each prompt; at least one prompt.

    Returns:
        The tree.
    """
    order = sorted(range(len(prompts)), key=lambda row: tuple(prompts[row]))
    shared = common_start([prompts[row] for row in order])
    rows, places = [order[0]] * shared, list(range(shared))
    groups: list[tuple[int, int]] = []
    paths: dict[int, list[int]] = {}
    known: dict[tuple[int, ...], int] = {}
    before: Sequence[int] | None = None
    for row in order:
        prompt = prompts[row]
        if before is None or common_start([before, prompt]) - shared < _WORTH:
            known = {}
            groups.append((len(rows), len(rows)))
        path = list(range(shared))
        for place in range(shared, len(prompt)):
            # the last token is never shared, so that a change to it affects only its own prompt
            key = (*prompt[: place + 1], *((-1, row) if place == len(prompt) - 1 else ()))
            if key not in known:
                known[key] = len(rows)
                rows.append(row)
                places.append(place)
            path.append(known[key])
        paths[row] = path
        groups[-1] = (groups[-1][0], len(rows))
        before = prompt
    ancestors = torch.zeros(len(rows), len(rows), dtype=torch.bool)
    for path in paths.values():
        nodes = torch.tensor(path)
        # within one prompt, node i sees nodes 0 to i: a lower triangle over the nodes of its path
        ancestors[nodes[:, None], nodes] |= torch.ones(len(path), len(path), dtype=torch.bool).tril()
    ends = torch.tensor([paths[row][-1] for row in range(len(prompts))])
    return Tree(torch.tensor(rows), torch.tensor(places), ends, shared, tuple(groups), ancestors)


def common_start(prompts: Sequence[Sequence[int]]) -> int:
    """Return the length of the common beginning of all prompts, at most the shortest length minus 1."""
    least = min(map(len, prompts)) - 1
    return next((place for place in range(least) if len({prompt[place] for prompt in prompts}) > 1), least)


@dataclass(frozen=True)
class TreeMask:
    """Which nodes attend to which. It is passed through a layer in place of an attention mask.

    Attributes:
        shared: Number of nodes at the start that all prompts share.
        groups: As in ``Tree``.
        masks: For the shared nodes, then for each group: which shared nodes and nodes of the same part its
            nodes attend to.
    """

    shared: int
    groups: tuple[tuple[int, int], ...]
    masks: tuple[Tensor, ...]


def tree_mask(tree: Tree, whole: Tensor) -> TreeMask:
    """Split a mask over all nodes, shape (1, 1, nodes, nodes), into the parts that tree attention needs."""
    start = slice(0, tree.shared)
    masks = [whole[..., start, start]]
    for first, stop in tree.groups:
        own = slice(first, stop)
        masks.append(torch.cat([whole[..., own, start], whole[..., own, own]], dim=-1))
    return TreeMask(tree.shared, tree.groups, tuple(masks))


def tree_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: TreeMask,
    **options: Any,  # noqa: ANN401 (options that transformers passes to every attention function)
) -> tuple[Tensor, None]:
    """Attention function for transformers over a tree, computed group by group.

    It is exact: no token attends to another group.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    start = slice(0, attention_mask.shared)
    parts: list[Tensor] = []
    for (first, stop), mask in zip(
        ((0, attention_mask.shared), *attention_mask.groups), attention_mask.masks, strict=True
    ):
        own = slice(first, stop)
        if first == stop:
            continue
        keys, values = key[:, :, own], value[:, :, own]
        # groups also attend to the shared beginning; the shared nodes themselves start at 0 and already
        # include it
        if first:
            keys, values = (
                torch.cat([key[:, :, start], keys], dim=2),
                torch.cat([value[:, :, start], values], dim=2),
            )
        parts.append(sdpa_attention_forward(module, query[:, :, own], keys, values, mask, **options)[0])
    return torch.cat(parts, dim=1), None


def register() -> Literal["misfire_tree"]:
    """Register tree attention in transformers, and return its name."""
    from transformers import AttentionInterface

    AttentionInterface.register(IMPLEMENTATION, tree_attention)
    return IMPLEMENTATION
