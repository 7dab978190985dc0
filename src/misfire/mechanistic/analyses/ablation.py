"""Ablating every head: what each does to the logit difference of each prompt, and the table that ranks heads by it.

The heads' outputs at the input of the output projection are ablated, not slices of the attention's output, which are directions of the
residual stream and no heads. Margins are logit differences towards the right answer; Δ is ablated minus clean.
"""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from misfire.datasets.pairs import HALF_NAMES, HalfName
from misfire.mechanistic.conclusions.inference import difference, mean, sign_flip, split_half
from misfire.mechanistic.model.decoder import AnswerTokens, Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import Ablation, Means, ablating, capturing, hooked
from misfire.mechanistic.model.replay import Replay, can_share, chunks, copies_in_budget, sweep_chunks
from misfire.mechanistic.selection import BUDGET, Floats, Probed, ProbedPair
from misfire.mechanistic.store import Store
from misfire.scorers.statistics import benjamini_hochberg

if TYPE_CHECKING:
    import pandas as pd

Method = Literal["replay", "naive"]
"""How the sweep is computed; both are exact."""

Step = Callable[[], None]

TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.3, torch.float16: 0.05}
"""By how many logits replay may differ from plain ablation before it is given up; bfloat16 rounds that coarsely."""

_KEPT = 8
"""What a backward pass keeps of a layer, in units of what a replay does."""

UNRESOLVED = 0.3
"""Effects below so many logits are not resolved in bfloat16."""

ENOUGH_MIRRORS = 5
"""From so many scenarios with mirrors on heads are ranked by what they do to failures and not to mirrors."""


@torch.no_grad()
def mean_outputs(decoder: Decoder, prompts: Sequence[Sequence[int]], budget: int = BUDGET) -> Means:
    """What heads give on average, over all tokens of some prompts.

    Args:
        decoder: The model.
        prompts: Token ids, of controls; padding does not count.
        budget: Bytes that activations may take.

    Returns:
        By layer, shape (heads · head_dim,), float32.
    """
    totals: dict[int, Tensor] = {}
    count = 0
    layers = len(decoder.layout.layers)
    for chunk in chunks([len(prompt) for prompt in prompts], decoder.width, layers, decoder.dtype.itemsize, budget):
        batch = decoder.batch([prompts[index] for index in chunk])
        with capturing(decoder, z=True) as captured:
            decoder.run(batch)
        for layer, z in captured.z.items():
            own = (z.float() * batch.mask[..., None].to(z.device)).sum((0, 1))
            totals[layer] = totals[layer] + own if layer in totals else own
        count += int(batch.mask.sum())
    return {layer: total / count for layer, total in totals.items()}


@torch.no_grad()
def naive_sweep(
    decoder: Decoder,
    prompts: Sequence[Sequence[int]],
    answers: AnswerTokens,
    layer: int,
    means: Means | None = None,
    heads: Sequence[int] | None = None,
) -> Tensor:
    """The reference: a whole forward of all prompts for each head of a layer, or for some heads; shape (heads, prompts)."""
    batch = decoder.batch(prompts)
    found: list[Tensor] = []
    for head in range(decoder.layout.layers[layer].heads) if heads is None else heads:
        with ablating(decoder, [Head(layer, head)], means):
            found.append(decoder.difference(decoder.run(batch), answers))
    return torch.stack(found)


def canary(decoder: Decoder, prompts: Sequence[Sequence[int]], answers: AnswerTokens, seed: int = 1) -> float:
    """By how much replay differs from plain runs: un-ablated logits from the first layer on, and one random head.

    Args:
        decoder: The model.
        prompts: A few prompts.
        answers: The answers' tokens.
        seed: Of the choice of the head.

    Returns:
        The largest difference in logits.
    """
    replay = Replay(decoder, prompts, answers)
    head = decoder.heads[int(np.random.default_rng(seed).integers(len(decoder.heads)))]
    fast = replay.ablated(head.layer, [head.index])[0]
    slow = naive_sweep(decoder, prompts, answers, head.layer, heads=[head.index])[0]
    return max(float((fast - slow).abs().max()), float((replay.unchanged() - replay.clean).abs().max()))


def choose_method(decoder: Decoder, probed: Probed) -> tuple[Method, float]:
    """Replay if its canary agrees with plain runs on a few prompts, else naive; and the canary's difference."""
    few = [prompt.ids for one in probed.pairs[:2] for prompt in one.prompts.values()]
    difference = canary(decoder, few, probed.answers)
    return ("replay" if difference <= TOLERANCE[decoder.dtype] else "naive"), difference


def head_effects(
    decoder: Decoder,
    probed: Probed,
    *,
    ablation: Ablation = "zero",
    method: Method = "replay",
    budget: int = BUDGET,
    store: Store | None = None,
    step: Step = lambda: None,
) -> "pd.DataFrame":
    """Ablate every head alone, on every prompt.

    Args:
        decoder: The model.
        probed: The pairs.
        ablation: What a head's output becomes; ``mean``: its mean over the control pairs' prompts (over all if there are none).
        method: Replay of layers, or whole forwards; both exact.
        budget: Bytes that activations may take.
        store: Keeps finished pieces, one a layer and chunk of prompts.
        step: Called after each piece.

    Returns:
        A row a (pair, half, head): ``pair``, ``scenario``, ``category``, ``group``, ``half``, ``layer``, ``head``, ``ablation``, ``clean``
        and ``ablated`` margins, ``delta``.
    """
    import pandas as pd

    asked: list[tuple[ProbedPair, HalfName]] = [(one, half) for one in probed.pairs for half in HALF_NAMES]
    prompts = [one.prompts[half].ids for one, half in asked]
    means = None if ablation == "zero" else mean_outputs(decoder, control_prompts(probed), budget)
    pieces: list[pd.DataFrame] = []
    size, layers = decoder.dtype.itemsize, decoder.layout.layers
    for number, chunk in enumerate(sweep_chunks(decoder, prompts, budget)):
        own = [prompts[index] for index in chunk]
        replay: list[Replay] = []  # made once it is needed: a resumed run may have all pieces of a chunk
        for layer in layers:

            def piece(
                layer_index: int = layer.index,
                heads: int = layer.heads,
                own: Sequence[Sequence[int]] = own,
                replay: list[Replay] = replay,
                chunk: Sequence[int] = chunk,
            ) -> pd.DataFrame:
                if not replay:
                    replay.append(Replay(decoder, own, probed.answers))
                clean = replay[0].clean
                if method == "naive":
                    ablated = naive_sweep(decoder, own, probed.answers, layer_index, means)
                else:
                    # coarse numbers differ by how many tokens run together, so that what is clean has to go the same way
                    coarse = decoder.dtype != torch.float32
                    variants = [*range(heads), *([None] if coarse else [])]
                    width = copies_in_budget(replay[0].tokens, decoder.width, size, budget, decoder.device)
                    groups = [variants[start : start + width] for start in range(0, len(variants), width)]
                    ablated = torch.cat([replay[0].ablated(layer_index, group, means) for group in groups])
                    clean, ablated = (ablated[-1], ablated[:-1]) if coarse else (clean, ablated)
                return _rows(asked, chunk, layer_index, ablation, clean, ablated)

            name = f"heads-{ablation}-L{layer.index}-C{number}"
            pieces.append(store.frame(name, piece) if store else piece())
            step()
    return pd.concat(pieces, ignore_index=True)


def _rows(
    asked: Sequence[tuple[ProbedPair, HalfName]], chunk: Sequence[int], layer: int, ablation: str, clean: Tensor, ablated: Tensor
) -> "pd.DataFrame":
    import pandas as pd

    before, after = clean.double().cpu().numpy(), ablated.double().cpu().numpy()
    rows: list[dict[str, Any]] = []
    for place, index in enumerate(chunk):
        one, half = asked[index]
        sign = one.sign(half)
        rows += [
            {
                **about(one),
                "half": half,
                "layer": layer,
                "head": head,
                "ablation": ablation,
                "clean": sign * before[place],
                "ablated": sign * after[head, place],
                "delta": sign * (after[head, place] - before[place]),
            }
            for head in range(len(after))
        ]
    return pd.DataFrame(rows)


def about(one: ProbedPair) -> dict[str, str]:
    """What each row of a frame says of its pair."""
    return {"pair": one.pair.id, "scenario": one.pair.scenario, "category": one.pair.category, "group": one.group}


def control_prompts(probed: Probed) -> list[tuple[int, ...]]:
    """The prompts of the control pairs; of all pairs if there are no controls."""
    return [prompt.ids for one in probed.of("control") or probed.pairs for prompt in one.prompts.values()]


def effect_matrices(effects: "pd.DataFrame", group: str = "failure") -> tuple[list[Head], list[str], list[str], Floats, Floats]:
    """Effects as arrays.

    Args:
        effects: As ``head_effects`` gives them, of one kind of ablation.
        group: Whose.

    Returns:
        Heads, pair ids, their scenarios, and Δ on stereotyped and on contrast halves, shape (pairs, heads) each.
    """
    own = effects[effects["group"] == group]
    scenarios = cast("dict[str, str]", dict(zip(own["pair"], own["scenario"], strict=True)))
    wide = {half: own[own["half"] == half].pivot(index="pair", columns=["layer", "head"], values="delta") for half in HALF_NAMES}
    s = wide["stereotyped"].sort_index(axis=1)
    c = wide["contrast"].reindex(index=s.index, columns=s.columns)
    heads = [Head(int(layer), int(head)) for layer, head in s.columns]
    pairs = [str(pair) for pair in s.index]
    return heads, pairs, [scenarios[pair] for pair in pairs], s.to_numpy(float), c.to_numpy(float)


def head_table(effects: "pd.DataFrame", *, seed: int = 1) -> "pd.DataFrame":
    r"""Rank heads by what their ablation mends without breaking.

    Args:
        effects: As ``head_effects`` gives them, of one kind of ablation.
        seed: Of the permutations.

    Returns:
        A row a head, the best first: ``delta_stereotyped`` and ``delta_contrast`` (mean Δ on failures, with ``_ci_lower`` and ``_ci_upper``
        of the first), ``specificity`` (Δs − Δc), ``score`` (mean of Δs − \|Δc\|; heads that carry the evidence get none), ``p``
        (one-sided
        sign flips of the score by scenario), ``q`` (Benjamini–Hochberg over all heads), ``mirror_contrast`` (mean Δ on the contrast halves
        of mirrors, the halves that fail there; NaN without mirrors), ``over_mirrors`` (``delta_stereotyped`` − ``mirror_contrast``, with
        its interval), ``rank_score``, ``control_stereotyped`` and ``control_contrast`` (mean Δ on controls), and ``split_half``, the same
        in every row. ``rank_score``, by which rows are sorted, is the score, less a positive ``mirror_contrast`` where mirrors are of at
        least 5 scenarios: a head that mends errors whoever is asked about does not come before one that mends misfiring.
    """
    import pandas as pd

    heads, _, scenarios, s, c = effect_matrices(effects)
    mirrored = _mirrored(effects, heads)
    score = s - np.abs(c)
    p = sign_flip(score, scenarios, seed=seed)
    control = effects[effects["group"] == "control"].groupby(["layer", "head", "half"])["delta"].mean()
    rows: list[dict[str, Any]] = []
    for place, head in enumerate(heads):
        estimate = mean(s[:, place], scenarios)
        mirror = mean(mirrored.deltas[:, place], mirrored.scenarios)
        over = difference(estimate, mirror)
        counts = len(set(mirrored.scenarios)) >= ENOUGH_MIRRORS
        own_score = float(score[:, place].mean())
        rows.append({
            "layer": head.layer,
            "head": head.index,
            "name": str(head),
            "delta_stereotyped": float(s[:, place].mean()),
            "delta_stereotyped_ci_lower": estimate.lower,
            "delta_stereotyped_ci_upper": estimate.upper,
            "delta_contrast": float(c[:, place].mean()),
            "specificity": float((s - c)[:, place].mean()),
            "score": own_score,
            "p": float(p[place]),
            "mirror_contrast": mirror.value,
            "over_mirrors": over.value,
            "over_mirrors_ci_lower": over.lower,
            "over_mirrors_ci_upper": over.upper,
            "rank_score": own_score - max(mirror.value, 0.0) if counts else own_score,
            "control_stereotyped": float(control.get((head.layer, head.index, "stereotyped"), float("nan"))),
            "control_contrast": float(control.get((head.layer, head.index, "contrast"), float("nan"))),
        })  # fmt: skip
    table = pd.DataFrame(rows)
    table.insert(list(table.columns).index("p") + 1, "q", benjamini_hochberg(table["p"].tolist()))
    table["split_half"] = split_half(score, scenarios, seed=seed)
    return table.sort_values("rank_score", ascending=False, kind="stable", ignore_index=True)


@dataclass(frozen=True)
class _Mirrored:
    """What ablation does to the failing halves of mirrors: Δ, shape (mirrors, heads), and their scenarios."""

    deltas: Floats
    scenarios: list[str]


def _mirrored(effects: "pd.DataFrame", heads: Sequence[Head]) -> _Mirrored:
    if not (effects["group"] == "mirror").any():
        return _Mirrored(np.empty((0, len(heads))), [])
    _, _, scenarios, _, c = effect_matrices(effects, "mirror")
    return _Mirrored(c, scenarios)


def ranked(table: "pd.DataFrame") -> list[Head]:
    """The heads of a table in its order, without those whose ablation does not raise the stereotyped margin."""
    kept = table[table["delta_stereotyped"] > 0]
    return [Head(int(layer), int(head)) for layer, head in zip(kept["layer"], kept["head"], strict=True)]


@torch.no_grad()
def last_token_effects(
    decoder: Decoder, probed: Probed, *, cached: bool = True, budget: int = BUDGET, step: Step = lambda: None
) -> "pd.DataFrame":
    """Ablate every head at the last token alone: another intervention than ablation throughout, and named so.

    Args:
        decoder: The model.
        probed: The pairs.
        cached: Keep the clean run's keys and values and run the last tokens alone, which is exact too; whole runs where there is linear
            attention.
        budget: Bytes that activations may take.
        step: Called after each layer of each chunk of prompts.

    Returns:
        As ``head_effects``, with ``ablation`` "last token, zero".
    """
    import pandas as pd

    asked: list[tuple[ProbedPair, HalfName]] = [(one, half) for one in probed.pairs for half in HALF_NAMES]
    prompts = [one.prompts[half].ids for one, half in asked]
    pieces: list[pd.DataFrame] = []
    for chunk in sweep_chunks(decoder, prompts, budget):
        own = [prompts[index] for index in chunk]
        replay = Replay(decoder, own, probed.answers)
        for layer in decoder.layout.layers:
            if cached and can_share(decoder):
                ablated = replay.ablated_at_last(layer.index, range(layer.heads))
            else:
                ablated = naive_last_token(decoder, own, probed.answers, layer.index)
            pieces.append(_rows(asked, chunk, layer.index, "last token, zero", replay.clean, ablated))
            step()
    return pd.concat(pieces, ignore_index=True)


@torch.no_grad()
def naive_last_token(
    decoder: Decoder, prompts: Sequence[Sequence[int]], answers: AnswerTokens, layer: int, heads: Sequence[int] | None = None
) -> Tensor:
    """The reference for ablation at the last token alone: a whole forward a head; shape (heads, prompts)."""
    batch, part = decoder.batch(prompts), decoder.layout.layers[layer]
    rows = torch.arange(len(prompts))
    found: list[Tensor] = []
    for head in range(part.heads) if heads is None else heads:
        own = slice(head * part.head_dim, (head + 1) * part.head_dim)

        def silence(_: nn.Module, arguments: tuple[Tensor, ...], own: slice = own) -> tuple[Tensor]:
            z = arguments[0].clone()
            z[rows.to(z.device), batch.last.to(z.device), own] = 0
            return (z,)

        with hooked([part.out_proj.register_forward_pre_hook(silence)]):
            found.append(decoder.difference(decoder.run(batch), answers))
    return torch.stack(found)


def attributions(decoder: Decoder, probed: Probed, *, budget: int = BUDGET) -> "pd.DataFrame":
    """A first guess at what zero ablation of each head does, from one backward pass: −Σ z · ∂D/∂z. A prescreen, never a result.

    Args:
        decoder: The model.
        probed: The pairs.
        budget: Bytes that activations may take.

    Returns:
        As ``head_effects``, with ``ablation`` "attribution, zero".
    """
    import pandas as pd

    asked: list[tuple[ProbedPair, HalfName]] = [(one, half) for one in probed.pairs for half in HALF_NAMES]
    prompts = [one.prompts[half].ids for one, half in asked]
    pieces: list[pd.DataFrame] = []
    # a backward pass keeps about all that every layer computed
    kept = _KEPT * len(decoder.layout.layers)
    for chunk in chunks([len(prompt) for prompt in prompts], decoder.width, kept, decoder.dtype.itemsize, budget):
        clean, changes = _attributed(decoder, [prompts[index] for index in chunk], probed.answers)
        for layer, change in zip(decoder.layout.layers, changes, strict=True):
            here = clean.to(change.device)
            pieces.append(_rows(asked, chunk, layer.index, "attribution, zero", here, here + change))
    return pd.concat(pieces, ignore_index=True)


def _attributed(decoder: Decoder, prompts: Sequence[Sequence[int]], answers: AnswerTokens) -> tuple[Tensor, list[Tensor]]:
    """Clean logit differences, and by layer the first guesses, shape (heads, prompts)."""
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
