"""What ablating the top K heads restores and breaks. Heads are chosen and tested on different scenarios.

Recovery alone proves little: even in models without any circuit, top-K ablation "recovers" about half of the
failures. Therefore each K is compared with random other heads, random other heads of the same layers, and
mirrored failures (held-out scenarios do not replace these, because failures are chosen by their outcome there
too). Other effects are reported too: on contrast halves, controls, foils (right answer "no"), and margins.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.analyses.ablation import head_table, ranked
from misfire.mechanistic.inference import (
    LEVEL,
    Floats,
    by_cluster,
    codes,
    difference,
    exceeds,
    folds,
    holm,
    sign_flip,
)
from misfire.mechanistic.model.batching import copies_in_budget
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import Ablation, Means, ablating
from misfire.mechanistic.probed_pairs import FAILING
from misfire.mechanistic.prompts import probe_prompt
from misfire.mechanistic.selection import differences
from misfire.mechanistic.session import Session
from misfire.scorers.statistics import NAN, Estimate, clustered_mean, clustered_proportion

if TYPE_CHECKING:
    import pandas as pd

KS = (1, 2, 3, 5, 10, 20)

Choice = Literal["ranked", "random", "layer-matched"]
"""How heads were chosen: by their rank on the other fold; at random among the others; or at random with
the same number per layer."""

_TELLING = 3
"""From this number on, mirrors that are all restored count against the heads. One or two may be just below
0 and easy to restore."""

_COLUMNS = (
    "fold",
    "k",
    "choice",
    "draw",
    "heads",
    "pair",
    "scenario",
    "category",
    "group",
    "probe",
    "clean",
    "ablated",
)


@dataclass(frozen=True)
class _Prompt:
    """A prompt of the test: a half or a foil, with its margin without ablation."""

    labels: dict[str, str]
    probe: str
    ids: tuple[int, ...]
    sign: int
    clean: float


@dataclass(frozen=True)
class _Test:
    """The heads and prompts for the test of one fold.

    Attributes:
        order: All heads, best on the other fold first.
        prompts: All prompts of the fold.
        halves: Those of the prompts that are halves of failures. Random heads are tested on them only.
    """

    order: list[Head]
    prompts: list[_Prompt]
    halves: list[_Prompt]


@dataclass(frozen=True)
class _Job:
    """One prompt under the ablation of one set of heads."""

    choice: Choice
    draw: int
    heads: list[Head]
    prompt: _Prompt


def top_k(
    session: Session,
    effects: "pd.DataFrame",
    *,
    ks: Sequence[int] = KS,
    draws: int = 100,
    ablation: Ablation = "zero",
    seed: int = 1,
) -> "pd.DataFrame":
    """Ablate the best K heads together, and the same number of random heads.

    Args:
        session: The model and its pairs. The store keeps one piece for each K and fold.
        effects: Effects of every single head under the same ablation, from ``head_effects``.
        ks: Numbers of heads. Numbers larger than the model's number of heads are left out.
        draws: Number of random sets of heads for each K, of each kind. Random heads are tested on failures
            only.
        ablation: What replaces the output of a head.
        seed: Random seed for folds and draws.

    Returns:
        A row for each (fold, K, choice, draw, prompt): ``fold`` that was tested (its heads were chosen on the
        other), ``k``, ``choice``, ``draw``, ``heads``, the pair's columns (of failures, mirrors and
        controls), ``probe`` (stereotyped, contrast, stereotyped_foil, contrast_foil), and ``clean`` and
        ``ablated`` margins. Empty if there is only one scenario, because none can be held out.
    """
    import pandas as pd

    heads = session.decoder.heads
    failing = [one.pair.scenario for one in session.probed.of("failure")]
    if len(set(failing)) < 2:
        return pd.DataFrame()
    fold_of = scenario_folds(failing, [one.pair.scenario for one in session.probed.pairs], seed)
    prompts = _prompts(session)
    means = session.means if ablation == "mean" else None

    def clean(fold: int) -> _Test:
        tested = [one for one in prompts if fold_of[one.labels["scenario"]] == fold]
        halves = [one for one in tested if one.labels["group"] == "failure" and one.probe in HALF_NAMES]
        return _Test(trained_order(effects, fold_of, fold, seed), tested, halves)

    def measure(fold: int, test: _Test, k: int) -> "pd.DataFrame":
        jobs = _jobs(test, sets_of_heads(heads, test.order[:k], draws, (seed, fold, k)))
        return pd.DataFrame(
            [{"fold": fold, "k": k} | row for row in _run(session, jobs, means)], columns=_COLUMNS
        )

    return session.run_interventions(
        (0, 1),
        [k for k in ks if k <= len(heads)],
        clean=clean,
        measure=measure,
        piece=lambda fold, k: f"top-k-{ablation}-K{k}-F{fold}",
    )


def _jobs(test: _Test, sets: Iterable[tuple[Choice, int, list[Head]]]) -> list[_Job]:
    """Yield all prompts with the best heads ablated, and the halves of failures with random heads ablated."""
    return [
        _Job(choice, draw, chosen, one)
        for choice, draw, chosen in sets
        for one in (test.prompts if choice == "ranked" else test.halves)
    ]  # fmt: skip


def _prompts(session: Session) -> list[_Prompt]:
    """Return the prompts of all pairs, with foils where pairs have them, and their clean margins."""
    found: list[tuple[dict[str, str], str, tuple[int, ...], int]] = []
    for one in session.probed.pairs:
        found += [(one.labels, half, one.prompts[half].ids, one.sign(half)) for half in HALF_NAMES]
        for half, foil in one.pair.controls.foils if one.pair.controls else ():
            ids = probe_prompt(session.decoder.tokenizer, foil.prompt, session.probed.wording).ids
            found.append((one.labels, f"{half}_foil", ids, -1))
    clean = differences(
        session.decoder, [ids for _, _, ids, _ in found], session.probed.answers, session.budget
    )
    return [
        _Prompt(labels, probe, ids, sign, sign * float(d))
        for (labels, probe, ids, sign), d in zip(found, clean, strict=True)
    ]


def scenario_folds(failing: Sequence[str], scenarios: Sequence[str], seed: int) -> dict[str, int]:
    """Assign every scenario to a fold.

    Args:
        failing: Scenario of each failure. The folds balance the number of failures.
        scenarios: Scenario of each pair. Scenarios without a failure go into either fold at random.
        seed: Random seed.

    Returns:
        Fold (0 or 1) of each scenario.
    """
    fold_of = {scenario: int(fold) for scenario, fold in zip(failing, folds(failing, seed=seed), strict=True)}
    others = [scenario for scenario in dict.fromkeys(scenarios) if scenario not in fold_of]
    return fold_of | (
        {scenario: int(fold) for scenario, fold in zip(others, folds(others, seed=seed), strict=True)}
        if others
        else {}
    )


def trained_order(effects: "pd.DataFrame", fold_of: Mapping[str, int], fold: int, seed: int) -> list[Head]:
    """Return the heads in the order for ablation on a fold.

    They are chosen on the other fold. The list is empty if that fold has no failure.
    """
    train = effects[effects["scenario"].map(fold_of.__getitem__) != fold]
    return ranked(head_table(train, seed=seed)) if (train["group"] == "failure").any() else []


def sets_of_heads(
    heads: Sequence[Head], best: Sequence[Head], draws: int, seed: tuple[int, int, int]
) -> Iterator[tuple[Choice, int, list[Head]]]:
    """Yield the best heads and, if there are enough other heads, random ones.

    Random heads are drawn in two ways: from all layers, and with the same number per layer.

    Args:
        heads: All heads of the model.
        best: The best.
        draws: Number of random sets of each kind.
        seed: Random seed. Each K and fold has its own seed, so a resumed run gives the same result as an
            uninterrupted one.

    Yields:
        How the heads were chosen, the number of the draw, and the heads.
    """
    generator = np.random.default_rng(seed)
    yield "ranked", 0, list(best)
    layers = {
        layer: [head for head in heads if head.layer == layer]
        for layer in sorted({head.layer for head in heads})
    }
    for draw in range(draws):
        yield "random", draw, _drawn(heads, best, len(best), generator)
        matched = [
            head
            for own in layers.values()
            for head in _drawn(own, best, sum(head in best for head in own), generator)
        ]
        yield "layer-matched", draw, matched


def _drawn(
    heads: Sequence[Head], best: Sequence[Head], count: int, generator: np.random.Generator
) -> list[Head]:
    others = [head for head in heads if head not in best]
    # if most heads of a layer are among the best, some of these must be drawn again
    pool = others if len(others) >= count else list(heads)
    return [pool[index] for index in generator.choice(len(pool), count, replace=False)]


def _run(session: Session, jobs: list[_Job], means: Means | None) -> list[dict[str, Any]]:
    """Compute the margin of every job.

    The longest prompts run first, with many sets of heads in one batch.
    """
    decoder = session.decoder
    jobs = sorted(jobs, key=lambda job: len(job.prompt.ids))
    rows: list[dict[str, Any]] = []
    while jobs:
        size = copies_in_budget(
            len(jobs[-1].prompt.ids), decoder.width, decoder.dtype.itemsize, session.budget, decoder.device
        )
        own, jobs = jobs[-size:], jobs[:-size]
        with ablating(decoder, [job.heads for job in own], means):
            found = session.difference(decoder.batch([job.prompt.ids for job in own]))
        rows += [_row(job, d) for job, d in zip(own, found.double().cpu().tolist(), strict=True)]
    return rows


def _row(job: _Job, difference: float) -> dict[str, Any]:
    return {
        "choice": job.choice,
        "draw": job.draw,
        "heads": ",".join(map(str, job.heads)),
        **job.prompt.labels,
        "probe": job.prompt.probe,
        "clean": job.prompt.clean,
        "ablated": job.prompt.sign * difference,
    }


def curve_table(curve: "pd.DataFrame", *, seed: int = 1) -> "pd.DataFrame":
    """Summarize by K what the best and random heads restore, which mirrors are restored, and what breaks.

    If two kinds of halves or foils were asked, the kind with the lower share counts, so that the other cannot
    hide damage to it. Shares are NaN if nothing was asked.

    ``p`` is one-sided, by scenario, and the larger of ``excess_p`` (sign flips) and ``mirror_p``. With
    mirrors from many scenarios, ``mirror_p`` compares the two recoveries
    (``misfire.mechanistic.inference.exceeds``). If p could not be small enough even if all failures and no
    mirrors recovered, ``few_mirrors`` is true and ``mirror_p`` compares numbers: restored failures and
    restored mirrors, which are equally frequent in a model that ignores groups. In that case it is 1 if at
    least three mirrors exist and their recovery is not lower.

    Args:
        curve: Output of ``top_k``.
        seed: Random seed for sign flips, used if there are too many scenarios to count all.

    Returns:
        A row for each K: ``heads_0`` and ``heads_1`` (heads ablated on each fold, chosen on the other),
        ``pairs`` (failures) and their ``scenarios``, ``recovery`` (share of their stereotyped halves that
        become right) with ``_ci_lower`` and ``_ci_upper`` (Wilson's interval with the effective sample size,
        clustered by scenario), ``random`` and ``matched`` (the same for random heads, mean over draws) with
        ``_lower`` and ``_upper`` (2.5 and 97.5 % of the draws), ``excess`` (recovery minus that of random
        heads of the same layers, by pair) with its interval and ``excess_p``, ``mirrors`` and their
        ``mirror_scenarios``, ``mirror_recovery`` (share of their contrast halves that become right) with its
        interval, ``over_mirrors`` (recovery − mirror recovery) with its interval, ``few_mirrors``,
        ``mirror_p``, ``p`` and ``p_holm`` (p adjusted for all K that were tried, Holm), ``contrast_kept``
        (share of the failures' contrast halves that stay right), ``control_kept`` (of the controls' halves),
        ``foils_kept`` (of the foils of failures and controls that were right), ``contrast_asked``,
        ``control_asked`` and ``foils_asked`` (the number of each), and ``delta_stereotyped`` and
        ``delta_contrast`` (mean change of margins on failures).
    """
    import pandas as pd

    tried = curve["k"].nunique() if len(curve) else 0
    rows = [
        {"k": int(cast("int", k))} | _curve_row(own, tried, seed)
        for k, own in (curve.groupby("k") if len(curve) else ())
    ]
    table = pd.DataFrame(rows)
    if rows:
        table.insert(list(table.columns).index("p") + 1, "p_holm", holm(table["p"].tolist()))
    return table


def _curve_row(own: "pd.DataFrame", tried: int, seed: int) -> dict[str, Any]:
    """Return the row of one K; ``tried`` is the total number of K that were tried."""
    best = own[own["choice"] == "ranked"]
    failures, mirrors = (
        best[(best["group"] == group) & (best["probe"] == half)] for group, half in FAILING.items()
    )
    row: dict[str, Any] = {f"heads_{fold}": _heads_of(best, fold) for fold in (0, 1)}
    row |= {"pairs": len(failures), "scenarios": failures["scenario"].nunique()}
    recovered, mirrored = _share(failures), _share(mirrors)
    row |= _with_interval("recovery", recovered)
    row |= _drawn_shares("random", own, "random") | _drawn_shares("matched", own, "layer-matched")
    excess, excess_p = _excess(own, failures, seed)
    row |= _with_interval("excess", excess) | {"excess_p": excess_p}
    row |= {"mirrors": len(mirrors), "mirror_scenarios": mirrors["scenario"].nunique()}
    row |= _with_interval("mirror_recovery", mirrored) | _with_interval(
        "over_mirrors", difference(recovered, mirrored)
    )
    row["few_mirrors"] = not _best_p(row["scenarios"], row["mirror_scenarios"]) * tried <= LEVEL
    row["mirror_p"] = (
        _more_restored(failures, mirrors, seed) if row["few_mirrors"] else _better_restored(failures, mirrors)
    )
    row["p"] = float(np.max([excess_p, row["mirror_p"]]))
    contrast = best[(best["group"] == "failure") & (best["probe"] == "contrast")]
    controls = best[(best["group"] == "control") & best["probe"].isin(HALF_NAMES)]
    foils = best[
        best["group"].isin(("failure", "control")) & best["probe"].str.endswith("_foil") & (best["clean"] > 0)
    ]
    for name, frame in (("contrast", contrast), ("control", controls), ("foils", foils)):
        row[f"{name}_kept"], row[f"{name}_asked"] = _kept(frame), len(frame)
    for name, frame in (("stereotyped", failures), ("contrast", contrast)):
        row[f"delta_{name}"] = float((frame["ablated"] - frame["clean"]).mean())
    return row


def _heads_of(best: "pd.DataFrame", fold: int) -> str:
    """Return the heads that were ablated on a fold; empty if the fold was not tested."""
    own = best.loc[best["fold"] == fold, "heads"]
    return str(own.iloc[0]) if len(own) else ""


def _drawn_shares(name: str, own: "pd.DataFrame", choice: Choice) -> dict[str, float]:
    """Return the share of failures that random heads restore.

    The result holds the mean over draws, and the ends of the middle 95 % of the draws.
    """
    drawn = own[(own["choice"] == choice) & (own["probe"] == "stereotyped")]
    shares = drawn.assign(right=drawn["ablated"] > 0).groupby("draw")["right"].mean().to_numpy(float)
    lower, upper = np.quantile(shares, [0.025, 0.975]) if len(shares) else (NAN, NAN)
    return {
        name: float(shares.mean()) if len(shares) else NAN,
        f"{name}_lower": lower,
        f"{name}_upper": upper,
    }


def _kept(frame: "pd.DataFrame") -> float:
    """Return the share of prompts that are still right: the lowest over kinds of prompts, NaN without any."""
    return float((frame["ablated"] > 0).groupby(frame["probe"]).mean().min()) if len(frame) else NAN


def _right(frame: "pd.DataFrame") -> Floats:
    return np.asarray(frame["ablated"] > 0, dtype=np.float64)


def _better_restored(failures: "pd.DataFrame", mirrors: "pd.DataFrame") -> float:
    """Return the p of the null hypothesis that failures are restored no more often than mirrors."""
    return exceeds(_right(failures), _right(mirrors), [*failures["scenario"], *mirrors["scenario"]])


def _best_p(scenarios: int, mirror_scenarios: int) -> float:
    """Return the p of the comparison if every failure and no mirror were restored.

    It is NaN if there is no comparison.
    """
    return exceeds(np.ones(scenarios), np.zeros(mirror_scenarios), range(scenarios + mirror_scenarios))


def _more_restored(failures: "pd.DataFrame", mirrors: "pd.DataFrame", seed: int) -> float:
    """Return the p that restored failures are no more than restored mirrors.

    It is 1 if three or more mirrors are restored as often.
    """
    restored, mirrored = _right(failures), _right(mirrors)
    if not len(restored) or (len(mirrored) >= _TELLING and mirrored.mean() >= restored.mean()):
        return 1.0
    return float(
        sign_flip(
            np.concatenate([restored, -mirrored])[:, None],
            [*failures["scenario"], *mirrors["scenario"]],
            seed=seed,
        )[0]
    )


def _share(frame: "pd.DataFrame") -> Estimate:
    """Return the share of prompts with right answers, clustered by scenario."""
    if frame.empty:
        return Estimate(NAN, NAN, NAN, NAN)
    own = codes(frame["scenario"].tolist())
    return clustered_proportion(by_cluster(_right(frame), own), np.bincount(own).astype(float))


def _excess(own: "pd.DataFrame", failures: "pd.DataFrame", seed: int) -> tuple[Estimate, float]:
    """Return the recovery of the best heads minus that of random heads of the same layers.

    The comparison is paired. The second result is its one-sided p.
    """
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
