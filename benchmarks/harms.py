"""Data sets with one harm each, by the thousand: each is loaded rightly, or refused with its file, place and field.

    python -m benchmarks.harms [--harms 10000]

Run it from the root of the repository. It prints what became of them, a line a kind of file, and ends with an error at the first that is
neither.
"""

import argparse
import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile.test_mutations import KINDS, check


def main() -> None:
    """Harm, read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--harms", type=int, default=10_000, help="shared out over the kinds of file")
    number: int = parser.parse_args().harms
    with TemporaryDirectory() as folder:
        for name in KINDS:
            rng = random.Random(f"{name}/all")
            found = Counter(check(name, rng, Path(folder)) for _ in range(number // len(KINDS)))
            print(name, dict(sorted(found.items())))


if __name__ == "__main__":
    main()
