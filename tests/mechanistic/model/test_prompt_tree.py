"""Prompts as a tree.

What they begin with alike stands once, their last tokens never do, and ancestors are what stands before.
"""

import torch
from hypothesis import given
from hypothesis import strategies as st

from misfire.mechanistic.model.prompt_tree import common_start, grow


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=14), min_size=1, max_size=7))
def test_every_prompt_is_a_path_of_the_tree(prompts: list[list[int]]):
    tree = grow(prompts)
    token = [prompts[row][place] for row, place in zip(tree.row.tolist(), tree.place.tolist(), strict=True)]
    assert len(set(tree.ends.tolist())) == len(prompts)
    assert tree.shared == common_start(prompts)
    assert not tree.groups or tree.groups[0][0] == tree.shared
    for prompt, end in zip(prompts, tree.ends.tolist(), strict=True):
        path = tree.ancestors[end].nonzero().flatten()
        # its nodes are those of the prompt, in order, each at its own place
        by_place = sorted((tree.place[node].item(), token[node]) for node in path.tolist())
        assert by_place == list(enumerate(prompt))
        # and no last token of another prompt is among them
        assert not set(path.tolist()) & (set(tree.ends.tolist()) - {end})
        # all lie in the start that all share or in one group
        own = next((first, stop) for first, stop in tree.groups if first <= end < stop)
        assert all(node < tree.shared or own[0] <= node < own[1] for node in path.tolist())
    assert bool(torch.diagonal(tree.ancestors).all())


def test_halves_with_the_same_beginning_share_it():
    start, passage = list(range(10, 20)), list(range(30, 50))
    prompts = [[*start, *passage, 1, 2], [*start, *passage, 3, 2], [*start, 60, *passage]]
    tree = grow(prompts)
    assert tree.shared == 10
    assert [stop - first for first, stop in tree.groups] == [20 + 4, 21]
