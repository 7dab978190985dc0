"""Measures the time and peak memory of exact searches for near-duplicates.

The searches find all pairs within 10 of 64 bits; they vary in method and number of fingerprints.

    python benchmarks/savacu_near_duplicates.py                   # all methods at sizes that they can bear
    python benchmarks/savacu_near_duplicates.py misfire 10000000  # one of them

Fingerprints are random, and one in 25 is a copy of another with 0 to 10 bits flipped. Each measurement has
its own process. Compilation is not included. FAISS searches for the neighbors of each fingerprint, so it
finds each pair twice; the pair is counted once.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from misfire.savacu.near_duplicates.neighbors import brute_force_pairs, near_pairs

TAU = 10

Values = NDArray[np.uint64]


def fingerprints(count: int) -> Values:
    """Draw distinct random fingerprints with planted near-duplicates."""
    rng = np.random.default_rng(1)
    values = rng.integers(0, 2**64, count, dtype=np.uint64)
    copies = count // 25
    flips = np.zeros(copies, np.uint64)
    for _ in range(TAU):
        flips ^= np.where(
            rng.random(copies) < 0.5,
            np.uint64(1) << rng.integers(0, 64, copies, dtype=np.uint64),
            np.uint64(0),
        )
    values[:copies] = values[rng.integers(copies, count, copies)] ^ flips
    return np.unique(values)


def misfire(values: Values) -> int:
    """Count pairs with our multi-index hashing."""
    near_pairs(values[:1000], TAU)
    return len(near_pairs(values, TAU))


def brute_force(values: Values) -> int:
    """Count pairs by comparing all fingerprints with numpy."""
    return len(brute_force_pairs(values, TAU))


def faiss_flat(values: Values) -> int:
    """Count pairs by comparing all fingerprints with FAISS."""
    import faiss

    return _faiss(faiss.IndexBinaryFlat(64), values)


def faiss_hash(values: Values) -> int:
    """Count pairs with FAISS and one hash of 16 bits.

    This is exact because all flips of up to 10 of the 16 bits are tried.
    """
    import faiss

    index: Any = faiss.IndexBinaryHash(64, 16)
    index.nflip = TAU
    return _faiss(index, values)


def faiss_multi_hash(values: Values) -> int:
    """Count pairs with FAISS and three hashes of 21 bits with 3 flips.

    This is exact: one of three blocks has at most 3 differences.
    """
    import faiss

    index: Any = faiss.IndexBinaryMultiHash(64, 3, 21)
    index.nflip = 3
    return _faiss(index, values)


def _faiss(index: Any, values: Values) -> int:  # noqa: ANN401 (faiss has no types)
    rows = values.view(np.uint8).reshape(-1, 8)
    index.add(rows)
    found = 0
    for start in range(0, len(rows), 100_000):
        limits, _, _ = index.range_search(rows[start : start + 100_000], TAU + 1)
        found += int(limits[-1])
    return (found - len(values)) // 2


METHODS: dict[str, tuple[Callable[[Values], int], tuple[int, ...]]] = {
    "misfire": (misfire, (20_000, 382_424, 2_000_000, 10_000_000)),
    "brute_force": (brute_force, (20_000, 100_000)),
    "faiss_flat": (faiss_flat, (20_000, 382_424)),
    "faiss_hash": (faiss_hash, (20_000,)),
    "faiss_multi_hash": (faiss_multi_hash, (20_000, 382_424)),
}


def main() -> None:
    """Run the measurements and print the results."""
    if len(sys.argv) == 3:
        values = fingerprints(int(sys.argv[2]))
        start = time.perf_counter()
        pairs = METHODS[sys.argv[1]][0](values)
        taken, memory = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{sys.argv[1]:>18} {len(values):>12,} fingerprints {pairs:>10,} pairs {taken:>9.2f} s "
            f"{memory:>7.0f} MB",
            flush=True,
        )
        return
    for name, (_, sizes) in METHODS.items():
        for size in sizes:
            subprocess.run([sys.executable, __file__, name, str(size)], check=True)


if __name__ == "__main__":
    main()
