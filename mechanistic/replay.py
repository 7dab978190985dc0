"""The fast exact sweep: one clean run of some prompts, then only the layers behind a changed one run again.

A head's output enters the residual stream through its own columns W_h of the output projection, so ablating it changes the attention's
output by − W_h z_h and needs no attention computed in its layer. The start that all prompts share (system message, chat template) is
replayed once for all of them, since no later token changes it; its keys and values are kept for the rest. Nothing is approximated.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from misfire.mechanistic.decoder import AnswerTokens, Decoder
from misfire.mechanistic.hooks import Means, first, hooked, standing_in
from misfire.mechanistic.layouts import Layer

_PARTS = 8
"""Values that one replayed token holds at a time, in units of the residual stream: it, its MLP's inner layer, keys, values, scores."""

_CPU_TOKENS = 4096
"""So many tokens a pass are enough to keep a CPU busy."""


class _Prefix:
    """Takes the place of a key-value cache: keeps those of a prefix, then puts them before a suffix's."""

    def __init__(self, kept: tuple[Tensor, Tensor] | None = None, repeat: int = 1) -> None:
        self.kept, self.repeat = kept, repeat

    def update(self, keys: Tensor, values: Tensor, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        if self.kept is None:
            self.kept = (keys, values)
            return keys, values
        old = [part.repeat_interleave(self.repeat, dim=0) for part in self.kept]
        return torch.cat([old[0], keys], dim=2), torch.cat([old[1], values], dim=2)


class Replay:
    """A clean run of some prompts, and runs from any of its layers on.

    Args:
        decoder: The model.
        prompts: Token ids of the prompts.
        answers: The answers' tokens.
        share_prefix: Whether the start that all prompts share is run once; not where there is linear attention, whose state is no cache
            of keys and values.

    Attributes:
        clean: Logit differences of the clean run, shape (prompts,).
    """

    @torch.no_grad()
    def __init__(self, decoder: Decoder, prompts: Sequence[Sequence[int]], answers: AnswerTokens, *, share_prefix: bool = True) -> None:
        self.decoder, self.answers = decoder, answers
        batch = decoder.batch(prompts)
        self.rows, self.tokens = batch.ids.shape
        linear = any(layer.kind == "linear" for layer in decoder.layout.layers)
        self.prefix = common_prefix(prompts) if share_prefix and not linear and self.rows > 1 else 0
        self.last = batch.last - self.prefix
        self._arguments: list[dict[str, Any]] = []
        self._inputs: list[tuple[Tensor, Tensor]] = []
        self._z: list[tuple[Tensor, Tensor]] = []

        def keep_input(_: nn.Module, arguments: tuple[Tensor, ...], keywords: dict[str, Any]) -> None:
            self._inputs.append(self._split(arguments[0]))
            self._arguments.append({name: _one_row(value, self.rows) for name, value in keywords.items()})

        def keep_z(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
            self._z.append(self._split(arguments[0]))

        layers = decoder.layout.layers
        hooks = [layer.block.register_forward_pre_hook(keep_input, with_kwargs=True) for layer in layers]
        hooks += [layer.out_proj.register_forward_pre_hook(keep_z) for layer in layers]
        with hooked(hooks):
            self.clean = decoder.difference(decoder.run(batch), answers)

    @torch.no_grad()
    def ablated(self, layer: int, heads: Sequence[int], means: Means | None = None) -> Tensor:
        """The logit differences with one head ablated at a time.

        Args:
            layer: Their layer.
            heads: The heads, each ablated alone.
            means: What takes the place of a head's output; zero without.

        Returns:
            Shape (heads, prompts).
        """
        part = self.decoder.layout.layers[layer]
        fill = None if means is None else means[layer]
        prefix, rest = self._z[layer]
        if part is self.decoder.layout.layers[-1]:
            rows = torch.arange(self.rows, device=rest.device)
            last = self.last.to(rest.device)
            after = _attention_without(part, rest[rows, last], heads, fill).flatten(0, 1)[:, None]
            hidden = self._inputs[layer][1][rows, last].repeat(len(heads), 1)[:, None]
            return self._read(self._block(part, hidden, "last", attention=after)[:, 0], len(heads))
        before = _attention_without(part, prefix, heads, fill)
        return self.from_attention(layer, before, _attention_without(part, rest, heads, fill).flatten(0, 1), len(heads))

    @torch.no_grad()
    def unchanged(self) -> Tensor:
        """The logit differences of a replay that changes nothing, shape (prompts,); ``clean`` but for rounding."""
        prefix, rest = self._inputs[0]
        return self.from_layer(0, prefix[None], rest, 1)[0]

    @torch.no_grad()
    def from_attention(self, layer: int, before: Tensor, after: Tensor, copies: int) -> Tensor:
        """Run on from what a layer's attention gives.

        Args:
            layer: The layer.
            before: Its attention's output on the shared prefix, shape (copies, prefix, width), or without tokens.
            after: The same on the rest, shape (copies · prompts, tokens, width).
            copies: How many variants run side by side.

        Returns:
            The logit differences, shape (copies, prompts).
        """
        prefix, rest = self._inputs[layer]
        hidden_prefix = prefix[None].expand(copies, *prefix.shape)
        hidden = rest.repeat(copies, 1, 1)
        layers = self.decoder.layout.layers
        final = layers[-1]
        if layer == final.index:
            return self._read(self._at_last(final, hidden, after, copies), copies)
        if self.prefix:
            hidden_prefix = self._block(layers[layer], hidden_prefix, "prefix", attention=before)
        hidden = self._block(layers[layer], hidden, "rest", attention=after)
        return self.from_layer(layer + 1, hidden_prefix, hidden, copies)

    @torch.no_grad()
    def from_layer(self, layer: int, hidden_prefix: Tensor, hidden: Tensor, copies: int) -> Tensor:
        """Run on from the residual stream that enters a layer; arguments as in ``from_attention``."""
        layers = self.decoder.layout.layers
        for part in layers[layer:]:
            cache = _Prefix() if self.prefix else None
            final = part is layers[-1]
            if self.prefix:
                hidden_prefix = self._block(part, hidden_prefix, "prefix", cache=cache, skip_mlp=final)
                cache = _Prefix(cache.kept if cache else None, self.rows)
            if final:
                # behind the last attention only the last token matters
                attention = self._attention_of(part, hidden, cache)
                return self._read(self._at_last(part, hidden, attention, copies), copies)
            hidden = self._block(part, hidden, "rest", cache=cache)
        raise ValueError("there is no layer to run")

    def _split(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        return hidden[0, : self.prefix].detach(), hidden[:, self.prefix :].detach()

    def _at_last(self, part: Layer, hidden: Tensor, attention: Tensor, copies: int) -> Tensor:
        """The residual stream after a layer, at each prompt's last token alone."""
        rows = torch.arange(len(hidden), device=hidden.device)
        last = self.last.to(hidden.device).repeat(copies)
        return self._block(part, hidden[rows, last][:, None], "last", attention=attention[rows, last][:, None])[:, 0]

    def _read(self, residual: Tensor, copies: int) -> Tensor:
        return self.decoder.read(residual, self.answers).reshape(copies, self.rows)

    def _attention_of(self, part: Layer, hidden: Tensor, cache: _Prefix | None) -> Tensor:
        found: list[Tensor] = []

        def keep(_: nn.Module, __: object, output: Any) -> None:  # noqa: ANN401
            found.append(first(output))

        with hooked([part.mixer.register_forward_hook(keep)]):
            self._block(part, hidden, "rest", cache=cache, skip_mlp=True)
        return found[0]

    def _block(
        self,
        part: Layer,
        hidden: Tensor,
        which: str,
        *,
        attention: Tensor | None = None,
        cache: _Prefix | None = None,
        skip_mlp: bool = False,
    ) -> Tensor:
        """Run one layer, with its attention given or computed."""
        with ExitStack() as stack:
            if attention is not None:
                stack.enter_context(standing_in(part.mixer, (attention, None) if part.kind == "attention" else attention))
            if skip_mlp:
                stack.enter_context(standing_in(part.mlp, torch.zeros_like(hidden)))
            keywords = self._keywords(part.index, which, hidden) | {"past_key_values": cache, "use_cache": False}
            return first(part.block(hidden, **keywords))

    def _keywords(self, layer: int, which: str, hidden: Tensor) -> dict[str, Any]:
        """What a layer is given beside the residual stream, cut to the prefix or to the rest."""
        keywords = dict(self._arguments[layer])
        if not self.prefix or which == "last":
            # with its attention given a layer looks at none of them
            return keywords
        cut = slice(0, self.prefix) if which == "prefix" else slice(self.prefix, self.tokens)
        mask = keywords.get("attention_mask")
        if which == "prefix":
            keywords["attention_mask"] = None if mask is None else mask[..., cut, cut]
        else:
            whole = torch.ones(1, 1, self.tokens, self.tokens, dtype=torch.bool, device=hidden.device).tril() if mask is None else mask
            keywords["attention_mask"] = whole[..., cut, :]
        if keywords.get("position_embeddings") is not None:
            keywords["position_embeddings"] = tuple(part[:, cut] for part in keywords["position_embeddings"])
        for name in ("position_ids", "cache_position"):
            if keywords.get(name) is not None:
                keywords[name] = keywords[name][..., cut]
        return keywords


def common_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all prompts begin with alike; at least one token of each is left over."""
    least = min(map(len, prompts)) - 1
    return next((place for place in range(least) if len({prompt[place] for prompt in prompts}) > 1), least)


def chunks(lengths: Sequence[int], width: int, layers: int, size: int, budget: int) -> Iterator[list[int]]:
    """Split prompts into runs whose captured activations fit half of a budget.

    Args:
        lengths: Tokens of each prompt.
        width: Size of the residual stream.
        layers: Layers of the model.
        size: Bytes of a value.
        budget: Bytes.

    Yields:
        Indices of prompts, alike in length; at least one a chunk.
    """
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    chunk: list[int] = []
    for index in order:
        # two activations a layer and token: the layer's input and its heads' outputs; lengths rise, so this one pads the others
        if chunk and 2 * layers * (len(chunk) + 1) * lengths[index] * width * size > budget / 2:
            yield chunk
            chunk = []
        chunk.append(index)
    if chunk:
        yield chunk


def copies_in_budget(tokens: int, width: int, size: int, budget: int, device: torch.device) -> int:
    """How many variants of so many tokens run side by side in half of a budget; at least one.

    On a CPU not more than its caches are good for, since larger passes are slower there.
    """
    most = max(1, int(budget / 2 / (_PARTS * tokens * width * size)))
    return min(most, max(1, _CPU_TOKENS // tokens)) if device.type == "cpu" else most


def _attention_without(part: Layer, z: Tensor, heads: Sequence[int], fill: Tensor | None) -> Tensor:
    """What the attention gives without each of some heads, from its heads' outputs z: shape (heads, …, width)."""
    whole = part.out_proj(z)
    weight = part.out_proj.weight

    def without(head: int) -> Tensor:
        own = slice(head * part.head_dim, (head + 1) * part.head_dim)
        lost = z[..., own] if fill is None else z[..., own] - fill[own].to(z.device, z.dtype)
        return whole - lost @ weight[:, own].T

    return torch.stack([without(head) for head in heads])


def _one_row(value: Any, rows: int) -> Any:  # noqa: ANN401 (whatever a layer is given)
    """Of what is alike for all prompts of a batch (they are padded on the right) one row, which serves any batch."""
    if isinstance(value, tuple):
        return tuple(_one_row(part, rows) for part in value)
    return value[:1] if isinstance(value, Tensor) and value.dim() > 1 and value.shape[0] == rows else value
