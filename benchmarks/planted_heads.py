"""Whether planted heads are found, and whether anything is found where nothing was planted.

    python benchmarks/planted_heads.py [--hand-built 20] [--trained 0] [--controls 20]

For each seed an organism is made and its heads are ablated one by one; a find is a planted head in the first place. Negative controls are
models with random weights, whose pairs are called failures and controls by their margins alone; counted are heads with q at most 0.05,
and heads that a verdict would name.
"""

import argparse
from collections.abc import Iterator

import torch

from misfire.datasets.pairs import HALF_NAMES
from misfire.errors import InputError
from misfire.mechanistic.ablation import head_effects, head_table, ranked
from misfire.mechanistic.organisms.hand_built import hand_built
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.organisms.trained import random_weights, trained
from misfire.mechanistic.selection import probe_pairs
from misfire.mechanistic.verdict import causes


def found(organism: Organism) -> tuple[bool, int, int, int]:
    """Whether the planted heads lead, and how many heads there are, are significant, and would be named."""
    probed = probe_pairs(organism.decoder, organism.pairs, per_group=24)
    table = head_table(head_effects(organism.decoder, probed))
    failures = probed.of("failure")
    gap = sum(one.margins[HALF_NAMES[1]] - one.margins[HALF_NAMES[0]] for one in failures) / len(failures)
    first = set(ranked(table)[: len(organism.planted)])
    return first == set(organism.planted), len(table), int((table["q"] <= 0.05).sum()), len(causes(table, gap))


def seeds(count: int) -> Iterator[int]:
    """Seeds from 100 on, which no test uses."""
    yield from range(100, 100 + count)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hand-built", type=int, default=20)
    parser.add_argument("--trained", type=int, default=0, help="seeds of the trained organism; each takes some 20 seconds")
    parser.add_argument("--controls", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    for planted in (1, 3):
        hits = [found(hand_built(seed, planted=planted))[0] for seed in seeds(arguments.hand_built)]
        print(f"hand-built, {planted} planted: first {sum(hits)} of {len(hits)}", flush=True)
    if arguments.trained:
        results: list[bool] = []
        for seed in seeds(arguments.trained):
            try:
                results.append(found(trained(seed))[0])
            except InputError as error:
                print(error)
        print(f"trained: first {sum(results)} of {len(results)}", flush=True)

    tested = heads = significant = named = models = 0
    for seed in range(100, 100 + 20 * arguments.controls):
        if models == arguments.controls:
            break
        try:
            _, count, sure, told = found(random_weights(seed))
        except InputError:  # no pair misfires by chance
            continue
        models, tested, heads = models + 1, tested + 1, heads + count
        significant, named = significant + (sure > 0), named + (told > 0)
    print(f"random weights: {models} models with failures, {heads} heads; models with any q ≤ 0.05: {significant}; with any named: {named}")


if __name__ == "__main__":
    main()
