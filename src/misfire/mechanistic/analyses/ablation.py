"""Ablate every head: its effect on the logit difference of each prompt, and a table that ranks heads by it.

Ablation changes the outputs of the heads at the input of the output projection. Slices of the attention
output would be wrong, because they are directions of the residual stream and not heads. Margins are logit
differences toward the right answer; Δ is ablated minus clean.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.inference import Floats, difference, mean, sign_flip, split_half
from misfire.mechanistic.model.batching import chunks, copies_in_budget
from misfire.mechanistic.model.decoder import AnswerTokens, Batch, Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import Ablation, Means, ablating, hooked
from misfire.mechanistic.model.layouts import Layer
from misfire.mechanistic.model.replay import Replay, can_share
from misfire.mechanistic.session import AskedHalf, Chunk, Session
from misfire.scorers.statistics import benjamini_hochberg

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["replay", "naive"]
"""How head ablation is computed: by replaying the layers after a head, or by whole runs. Both are exact."""

TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.3, torch.float16: 0.05}
"""Largest accepted difference between replay and whole runs, in logits. bfloat16 rounds this coarsely."""

_KEPT = 8
"""Memory that a backward pass keeps per layer, in multiples of what a replay keeps."""

ENOUGH_MIRRORS = 5
"""From this number of scenarios with mirrors on, heads are ranked by their effect on failures and not on
mirrors."""


def _each(
    decoder: Decoder, batch: Batch, answers: AnswerTokens, changes: Iterable[AbstractContextManager[None]]
) -> Tensor:
    """Compute logit differences of a batch, with one model change at a time: shape (changes, prompts)."""
    found: list[Tensor] = []
    for change in changes:
        with change:
            found.append(decoder.difference(decoder.run(batch), answers))
    return torch.stack(found)


@torch.no_grad()
def naive_sweep(
    decoder: Decoder,
    prompts: Sequence[Sequence[int]],
    answers: AnswerTokens,
    layer: int,
    means: Means | None = None,
    heads: Sequence[int] | None = None,
) -> Tensor:
    """Ablate one head at a time with whole runs. This is the reference for replay.

    Args:
        decoder: The model.
        prompts: Token IDs of each prompt.
        answers: The tokens of the answers.
        layer: Index of the layer of the heads.
        means: Values that replace the outputs of heads; zero if None.
        heads: Indices of the heads; all heads of the layer by default.

    Returns:
        Logit differences, shape (heads, prompts).
    """
    chosen = range(decoder.layout.layers[layer].heads) if heads is None else heads
    changes = (ablating(decoder, [Head(layer, head)], means) for head in chosen)
    return _each(decoder, decoder.batch(prompts), answers, changes)


@torch.no_grad()
def naive_last_token(
    decoder: Decoder,
    prompts: Sequence[Sequence[int]],
    answers: AnswerTokens,
    layer: int,
    heads: Sequence[int] | None = None,
) -> Tensor:
    """Ablate one head at a time at the last token only, with whole runs: shape (heads, prompts).

    See ``naive_sweep``.
    """
    batch, part = decoder.batch(prompts), decoder.layout.layers[layer]
    chosen = range(part.heads) if heads is None else heads
    return _each(decoder, batch, answers, (_silenced(part, head, batch) for head in chosen))


@contextmanager
def _silenced(part: Layer, head: int, batch: Batch) -> Generator[None]:
    """Set one head to zero at the last token of each prompt, in this context."""
    own = slice(head * part.head_dim, (head + 1) * part.head_dim)
    rows = torch.arange(len(batch.ids))

    def silence(_: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor]:
        z = arguments[0].clone()
        z[rows.to(z.device), batch.last.to(z.device), own] = 0
        return (z,)

    with hooked([part.out_proj.register_forward_pre_hook(silence)]):
        yield


def canary(decoder: Decoder, prompts: Sequence[Sequence[int]], answers: AnswerTokens, seed: int = 1) -> float:
    """Measure the largest difference between replay and whole runs.

    One comparison is without ablation, and one is with a random head ablated.

    Args:
        decoder: The model.
        prompts: A few prompts.
        answers: The tokens of the answers.
        seed: Random seed for the head.

    Returns:
        The difference in logits.
    """
    replay = Replay(decoder, prompts, answers)
    head = decoder.heads[int(np.random.default_rng(seed).integers(len(decoder.heads)))]
    fast = replay.ablated(head.layer, [head.index])[0]
    slow = naive_sweep(decoder, prompts, answers, head.layer, heads=[head.index])[0]
    return max(float((fast - slow).abs().max()), float((replay.unchanged() - replay.clean).abs().max()))


def choose_method(session: Session) -> tuple[Method, float]:
    """Choose replay if it agrees with whole runs on a few prompts, or else whole runs.

    The second result is the difference between the two methods in logits.
    """
    few = [prompt.ids for one in session.probed.pairs[:2] for prompt in one.prompts.values()]
    difference = canary(session.decoder, few, session.probed.answers)
    return ("replay" if difference <= TOLERANCE[session.decoder.dtype] else "naive"), difference


def head_effects(
    session: Session, *, ablation: Ablation = "zero", method: Method = "replay"
) -> "pd.DataFrame":
    """Ablate every head separately, on every prompt.

    Args:
        session: The model and its pairs. The store keeps one piece for each layer and chunk of prompts.
        ablation: What replaces the output of a head; for ``mean``, the means in ``Session.means``.
        method: How the ablation is computed.

    Returns:
        A row for each (pair, half, head): ``pair``, ``scenario``, ``category``, ``group``, ``half``,
        ``layer``, ``head``, ``ablation``, ``clean`` and ``ablated`` margins in logits, and ``delta``, their
        difference.
    """
    means = None if ablation == "zero" else session.means

    def measure(chunk: Chunk, replay: Replay, layer: Layer) -> "pd.DataFrame":
        if method == "naive":
            ablated = naive_sweep(session.decoder, chunk.ids, session.probed.answers, layer.index, means)
            return _rows(chunk.halves, layer, ablation, replay.clean, ablated)
        return _rows(chunk.halves, layer, ablation, *_replayed(session, replay, layer, means))

    return session.run_interventions(
        session.chunks,
        session.decoder.layout.layers,
        clean=lambda chunk: Replay(session.decoder, chunk.ids, session.probed.answers),
        measure=measure,
        piece=lambda chunk, layer: f"heads-{ablation}-L{layer.index}-C{chunk.number}",
    )


def _replayed(session: Session, replay: Replay, layer: Layer, means: Means | None) -> tuple[Tensor, Tensor]:
    """Return the clean and ablated logit differences of all heads of a layer.

    As many heads as the budget allows are run side by side.
    """
    decoder = session.decoder
    # rounding depends on how many tokens run together, so the clean run must have the same shape as the
    # ablated ones
    coarse = decoder.dtype != torch.float32
    variants = [*range(layer.heads), *([None] if coarse else [])]
    width = copies_in_budget(
        replay.tokens, decoder.width, decoder.dtype.itemsize, session.budget, decoder.device
    )
    groups = [variants[start : start + width] for start in range(0, len(variants), width)]
    found = torch.cat([replay.ablated(layer.index, group, means) for group in groups])
    return (found[-1], found[:-1]) if coarse else (replay.clean, found)


def _rows(
    halves: Sequence[AskedHalf], layer: Layer, ablation: str, clean: Tensor, ablated: Tensor
) -> "pd.DataFrame":
    """Return a row for each half and head, from logit differences of shapes (halves,) and (heads, halves)."""
    import pandas as pd

    before, after = clean.double().cpu().numpy(), ablated.double().cpu().numpy()
    return pd.DataFrame([
        {
            **one.pair.labels,
            "half": one.half,
            "layer": layer.index,
            "head": head,
            "ablation": ablation,
            "clean": one.sign * before[place],
            "ablated": one.sign * after[head, place],
            "delta": one.sign * (after[head, place] - before[place]),
        }
        for place, one in enumerate(halves)
        for head in range(len(after))
    ])  # fmt: skip


def last_token_effects(session: Session, *, cached: bool = True) -> "pd.DataFrame":
    """Ablate every head at the last token only.

    This differs from ablation at all tokens and has its own name.

    Args:
        session: The model and its pairs.
        cached: Whether to keep the keys and values of the clean run and rerun only the last tokens, which is
            also exact. Models with linear attention always use whole runs.

    Returns:
        Same columns as ``head_effects``, with ``ablation`` "last token, zero".
    """
    decoder = session.decoder

    def measure(chunk: Chunk, replay: Replay, layer: Layer) -> "pd.DataFrame":
        if cached and can_share(decoder):
            ablated = replay.ablated_at_last(layer.index, range(layer.heads))
        else:
            ablated = naive_last_token(decoder, chunk.ids, session.probed.answers, layer.index)
        return _rows(chunk.halves, layer, "last token, zero", replay.clean, ablated)

    return session.run_interventions(
        session.chunks,
        decoder.layout.layers,
        clean=lambda chunk: Replay(decoder, chunk.ids, session.probed.answers),
        measure=measure,
    )


def attributions(session: Session) -> "pd.DataFrame":
    """Estimate the effect of zero ablation of each head with one backward pass, −Σ z · ∂D/∂z.

    Use it only as a prescreen.

    Returns:
        Same columns as ``head_effects``, with ``ablation`` "attribution, zero".
    """
    decoder = session.decoder

    def measure(chunk: Chunk, run: tuple[Tensor, list[Tensor]], layer: Layer) -> "pd.DataFrame":
        change = run[1][layer.index]
        clean = run[0].to(change.device)
        return _rows(chunk.halves, layer, "attribution, zero", clean, clean + change)

    return session.run_interventions(
        attribution_chunks(session),
        decoder.layout.layers,
        clean=lambda chunk: _attributed(decoder, chunk.ids, session.probed.answers),
        measure=measure,
    )


def attribution_chunks(session: Session) -> tuple[Chunk, ...]:
    """Split all halves so that one backward pass fits the budget."""
    decoder, halves = session.decoder, session.halves
    # a backward pass keeps almost all intermediate values of every layer
    kept = _KEPT * len(decoder.layout.layers)
    split = chunks(
        [len(one.ids) for one in halves], decoder.width, kept, decoder.dtype.itemsize, session.budget
    )
    return tuple(Chunk(number, tuple(halves[index] for index in chunk)) for number, chunk in enumerate(split))


def _attributed(
    decoder: Decoder, prompts: Sequence[Sequence[int]], answers: AnswerTokens
) -> tuple[Tensor, list[Tensor]]:
    """Return the clean logit differences, and by layer the estimated changes, shape (heads, prompts)."""
    leaves: list[tuple[Tensor, Tensor]] = []

    def grow(_: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor]:
        leaf = torch.zeros_like(arguments[0], requires_grad=True)
        leaves.append((arguments[0].detach(), leaf))
        return (arguments[0] + leaf,)

    layers = decoder.layout.layers
    with torch.enable_grad(), hooked([layer.out_proj.register_forward_pre_hook(grow) for layer in layers]):
        clean = decoder.difference(decoder.run(decoder.batch(prompts)), answers)
        gradients = torch.autograd.grad(clean.sum(), [leaf for _, leaf in leaves])
    changes = [
        -(z.float() * gradient.float()).unflatten(-1, (layer.heads, layer.head_dim)).sum((1, 3)).T
        for layer, (z, _), gradient in zip(layers, leaves, gradients, strict=True)
    ]
    return clean.detach(), changes


def effect_matrices(
    effects: "pd.DataFrame", group: str = "failure"
) -> tuple[list[Head], list[str], list[str], Floats, Floats]:
    """Arrange effects as arrays.

    Args:
        effects: Output of ``head_effects`` for one kind of ablation.
        group: The group of pairs to use.

    Returns:
        Heads, pair IDs, their scenarios, and Δ on stereotyped and contrast halves, each of shape (pairs,
        heads).
    """
    own = effects[effects["group"] == group]
    scenarios = cast("dict[str, str]", dict(zip(own["pair"], own["scenario"], strict=True)))
    wide = {
        half: own[own["half"] == half].pivot(index="pair", columns=["layer", "head"], values="delta")
        for half in HALF_NAMES
    }
    s = wide["stereotyped"].sort_index(axis=1)
    c = wide["contrast"].reindex(index=s.index, columns=s.columns)
    heads = [Head(int(layer), int(head)) for layer, head in s.columns]
    pairs = [str(pair) for pair in s.index]
    return heads, pairs, [scenarios[pair] for pair in pairs], s.to_numpy(float), c.to_numpy(float)


def head_table(effects: "pd.DataFrame", *, seed: int = 1) -> "pd.DataFrame":
    r"""Rank heads by how much their ablation restores without breaking anything else.

    Rows are sorted by ``rank_score``, which is ``score`` minus a positive ``mirror_contrast`` if mirrors come
    from at least 5 scenarios. Thus a head that repairs errors regardless of the person does not rank above
    one that repairs misfires.

    Args:
        effects: Output of ``head_effects`` for one kind of ablation.
        seed: Random seed for the sign flips and splits.

    Returns:
        A row for each head, best first: ``delta_stereotyped`` and ``delta_contrast`` (mean Δ on failures, the
        first with ``_ci_lower`` and ``_ci_upper``), ``specificity`` (Δs − Δc), ``score`` (mean of Δs −
        \|Δc\|, low for heads that carry the evidence), ``p`` (one-sided sign flips of the score by scenario),
        ``q`` (Benjamini–Hochberg over all heads), ``mirror_contrast`` (mean Δ on the contrast halves of
        mirrors, which fail; NaN without mirrors), ``over_mirrors`` (``delta_stereotyped`` −
        ``mirror_contrast``, with its interval), ``rank_score``, ``control_stereotyped`` and
        ``control_contrast`` (mean Δ on controls), and ``split_half``, which is equal in all rows.
    """
    import pandas as pd

    heads, _, scenarios, s, c = effect_matrices(effects)
    mirrored = _mirrored(effects, heads)
    score = s - np.abs(c)
    p = sign_flip(score, scenarios, seed=seed)
    control = effects[effects["group"] == "control"].groupby(["layer", "head", "half"])["delta"].mean()
    rows: list[dict[str, Any]] = []
    for place, head in enumerate(heads):
        row = _head_row(
            head,
            s[:, place],
            c[:, place],
            float(p[place]),
            scenarios,
            mirrored.deltas[:, place],
            mirrored.scenarios,
        )
        for half in HALF_NAMES:
            row[f"control_{half}"] = float(control.get((head.layer, head.index, half), float("nan")))
        rows.append(row)
    table = pd.DataFrame(rows)
    table.insert(list(table.columns).index("p") + 1, "q", benjamini_hochberg(table["p"].tolist()))
    table["split_half"] = split_half(score, scenarios, seed=seed)
    return table.sort_values("rank_score", ascending=False, kind="stable", ignore_index=True)


def _head_row(
    head: Head,
    s: Floats,
    c: Floats,
    p: float,
    scenarios: Sequence[str],
    mirrors: Floats,
    mirror_scenarios: Sequence[str],
) -> dict[str, Any]:
    """Return the effects of ablating one head; Δ has shape (pairs,) each.

    For mirrors it is Δ of the contrast halves.
    """
    estimate, mirror = mean(s, scenarios), mean(mirrors, mirror_scenarios)
    over = difference(estimate, mirror)
    score = float((s - np.abs(c)).mean())
    return {
        "layer": head.layer,
        "head": head.index,
        "name": str(head),
        "delta_stereotyped": float(s.mean()),
        "delta_stereotyped_ci_lower": estimate.lower,
        "delta_stereotyped_ci_upper": estimate.upper,
        "delta_contrast": float(c.mean()),
        "specificity": float((s - c).mean()),
        "score": score,
        "p": p,
        "mirror_contrast": mirror.value,
        "over_mirrors": over.value,
        "over_mirrors_ci_lower": over.lower,
        "over_mirrors_ci_upper": over.upper,
        "rank_score": score - max(mirror.value, 0.0)
        if len(set(mirror_scenarios)) >= ENOUGH_MIRRORS
        else score,
    }


@dataclass(frozen=True)
class _Mirrored:
    """Effects of ablation on the failing halves of mirrors.

    ``deltas`` holds Δ, shape (mirrors, heads); ``scenarios`` holds the scenarios of the mirrors.
    """

    deltas: Floats
    scenarios: list[str]


def _mirrored(effects: "pd.DataFrame", heads: Sequence[Head]) -> _Mirrored:
    if not (effects["group"] == "mirror").any():
        return _Mirrored(np.empty((0, len(heads))), [])
    _, _, scenarios, _, c = effect_matrices(effects, "mirror")
    return _Mirrored(c, scenarios)


def ranked(table: "pd.DataFrame") -> list[Head]:
    """Return the heads of a table in order, but only those whose ablation raises the stereotyped margin."""
    kept = table[table["delta_stereotyped"] > 0]
    return [Head(int(layer), int(head)) for layer, head in zip(kept["layer"], kept["head"], strict=True)]
