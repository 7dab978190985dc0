"""Exact and fast head ablation: run some prompts once, then rerun only the layers after a changed head.

A head's output enters the residual stream through its own columns W_h of the output projection. Ablating it
changes the attention output by − W_h z_h, so the attention of its layer need not be computed again. A common
beginning of prompts (system message, the passage of a pair) is replayed once for all of them, as a tree
(``misfire.mechanistic.model.prompt_tree``), because later tokens do not change it. Nothing is approximated.

Ablation at the last token only is a different intervention. It keeps the keys and values of all other tokens
from the clean run and reruns only the last token.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from misfire.mechanistic.model.decoder import AnswerTokens, Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import Means, ablating, first, hooked, standing_in
from misfire.mechanistic.model.layouts import Layer
from misfire.mechanistic.model.prompt_tree import Tree, TreeMask, grow, register, tree_mask


class _Keys:
    """Replacement for a key-value cache: stores keys and values, and prepends stored ones to new ones."""

    def __init__(self, kept: tuple[Tensor, Tensor] | None = None) -> None:
        self.kept = kept

    def update(self, keys: Tensor, values: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        if self.kept is None:
            self.kept = (keys, values)
            return keys, values
        return torch.cat([self.kept[0], keys], dim=2), torch.cat([self.kept[1], values], dim=2)


class Replay:
    """A clean run of some prompts, and reruns from any of its layers.

    Args:
        decoder: The model.
        prompts: Token IDs of the prompts.
        answers: The tokens of the answers.
        share: Whether to run a common beginning of prompts only once. Models with linear attention never
            share, because their state is not a cache of keys and values.

    Attributes:
        clean: Logit differences of the clean run, shape (prompts,).
        tokens: Number of tokens that each layer processes per variant.
    """

    @torch.no_grad()
    def __init__(
        self, decoder: Decoder, prompts: Sequence[Sequence[int]], answers: AnswerTokens, *, share: bool = True
    ) -> None:
        self.decoder, self.answers = decoder, answers
        self.prompts = len(prompts)
        batch = decoder.batch(prompts)
        self.tree: Tree | None = grow(prompts) if share and can_share(decoder) else None
        # eager attention does not support groups and needs a mask over all nodes
        self.grouped = self.tree is not None and decoder.implementation == "sdpa"
        # row and position of each prompt's last token, where the rows run side by side: one row for the whole
        # tree, or one per prompt
        self.ends = (
            (torch.zeros_like(self.tree.ends), self.tree.ends)
            if self.tree
            else (torch.arange(self.prompts), batch.last.cpu())
        )
        self.tokens = len(self.tree.place) if self.tree else batch.ids.numel()
        self._arguments: list[dict[str, Any]] = []
        self._inputs: list[Tensor] = []
        self._z: list[Tensor] = []

        def keep_input(_: nn.Module, arguments: tuple[Tensor, ...], keywords: dict[str, Any]) -> None:
            self._inputs.append(self._nodes(arguments[0]))
            self._arguments.append({name: _one_row(value, self.prompts) for name, value in keywords.items()})

        def keep_z(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            self._z.append(self._nodes(arguments[0]))

        layers = decoder.layout.layers
        hooks = [layer.block.register_forward_pre_hook(keep_input, with_kwargs=True) for layer in layers]
        hooks += [layer.out_proj.register_forward_pre_hook(keep_z) for layer in layers]
        with hooked(hooks):
            self.clean = decoder.difference(decoder.run(batch), answers)

    @torch.no_grad()
    def ablated(self, layer: int, heads: Sequence[int | None], means: Means | None = None) -> Tensor:
        """Compute the logit differences with one head ablated at a time.

        Args:
            layer: The layer of the heads.
            heads: The heads to ablate, one at a time. None stands for the same computation without an
                ablation.
            means: Values that replace the outputs of heads; zero if None.

        Returns:
            The logit differences, shape (heads, prompts).
        """
        part = self.decoder.layout.layers[layer]
        if part is self.decoder.layout.layers[-1]:
            # after the last attention, only the last token matters
            return self.ablated_at_last(layer, heads, means)
        self.decoder.forwards += len(heads) * self.prompts
        after = _attention_without(
            part, self._z[layer], heads, None if means is None else means[layer]
        ).flatten(0, 1)
        hidden = self._inputs[layer].repeat(len(heads), 1, 1)
        with self._attending():
            return self._from_layer(layer + 1, self._block(part, hidden, attention=after), len(heads))

    @torch.no_grad()
    def ablated_together(self, sets: Sequence[Sequence[Head]], means: Means | None = None) -> Tensor:
        """Compute the logit differences with several heads ablated at once, for one set of heads at a time.

        Layers before the first one with an ablated head are not run.

        Args:
            sets: The sets of heads, at least one. An empty set is a run without ablation.
            means: Values that replace the outputs of heads; zero if None.

        Returns:
            The logit differences, shape (sets, prompts).
        """
        self.decoder.forwards += len(sets) * self.prompts
        start = min(
            (head.layer for heads in sets for head in heads), default=len(self.decoder.layout.layers) - 1
        )
        sequences = len(self._inputs[start])
        # one row for each sequence of each set, set after set
        rows = [list(heads) for heads in sets for _ in range(sequences)]
        with self._attending(), ablating(self.decoder, rows, means):
            return self._from_layer(start, self._inputs[start].repeat(len(sets), 1, 1), len(sets))

    @torch.no_grad()
    def ablated_at_last(self, layer: int, heads: Sequence[int | None], means: Means | None = None) -> Tensor:
        """Compute the logit differences with one head ablated at a time, at the last token only.

        This is a different intervention.

        Args:
            layer: The layer of the heads. It must be the last layer if the replay shares nothing.
            heads: The heads; None as in ``ablated``.
            means: Values that replace the outputs of heads; zero if None.

        Returns:
            The logit differences, shape (heads, prompts).

        Raises:
            ValueError: The layer is not the last one, and the replay shares nothing.
        """
        self.decoder.forwards += len(heads) * self.prompts
        layers = self.decoder.layout.layers
        part = layers[layer]
        z = self._at_ends(self._z[layer])
        after = _attention_without(part, z, heads, None if means is None else means[layer]).flatten(0, 1)[
            None
        ]
        hidden = self._at_ends(self._inputs[layer]).repeat(len(heads), 1)[None]
        hidden = self._block(part, hidden, attention=after)
        for later in layers[layer + 1 :]:
            hidden = self._block(later, hidden, last_of=len(heads))
        return self.decoder.read(hidden[0], self.answers).reshape(len(heads), self.prompts)

    @torch.no_grad()
    def unchanged(self) -> Tensor:
        """Return the logit differences of a replay without a change, shape (prompts,).

        They equal ``clean`` except for rounding.
        """
        self.decoder.forwards += self.prompts
        with self._attending():
            return self._from_layer(0, self._inputs[0], 1)[0]

    def _from_layer(self, layer: int, hidden: Tensor, copies: int) -> Tensor:
        """Run from the residual stream that enters a layer, shape (copies · sequences, tokens, width)."""
        *middle, final = self.decoder.layout.layers[layer:]
        for part in middle:
            hidden = self._block(part, hidden)
        attention = self._at_ends(self._attention_of(final, hidden), copies)[None]
        residual = self._block(final, self._at_ends(hidden, copies)[None], attention=attention)
        return self.decoder.read(residual[0], self.answers).reshape(copies, self.prompts)

    def _attending(self) -> Any:  # noqa: ANN401 (a context manager)
        """Compute attention over the tree, group by group, in this context."""
        return self.decoder.attention(register()) if self.grouped else nullcontext()

    def _nodes(self, values: Tensor) -> Tensor:
        """Select the values of the replayed sequences from the values at all tokens of all prompts.

        The result has shape (sequences, tokens, …).
        """
        return values.detach() if self.tree is None else values[self.tree.row, self.tree.place].detach()[None]

    def _at_ends(self, values: Tensor, copies: int = 1) -> Tensor:
        """Return the values at the last tokens of the prompts, shape (copies · prompts, …)."""
        # (copies · sequences, tokens, …) → (copies, sequences, tokens, …), then one (sequence, token) per
        # prompt
        own = values.unflatten(0, (copies, -1))
        return own[:, self.ends[0].to(values.device), self.ends[1].to(values.device)].flatten(0, 1)

    def _attention_of(self, part: Layer, hidden: Tensor) -> Tensor:
        found: list[Tensor] = []

        def keep(_: nn.Module, __: object, output: Any) -> None:  # noqa: ANN401
            found.append(first(output))

        with hooked([part.mixer.register_forward_hook(keep)]):
            self._block(part, hidden, skip_mlp=True)
        return found[0]

    def _block(
        self,
        part: Layer,
        hidden: Tensor,
        *,
        attention: Tensor | None = None,
        last_of: int = 0,
        keys: _Keys | None = None,
        skip_mlp: bool = False,
    ) -> Tensor:
        """Run one layer with a given attention output.

        It runs over all tokens, or over the last tokens of ``last_of`` variants.
        """
        with ExitStack() as stack:
            if attention is not None:
                # with a given attention output, the layer uses none of its attention arguments
                stack.enter_context(
                    standing_in(part.mixer, (attention, None) if part.kind == "attention" else attention)
                )
                keywords = self._arguments[part.index]
            elif last_of:
                keywords = self._last_arguments(part, last_of)
            else:
                keywords = self._tree_arguments[part.index] if self.tree else self._arguments[part.index]
                keywords = keywords | {"past_key_values": keys}
            if skip_mlp:
                stack.enter_context(standing_in(part.mlp, torch.zeros_like(hidden)))
            return first(part.block(hidden, **keywords | {"use_cache": False}))

    def _grown(self) -> Tree:
        if self.tree is None:
            raise ValueError("this replay shares nothing: keys and values of earlier tokens are not kept")
        return self.tree

    @cached_property
    def _tree_arguments(self) -> list[dict[str, Any]]:
        """The arguments of each layer other than the residual stream, for the nodes of the tree."""
        tree = self._grown()
        known: dict[Any, Tensor | TreeMask] = {}
        found: list[dict[str, Any]] = []
        for part, keywords in zip(self.decoder.layout.layers, self._arguments, strict=True):
            mask = keywords.get("attention_mask")
            key = (id(mask), part.out_proj.weight.device)  # layers of the same kind share a mask
            if key not in known:
                whole = self._whole_mask(mask, part)
                known[key] = tree_mask(tree, whole) if self.grouped else whole
            found.append(_placed(keywords, tree.place) | {"attention_mask": known[key]})
        return found

    def _whole_mask(self, mask: Tensor | None, part: Layer) -> Tensor:
        """Return a mask over all nodes, shape (1, 1, nodes, nodes).

        A node attends to its ancestors if the layer's own mask allows it.
        """
        tree, weight = self._grown(), part.out_proj.weight
        ancestors = tree.ancestors.to(weight.device)[None, None]
        if mask is None:
            # no mask means that nothing is masked: all True, or all 0 for a mask that is added to the scores
            mask = (
                torch.ones(1, 1, 1, 1, dtype=torch.bool)
                if self.grouped
                else torch.zeros(1, 1, 1, 1, dtype=weight.dtype)
            )
            mask = mask.expand(1, 1, int(tree.place.max()) + 1, int(tree.place.max()) + 1)
        place = tree.place.to(mask.device)
        # the layer's mask is indexed by position in a prompt; nodes look up their positions in it
        own = mask[..., place[:, None], place].to(weight.device)
        return (
            ancestors & own
            if own.dtype == torch.bool
            else own.masked_fill(~ancestors, torch.finfo(own.dtype).min)
        )

    def _last_arguments(self, part: Layer, copies: int) -> dict[str, Any]:
        """Return the arguments of a layer for the last tokens of all variants.

        Each attends to its clean ancestors and itself.
        """
        tree = self._grown()
        whole = self._whole_mask(self._arguments[part.index].get("attention_mask"), part)[0, 0]
        ends = tree.ends.to(whole.device)
        clean, own = whole[ends], whole[ends, ends]
        never = False if whole.dtype == torch.bool else torch.finfo(whole.dtype).min
        # a last token must not see its clean self: column `ends` of its own row is masked
        clean[torch.arange(self.prompts), ends] = never
        among = torch.full(
            (copies * self.prompts, copies * self.prompts), never, dtype=whole.dtype, device=whole.device
        )
        # among the new tokens, each sees only itself
        among.fill_diagonal_(own[0].item())
        mask = torch.cat([clean.repeat(copies, 1), among], dim=1)[None, None]
        keywords = _placed(self._arguments[part.index], tree.place[tree.ends].repeat(copies))
        return keywords | {"attention_mask": mask, "past_key_values": _Keys(self._keys[part.index])}

    @cached_property
    def _keys(self) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of the clean run at all nodes, by layer."""
        found: list[tuple[Tensor, Tensor]] = []
        with self._attending():
            for part, hidden in zip(self.decoder.layout.layers, self._inputs, strict=True):
                keys = _Keys()
                self._block(part, hidden, keys=keys, skip_mlp=True)
                found += [keys.kept] if keys.kept else []
        return found


def can_share(decoder: Decoder) -> bool:
    """Return whether all layers have softmax attention.

    If so, keys and values are all that layers keep of earlier tokens.
    """
    return all(layer.kind == "attention" for layer in decoder.layout.layers)


def _placed(keywords: dict[str, Any], places: Tensor) -> dict[str, Any]:
    """Return the arguments of a layer for tokens at the given positions of their prompts.

    The tokens are side by side in one sequence.
    """
    placed = dict(keywords)
    if (embeddings := placed.get("position_embeddings")) is not None:
        placed["position_embeddings"] = tuple(part[:, places.to(part.device)] for part in embeddings)
    for name in ("position_ids", "cache_position"):
        if placed.get(name) is not None:
            placed[name] = placed[name][..., places.to(placed[name].device)]
    return placed


def _attention_without(part: Layer, z: Tensor, heads: Sequence[int | None], fill: Tensor | None) -> Tensor:
    """Compute the attention output without each of some heads (None for no ablation).

    The head outputs z have shape (heads, …, width).
    """
    whole = part.out_proj(z)
    weight = part.out_proj.weight

    def without(head: int | None) -> Tensor:
        if head is None:
            return whole
        own = slice(head * part.head_dim, (head + 1) * part.head_dim)
        # only the columns of this head change, so subtract their share of the projection
        lost = z[..., own] if fill is None else z[..., own] - fill[own].to(z.device, z.dtype)
        return whole - lost @ weight[:, own].T

    return torch.stack([without(head) for head in heads])


def _one_row(value: Any, rows: int) -> Any:  # noqa: ANN401 (any argument of a layer)
    """Return one row of values that are equal for all prompts of a batch (padded on the right).

    The row can be used with any batch.
    """
    if isinstance(value, tuple):
        return tuple(_one_row(part, rows) for part in value)
    return value[:1] if isinstance(value, Tensor) and value.dim() > 1 and value.shape[0] == rows else value
