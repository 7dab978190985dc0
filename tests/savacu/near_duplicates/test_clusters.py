"""Clusters depend on the set of prompts alone, and what stays of them is far from each other."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from misfire.savacu.near_duplicates.clusters import clusters, dedup_report
from misfire.savacu.near_duplicates.fingerprints import fingerprints
from misfire.savacu.near_duplicates.neighbors import near_pairs
from misfire.savacu.prompts import Prompt, make_prompt

WORDS = ("bees", "garden", "village", "feast", "carpet", "weaving", "rumour", "friend", "honest", "answer")


def prompts(seed: int, count: int = 60) -> list[Prompt]:
    rng = random.Random(seed)
    texts = {" ".join(rng.choices(WORDS, k=6)) + rng.choice(["", ".", "?", " !"]) for _ in range(count)}
    return [make_prompt(text, "a test", "row") for text in sorted(texts)]


def clustered(given: list[Prompt], tau: int) -> dict[str, str]:
    return clusters(
        [prompt.id for prompt in given], near_pairs(fingerprints(prompt.text for prompt in given), tau)
    )


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([0, 3, 10]))
def test_the_order_does_not_matter(seed: int, tau: int):
    ordered = prompts(seed)
    shuffled = random.Random(seed).sample(ordered, len(ordered))
    assert clustered(ordered, tau) == clustered(shuffled, tau)


@settings(max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([0, 3, 10]))
def test_one_text_of_each_cluster_stays_and_no_two_are_near_duplicates(seed: int, tau: int):
    cluster_of = clustered(prompts(seed), tau)
    kept = [prompt for prompt in prompts(seed) if cluster_of[prompt.id] == prompt.id]
    assert {prompt.id for prompt in kept} == set(cluster_of.values())
    assert len(near_pairs(fingerprints(prompt.text for prompt in kept), tau)) == 0


def test_a_chain_is_one_cluster_named_by_its_smallest_id():
    chain = near_pairs(np.array([0b0, 0b111, 0b111111, 2**64 - 1], np.uint64), 3)
    assert clusters(["c", "b", "a", "d"], chain) == {"c": "a", "b": "a", "a": "a", "d": "d"}


def test_the_report_adds_up_and_shows_pairs_of_every_distance():
    given = prompts(5, 200)
    pairs = near_pairs(fingerprints(prompt.text for prompt in given), 10)
    cluster_of = clustered(given, 10)
    report = dedup_report(given, pairs, cluster_of, 10)
    assert report.prompts - report.kept == sum((size - 1) * count for size, count in report.sizes.items())
    assert sum(report.pairs.values()) == len(pairs) > 0
    assert {pair.distance for pair in report.samples} == set(report.pairs)
    assert [len(texts) for texts in report.largest] == sorted(
        (len(texts) for texts in report.largest), reverse=True
    )
    assert report == dedup_report(given, pairs, cluster_of, 10)
