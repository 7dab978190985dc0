"""Loads thousands of data sets with one defect each.

Each must load correctly, or raise an error that names the file, row, and field.

    python -m benchmarks.harms [--harms 10000]

Run it from the root of the repository. It prints one line of results for each kind of file, and stops with an
error at the first data set that does neither.
"""

import argparse
import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.hostile.test_mutations import KINDS, check


def main() -> None:
    """Damage data sets, read them, and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--harms", type=int, default=10_000, help="number of data sets, divided among the kinds of file"
    )
    number: int = parser.parse_args().harms
    with TemporaryDirectory() as folder:
        for name in KINDS:
            rng = random.Random(f"{name}/all")
            found = Counter(check(name, rng, Path(folder)) for _ in range(number // len(KINDS)))
            print(name, dict(sorted(found.items())))


if __name__ == "__main__":
    main()
