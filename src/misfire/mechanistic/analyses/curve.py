"""What ablating the top K heads restores and breaks. Heads are chosen and tested on different scenarios.

Recovery alone proves little: even in models without any circuit, top-K ablation "recovers" about half of the
failures. Therefore each K is compared with random other heads, random other heads of the same layers, and
mirrored failures (held-out scenarios do not replace these, because failures are chosen by their outcome there
too). Other effects are reported too: on contrast halves, controls, foils (right answer "no"), and margins.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.analyses.ablation import Method, head_table, ranked
from misfire.mechanistic.draw_rule import DrawRule
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
from misfire.mechanistic.model.batching import copies_in_budget, sweep_chunks
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.model.hooks import Ablation, Means, ablating
from misfire.mechanistic.model.replay import Replay
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
        halves: Those of the prompts that are halves of failures. Random heads are tested on these only.
    """

    order: list[Head]
    prompts: list[_Prompt]
    halves: list[_Prompt]


@dataclass(frozen=True)
class _Job:
    """One prompt under the ablation of one set of heads, the best ``k`` or as many random ones."""

    k: int
    choice: Choice
    draw: int
    heads: list[Head]
    prompt: _Prompt


@dataclass(frozen=True)
class Together:
    """How heads are ablated together.

    Attributes:
        ks: Numbers of heads. Numbers larger than the model's number of heads are left out.
        draws: Number of random sets of heads for each K, of each kind; or the rule that decides when enough
            sets of the same layers were drawn. With a rule, one step of sets from all layers is drawn for
            comparison.
        ablation: What replaces the output of a head.
        method: How the ablation is computed.
        seed: Random seed for folds and draws.
    """

    ks: Sequence[int] = KS
    draws: int | DrawRule = 100
    ablation: Ablation = "zero"
    method: Method = "replay"
    seed: int = 1


def top_k(session: Session, effects: "pd.DataFrame", together: Together) -> "pd.DataFrame":
    """Ablate the best K heads together, and the same number of random heads.

    Args:
        session: The model and its pairs. The store keeps one piece for each K and fold, and with a rule for
            each step of draws.
        effects: Effects of every single head under the same ablation, from ``head_effects``.
        together: How heads are ablated.

    Returns:
        A row for each (fold, K, choice, draw, prompt): ``fold`` that was tested (its heads were chosen on the
        other), ``k``, ``choice``, ``draw``, ``heads``, the pair's columns (of failures, mirrors and
        controls), ``probe`` (stereotyped, contrast, stereotyped_foil, contrast_foil), and ``clean`` and
        ``ablated`` margins. Random heads are tested on failures only, and with a rule on their stereotyped
        halves only. Empty if there is only one scenario, because none can be held out.
    """
    import pandas as pd

    failing = [one.pair.scenario for one in session.probed.of("failure")]
    if len(set(failing)) < 2:
        return pd.DataFrame()
    ks = [k for k in together.ks if k <= len(session.decoder.heads)]
    curve = _Curve(session, together, _tests(session, effects, failing, together.seed), ks)
    found = curve.fixed(together.draws) if isinstance(together.draws, int) else curve.drawn(together.draws)
    return pd.concat(found, ignore_index=True)


def _tests(session: Session, effects: "pd.DataFrame", failing: list[str], seed: int) -> tuple[_Test, ...]:
    """Return the heads and prompts for the test of each fold."""
    fold_of = scenario_folds(failing, [one.pair.scenario for one in session.probed.pairs], seed)
    prompts = _prompts(session)

    def test(fold: int) -> _Test:
        tested = [one for one in prompts if fold_of[one.labels["scenario"]] == fold]
        halves = [one for one in tested if one.labels["group"] == "failure" and one.probe in HALF_NAMES]
        return _Test(trained_order(effects, fold_of, fold, seed), tested, halves)

    return test(0), test(1)


@dataclass(frozen=True)
class _Curve:
    """The tests of both folds, and what is ablated in them."""

    session: Session
    together: Together
    tests: tuple[_Test, ...]
    ks: list[int]

    def fixed(self, draws: int) -> "list[pd.DataFrame]":
        """Ablate the best heads and a fixed number of random sets, for each fold and K."""

        def jobs(fold: int, k: int) -> list[_Job]:
            test = self.tests[fold]
            sets = sets_of_heads(
                self.session.decoder.heads, test.order[:k], draws, (self.together.seed, fold, k)
            )
            return [
                _Job(k, choice, draw, heads, one)
                for choice, draw, heads in sets
                for one in (test.prompts if choice == "ranked" else test.halves)
            ]

        return [
            self._piece(fold, f"K{k}-F{fold}", lambda fold=fold, k=k: jobs(fold, k))
            for fold in range(len(self.tests))
            for k in self.ks
        ]

    def drawn(self, rule: DrawRule) -> "list[pd.DataFrame]":
        """Ablate the best heads, then draw random sets for each K until the rule decides."""
        found = [
            self._piece(fold, f"best-F{fold}", lambda fold=fold: self._best(fold))
            for fold in range(len(self.tests))
        ]
        best = found.copy()
        for k in self.ks:
            own = [frame[frame["k"] == k] for frame in best]
            for start in range(0, rule.most, rule.step):
                steps = [
                    self._piece(
                        fold,
                        f"K{k}-F{fold}-D{start}",
                        lambda fold=fold, k=k, start=start: self._random(fold, k, start, rule.step),
                    )
                    for fold in range(len(self.tests))
                ]
                found, own = found + steps, own + steps
                hits = random_hits(own)
                if rule.answer(len(hits), sum(hits)) is not None:
                    for _ in range(start + rule.step, rule.most, rule.step):
                        self.session.step()
                        self.session.step()
                    break
        return found

    def _best(self, fold: int) -> list[_Job]:
        test = self.tests[fold]
        return [_Job(k, "ranked", 0, test.order[:k], one) for k in self.ks for one in test.prompts]

    def _random(self, fold: int, k: int, start: int, count: int) -> list[_Job]:
        """Return the jobs of some draws: of the same layers, and in the first step also of all layers."""
        test, heads = self.tests[fold], self.session.decoder.heads
        sets = sets_of_heads(heads, test.order[:k], start + count, (self.together.seed, fold, k))
        return [
            _Job(k, choice, draw, chosen, one)
            for choice, draw, chosen in sets
            if draw >= start and (choice == "layer-matched" or (choice == "random" and start == 0))
            for one in test.halves
            if one.probe == "stereotyped"
        ]

    def _piece(self, fold: int, name: str, jobs: Callable[[], list[_Job]]) -> "pd.DataFrame":
        import pandas as pd

        def make() -> "pd.DataFrame":
            rows = _run(self.session, jobs(), self.together)
            return pd.DataFrame([{"fold": fold} | row for row in rows], columns=_COLUMNS)

        frame = self.session.kept(f"top-k-{self.together.ablation}-{name}", make)
        self.session.step()
        return frame


def random_hits(rows: "Sequence[pd.DataFrame]") -> list[bool]:
    """Return whether each draw of the same layers restores at least as many failures as the best heads do.

    Args:
        rows: Rows of ``top_k`` for one K, in any number of frames.
    """
    import pandas as pd

    own = pd.concat(rows, ignore_index=True)
    own = own[(own["group"] == "failure") & (own["probe"] == "stereotyped")]
    restored = own.assign(right=own["ablated"] > 0).groupby(["choice", "draw"])["right"].sum()
    best = restored.get(("ranked", 0), 0)
    return (restored.loc["layer-matched"] >= best).tolist() if "layer-matched" in restored.index else []


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


def _run(session: Session, jobs: list[_Job], together: Together) -> list[dict[str, Any]]:
    """Compute the margin of every job.

    The longest prompts come first. With either method, rows have the same order.
    """
    means = session.means if together.ablation == "mean" else None
    replayed = _replayed(session, jobs, means) if together.method == "replay" else {}
    rows: list[dict[str, Any]] = []
    for own in _batches(session, jobs):
        if together.method == "replay":
            found = [replayed[id(job)] for job in own]
        else:
            with ablating(session.decoder, [job.heads for job in own], means):
                batch = session.decoder.batch([job.prompt.ids for job in own])
                found = session.difference(batch).double().cpu().tolist()
        rows += [_row(job, d) for job, d in zip(own, found, strict=True)]
    return rows


def _batches(session: Session, jobs: list[_Job]) -> Iterator[list[_Job]]:
    """Split jobs into batches with many sets of heads each, the longest prompts first."""
    decoder = session.decoder
    jobs = sorted(jobs, key=lambda job: len(job.prompt.ids))
    while jobs:
        size = copies_in_budget(
            len(jobs[-1].prompt.ids), decoder.width, decoder.dtype.itemsize, session.budget, decoder.device
        )
        own, jobs = jobs[-size:], jobs[:-size]
        yield own


def _replayed(session: Session, jobs: list[_Job], means: Means | None) -> dict[int, float]:
    """Compute the logit difference of every job from clean runs, by the identity of the job.

    Only the layers from the first ablated one on are run, and what prompts have in common is run once.
    """
    by_set: dict[tuple[int, str, int], list[_Job]] = {}
    for job in jobs:
        by_set.setdefault((job.k, job.choice, job.draw), []).append(job)
    # sets of heads that are ablated on the same prompts
    alike: dict[tuple[int, ...], list[list[_Job]]] = {}
    for own in by_set.values():
        alike.setdefault(tuple(id(job.prompt) for job in own), []).append(own)
    found: dict[int, float] = {}
    for sets in alike.values():
        # sets whose first ablated layers are near each other run side by side
        sets.sort(key=lambda own: min((head.layer for head in own[0].heads), default=0))
        ids = [job.prompt.ids for job in sets[0]]
        for chunk in sweep_chunks(session.decoder, ids, session.budget):
            for own, values in _replay(session, [ids[index] for index in chunk], sets, means):
                found |= {id(own[index]): d for index, d in zip(chunk, values.tolist(), strict=True)}
    return found


def _replay(
    session: Session, ids: list[tuple[int, ...]], sets: list[list[_Job]], means: Means | None
) -> Iterator[tuple[list[_Job], Floats]]:
    """Run some prompts under every set of heads; yield the jobs of the set and its logit differences."""
    decoder = session.decoder
    replay = Replay(decoder, ids, session.probed.answers)
    size = copies_in_budget(
        replay.tokens, decoder.width, decoder.dtype.itemsize, session.budget, decoder.device
    )
    for start in range(0, len(sets), size):
        some = sets[start : start + size]
        found = replay.ablated_together([own[0].heads for own in some], means).double().cpu().numpy()
        yield from zip(some, found, strict=True)


def _row(job: _Job, difference: float) -> dict[str, Any]:
    return {
        "k": job.k,
        "choice": job.choice,
        "draw": job.draw,
        "heads": ",".join(map(str, job.heads)),
        **job.prompt.labels,
        "probe": job.prompt.probe,
        "clean": job.prompt.clean,
        "ablated": job.prompt.sign * difference,
    }


def curve_table(
    curve: "pd.DataFrame", *, seed: int = 1, draws: int | DrawRule | None = None
) -> "pd.DataFrame":
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
        draws: The rule of the draws, if there was one.

    Returns:
        A row for each K: ``heads_0`` and ``heads_1`` (heads ablated on each fold, chosen on the other),
        ``pairs`` (failures) and their ``scenarios``, ``recovery`` (share of their stereotyped halves that
        become right) with ``_ci_lower`` and ``_ci_upper`` (Wilson's interval with the effective sample size,
        clustered by scenario), ``random`` and ``matched`` (the same for random heads, mean over draws) with
        ``_lower`` and ``_upper`` (2.5 and 97.5 % of the draws), ``draws`` (number of random sets of the same
        layers) and ``hits`` (those that restore at least as many failures), ``above_random`` (with a rule,
        its answer; otherwise, whether ``recovery`` is above ``matched_upper``), ``excess`` (recovery minus
        that of random heads of the same layers, by pair) with its interval and ``excess_p``, ``mirrors`` and
        their ``mirror_scenarios``, ``mirror_recovery`` (share of their contrast halves that become right)
        with its interval, ``over_mirrors`` (recovery − mirror recovery) with its interval, ``few_mirrors``,
        ``mirror_p``, ``p`` and ``p_holm`` (p adjusted for all K that were tried, Holm), ``contrast_kept``
        (share of the failures' contrast halves that stay right), ``control_kept`` (of the controls' halves),
        ``foils_kept`` (of the foils of failures and controls that were right), ``contrast_asked``,
        ``control_asked`` and ``foils_asked`` (the number of each), and ``delta_stereotyped`` and
        ``delta_contrast`` (mean change of margins on failures).
    """
    import pandas as pd

    tried = curve["k"].nunique() if len(curve) else 0
    rows = [
        {"k": int(cast("int", k))}
        | _curve_row(own, tried, seed, draws if isinstance(draws, DrawRule) else None)
        for k, own in (curve.groupby("k") if len(curve) else ())
    ]
    table = pd.DataFrame(rows)
    if rows:
        table.insert(list(table.columns).index("p") + 1, "p_holm", holm(table["p"].tolist()))
    return table


def _curve_row(own: "pd.DataFrame", tried: int, seed: int, rule: DrawRule | None) -> dict[str, Any]:
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
    hits = random_hits([own])
    row |= {"draws": len(hits), "hits": sum(hits)}
    row["above_random"] = (
        rule.answer(len(hits), sum(hits)) == "above" if rule else row["recovery"] > row["matched_upper"]
    )
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
