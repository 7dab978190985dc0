"""Measures how well answers and verdicts are parsed.

It makes confusion tables of both answer parsers and the verdict parser on labeled texts.

    python -m benchmarks.parser_confusion

Run it from the root of the repository. For each parser, it prints the expected and the actual readings, the
errors by kind and by source, and each error with its text. ``tests/scorers/labeled/README.md`` describes how
the texts were collected and labeled.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from scipy.stats import binomtest

from misfire.scorers.answers import Parser
from tests.scorers.labeled_sets import (
    NO_ANSWER,
    LabeledVerdict,
    Reading,
    answer_readings,
    kept_back_readings,
    verdict_readings,
)

PARSERS: tuple[Parser, ...] = ("strict", "published")

ANSWERS = ("yes", "no", "unknown", *NO_ANSWER)
VERDICTS = ("nothing flagged", "something flagged", "other flags", *NO_ANSWER)
"""Columns of the table of verdicts. ``other flags`` is a verdict with flags that differ from the expected
ones."""


def main() -> None:
    """Parse both sets of texts and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--errors", type=int, default=40, help="maximum number of errors to print for each parser"
    )
    shown: int = parser.parse_args().errors
    console = Console(width=180)
    for name in PARSERS:
        report(console, f"answers, {name} parser", answer_readings(name), ANSWERS, shown)
        for realistic, words in ((True, "realistic"), (False, "adversarial")):
            for lot in (8, 9):
                readings = kept_back_readings(name, lot, realistic=realistic)
                report(console, f"lot {lot}, {words} answers, {name} parser", readings, ANSWERS, shown)
    report(console, "verdicts", verdict_readings(), VERDICTS, shown)


def report(
    console: Console, title: str, readings: Sequence[Reading], labels: Sequence[str], shown: int
) -> None:
    """Print the results of one parser on one set of texts.

    Args:
        console: The console to print to.
        title: Name of the parser and of the set.
        readings: The results of the parser.
        labels: Rows and columns of the confusion table.
        shown: Maximum number of errors to print with their texts.
    """
    console.print(confusion(title, readings, labels))
    console.print(summary(readings))
    console.print(by(readings, "kind", lambda reading: reading.labeled.kind))
    console.print(by(readings, "source", lambda reading: reading.labeled.origin))
    wrong = sorted(
        (reading for reading in readings if reading.wrong), key=lambda reading: not reading.invented
    )
    for reading in wrong[:shown]:
        mark = "[red]invented[/red]" if reading.invented else "missed"
        about, text = (
            f"{reading.labeled.id} ({reading.labeled.kind})",
            escape(repr(reading.labeled.text)[:300]),
        )
        console.print(f"{mark} {about}: expected {reading.labeled.label}, read {reading.read}: {text}")
    if len(wrong) > shown:
        console.print(f"… and {len(wrong) - shown} more; --errors says how many are printed.")
    console.print()


def confusion(title: str, readings: Iterable[Reading], labels: Sequence[str]) -> Table:
    """Make a confusion table of expected readings (rows) and actual ones (columns).

    Rows and columns have the order of ``labels``.
    """
    cells = Counter(cell(reading) for reading in readings)
    table = Table(title=f"{title}: expected (rows) and read (columns)", box=box.SIMPLE, title_justify="left")
    for column in ("", *labels, "all"):
        table.add_column(column, justify="left" if column == "" else "right")
    for expected in labels:
        row = [cells[expected, read] for read in labels]
        if sum(row):
            table.add_row(expected, *(str(count) for count in row), str(sum(row)))
    return table


def cell(reading: Reading) -> tuple[str, str]:
    """Return the row (expected) and the column (actual) of a reading in the confusion table.

    Verdicts have too many values for a table. Those with flags share a row, and a verdict with flags that
    differ from the expected ones is in the column ``other flags``.
    """
    expected, read = reading.labeled.label, reading.read
    if not isinstance(reading.labeled, LabeledVerdict):
        return expected, read
    return coarse(
        expected
    ), "other flags" if expected not in NO_ANSWER and read not in NO_ANSWER and reading.wrong else coarse(
        read
    )


def coarse(label: str) -> str:
    """Return the row of the label of a verdict. It does not depend on which names are flagged."""
    return label if label in (*NO_ANSWER, "nothing flagged") else "something flagged"


def summary(readings: Sequence[Reading]) -> str:
    """Summarize the errors in one line.

    The line has their number with an exact 95 % interval, and how many report an answer that was not given.
    """
    wrong, invented = (sum(getattr(reading, name) for reading in readings) for name in ("wrong", "invented"))
    interval = binomtest(wrong, len(readings)).proportion_ci(method="exact")
    return (
        f"{wrong} of {len(readings)} texts are read wrongly ({wrong / len(readings):.2%}, 95 % interval "
        f"{interval.low:.2%} to {interval.high:.2%}); {invented} of them towards an answer that was not "
        "given."
    )


def by(readings: Iterable[Reading], title: str, key: Callable[[Reading], str]) -> Table:
    """Make a table of the errors by a property of the texts."""
    groups: dict[str, list[Reading]] = {}
    for reading in readings:
        groups.setdefault(key(reading), []).append(reading)
    table = Table(title, "texts", "wrong", "invented", box=box.SIMPLE)
    for name, group in sorted(groups.items()):
        counts = (
            len(group),
            sum(reading.wrong for reading in group),
            sum(reading.invented for reading in group),
        )
        table.add_row(name, *(str(count) for count in counts))
    return table


if __name__ == "__main__":
    main()
