"""What ablating the top K heads restores, and what it breaks; heads are chosen on other scenarios than they are tested on.

Recovery alone proves little: in models without any circuit top-K ablation "recovers" about half of the failures. So beside each K stand
random other heads, random other heads of the same layers, mirrored failures (which holding scenarios out does not make up for, since
failures are chosen by their outcome there too), and what else changes: contrast halves, controls, foils (gold "no"), margins.
"""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.analyses.ablation import about, head_table, ranked
from misfire.mechanistic.conclusions.inference import by_cluster, codes, difference, exceeds, folds, holm, sign_flip
from misfire.mechanistic.conclusions.misfiring import LEVEL
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import Means, ablating
from misfire.mechanistic.model.replay import copies_in_budget
from misfire.mechanistic.prompts import probe_prompt
from misfire.mechanistic.selection import BUDGET, FAILING, Floats, Probed, differences
from misfire.mechanistic.store import Store
from misfire.scorers.statistics import NAN, Estimate, clustered_mean, clustered_proportion

if TYPE_CHECKING:
    import pandas as pd

KS = (1, 2, 3, 5, 10, 20)

Choice = Literal["ranked", "random", "layer-matched"]
"""How heads were chosen: by their table on the other fold; at random from the others; the same with as many in each layer."""

_TELLING = 3
"""So many mirrors that are all restored tell against heads; one or two may stand just below 0, where anything restores them."""

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
        effects: Of every head alone (``misfire.mechanistic.analyses.ablation.head_effects``), one kind of ablation.
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
        ``heads``, the pair's columns (of failures, mirrors and controls), ``probe`` (stereotyped, contrast, stereotyped_foil,
        contrast_foil), ``clean`` and ``ablated`` margins. With a single scenario there is nothing to hold out, and no row.
    """
    import pandas as pd

    failing = [one.pair.scenario for one in probed.of("failure")]
    if len(set(failing)) < 2:
        return pd.DataFrame()
    fold_of = scenario_folds(failing, [one.pair.scenario for one in probed.pairs], seed)
    asked = _asked(decoder, probed, budget)
    pieces: list[pd.DataFrame] = []
    for fold in (0, 1):
        order = trained_order(effects, fold_of, fold, seed)
        tested = [one for one in asked if fold_of[one.labels["scenario"]] == fold]
        halves = [one for one in tested if one.labels["group"] == "failure" and one.probe in HALF_NAMES]
        for k in (k for k in ks if k <= len(decoder.heads)):

            def piece(
                fold: int = fold, k: int = k, best: list[Head] = order[:k], tested: list[_Asked] = tested, halves: list[_Asked] = halves
            ) -> pd.DataFrame:
                chosen: list[tuple[Choice, int, list[Head], list[_Asked]]] = [
                    (choice, draw, heads, tested if choice == "ranked" else halves)
                    for choice, draw, heads in sets_of_heads(decoder.heads, best, draws, (seed, fold, k))
                ]
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


def scenario_folds(failing: Sequence[str], scenarios: Sequence[str], seed: int) -> dict[str, int]:
    """The fold of every scenario.

    Args:
        failing: The scenario of each failure, which folds balance.
        scenarios: The scenario of each pair; those without a failure are put into either fold at random.
        seed: Of the draw.

    Returns:
        0 or 1 by scenario.
    """
    fold_of = {scenario: int(fold) for scenario, fold in zip(failing, folds(failing, seed=seed), strict=True)}
    others = [scenario for scenario in dict.fromkeys(scenarios) if scenario not in fold_of]
    return fold_of | ({scenario: int(fold) for scenario, fold in zip(others, folds(others, seed=seed), strict=True)} if others else {})


def trained_order(effects: "pd.DataFrame", fold_of: Mapping[str, int], fold: int, seed: int) -> list[Head]:
    """The heads in the order in which they are ablated on a fold, chosen on the other; none if no failure is there."""
    train = effects[effects["scenario"].map(fold_of.__getitem__) != fold]
    return ranked(head_table(train, seed=seed)) if (train["group"] == "failure").any() else []


def sets_of_heads(
    heads: Sequence[Head], best: Sequence[Head], draws: int, seed: tuple[int, int, int]
) -> Iterator[tuple[Choice, int, list[Head]]]:
    """The best heads, and random ones beside them: other heads if there are enough, from anywhere and with as many in each layer.

    Args:
        heads: All heads of the model.
        best: The best.
        draws: How often to draw.
        seed: Of the draws. Each K and fold has one of its own, so that a resumed run goes on as if it had not been broken off.

    Yields:
        How they were chosen, the number of the draw, and the heads.
    """
    generator = np.random.default_rng(seed)
    yield "ranked", 0, list(best)
    layers = {layer: [head for head in heads if head.layer == layer] for layer in sorted({head.layer for head in heads})}
    for draw in range(draws):
        yield "random", draw, _drawn(heads, best, len(best), generator)
        matched = [head for own in layers.values() for head in _drawn(own, best, sum(head in best for head in own), generator)]
        yield "layer-matched", draw, matched


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


def curve_table(curve: "pd.DataFrame", *, seed: int = 1) -> "pd.DataFrame":
    """Recovery by K, beside what random heads recover, what mirrors recover, and what else broke.

    Args:
        curve: As ``top_k`` gives it.
        seed: Of sign flips, where there are too many scenarios to count all.

    Returns:
        A row a K: ``heads_0`` and ``heads_1`` (the heads that were ablated on either fold, chosen on the other), ``pairs`` (failures) and
        their ``scenarios``, ``recovery`` (share of their stereotyped halves that are right then) with ``_ci_lower`` and ``_ci_upper``
        (Wilson's interval with the effective sample size, clustered by scenario), ``random`` and ``matched`` (the same for random heads,
        mean over draws) with ``_lower`` and ``_upper`` (2.5 and 97.5 % of the draws), ``excess`` (recovery minus random heads of the same
        layers, by pair) with its interval and ``excess_p``, ``mirrors`` and their ``mirror_scenarios``, ``mirror_recovery`` (share of their
        contrast halves that are right then) with its interval, ``over_mirrors`` (recovery − mirror recovery) with its interval and
        ``mirror_p``, ``few_mirrors``, ``p`` and ``p_holm``, ``contrast_kept`` (of the failures' contrast halves), ``control_kept`` (of the
        controls' halves), ``foils_kept`` (of foils of failures and controls that were right), ``contrast_asked``, ``control_asked`` and
        ``foils_asked`` (how many these are), ``delta_stereotyped`` and ``delta_contrast`` (mean change of margins on failures).

        Of halves and foils of two kinds the lower share counts, so that a break of one kind is not diluted by the other; NaN where none
        was asked.

        ``p`` is one-sided, by scenario, and the larger of two: ``excess_p`` (sign flips) and ``mirror_p``. With mirrors of many scenarios
        ``mirror_p`` compares the two recoveries (``misfire.mechanistic.conclusions.inference.exceeds``). Where no p could be
        small enough even if all failures and no mirror recovered, ``few_mirrors`` is set and ``mirror_p`` compares numbers: restored
        failures against restored mirrors, which are as frequent where a model knows nothing of groups; it is 1 if three
        mirrors or more recover as often. ``p_holm`` is p adjusted for all K that were tried (Holm).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    tried = curve["k"].nunique() if len(curve) else 0
    for k, own in curve.groupby("k") if len(curve) else ():
        best = own[own["choice"] == "ranked"]
        failures, mirrors = (best[(best["group"] == group) & (best["probe"] == half)] for group, half in FAILING.items())
        row: dict[str, Any] = {"k": int(cast("int", k))}
        row |= {
            f"heads_{fold}": str(best.loc[best["fold"] == fold, "heads"].iloc[0]) if (best["fold"] == fold).any() else "" for fold in (0, 1)
        }
        row |= {"pairs": len(failures), "scenarios": failures["scenario"].nunique()}
        recovered, mirrored = _share(failures), _share(mirrors)
        row |= _with_interval("recovery", recovered)
        for name, choice in (("random", "random"), ("matched", "layer-matched")):
            drawn = own[(own["choice"] == choice) & (own["probe"] == "stereotyped")]
            shares = drawn.assign(right=drawn["ablated"] > 0).groupby("draw")["right"].mean().to_numpy(float)
            row[name] = float(shares.mean()) if len(shares) else NAN
            row[f"{name}_lower"], row[f"{name}_upper"] = np.quantile(shares, [0.025, 0.975]) if len(shares) else (NAN, NAN)
        excess, excess_p = _excess(own, failures, seed)
        row |= _with_interval("excess", excess) | {"excess_p": excess_p}
        row |= {"mirrors": len(mirrors), "mirror_scenarios": mirrors["scenario"].nunique()}
        row |= _with_interval("mirror_recovery", mirrored) | _with_interval("over_mirrors", difference(recovered, mirrored))
        row["few_mirrors"] = not _best_p(row["scenarios"], row["mirror_scenarios"]) * tried <= LEVEL
        row["mirror_p"] = _more_restored(failures, mirrors, seed) if row["few_mirrors"] else _better_restored(failures, mirrors)
        row["p"] = float(np.max([excess_p, row["mirror_p"]]))
        contrast = best[(best["group"] == "failure") & (best["probe"] == "contrast")]
        controls = best[(best["group"] == "control") & best["probe"].isin(HALF_NAMES)]
        foils = best[best["group"].isin(("failure", "control")) & best["probe"].str.endswith("_foil") & (best["clean"] > 0)]
        for name, frame in (("contrast", contrast), ("control", controls), ("foils", foils)):
            row[f"{name}_kept"], row[f"{name}_asked"] = _kept(frame), len(frame)
        row |= {
            "delta_stereotyped": float((failures["ablated"] - failures["clean"]).mean()),
            "delta_contrast": float((contrast["ablated"] - contrast["clean"]).mean()),
        }
        rows.append(row)
    table = pd.DataFrame(rows)
    if rows:
        table.insert(list(table.columns).index("p") + 1, "p_holm", holm(table["p"].tolist()))
    return table


def _kept(frame: "pd.DataFrame") -> float:
    """The share of prompts that are still right; the lowest over kinds of prompts, NaN without any."""
    return float((frame["ablated"] > 0).groupby(frame["probe"]).mean().min()) if len(frame) else NAN


def _right(frame: "pd.DataFrame") -> Floats:
    return np.asarray(frame["ablated"] > 0, dtype=np.float64)


def _better_restored(failures: "pd.DataFrame", mirrors: "pd.DataFrame") -> float:
    """The p of failures being restored no more often than mirrors."""
    return exceeds(_right(failures), _right(mirrors), [*failures["scenario"], *mirrors["scenario"]])


def _best_p(scenarios: int, mirror_scenarios: int) -> float:
    """The p of a comparison if every failure were restored and no mirror; NaN where there is no comparison."""
    return exceeds(np.ones(scenarios), np.zeros(mirror_scenarios), range(scenarios + mirror_scenarios))


def _more_restored(failures: "pd.DataFrame", mirrors: "pd.DataFrame", seed: int) -> float:
    """The p of restored failures being no more than restored mirrors; 1 where three mirrors or more are restored as often."""
    restored, mirrored = _right(failures), _right(mirrors)
    if not len(restored) or (len(mirrored) >= _TELLING and mirrored.mean() >= restored.mean()):
        return 1.0
    return float(sign_flip(np.concatenate([restored, -mirrored])[:, None], [*failures["scenario"], *mirrors["scenario"]], seed=seed)[0])


def _share(frame: "pd.DataFrame") -> Estimate:
    """The share of prompts that are answered rightly, clustered by scenario."""
    if frame.empty:
        return Estimate(NAN, NAN, NAN, NAN)
    own = codes(frame["scenario"].tolist())
    return clustered_proportion(by_cluster(_right(frame), own), np.bincount(own).astype(float))


def _excess(own: "pd.DataFrame", failures: "pd.DataFrame", seed: int) -> tuple[Estimate, float]:
    """Recovered by the best heads minus by random ones of the same layers, paired; and one-sided p that this is not above 0."""
    drawn = own[(own["choice"] == "layer-matched") & (own["probe"] == "stereotyped")]
    if drawn.empty or failures.empty:
        return Estimate(NAN, NAN, NAN, NAN), NAN
    by_pair = drawn.assign(right=drawn["ablated"] > 0).groupby("pair")["right"].mean()
    values: Floats = _right(failures) - by_pair.loc[failures["pair"]].to_numpy(float)
    scenarios = failures["scenario"].tolist()
    clusters = codes(scenarios)
    estimate, _ = clustered_mean(by_cluster(values, clusters), np.bincount(clusters).astype(float))
    return estimate, float(sign_flip(values[:, None], scenarios, seed=seed)[0])


def _with_interval(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_ci_lower": estimate.lower, f"{name}_ci_upper": estimate.upper}
