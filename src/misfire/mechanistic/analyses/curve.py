"""What ablating the top K heads restores, and what it breaks; heads are chosen on other scenarios than they are tested on.

Recovery alone proves little: in models without any circuit top-K ablation "recovers" about half of the failures. So beside each K stand
random other heads, random other heads of the same layers, mirrored failures (which holding scenarios out does not make up for, since
failures are chosen by their outcome there too), and what else changes: contrast halves, controls, foils (gold "no"), margins.
"""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.analyses.ablation import head_table, ranked
from misfire.mechanistic.inference import LEVEL, Floats, by_cluster, codes, difference, exceeds, folds, holm, sign_flip
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
"""How heads were chosen: by their table on the other fold; at random from the others; the same with as many in each layer."""

_TELLING = 3
"""So many mirrors that are all restored tell against heads; one or two may stand just below 0, where anything restores them."""

_COLUMNS = ("fold", "k", "choice", "draw", "heads", "pair", "scenario", "category", "group", "probe", "clean", "ablated")


@dataclass(frozen=True)
class _Prompt:
    """One prompt of the test: a half or a foil, with its margin without ablation."""

    labels: dict[str, str]
    probe: str
    ids: tuple[int, ...]
    sign: int
    clean: float


@dataclass(frozen=True)
class _Test:
    """What one fold is tested with.

    Attributes:
        order: All heads, the best on the other fold first.
        prompts: All prompts of the fold.
        halves: Of these the halves of failures, on which random heads are tested.
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
    session: Session, effects: "pd.DataFrame", *, ks: Sequence[int] = KS, draws: int = 100, ablation: Ablation = "zero", seed: int = 1
) -> "pd.DataFrame":
    """Ablate the best K heads together, and as many random ones.

    Args:
        session: The model and its pairs. Its store keeps a piece for each K and fold.
        effects: Effects of every head alone under the same ablation, as ``head_effects`` gives them.
        ks: Numbers of heads; those beyond what the model has are left out.
        draws: Random choices of heads for each K, of either kind. Random heads are tested on failures alone.
        ablation: What replaces a head's output.
        seed: Of folds and draws.

    Returns:
        A row for each (fold, K, choice, draw, prompt): ``fold`` that was tested (heads are from the other), ``k``, ``choice``, ``draw``,
        ``heads``, the pair's columns (of failures, mirrors and controls), ``probe`` (stereotyped, contrast, stereotyped_foil,
        contrast_foil), and ``clean`` and ``ablated`` margins. With a single scenario nothing can be held out, and there is no row.
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
        return pd.DataFrame([{"fold": fold, "k": k} | row for row in _run(session, jobs, means)], columns=_COLUMNS)

    return session.run_interventions(
        (0, 1),
        [k for k in ks if k <= len(heads)],
        clean=clean,
        measure=measure,
        piece=lambda fold, k: f"top-k-{ablation}-K{k}-F{fold}",
    )


def _jobs(test: _Test, sets: Iterable[tuple[Choice, int, list[Head]]]) -> list[_Job]:
    """All prompts under the best heads, and the halves of failures under random ones."""
    return [
        _Job(choice, draw, chosen, one)
        for choice, draw, chosen in sets
        for one in (test.prompts if choice == "ranked" else test.halves)
    ]  # fmt: skip


def _prompts(session: Session) -> list[_Prompt]:
    """All prompts of all pairs, with foils where pairs have them, and their clean margins."""
    found: list[tuple[dict[str, str], str, tuple[int, ...], int]] = []
    for one in session.probed.pairs:
        found += [(one.labels, half, one.prompts[half].ids, one.sign(half)) for half in HALF_NAMES]
        for half, foil in one.pair.controls.foils if one.pair.controls else ():
            ids = probe_prompt(session.decoder.tokenizer, foil.prompt, session.probed.wording).ids
            found.append((one.labels, f"{half}_foil", ids, -1))
    clean = differences(session.decoder, [ids for _, _, ids, _ in found], session.probed.answers, session.budget)
    return [_Prompt(labels, probe, ids, sign, sign * float(d)) for (labels, probe, ids, sign), d in zip(found, clean, strict=True)]


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


def _run(session: Session, jobs: list[_Job], means: Means | None) -> list[dict[str, Any]]:
    """The margin of every job; the longest prompts run first, many sets of heads in one batch."""
    decoder = session.decoder
    jobs = sorted(jobs, key=lambda job: len(job.prompt.ids))
    rows: list[dict[str, Any]] = []
    while jobs:
        size = copies_in_budget(len(jobs[-1].prompt.ids), decoder.width, decoder.dtype.itemsize, session.budget, decoder.device)
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
    """Recovery by K, beside what random heads recover, what mirrors recover, and what else broke.

    Where halves or foils of two kinds were asked, the kind with the lower share counts, so that a break of one kind is not diluted by
    the other; shares are NaN where none was asked.

    ``p`` is one-sided, by scenario, and the larger of two: ``excess_p`` (sign flips) and ``mirror_p``. With mirrors of many scenarios
    ``mirror_p`` compares the two recoveries (``misfire.mechanistic.inference.exceeds``). Where no p could be small enough even if all
    failures and no mirror recovered, ``few_mirrors`` is set and ``mirror_p`` compares numbers: restored failures against restored
    mirrors, which are equally frequent in a model that knows nothing of groups; it is 1 if three mirrors or more recover as often.

    Args:
        curve: As ``top_k`` gives it.
        seed: Of sign flips, where there are too many scenarios to count all.

    Returns:
        A row for each K: ``heads_0`` and ``heads_1`` (the heads that were ablated on either fold, chosen on the other), ``pairs``
        (failures) and their ``scenarios``, ``recovery`` (share of their stereotyped halves that become right) with ``_ci_lower`` and
        ``_ci_upper`` (Wilson's interval with the effective sample size, clustered by scenario), ``random`` and ``matched`` (the same for
        random heads, mean over draws) with ``_lower`` and ``_upper`` (2.5 and 97.5 % of the draws), ``excess`` (recovery minus random
        heads of the same layers, by pair) with its interval and ``excess_p``, ``mirrors`` and their ``mirror_scenarios``,
        ``mirror_recovery`` (share of their contrast halves that become right) with its interval, ``over_mirrors`` (recovery − mirror
        recovery) with its interval, ``few_mirrors``, ``mirror_p``, ``p`` and ``p_holm`` (p adjusted for all K that were tried, Holm),
        ``contrast_kept`` (of the failures' contrast halves), ``control_kept`` (of the controls' halves), ``foils_kept`` (of foils of
        failures and controls that were right), ``contrast_asked``, ``control_asked`` and ``foils_asked`` (how many these are), and
        ``delta_stereotyped`` and ``delta_contrast`` (mean change of margins on failures).
    """
    import pandas as pd

    tried = curve["k"].nunique() if len(curve) else 0
    rows = [{"k": int(cast("int", k))} | _curve_row(own, tried, seed) for k, own in (curve.groupby("k") if len(curve) else ())]
    table = pd.DataFrame(rows)
    if rows:
        table.insert(list(table.columns).index("p") + 1, "p_holm", holm(table["p"].tolist()))
    return table


def _curve_row(own: "pd.DataFrame", tried: int, seed: int) -> dict[str, Any]:
    """What ablating one number of heads does; ``tried`` numbers were tried in all."""
    best = own[own["choice"] == "ranked"]
    failures, mirrors = (best[(best["group"] == group) & (best["probe"] == half)] for group, half in FAILING.items())
    row: dict[str, Any] = {f"heads_{fold}": _heads_of(best, fold) for fold in (0, 1)}
    row |= {"pairs": len(failures), "scenarios": failures["scenario"].nunique()}
    recovered, mirrored = _share(failures), _share(mirrors)
    row |= _with_interval("recovery", recovered)
    row |= _drawn_shares("random", own, "random") | _drawn_shares("matched", own, "layer-matched")
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
    for name, frame in (("stereotyped", failures), ("contrast", contrast)):
        row[f"delta_{name}"] = float((frame["ablated"] - frame["clean"]).mean())
    return row


def _heads_of(best: "pd.DataFrame", fold: int) -> str:
    """The heads that were ablated on a fold; empty if nothing of it was tested."""
    own = best.loc[best["fold"] == fold, "heads"]
    return str(own.iloc[0]) if len(own) else ""


def _drawn_shares(name: str, own: "pd.DataFrame", choice: Choice) -> dict[str, float]:
    """The share of failures that random heads restore: the mean over draws, and the ends of the middle 95 % of the draws."""
    drawn = own[(own["choice"] == choice) & (own["probe"] == "stereotyped")]
    shares = drawn.assign(right=drawn["ablated"] > 0).groupby("draw")["right"].mean().to_numpy(float)
    lower, upper = np.quantile(shares, [0.025, 0.975]) if len(shares) else (NAN, NAN)
    return {name: float(shares.mean()) if len(shares) else NAN, f"{name}_lower": lower, f"{name}_upper": upper}


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
