"""Prompts as a tree: what several prompts begin with alike stands once, and every token attends to those before it in its own prompts.

All nodes lie side by side in one sequence, so that no pass over them has padding. Prompts that share more than the start that all share
form a group; attention is computed group by group, for a token never attends to one of another group.
"""

# transformers leaves many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

IMPLEMENTATION = "misfire_tree"
"""Under this name transformers knows ``tree_attention``."""

_WORTH = 8
"""Prompts that share fewer tokens beyond the common start are of different groups; a group's attention grows with its square."""


@dataclass(frozen=True)
class Tree:
    """Some prompts as a tree.

    Attributes:
        row: For each node a prompt that has it, shape (nodes,).
        place: Its place in that prompt, from 0, shape (nodes,).
        ends: For each prompt the node of its last token, which is no other prompt's, shape (prompts,).
        shared: So many nodes, the first ones, begin all prompts.
        groups: First node and one past the last of each group; together they follow the shared ones.
        ancestors: Whether node j is node i or stands before it in a prompt, shape (nodes, nodes).
    """

    row: Tensor
    place: Tensor
    ends: Tensor
    shared: int
    groups: tuple[tuple[int, int], ...]
    ancestors: Tensor


def grow(prompts: Sequence[Sequence[int]]) -> Tree:
    """The tree of some prompts.

    Args:
        prompts: Token ids of each, one at least.

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
            # a last token is never shared: what is done to it is done to its prompt alone
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
        ancestors[nodes[:, None], nodes] |= torch.ones(len(path), len(path), dtype=torch.bool).tril()
    ends = torch.tensor([paths[row][-1] for row in range(len(prompts))])
    return Tree(torch.tensor(rows), torch.tensor(places), ends, shared, tuple(groups), ancestors)


def common_start(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with alike; at least one token of each is left over."""
    least = min(map(len, prompts)) - 1
    return next((place for place in range(least) if len({prompt[place] for prompt in prompts}) > 1), least)


@dataclass(frozen=True)
class TreeMask:
    """Which nodes attend to which; handed through a layer in the place of an attention mask.

    Attributes:
        shared: Nodes that begin all prompts.
        groups: As in the tree.
        masks: For the shared nodes and then for each group: what its nodes attend to among the shared ones and themselves.
    """

    shared: int
    groups: tuple[tuple[int, int], ...]
    masks: tuple[Tensor, ...]


def tree_mask(tree: Tree, whole: Tensor) -> TreeMask:
    """A mask over all nodes, shape (1, 1, nodes, nodes), cut to what tree attention needs."""
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
    **options: Any,  # noqa: ANN401 (what transformers hands to attention of any kind)
) -> tuple[Tensor, None]:
    """Attention of transformers' kind over a tree, group by group; exact, since no token attends to another group's."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    start = slice(0, attention_mask.shared)
    parts: list[Tensor] = []
    for (first, stop), mask in zip(((0, attention_mask.shared), *attention_mask.groups), attention_mask.masks, strict=True):
        own = slice(first, stop)
        if first == stop:
            continue
        keys, values = key[:, :, own], value[:, :, own]
        if first:
            keys, values = torch.cat([key[:, :, start], keys], dim=2), torch.cat([value[:, :, start], values], dim=2)
        parts.append(sdpa_attention_forward(module, query[:, :, own], keys, values, mask, **options)[0])
    return torch.cat(parts, dim=1), None


def register() -> Literal["misfire_tree"]:
    """Make tree attention known to transformers; gives its name."""
    from transformers import AttentionInterface

    AttentionInterface.register(IMPLEMENTATION, tree_attention)
    return IMPLEMENTATION
