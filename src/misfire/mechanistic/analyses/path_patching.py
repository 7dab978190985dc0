"""Path patching: the effect of a head through a single later component.

Definition (Goldowsky-Dill et al. 2023, arXiv 2304.05969, edges of the residual graph; Wang et al. 2023, arXiv
2211.00593, appendix B): the output of the sender is replaced by that of the other half's run (contrast half
for a stereotyped run), and only the receiver sees the change, at every token, through the residual stream.
All components between them are frozen at the activations of the clean run, so that they do not pass the
change on. The receiver is recomputed from its changed input, and so is everything after it. Receivers are the
attention of a later layer (queries, keys and values together), the MLP of a layer (also the sender's own), or
the logits (the direct path). Substituting a peak residual at the last layer is something else, and shows
nothing.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from misfire.mechanistic.analyses.both_halves import (
    BothHalves,
    Direction,
    Pairs,
    pair_chunks,
    patched_rows,
    run_half,
)
from misfire.mechanistic.inference import ratio_of_means
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import Captured, Patch, first, hooked, patching, with_first
from misfire.mechanistic.model.layouts import Layer
from misfire.mechanistic.session import Session

if TYPE_CHECKING:
    import pandas as pd

Receiver = Literal["attention", "mlp", "logits"]


def path_patch(
    session: Session, senders: Sequence[Head], *, direction: Direction = "denoising"
) -> "pd.DataFrame":
    """Patch the paths from some heads to every later component, in failures.

    Tokens of the two halves are matched by position if both halves have the same number of tokens. Other
    pairs are matched only at the last token. The column ``tokens`` says which.

    Args:
        session: The model and its pairs. The store keeps one piece for each sender and chunk of pairs.
        senders: The heads.
        direction: Which half's run gets the output of the other.

    Returns:
        A row for each (pair, sender, receiver): the pair's columns, ``sender``, ``receiver``, ``layer`` of
        the receiver (−1 for logits), ``own``, ``other`` and ``patched`` margins, ``tokens``.
    """
    session.decoder.check_heads(senders)

    def clean(pairs: Pairs) -> _Runs:
        source = run_half(session, pairs, pairs.source, z=True)
        target = run_half(session, pairs, pairs.target, z=True, sites=["residual", "attention", "mlp"])
        return _Runs(session, pairs, BothHalves(source, target))

    return session.run_interventions(
        pair_chunks(
            session, session.probed.of("failure"), [direction], 2 * len(session.decoder.layout.layers)
        ),
        senders,
        clean=clean,
        measure=lambda _, runs, sender: runs.from_sender(sender),
        piece=lambda pairs, sender: f"paths-{pairs.direction}-{sender}-C{pairs.number}",
    )


@dataclass
class _Runs:
    """Clean runs of both halves of some pairs, and runs with one path changed."""

    session: Session
    pairs: Pairs
    runs: BothHalves

    def __post_init__(self) -> None:
        source, target = self.runs.source, self.runs.target
        alike = [len(a.ids) == len(b.ids) for a, b in zip(source.prompts, target.prompts, strict=True)]
        self.matched = ["all" if same else "last" for same in alike]
        self.z: dict[int, Tensor] = {}
        """Outputs of the source half's heads at the tokens of the target half; the target's own outputs
        where tokens do not match."""
        for layer, own in target.captured.z.items():
            z, theirs = own.clone(), source.captured.z[layer]
            for row, same in enumerate(alike):
                length = len(target.prompts[row].ids)
                # either all tokens of the prompt, or only the last one
                taken = slice(0, length) if same else source.batch.last[row]
                put = slice(0, length) if same else target.batch.last[row]
                z[row, put] = theirs[row, taken]
            self.z[layer] = z

    def from_sender(self, sender: Head) -> "pd.DataFrame":
        """Return the margins with one path from a head changed, for each later component."""
        import pandas as pd

        decoder, target = self.session.decoder, self.runs.target
        layers = decoder.layout.layers
        change = sent_change(layers[sender.layer], sender, target.captured, self.z[sender.layer])
        rows: list[dict[str, Any]] = []
        for layer in layers[sender.layer :]:
            if layer.index > sender.layer:
                rows += self._rows(
                    sender, "attention", layer.index, self._through(layer, "attention", change)
                )
            rows += self._rows(sender, "mlp", layer.index, self._through(layer, "mlp", change))
        final = target.captured.residual[layers[-1].index] + change.to(
            target.captured.residual[layers[-1].index]
        )
        at = torch.arange(len(self.pairs.pairs), device=final.device), target.batch.last.to(final.device)
        rows += self._rows(sender, "logits", -1, decoder.read(final[at], self.session.probed.answers))
        return pd.DataFrame(rows)

    def _through(self, receiver: Layer, kind: Literal["attention", "mlp"], change: Tensor) -> Tensor:
        """Compute the logit difference if only the receiver sees the change."""
        batch = self.runs.target.batch
        output = self._received(receiver, kind, change)
        rows, tokens = (batch.mask == 1).nonzero(as_tuple=True)
        values = output[rows.to(output.device), tokens.to(output.device)]
        with patching(self.session.decoder, Patch(kind, receiver.index, rows, tokens, values)):
            again = self.runs.target.rerun.from_layer(receiver.index)
        return self.session.decoder.difference(again, self.session.probed.answers)

    def _received(self, receiver: Layer, kind: Literal["attention", "mlp"], change: Tensor) -> Tensor:
        """Compute the output of the receiver if the change is added to the residual stream that it reads."""
        found: list[Tensor] = []

        def keep(_: object, __: object, output: Any) -> None:  # noqa: ANN401
            found.append(first(output))

        def add(_: object, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (arguments[0] + change.to(arguments[0]), *arguments[1:])

        def own_attention(_: object, __: object, output: Any) -> Any:  # noqa: ANN401
            return with_first(output, self.runs.target.captured.attention[receiver.index])

        with ExitStack() as stack:
            # add the change to the residual stream that enters the layer; for the MLP, keep the layer's own
            # attention output unchanged
            stack.enter_context(hooked([receiver.block.register_forward_pre_hook(add)]))
            if kind == "mlp":
                stack.enter_context(hooked([receiver.mixer.register_forward_hook(own_attention)]))
            module = receiver.mlp if kind == "mlp" else receiver.mixer
            stack.enter_context(hooked([module.register_forward_hook(keep)]))
            self.runs.target.rerun.one_layer(receiver.index)
        return found[0]

    def _rows(self, sender: Head, receiver: Receiver, layer: int, found: Tensor) -> list[dict[str, Any]]:
        labels = {"sender": str(sender), "receiver": receiver, "layer": layer}
        return patched_rows(
            self.pairs, self.runs, found, labels, [{"tokens": tokens} for tokens in self.matched]
        )


def sent_change(layer: Layer, sender: Head, own: Captured, other_z: Tensor) -> Tensor:
    """Compute the change of the residual stream after the attention when the output of a head is replaced.

    Args:
        layer: Layer of the head.
        sender: The head.
        own: Activations of the clean run: outputs of the heads, and attention outputs.
        other_z: Outputs of the heads of that layer, from which the sender's is taken, shape (pairs, tokens,
            heads · head_dim).

    Returns:
        The change, shape (pairs, tokens, width).
    """
    columns = slice(sender.index * layer.head_dim, (sender.index + 1) * layer.head_dim)
    z = own.z[layer.index].clone()
    z[..., columns] = other_z[..., columns]
    changed = layer.out_proj(z)
    norm = getattr(layer.block, "post_attention_layernorm", None)
    # Gemma has a norm between the projection and the residual stream; other models use the same name for a
    # norm after it
    if norm is not None and hasattr(layer.block, "pre_feedforward_layernorm"):
        return norm(changed) - norm(own.attention[layer.index])
    return changed - own.attention[layer.index]


def path_table(frame: "pd.DataFrame", *, seed: int = 1) -> "pd.DataFrame":
    """Compute the share of the difference between the halves that each path carries.

    Intervals resample scenarios.

    Args:
        frame: Output of ``path_patch``.
        seed: Random seed.

    Returns:
        A row for each (sender, receiver, layer), largest share first: ``effect`` (mean change of the margin),
        ``share`` (of the difference) with ``ci_lower`` and ``ci_upper``, ``pairs``.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for (sender, receiver, layer), own in (
        frame.groupby(["sender", "receiver", "layer"], sort=False) if len(frame) else ()
    ):
        gained, possible = ((own[name] - own["own"]).to_numpy(float) for name in ("patched", "other"))
        share, lower, upper = ratio_of_means(gained, possible, own["scenario"].tolist(), draws=500, seed=seed)
        rows.append({
            "sender": sender,
            "receiver": receiver,
            "layer": layer,
            "effect": float(gained.mean()),
            "share": share,
            "ci_lower": lower,
            "ci_upper": upper,
            "pairs": len(own),
        })  # fmt: skip
    columns = ["sender", "receiver", "layer", "effect", "share", "ci_lower", "ci_upper", "pairs"]
    return pd.DataFrame(rows, columns=columns).sort_values(
        "share", ascending=False, kind="stable", ignore_index=True
    )
