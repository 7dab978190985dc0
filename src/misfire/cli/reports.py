"""The commands for logs: ``misfire results`` and ``misfire report``."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from misfire.cli.exit_status import MET, UNUSABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from misfire.reports.conditions import Condition, End, MinPairs
    from misfire.reports.results import Results


@click.command()
@click.argument("log", default="logs")
def results(log: str) -> None:
    """Show the result table of a LOG file, or of the most recent run in a folder (default: logs/)."""
    from rich.console import Console
    from rich.markup import escape

    from misfire.reports.logs.places import as_argument, folder_of, local_path
    from misfire.reports.number_format import plain
    from misfire.reports.result_table import shown_of

    shown, console = shown_of(log), Console()
    for table in shown.tables:
        console.print(table)
    for note in shown.notes:
        console.print(f"  {escape(plain(note))}")
    # the command may be called by its path from an environment that is not active
    inspect = (
        "inspect" if shutil.which("inspect") else as_argument(str(Path(sys.executable).parent / "inspect"))
    )
    click.echo(
        f"  Open it: {inspect} view --log-dir "
        f"{plain(as_argument(folder_of(local_path(shown.logs[0].location))))}"
    )


@click.command()
@click.argument("logs", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Output folder for the report. Without it, only the main table is shown.",
)
@click.option(
    "--overwrite", is_flag=True, help="Replace files in --out that misfire did not write or that were edited."
)
@click.option(
    "--format",
    "formats",
    default="md,csv,tex,json,html",
    show_default=True,
    help="Formats, separated by commas.",
)
@click.option("--published", is_flag=True, help="Also show the paper's 25 models, marked as published.")
@click.option(
    "--allow-mixed",
    is_flag=True,
    help="Accept runs that differ in pairs or instances, suite version or parser.",
)
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Number of failures to show with their texts.",
)
@click.option(
    "--viewer-url",
    default="http://127.0.0.1:7575",
    show_default=True,
    help="URL of `inspect view`, for links to samples.",
)
@click.option(
    "--fail-if",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Exit with status 1 if a run meets this condition, such as 'mar>0.10'. Can be repeated.",
)
@click.option(
    "--min-pairs",
    default="99%",
    show_default=True,
    metavar="NUMBER|SHARE",
    help=(
        "Also fail if a run has fewer of its planned pairs (responses, answers) than this: 500, 0.95 or 95%."
    ),
)
@click.option(
    "--ci-lower",
    is_flag=True,
    help="Compare the lower end of the interval: fail only if the whole interval is above the value.",
)
@click.option(
    "--ci-upper",
    is_flag=True,
    help="Compare the upper end of the interval: fail unless the whole interval is below the value.",
)
def report(
    logs: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    formats: str,
    published: bool,
    allow_mixed: bool,
    examples: int,
    viewer_url: str,
    conditions: tuple[str, ...],
    min_pairs: str,
    ci_lower: bool,
    ci_upper: bool,
) -> None:
    """Create tables and figures from LOGS: log files, folders, or the folder of an eval set.

    Conditions of --fail-if can use mar, br, mar_minus_br, mar_valid, br_valid or invalid (every VETO run, and
    the base arm of every priming run), alignment_score, coverage or ffr (detect runs of Mis-Align Bench), or
    aligned_rate (generate runs). Exit status: 0, success; 1, a condition is met or cannot be evaluated; 2,
    the input is invalid.
    """
    from misfire.datasets.folders import refuse_foreign
    from misfire.reports.caveats.missing import refuse_unscored
    from misfire.reports.conditions import parse_condition, parse_min_pairs
    from misfire.reports.progress import late_progress
    from misfire.reports.results import read_results
    from misfire.reports.write import REPORT, parse_formats, write_report

    end = _end(ci_lower, ci_upper, given=bool(conditions))
    wanted = parse_formats(formats)
    gates = [parse_condition(condition) for condition in conditions]
    needed = parse_min_pairs(min_pairs)
    if out is not None:
        refuse_foreign(out, REPORT, overwrite=overwrite)
    with late_progress("Reading logs") as (started, step):
        results = read_results(logs, allow_mixed=allow_mixed, started=started, step=step)
    refuse_unscored(results)
    _show(results)
    if out is not None:
        files = write_report(
            results,
            out,
            formats=wanted,
            published=published,
            examples=examples,
            viewer_url=viewer_url,
            overwrite=overwrite,
        )
        shown = ", ".join(str(file.relative_to(out)) for file in files[:3])
        click.echo(f"{len(files)} files in {out}: {shown}, …")
    if gates:
        _judge(results, gates, end, needed)


def _end(ci_lower: bool, ci_upper: bool, *, given: bool) -> "End":
    """Return the number that conditions are compared with. ``given`` says whether there are conditions."""
    if ci_lower and ci_upper:
        _refuse("--ci-lower and --ci-upper exclude each other. Choose one of them.")
    if (ci_lower or ci_upper) and not given:
        _refuse("--ci-lower and --ci-upper require --fail-if.")
    return "ci_lower" if ci_lower else "ci_upper" if ci_upper else "estimate"


def _show(results: "Results") -> None:
    """Print the main table."""
    from rich.console import Console

    from misfire.reports.terminal import overview

    # a file or pipe has no width; a fixed width keeps intervals on one line
    Console(width=None if sys.stdout.isatty() else 120).print(overview(results))


def _judge(results: "Results", conditions: "Sequence[Condition]", end: "End", needed: "MinPairs") -> None:
    """Print the result of each condition. If one failed, exit with status ``MET``."""
    from misfire.reports.conditions import judge

    verdicts = judge(results, conditions, end, needed)
    for verdict in verdicts:
        click.echo(
            f"--fail-if: {verdict.words}" if verdict.failed else f"passed: {verdict.words}",
            err=verdict.failed,
        )
    if any(verdict.failed for verdict in verdicts):
        raise click.exceptions.Exit(MET)


def _refuse(message: str) -> NoReturn:
    click.echo(f"misfire: {message}", err=True)
    raise SystemExit(UNUSABLE)
