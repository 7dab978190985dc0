"""How the time of every parser grows with the text: each hostile text of the tests, from 100 bytes to 1 MB.

    python -m benchmarks.growth

Run it from the root of the repository. It prints CPU milliseconds and the last tenfold's growth: 10 where time is proportional to the text,
100 where it is to its square.
"""

from tests.hostile.test_growth import GROWN, READ, SIZES, seconds_of


def main() -> None:
    """Measure and print."""
    for title, (parser, made) in GROWN.items():
        times = [min(seconds_of(READ[parser], made(size)) for _ in range(2)) for size in SIZES]
        shown = "  ".join(f"{1000 * took:9.2f} ms" for took in times)
        print(f"{parser:>22} {title:>28} {shown}   growth of the last tenfold: ×{times[-1] / times[-2]:.1f}")


if __name__ == "__main__":
    main()
