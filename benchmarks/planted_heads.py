"""Checks that a localization finds planted heads, and that it finds nothing where nothing was planted.

    python -m benchmarks.planted_heads [--hand-built 20] [--trained 0] [--controls 20] [--tables 20]

Run it from the root of the repository. It prints three parts. *Tables* are simulated margins in which one
head causes errors for every group, one head makes the model misfire, or both
(``tests/mechanistic/simulated.py``). *Organisms* are models, one for each seed and kind, whose heads are
ablated one by one and together. The output counts how often the planted heads lead the table, and how often
each decision is made. *Random weights* are negative controls, in which pairs are failures or controls by
chance. "By the table alone" is the former decision without mirrored failures: heads with q at most 0.05 and a
significant and noticeable effect on failures.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch

from misfire.errors import InputError
from misfire.mechanistic.analyses.ablation import head_effects, head_table, ranked
from misfire.mechanistic.analyses.curve import Together, curve_table, top_k
from misfire.mechanistic.conclusions.decision import SHARE
from misfire.mechanistic.conclusions.misfiring import misfiring
from misfire.mechanistic.inference import LEVEL, UNRESOLVED
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.kinds import HAND_BUILT
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.organisms.trained import random_weights, trained
from misfire.mechanistic.selection import probe_pairs
from misfire.mechanistic.session import Session
from tests.mechanistic.simulated import BOTH, GROUP_BLIND, OTHER_CAUSE, SINGLE_HEAD, Tables, simulate


def analyze(organism: Organism) -> Tables:
    """Make the tables of an organism with the real sweep and curve."""
    probed = probe_pairs(organism.decoder, organism.pairs, per_group=24)
    effects = head_effects(Session(organism.decoder, probed))
    gap = float(
        np.mean([one.margins["contrast"] - one.margins["stereotyped"] for one in probed.of("failure")])
    )
    curve = curve_table(top_k(Session(organism.decoder, probed), effects, Together((1, 2, 3), 20)))
    return Tables(misfiring(probed.asked), head_table(effects), curve, gap)


def by_the_table_alone(heads: pd.DataFrame, gap: float) -> list[str]:
    """Return the heads that the former decision names.

    The former decision uses no mirrored failures, no curve, and no test of MAR against BR.
    """
    above = (heads["delta_stereotyped"] > 0) & ~(heads["delta_stereotyped_ci_lower"] <= 0)
    kept = heads[(heads["q"] <= LEVEL) & above & (heads["score"] >= max(SHARE * gap, UNRESOLVED))]
    return kept["name"].tolist()


def seeds(count: int) -> Iterator[int]:
    """Return seeds from 100 on. No test uses these."""
    yield from range(100, 100 + count)


def counts_text(counts: Counter[str]) -> str:
    """Format counts as text."""
    return "; ".join(f"{name} {count}" for name, count in counts.most_common())


def organisms(name: str, make: Callable[[int], Organism], count: int) -> None:
    """Print the decisions for organisms of one kind."""
    lead = named = right = 0
    outcomes: Counter[str] = Counter()
    for seed in seeds(count):
        try:
            made = make(seed)
        except InputError as error:  # the training did not converge
            print(error)
            continue
        tables = analyze(made)
        decision = tables.decision()
        planted = set(made.planted)
        lead += set(ranked(tables.heads)[: len(planted)]) == planted
        named += bool(by_the_table_alone(tables.heads, tables.gap))
        right += {*decision.heads, *decision.alone} == planted
        outcomes[decision.outcome] += 1
    print(
        f"{name}: planted lead {lead}, by the table alone {named}, now named just as planted {right} of "
        f"{count} ({counts_text(outcomes)})",
        flush=True,
    )


MODELS = {
    "errs whoever is asked about": GROUP_BLIND,
    "one head misfires": SINGLE_HEAD,
    "one head misfires, another errs whoever is asked about": BOTH,
    "no head misfires, and one errs whoever is asked about": OTHER_CAUSE,
}
"""The simulated tables."""


def simulated_tables(name: str, count: int) -> None:
    """Print the decisions for simulated tables of one kind."""
    before: Counter[str] = Counter()
    now: Counter[str] = Counter()
    rates: list[tuple[float, float]] = []
    for seed in seeds(count):
        tables = simulate(MODELS[name], seed)
        rates.append((tables.misfiring.mar.value, tables.misfiring.br.value))
        before[", ".join(by_the_table_alone(tables.heads, tables.gap)) or "none"] += 1
        decision = tables.decision()
        now[", ".join(map(str, decision.heads)) or f"none ({decision.outcome})"] += 1
    mar, br = np.mean(rates, axis=0)
    print(
        f"tables, {name} (MAR {mar:.1%}, BR {br:.1%}): by the table alone: {counts_text(before)}; now: "
        f"{counts_text(now)}",
        flush=True,
    )


def controls(count: int) -> None:
    """Print how often a head is named in models with random weights, where none was planted."""
    models = significant = alone = named = 0
    for seed in range(100, 100 + 20 * count):
        if models == count:
            break
        try:
            tables = analyze(random_weights(seed))
        except InputError:  # by chance, no pair misfires
            continue
        models += 1
        significant += bool((tables.heads["q"] <= LEVEL).any())
        alone += bool(by_the_table_alone(tables.heads, tables.gap))
        named += bool(tables.decision().heads)
    print(
        f"random weights: {models} models with failures; with any q ≤ 0.05: {significant}; by the table "
        f"alone: {alone}; now named: {named}"
    )


def main() -> None:
    """Run the measurements and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hand-built", type=int, default=20)
    parser.add_argument(
        "--trained",
        type=int,
        default=0,
        help="number of seeds of the trained organism, each of which takes about 20 seconds",
    )
    parser.add_argument("--controls", type=int, default=20)
    parser.add_argument("--tables", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    for name in MODELS if arguments.tables else ():
        simulated_tables(name, arguments.tables)
    for kind in HAND_BUILT if arguments.hand_built else ():
        organisms(kind, lambda seed, kind=kind: hand_built(seed, kind), arguments.hand_built)
    if arguments.trained:
        organisms("trained", trained, arguments.trained)
    controls(arguments.controls)


if __name__ == "__main__":
    main()
