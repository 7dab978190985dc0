"""How the time to read an answer grows with the text, for hostile texts: 1 kB to 1 MB.

    python benchmarks/parser_growth.py

Prints, for each text and reading, the time at 1 MB over that at 100 kB: about 10 where the time is proportional to the length.
"""

import time
from collections.abc import Callable

from misfire.scorers.answers import parse_published, parse_strict
from misfire.scorers.outcomes import is_refusal

SIZES = (1_000, 10_000, 100_000, 1_000_000)

HOSTILE = {
    "open objects": '{"answer": ',
    "keys": '"answer"',
    "keys and spaces": '"answer"' + " " * 50,
    "cut answers": '{"answer": "yes',
    "bare keys": "{answer:",
    "braces": "{ ",
    "words": "yes ",
    "fences": "`",
    "spaces": " ",
    "half refusals": "I can't ",
}


def seconds(read: Callable[[str], object], text: str) -> float:
    """The best of five readings."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        read(text)
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Measure and print."""
    for read in (parse_strict, parse_published, is_refusal):
        for name, unit in HOSTILE.items():
            times = [seconds(read, unit * (size // len(unit))) for size in SIZES]
            shown = "  ".join(f"{1000 * t:9.3f} ms" for t in times)
            print(f"{read.__name__:>16} {name:>16} {shown}   growth 100 kB to 1 MB: x{times[-1] / times[-2]:.1f}")


if __name__ == "__main__":
    main()
