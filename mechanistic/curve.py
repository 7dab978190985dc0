"""What ablating the top K heads restores, and what it breaks; heads are chosen on other scenarios than they are tested on.

Recovery alone proves little: in models without any circuit top-K ablation "recovers" about half of the failures. So beside each K stand
random other heads, random other heads of the same layers, and what else changes: contrast halves, controls, foils (gold "no"), margins.
"""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.ablation import about, head_table, ranked
from misfire.mechanistic.decoder import Decoder
from misfire.mechanistic.heads import Head
from misfire.mechanistic.hooks import Means, ablating
from misfire.mechanistic.inference import by_cluster, codes, folds
from misfire.mechanistic.prompts import probe_prompt
from misfire.mechanistic.replay import copies_in_budget
from misfire.mechanistic.selection import BUDGET, Floats, Probed, differences
from misfire.mechanistic.store import Store
from misfire.scorers.statistics import NAN, Estimate, clustered_mean, clustered_proportion

if TYPE_CHECKING:
    import pandas as pd

KS = (1, 3, 5, 10, 20)

Choice = Literal["ranked", "random", "layer-matched"]
"""How heads were chosen: by their table on the other fold; at random from the others; the same with as many in each layer."""

CHOICES: tuple[Choice, ...] = ("ranked", "random", "layer-matched")


_COLUMNS = ("fold", "k", "choice", "draw", "heads", "pair", "scenario", "category", "group", "probe", "clean", "ablated")


@dataclass(frozen=True)
class _Asked:
    """One prompt of the test."""

    labels: dict[str, str]
    probe: str
    ids: tuple[int, ...]
    sign: int
    clean: float


def top_k(
    decoder: Decoder,
    probed: Probed,
    effects: "pd.DataFrame",
    *,
    ks: Sequence[int] = KS,
    draws: int = 100,
    means: Means | None = None,
    seed: int = 1,
    budget: int = BUDGET,
    store: Store | None = None,
    name: str = "top-k",
    step: Callable[[], None] = lambda: None,
) -> "pd.DataFrame":
    """Ablate the best K heads together, and as many random ones.

    Args:
        decoder: The model.
        probed: The pairs.
        effects: Of every head alone (``misfire.mechanistic.ablation.head_effects``), one kind of ablation.
        ks: How many heads; larger ones than the model has are left out.
        draws: Random choices a K, of either kind; random heads are tested on failures alone.
        means: What takes the place of a head's output; zero without.
        seed: Of folds and draws.
        budget: Bytes that activations may take.
        store: Keeps finished pieces, one a K and fold.
        name: What they are called.
        step: Called after each K of each fold.

    Returns:
        A row a (fold, K, choice, draw, prompt): ``fold`` that was tested (heads are from the other), ``k``, ``choice``, ``draw``,
        ``heads``, the pair's columns, ``probe`` (stereotyped, contrast, stereotyped_foil, contrast_foil), ``clean`` and ``ablated``
        margins. With a single scenario there is nothing to hold out, and no row.
    """
    import pandas as pd

    failures = [one for one in probed.pairs if one.group == "failure"]
    scenarios = [one.pair.scenario for one in probed.pairs]
    if len({one.pair.scenario for one in failures}) < 2:
        return pd.DataFrame()
    # folds balance failures; a control goes with its scenario, or at random
    fold_of = dict(zip((one.pair.scenario for one in failures), folds([one.pair.scenario for one in failures], seed=seed), strict=True))
    others = [scenario for scenario in dict.fromkeys(scenarios) if scenario not in fold_of]
    fold_of |= dict(zip(others, folds(others, seed=seed), strict=True)) if others else {}
    asked = _asked(decoder, probed, budget)
    pieces: list[pd.DataFrame] = []
    for fold in (0, 1):
        train = effects[effects["scenario"].map(fold_of.__getitem__) != fold]
        order = ranked(head_table(train, seed=seed)) if (train["group"] == "failure").any() else []
        tested = [one for one in asked if fold_of[one.labels["scenario"]] == fold]
        halves = [one for one in tested if one.labels["group"] == "failure" and one.probe in HALF_NAMES]
        for k in (k for k in ks if k <= len(decoder.heads)):

            def piece(
                fold: int = fold, k: int = k, best: list[Head] = order[:k], tested: list[_Asked] = tested, halves: list[_Asked] = halves
            ) -> pd.DataFrame:
                # each piece has draws of its own, so that a resumed run goes on as if it had not been broken off
                generator = np.random.default_rng((seed, fold, k))
                chosen: list[tuple[Choice, int, list[Head], list[_Asked]]] = [("ranked", 0, best, tested)]
                for draw in range(draws):
                    chosen.append(("random", draw, _random(decoder, best, generator), halves))
                    chosen.append(("layer-matched", draw, _layer_matched(decoder, best, generator), halves))
                return pd.DataFrame(_run(decoder, probed, chosen, fold, k, means, budget), columns=_COLUMNS)

            pieces.append(store.frame(f"{name}-K{k}-F{fold}", piece) if store else piece())
            step()
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame()


def _asked(decoder: Decoder, probed: Probed, budget: int) -> list[_Asked]:
    """All prompts of all pairs, with foils where pairs have them, and their clean margins."""
    found: list[tuple[dict[str, str], str, tuple[int, ...], int]] = []
    for one in probed.pairs:
        found += [(about(one), half, one.prompts[half].ids, one.sign(half)) for half in HALF_NAMES]
        for half, foil in one.pair.controls.foils if one.pair.controls else ():
            found.append((about(one), f"{half}_foil", probe_prompt(decoder.tokenizer, foil.prompt, probed.wording).ids, -1))
    clean = differences(decoder, [ids for _, _, ids, _ in found], probed.answers, budget)
    return [_Asked(labels, probe, ids, sign, sign * float(d)) for (labels, probe, ids, sign), d in zip(found, clean, strict=True)]


def _random(decoder: Decoder, best: Sequence[Head], generator: np.random.Generator) -> list[Head]:
    """As many heads as the best are, none of them among these if there are enough others."""
    return _drawn(decoder.heads, best, len(best), generator)


def _layer_matched(decoder: Decoder, best: Sequence[Head], generator: np.random.Generator) -> list[Head]:
    """Random other heads with as many in each layer as the best have there."""
    chosen: list[Head] = []
    for layer in decoder.layout.layers:
        own = [Head(layer.index, head) for head in range(layer.heads)]
        chosen += _drawn(own, best, sum(head in best for head in own), generator)
    return chosen


def _drawn(heads: Sequence[Head], best: Sequence[Head], count: int, generator: np.random.Generator) -> list[Head]:
    others = [head for head in heads if head not in best]
    # where most of a layer is among the best, some of them must be drawn again
    pool = others if len(others) >= count else list(heads)
    return [pool[index] for index in generator.choice(len(pool), count, replace=False)]


@torch.no_grad()
def _run(
    decoder: Decoder,
    probed: Probed,
    chosen: Sequence[tuple[Choice, int, list[Head], list[_Asked]]],
    fold: int,
    k: int,
    means: Means | None,
    budget: int,
) -> list[dict[str, Any]]:
    """Margins of every prompt under its own set of heads, many sets in one batch."""
    jobs = [(choice, draw, heads, one) for choice, draw, heads, tested in chosen for one in tested]
    jobs.sort(key=lambda job: len(job[3].ids))
    rows: list[dict[str, Any]] = []
    while jobs:
        size = copies_in_budget(len(jobs[-1][3].ids), decoder.width, decoder.dtype.itemsize, budget, decoder.device)
        own, jobs = jobs[-size:], jobs[:-size]
        with ablating(decoder, [heads for _, _, heads, _ in own], means):
            found = decoder.difference(decoder.run(decoder.batch([one.ids for _, _, _, one in own])), probed.answers)
        rows += [
            {
                "fold": fold,
                "k": k,
                "choice": choice,
                "draw": draw,
                "heads": ",".join(map(str, heads)),
                **one.labels,
                "probe": one.probe,
                "clean": one.clean,
                "ablated": one.sign * d,
            }
            for (choice, draw, heads, one), d in zip(own, found.double().cpu().tolist(), strict=True)
        ]
    return rows


def curve_table(curve: "pd.DataFrame") -> "pd.DataFrame":
    """Recovery by K, beside what random heads recover and what else broke.

    Args:
        curve: As ``top_k`` gives it.

    Returns:
        A row a K: ``pairs`` (failures) and their ``scenarios``, ``recovery`` (share of their stereotyped halves that are right then) with
        ``_ci_lower`` and ``_ci_upper`` (Wilson's interval with the effective sample size, clustered by scenario), ``random`` and
        ``matched`` (the same for random heads, mean over draws) with ``_lower`` and ``_upper`` (2.5 and 97.5 % of the draws), ``excess``
        (recovery minus random heads of the same layers, by pair) with its interval, ``contrast_kept`` (of the failures' contrast halves),
        ``control_kept`` (of the controls' halves), ``foils_kept`` (of foils that were right; NaN without foils), ``delta_stereotyped`` and
        ``delta_contrast`` (mean change of margins on failures).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for k, own in curve.groupby("k") if len(curve) else ():
        best = own[own["choice"] == "ranked"]
        failures = best[(best["group"] == "failure") & (best["probe"] == "stereotyped")]
        recovered = _share(failures)
        row: dict[str, Any] = {"k": int(cast("int", k)), "pairs": len(failures), "scenarios": failures["scenario"].nunique()}
        row |= _with_interval("recovery", recovered)
        for name, choice in (("random", "random"), ("matched", "layer-matched")):
            drawn = own[(own["choice"] == choice) & (own["probe"] == "stereotyped")]
            shares = drawn.assign(right=drawn["ablated"] > 0).groupby("draw")["right"].mean().to_numpy(float)
            row[name] = float(shares.mean()) if len(shares) else NAN
            row[f"{name}_lower"], row[f"{name}_upper"] = np.quantile(shares, [0.025, 0.975]) if len(shares) else (NAN, NAN)
        row |= _with_interval("excess", _excess(own, failures))
        contrast = best[(best["group"] == "failure") & (best["probe"] == "contrast")]
        controls = best[(best["group"] == "control") & best["probe"].isin(HALF_NAMES)]
        foils = best[best["probe"].str.endswith("_foil") & (best["clean"] > 0)]
        row |= {
            "contrast_kept": _share(contrast).value,
            "control_kept": _share(controls).value,
            "foils_kept": _share(foils).value,
            "delta_stereotyped": float((failures["ablated"] - failures["clean"]).mean()),
            "delta_contrast": float((contrast["ablated"] - contrast["clean"]).mean()),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _share(frame: "pd.DataFrame") -> Estimate:
    """The share of prompts that are answered rightly, clustered by scenario."""
    if frame.empty:
        return Estimate(NAN, NAN, NAN, NAN)
    own = codes(frame["scenario"].tolist())
    right: Floats = np.asarray(frame["ablated"] > 0, dtype=np.float64)
    return clustered_proportion(by_cluster(right, own), np.bincount(own).astype(float))


def _excess(own: "pd.DataFrame", failures: "pd.DataFrame") -> Estimate:
    """Recovered by the best heads minus by random ones of the same layers, paired."""
    drawn = own[(own["choice"] == "layer-matched") & (own["probe"] == "stereotyped")]
    if drawn.empty or failures.empty:
        return Estimate(NAN, NAN, NAN, NAN)
    by_pair = drawn.assign(right=drawn["ablated"] > 0).groupby("pair")["right"].mean()
    values: Floats = (failures["ablated"] > 0).to_numpy(float) - by_pair.loc[failures["pair"]].to_numpy(float)
    clusters = codes(failures["scenario"].tolist())
    return clustered_mean(by_cluster(values, clusters), np.bincount(clusters).astype(float))[0]


def _with_interval(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_ci_lower": estimate.lower, f"{name}_ci_upper": estimate.upper}
