"""Compares the speed of our SimHash fingerprints with that of the package simhash, on texts of random words.

    python benchmarks/savacu_fingerprints.py [TEXTS]

The package is timed on at most 20,000 texts. The script prints the median of three runs, and whether the
fingerprints are the same.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable

from simhash import Simhash

from misfire.savacu.near_duplicates.fingerprints import fingerprints

WORDS = 10_000
SIZES = (5, 40)


def texts(count: int) -> list[str]:
    """Draw texts of 5 to 40 words with 2 to 10 letters each."""
    rng = random.Random(1)
    words = ["".join(rng.choices("etaoinshrdlucmfwypvbgk", k=rng.randint(2, 10))) for _ in range(WORDS)]
    return [" ".join(rng.choices(words, k=rng.randint(*SIZES))) for _ in range(count)]


def seconds(make: Callable[[], object]) -> float:
    """Return the median time of three runs in seconds."""
    taken: list[float] = []
    for _ in range(3):
        start = time.perf_counter()
        make()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    """Run the measurements and print the results."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    drawn = texts(count)
    few = drawn[:20_000]
    print(f"misfire: {count / seconds(lambda: fingerprints(drawn)):10,.0f} texts a second ({count:,} texts)")
    print(
        f"simhash: {len(few) / seconds(lambda: [Simhash(text).value for text in few]):10,.0f} texts a "
        f"second ({len(few):,} texts)"
    )
    print(f"same fingerprints: {fingerprints(few).tolist() == [Simhash(text).value for text in few]}")


if __name__ == "__main__":
    main()
