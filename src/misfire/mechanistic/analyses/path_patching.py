"""Path patching: what a head does through one later component alone.

Definition (Goldowsky-Dill et al. 2023, arXiv 2304.05969, edges of the residual graph; Wang et al. 2023, arXiv 2211.00593, appendix B): the
sender's output is that of the other half's run (contrast half for a stereotyped run), and only the receiver sees the change, at every
token, through the residual stream. Everything between them is frozen at the run's own activations, so that no other component carries
the change on; the receiver is computed anew from its changed input, and everything behind the receiver is recomputed. Receivers are a
later layer's attention (queries, keys and values together), a layer's MLP (the sender's own layer's too), or the logits (the direct path).
Substituting a peak residual at the last layer is not this, and tells nothing.
"""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from misfire.datasets.pairs import HalfName
from misfire.mechanistic.analyses.ablation import about
from misfire.mechanistic.analyses.patching import FROM_TO, Direction
from misfire.mechanistic.model.decoder import Batch, Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import Patch, capturing, first, hooked, patching
from misfire.mechanistic.model.layouts import Layer
from misfire.mechanistic.model.replay import chunks
from misfire.mechanistic.prompts import ProbePrompt
from misfire.mechanistic.selection import BUDGET, Probed, ProbedPair
from misfire.mechanistic.store import Store

if TYPE_CHECKING:
    import pandas as pd

Receiver = Literal["attention", "mlp", "logits"]


def path_patch(
    decoder: Decoder,
    probed: Probed,
    senders: Sequence[Head],
    *,
    direction: Direction = "denoising",
    budget: int = BUDGET,
    store: Store | None = None,
    step: Callable[[], None] = lambda: None,
) -> "pd.DataFrame":
    """Patch the paths from some heads to every later component.

    Tokens of the two halves are matched by their place where both halves have as many; other pairs are matched at the last token alone, and
    ``tokens`` says which.

    Args:
        decoder: The model.
        probed: The pairs; failures alone are patched.
        senders: The heads.
        direction: Whose run gets whose output.
        budget: Bytes that activations may take.
        store: Keeps finished pieces, one a sender and chunk.
        step: Called after each sender of each chunk.

    Returns:
        A row a (pair, sender, receiver): the pair's columns, ``sender``, ``receiver``, ``layer`` of the receiver (−1 for logits), ``own``,
        ``other`` and ``patched`` margins, ``tokens``.
    """
    import pandas as pd

    decoder.check_heads(senders)
    pairs = probed.of("failure")
    lengths = [max(len(prompt.ids) for prompt in one.prompts.values()) for one in pairs]
    pieces: list[pd.DataFrame] = []
    for number, chunk in enumerate(chunks(lengths, decoder.width, 2 * len(decoder.layout.layers), decoder.dtype.itemsize, budget)):
        own = [pairs[index] for index in chunk]
        run: list[_Paths] = []  # made once it is needed
        for sender in senders:

            def piece(sender: Head = sender, own: Sequence[ProbedPair] = own, run: list[_Paths] = run) -> pd.DataFrame:
                if not run:
                    run.append(_Paths(decoder, probed, own, direction))
                return run[0].from_sender(sender)

            pieces.append(store.frame(f"paths-{direction}-{sender}-C{number}", piece) if store else piece())
            step()
    return pd.concat(pieces, ignore_index=True)


class _Paths:
    """Clean runs of both halves of some pairs, and runs with one path changed."""

    @torch.no_grad()
    def __init__(self, decoder: Decoder, probed: Probed, pairs: Sequence[ProbedPair], direction: Direction) -> None:
        self.decoder, self.probed, self.pairs = decoder, probed, pairs
        source: HalfName = FROM_TO[direction][0]
        self.half: HalfName = FROM_TO[direction][1]
        sources, targets = [one.prompts[source] for one in pairs], [one.prompts[self.half] for one in pairs]
        source_batch, self.batch = decoder.batch([one.ids for one in sources]), decoder.batch([one.ids for one in targets])
        with capturing(decoder, z=True) as theirs:
            self.other = decoder.difference(decoder.run(source_batch), probed.answers)
        with capturing(decoder, z=True, sites=["residual", "attention", "mlp"]) as self.own:
            self.clean = decoder.difference(decoder.run(self.batch), probed.answers)
        self.kinds, self.z = self._matched(sources, targets, source_batch, theirs.z)

    def _matched(
        self, sources: Sequence[ProbePrompt], targets: Sequence[ProbePrompt], source_batch: Batch, theirs: dict[int, Tensor]
    ) -> tuple[list[str], dict[int, Tensor]]:
        """The other half's head outputs at this half's tokens; its own where there is no match."""
        same = [len(a.ids) == len(b.ids) for a, b in zip(sources, targets, strict=True)]
        found: dict[int, Tensor] = {}
        for layer, own in self.own.z.items():
            z = own.clone()
            for row, alike in enumerate(same):
                if alike:
                    z[row, : len(targets[row].ids)] = theirs[layer][row, : len(sources[row].ids)]
                else:
                    z[row, self.batch.last[row]] = theirs[layer][row, source_batch.last[row]]
            found[layer] = z
        return ["all" if alike else "last" for alike in same], found

    @torch.no_grad()
    def from_sender(self, sender: Head) -> "pd.DataFrame":
        import pandas as pd

        layers = self.decoder.layout.layers
        change = self._change(layers[sender.layer], sender)
        rows: list[dict[str, Any]] = []
        for layer in layers[sender.layer :]:
            if layer.index > sender.layer:
                rows += self._rows(sender, "attention", layer.index, self._through(layer, "attention", change))
            rows += self._rows(sender, "mlp", layer.index, self._through(layer, "mlp", change))
        final = self.own.residual[layers[-1].index] + change.to(self.own.residual[layers[-1].index])
        at = torch.arange(len(self.pairs), device=final.device), self.batch.last.to(final.device)
        rows += self._rows(sender, "logits", -1, self.decoder.read(final[at], self.probed.answers))
        return pd.DataFrame(rows)

    def _change(self, layer: Layer, sender: Head) -> Tensor:
        """What the sender's other output adds to the residual stream after its attention, shape (pairs, tokens, width)."""
        own = slice(sender.index * layer.head_dim, (sender.index + 1) * layer.head_dim)
        z = self.own.z[layer.index].clone()
        z[..., own] = self.z[layer.index][..., own]
        changed = layer.out_proj(z)
        norm = getattr(layer.block, "post_attention_layernorm", None)
        # in Gemma a norm stands between the projection and the residual stream
        if norm is not None and hasattr(layer.block, "pre_feedforward_layernorm"):
            return norm(changed) - norm(self.own.attention[layer.index])
        return changed - self.own.attention[layer.index]

    def _through(self, receiver: Layer, kind: Literal["attention", "mlp"], change: Tensor) -> Tensor:
        """The logit difference where the change reaches the receiver alone."""
        output = self._received(receiver, kind, change)
        rows, tokens = (self.batch.mask == 1).nonzero(as_tuple=True)
        values = output[rows.to(output.device), tokens.to(output.device)]
        with patching(self.decoder, Patch(kind, receiver.index, rows, tokens, values)):
            return self.decoder.difference(self.decoder.run(self.batch), self.probed.answers)

    def _received(self, receiver: Layer, kind: Literal["attention", "mlp"], change: Tensor) -> Tensor:
        """What the receiver gives if the change is added to the residual stream that it reads."""
        found: list[Tensor] = []

        def keep(_: object, __: object, output: Any) -> None:  # noqa: ANN401
            found.append(first(output))

        def add(_: object, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (arguments[0] + change.to(arguments[0]), *arguments[1:])

        def own_attention(_: object, __: object, output: Any) -> Any:  # noqa: ANN401
            tensor = self.own.attention[receiver.index]
            return (tensor, *output[1:]) if isinstance(output, tuple) else tensor

        with ExitStack() as stack:
            # the change is put on the stream that enters the layer; for its MLP the layer's own attention is kept as it was
            stack.enter_context(hooked([receiver.block.register_forward_pre_hook(add)]))
            if kind == "mlp":
                stack.enter_context(hooked([receiver.mixer.register_forward_hook(own_attention)]))
            module = receiver.mlp if kind == "mlp" else receiver.mixer
            stack.enter_context(hooked([module.register_forward_hook(keep)]))
            self.decoder.run(self.batch)
        return found[0]

    def _rows(self, sender: Head, receiver: Receiver, layer: int, found: Tensor) -> list[dict[str, Any]]:
        return [
            {
                **about(one),
                "sender": str(sender),
                "receiver": receiver,
                "layer": layer,
                "own": one.sign(self.half) * own,
                "other": one.sign(self.half) * other,
                "patched": one.sign(self.half) * d,
                "tokens": tokens,
            }
            for one, own, other, d, tokens in zip(
                self.pairs, self.clean.tolist(), self.other.tolist(), found.tolist(), self.kinds, strict=True
            )
        ]


def path_table(frame: "pd.DataFrame", *, seed: int = 1) -> "pd.DataFrame":
    """The share of the difference between the halves that each path carries, with intervals that draw scenarios anew.

    Args:
        frame: As ``path_patch`` gives it.
        seed: Of the draws.

    Returns:
        A row a (sender, receiver, layer): ``effect`` (mean change of the margin), ``share`` (of the difference) with ``ci_lower`` and
        ``ci_upper``, ``pairs``; the largest share first.
    """
    import numpy as np
    import pandas as pd

    from misfire.mechanistic.conclusions.inference import bootstrap
    from misfire.mechanistic.selection import Floats

    rows: list[dict[str, Any]] = []
    for (sender, receiver, layer), own in frame.groupby(["sender", "receiver", "layer"], sort=False) if len(frame) else ():
        gained: Floats = (own["patched"] - own["own"]).to_numpy(float)
        possible: Floats = (own["other"] - own["own"]).to_numpy(float)

        def ratio(units: "np.ndarray[Any, Any]", gained: Floats = gained, possible: Floats = possible) -> Floats:
            difference = possible[units].mean()
            return np.array([gained[units].mean() / difference if difference else np.nan])

        value, lower, upper = bootstrap(ratio, own["scenario"].tolist(), draws=500, seed=seed)
        rows.append({
            "sender": sender,
            "receiver": receiver,
            "layer": layer,
            "effect": float(gained.mean()),
            "share": float(value[0]),
            "ci_lower": float(lower[0]),
            "ci_upper": float(upper[0]),
            "pairs": len(own),
        })  # fmt: skip
    columns = ["sender", "receiver", "layer", "effect", "share", "ci_lower", "ci_upper", "pairs"]
    return pd.DataFrame(rows, columns=columns).sort_values("share", ascending=False, kind="stable", ignore_index=True)
