"""Measures how the time of every parser grows with the length of the text.

It takes each hostile text of the tests, from 100 bytes to 1 MB.

    python -m benchmarks.growth

Run it from the root of the repository. It prints CPU times in milliseconds and the growth in the last tenfold
step: 10 if the time is linear in the length of the text, and 100 if it is quadratic.
"""

from tests.hostile.test_growth import GROWN, READ, SIZES, seconds_of


def main() -> None:
    """Run the measurements and print the results."""
    for title, (parser, made) in GROWN.items():
        times = [min(seconds_of(READ[parser], made(size)) for _ in range(2)) for size in SIZES]
        shown = "  ".join(f"{1000 * took:9.2f} ms" for took in times)
        print(f"{parser:>22} {title:>28} {shown}   growth of the last tenfold: ×{times[-1] / times[-2]:.1f}")


if __name__ == "__main__":
    main()
