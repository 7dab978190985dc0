"""Tables of models that were never run.

Margins are a sum of what heads give, so ablating heads takes their terms off.

They stand for what a sweep and a curve would measure, and are as large as those of a real run. Some heads
give random terms to both halves alike (they know nothing of groups), one may give terms to stereotyped halves
alone, and something that is no head may do so too."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.analyses.ablation import head_table
from misfire.mechanistic.analyses.curve import KS, curve_table, scenario_folds, sets_of_heads, trained_order
from misfire.mechanistic.conclusions.decision import Decision, decide
from misfire.mechanistic.conclusions.misfiring import Misfiring, misfiring
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.probed_pairs import GROUPS, AskedPair

HEADS = tuple(Head(layer, index) for layer in range(8) for index in range(6))
NOISY, PLANTED = Head(5, 2), Head(6, 3)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A model to simulate.

    Attributes:
        scenarios: Scenarios, eight pairs each.
        odd: In what share of halves and foils, drawn whoever is asked about, the noisy head says "no" by 8
            logits.
        planted: What the planted head gives to the stereotyped halves that it acts on.
        share: In how many pairs it acts; it acts on whole scenarios.
        bias: What something else than a head gives to all stereotyped halves.
        clean: Mean margin without any of it; its standard deviation is 1.
    """

    scenarios: int = 24
    odd: float = 0.0
    planted: float = 0.0
    share: float = 0.5
    bias: float = 0.0
    clean: float = 3.0


GROUP_BLIND = Model(odd=0.2)
"""One head errs for every person."""
SINGLE_HEAD = Model(planted=-8.0)
"""One head makes it misfire."""
BOTH = Model(planted=-8.0, odd=0.1)
"""One head makes it misfire, and another errs for every person."""
OTHER_CAUSE = Model(bias=-2.0, odd=0.15)
"""Something other than a head makes it misfire, and a head errs for every person."""


@dataclass
class Tables:
    """What a run of such a model gives."""

    misfiring: Misfiring
    heads: pd.DataFrame = field(default_factory=pd.DataFrame)
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    gap: float = float("nan")

    def decision(self) -> Decision:
        """What is decided on them."""
        return decide(self.misfiring, self.heads, self.curve, self.gap)


def simulate(model: Model, seed: int, *, per_group: int = 30, draws: int = 20, curve: bool = True) -> Tables:
    """Run a model.

    Ask all pairs, choose failures, mirrors and controls, and ablate heads one by one and together.

    Args:
        model: The model.
        seed: Of everything random.
        per_group: Failures, mirrors and controls at most.
        draws: Random choices of heads.
        curve: Whether to ablate heads together.

    Returns:
        The tables; without those of heads if no pair fails.
    """
    draw = np.random.default_rng(seed)
    pairs = 8 * model.scenarios
    scenario = np.repeat(np.arange(model.scenarios), 8)
    # shape (pairs, halves and foils, heads): what each head gives to each margin
    terms = draw.normal(0, 0.05, (pairs, 4, len(HEADS)))
    # foils are asked for "no", so what says "no" raises their margins
    terms[:, :, HEADS.index(NOISY)] += np.array([-8.0, -8.0, 8.0, 8.0]) * (
        draw.random((pairs, 4)) < model.odd
    )
    acts = draw.permutation(model.scenarios) < model.share * model.scenarios
    terms[:, 0, HEADS.index(PLANTED)] += model.planted * acts[scenario] * draw.uniform(0.8, 1.2, pairs)
    rest = draw.normal(model.clean, 1, (pairs, 4))
    rest[:, 2:] += 4
    rest[:, 0] += model.bias
    margins: Floats = rest + terms.sum(2)
    names = [f"s{number}" for number in scenario]
    test = misfiring(
        [AskedPair(f"p{n}", "Age", names[n], margins[n, 0], margins[n, 1]) for n in range(pairs)]
    )
    right = margins[:, :2] > 0
    members = {
        "failure": ~right[:, 0] & right[:, 1],
        "mirror": right[:, 0] & ~right[:, 1],
        "control": right.all(1),
    }
    group_of = {
        int(n): group
        for group in GROUPS
        for n in draw.permutation(np.flatnonzero(members[group]))[:per_group]
    }  # fmt: skip
    if "failure" not in group_of.values():
        return Tables(test)
    chosen = [(n, group) for group in GROUPS for n, own in group_of.items() if own == group]

    def rows(n: int, group: str, place: int) -> dict[str, object]:
        return {
            "pair": f"p{n}",
            "scenario": names[n],
            "category": "Age",
            "group": group,
            "clean": margins[n, place],
        }

    effects = pd.DataFrame([
        rows(n, group, place)
        | {"half": half, "layer": head.layer, "head": head.index, "delta": -terms[n, place, number]}
        for n, group in chosen
        for place, half in enumerate(HALF_NAMES)
        for number, head in enumerate(HEADS)
    ])  # fmt: skip
    failing = [n for n, group in chosen if group == "failure"]
    gap = float((margins[failing, 1] - margins[failing, 0]).mean())
    tables = Tables(test, head_table(effects), gap=gap)
    if not curve or len({names[n] for n in failing}) < 2:
        return tables
    fold_of = scenario_folds([names[n] for n in failing], [names[n] for n, _ in chosen], seed)
    probes = (*HALF_NAMES, *(f"{half}_foil" for half in HALF_NAMES))
    tested: list[dict[str, object]] = []
    for fold in (0, 1):
        order = trained_order(effects, fold_of, fold, seed)
        own = [(n, group) for n, group in chosen if fold_of[names[n]] == fold]
        for k in KS:
            for choice, number, heads in sets_of_heads(HEADS, order[:k], draws, (seed, fold, k)):
                off = terms[:, :, [HEADS.index(head) for head in heads]].sum(2)
                tested += [
                    rows(n, group, place)
                    | {
                        "fold": fold,
                        "k": k,
                        "choice": choice,
                        "draw": number,
                        "heads": ",".join(map(str, heads)),
                    }
                    | {"probe": probe, "ablated": margins[n, place] - off[n, place]}
                    for n, group in own
                    for place, probe in enumerate(probes)
                    if choice == "ranked" or (group == "failure" and place < 2)
                ]
    tables.curve = curve_table(pd.DataFrame(tested))
    return tables
