"""The commands for pairs: ``misfire pairs`` and ``misfire audit``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from misfire.datasets.sources import PairSet


def _source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select pairs. The command gets them as keyword arguments of ``load_pairs``."""
    options = [
        click.option("--source", default="bbq", show_default=True, help="Source of the pairs: bbq, embedded, file or hub."),
        click.option("--categories", help="Only these categories, separated by commas: Age,SES."),
        click.option("--bbq-dir", help="Folder with BBQ's JSONL files, instead of the Hugging Face Hub (source bbq)."),
        click.option("--allow-unverified", is_flag=True, help="Accept BBQ files that are not the official ones (source bbq)."),
        click.option(
            "--edition",
            default="published",
            show_default=True,
            help="published, or repaired: minimal pairs with cleft questions (source bbq).",
        ),
        click.option("--per-scenario", type=int, help="Maximum number of pairs per scenario (edition repaired). Default: 20."),
        click.option("--seed", type=int, default=1, show_default=True, help="Random seed for drawing these pairs."),
        click.option("--path", help="A pair file: JSONL, Parquet, or the authors' JSON (source file)."),
        click.option("--revision", help="Full commit hash of the authors' dataset (source hub)."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _load(source: str, categories: str | None, controls: bool = False, **options: object) -> "PairSet":
    from misfire.datasets.sources import Source, load_pairs
    from misfire.tasks.parameters import as_list

    given = cast("dict[str, Any]", options)
    return load_pairs(cast("Source", source), categories=as_list("categories", categories), controls=controls, **given)


@click.command()
@_source_options
@click.option("--controls", is_flag=True, help="Add the controls: foils and ambiguous prompts.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write: .jsonl or .parquet.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def pairs(out: Path, overwrite: bool, **options: Any) -> None:  # noqa: ANN401 (click gives each option its type)
    """Write the pairs of a source to a file.

    The file can be used with `-M pairs=` of the simulated model, with `-T source=file -T path=` of the tasks,
    and for publication (note the license of the source).
    """
    from misfire.datasets.pair_files import write_pairs
    from misfire.datasets.writing import refuse_existing

    refuse_existing(out, overwrite=overwrite)
    pair_set = _load(**options)
    write_pairs(pair_set.pairs, out)
    click.echo(f"{len(pair_set.pairs)} pairs from {pair_set.origin} → {out}\nsha256 of the pairs: {pair_set.hash}")
    _name_unofficial(pair_set)


@click.command()
@_source_options
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Also write one row per pair to this file: .csv or .jsonl.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def audit(out: Path | None, overwrite: bool, **options: Any) -> None:  # noqa: ANN401 (click gives each option its type)
    """Show faults in the pairs of a source, by category.

    For each flag, the table shows the number and share of pairs: minimal pairs, grammatical questions,
    capitals in mid-sentence, negative questions, order of mention, duplicates, and errors in contexts.
    """
    from rich.console import Console

    from misfire.datasets.audit import audit_pairs
    from misfire.datasets.writing import refuse_existing
    from misfire.reports.pairs.audit_table import audit_table, write_audit

    refuse_existing(out, overwrite=overwrite)
    pair_set = _load(**options)
    flags = audit_pairs(pair_set.pairs)
    if out is not None:
        write_audit(flags, out)
    Console().print(audit_table(flags, f"Audit of {len(flags)} pairs from {pair_set.origin}"))
    if out is not None:
        click.echo(f"One row per pair written to {out}")
    _name_unofficial(pair_set)


def _name_unofficial(pair_set: "PairSet") -> None:
    if pair_set.unverified:
        click.echo(f"Not the official BBQ files: {', '.join(pair_set.unverified)}", err=True)
