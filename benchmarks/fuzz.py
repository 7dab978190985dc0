"""Runs every parser on hostile bytes: with hypothesis, seeded mutations, and, if installed, atheris.

    python -m benchmarks.fuzz [--cases 100000] [--engines hypothesis mutation atheris] [--targets answers ...]

Run it from the root of the repository. For each parser and engine, it prints the number of cases, the time in
seconds, and the failures with the bytes that caused them. A failure is any exception other than misfire's own
error. The exit status is 1 if there is a failure. atheris traces coverage through misfire's own modules, in
one process for each parser.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.hostile.mutations import mutated
from tests.hostile.targets import TARGETS, Target


def by_mutation(target: Target, cases: int, seed: int) -> list[str]:
    """Return the failures among seeded mutations of valid inputs."""
    rng = random.Random(f"{target.name}/{seed}")
    return [
        failure for _ in range(cases) if (failure := _failure(target, mutated(rng.choice(target.seeds), rng)))
    ]


def by_hypothesis(target: Target, cases: int, seed: int) -> list[str]:
    """Return the failures among hypothesis's examples: any bytes, any text, and mutated valid inputs."""
    failures: list[str] = []
    seeds = st.sampled_from(target.seeds)
    harmed = st.builds(
        lambda content, number: mutated(content, random.Random(number)), seeds, st.integers(0, 2**32)
    )
    text = st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass"))

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
    @given(harmed | st.binary(max_size=300) | text)
    def run(content: bytes) -> None:
        if failure := _failure(target, content):
            failures.append(failure)

    _ = seed  # derandomized: the examples depend only on the version of hypothesis
    run()
    return failures


_ATHERIS = """
import sys
import atheris
with atheris.instrument_imports(include=["misfire", "json", "csv"]):
    import benchmarks.fuzz
benchmarks.fuzz.atheris_child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
"""
"""The program of the atheris process. The modules to trace must be imported while atheris instruments
imports."""


def by_atheris(target: Target, cases: int, seed: int) -> list[str]:
    """Return the failures in runs guided by coverage. The first failure ends the runs."""
    command = [sys.executable, "-c", _ATHERIS, target.name, str(cases), str(seed)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if "No module named 'atheris'" in done.stderr:
        raise ModuleNotFoundError("atheris")
    return [] if done.returncode == 0 else [done.stderr[-3000:]]


def atheris_child(name: str, cases: int, seed: int) -> None:
    """Fuzz one target in this process. atheris ends the process."""
    import atheris  # pyright: ignore[reportMissingImports, reportMissingModuleSource] (a tool for this alone)

    (target,) = (target for target in TARGETS if target.name == name)
    draws = random.Random(seed)

    def mutate(content: bytes, max_size: int, number: int) -> bytes:
        harmed = (
            mutated(content or draws.choice(target.seeds), random.Random(number))
            if number % 2
            else atheris.Mutate(content, max_size)
        )
        return harmed[:max_size]

    # atheris would write slow and failing inputs as files to its working directory
    kept = f"-artifact_prefix={tempfile.mkdtemp(prefix='misfire-fuzz-')}/"
    arguments = ["fuzz", f"-runs={cases}", f"-seed={seed}", "-max_len=8192", "-verbosity=0", kept]
    atheris.Setup(arguments, target.read, custom_mutator=mutate)
    atheris.Fuzz()


def _failure(target: Target, content: bytes) -> str | None:
    try:
        target.read(content)
    except Exception as error:  # any other error is a failure
        return f"{type(error).__name__}: {str(error)[:200]} from {content[:300]!r}"
    return None


ENGINES: dict[str, Callable[[Target, int, int], list[str]]] = {
    "hypothesis": by_hypothesis,
    "mutation": by_mutation,
    "atheris": by_atheris,
}


def main() -> None:
    """Fuzz the parsers and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=ENGINES)
    parser.add_argument("--targets", nargs="+", default=[target.name for target in TARGETS])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    failed = 0
    for target in TARGETS:
        for engine in arguments.engines if target.name in arguments.targets else ():
            started = time.perf_counter()
            try:
                failures = ENGINES[engine](target, arguments.cases, arguments.seed)
            except ModuleNotFoundError as missing:
                print(f"{target.name:>20} {engine:>11}  not run: {missing} is not installed", flush=True)
                continue
            seconds = time.perf_counter() - started
            failed += len(failures)
            print(
                f"{target.name:>20} {engine:>11} {arguments.cases:>9,} cases {seconds:8.1f} s  "
                f"{len(failures)} failures",
                flush=True,
            )
            for failure in failures[:3]:
                print(f"    {failure}", flush=True)
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
