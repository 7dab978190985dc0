"""The commands about pairs: ``misfire pairs`` and ``misfire audit``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from misfire.datasets.sources import PairSet


def _source_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select pairs. They have the names of the fields of ``PairSettings``."""
    options = [
        click.option(
            "--source",
            default="bbq",
            show_default=True,
            help="Source of the pairs: bbq, embedded, file or hub.",
        ),
        click.option("--categories", help="Only these categories, separated by commas: Age,SES."),
        click.option(
            "--bbq-dir",
            help="Folder with BBQ's JSONL files. Default: read them from the Hugging Face hub (source bbq).",
        ),
        click.option(
            "--allow-unverified",
            is_flag=True,
            help="Accept BBQ files that differ from the official ones (source bbq).",
        ),
        click.option(
            "--edition",
            default="published",
            show_default=True,
            help="published, or repaired: minimal pairs with cleft questions (source bbq).",
        ),
        click.option(
            "--per-scenario",
            type=int,
            help="Largest number of pairs from each scenario (edition repaired).  [default: 20]",
        ),
        click.option(
            "--seed",
            type=int,
            default=1,
            show_default=True,
            help="Seed of the draw of pairs within scenarios (edition repaired).",
        ),
        click.option("--path", help="Pair file: JSONL, Parquet, or the authors' JSON (source file)."),
        click.option("--revision", help="Commit of the authors' data set, in full (source hub)."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _load(options: dict[str, Any]) -> "PairSet":
    from misfire.datasets.sources import load_pairs
    from misfire.tasks.parameters import pair_settings

    return load_pairs(pair_settings(options))


@click.command()
@_source_options
@click.option("--controls", is_flag=True, help="Include controls: foils and ambiguous prompts.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File to write: .jsonl or .parquet.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
def pairs(out: Path, overwrite: bool, **options: Any) -> None:  # noqa: ANN401 (click gives types)
    """Write the pairs of a source to a file.

    The file can be used as `-M pairs=FILE` with the simulated model and as `-T source=file -T path=FILE` with
    tasks. Before you publish it, check the license of the source.
    """
    from misfire.datasets.pair_files import write_pairs
    from misfire.datasets.writing import refuse_existing

    refuse_existing(out, overwrite=overwrite)
    pair_set = _load(options)
    write_pairs(pair_set.pairs, out)
    count = len(pair_set.pairs)
    click.echo(f"{count} pairs from {pair_set.origin} → {out}\nsha256 of the pairs: {pair_set.hash}")
    _name_unofficial(pair_set)


@click.command()
@_source_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write one row for each pair to this file: .csv or .jsonl.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
def audit(out: Path | None, overwrite: bool, **options: Any) -> None:  # noqa: ANN401 (click gives types)
    """Show the faults of a source's pairs, by category.

    For each flag, the table shows the number and the share of pairs that carry it. Flags cover minimal pairs,
    ungrammatical questions, capital letters inside sentences, negative questions, order of mention,
    duplicates and slips in contexts.
    """
    from rich.console import Console

    from misfire.datasets.audit import audit_pairs
    from misfire.datasets.writing import refuse_existing
    from misfire.reports.pairs.audit_table import audit_table, write_audit

    refuse_existing(out, overwrite=overwrite)
    pair_set = _load(options)
    flags = audit_pairs(pair_set.pairs)
    if out is not None:
        write_audit(flags, out)
    Console().print(audit_table(flags, f"Audit of {len(flags)} pairs from {pair_set.origin}"))
    if out is not None:
        click.echo(f"One row for each pair: {out}")
    _name_unofficial(pair_set)


def _name_unofficial(pair_set: "PairSet") -> None:
    if pair_set.unverified:
        click.echo(f"These are not the official BBQ files: {', '.join(pair_set.unverified)}", err=True)
