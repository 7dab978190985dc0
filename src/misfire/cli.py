"""The ``misfire`` command."""

import re
import shutil
import sys
from pathlib import Path
from typing import NoReturn, cast

import click

from misfire import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="misfire")
def main() -> None:
    """Measure misfired alignment. Evaluations run by Inspect: `inspect eval misfire/veto --model …`."""


@main.command()
@click.option("--source", default="bbq", show_default=True, help="Where the pairs are from: bbq, embedded, file or hub.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="File to write: .jsonl or .parquet.")
@click.option("--categories", help="Only these categories, with commas between: Age,SES.")
@click.option("--bbq-dir", help="Folder with BBQ's JSONL files, in place of the Hugging Face hub (source bbq).")
@click.option("--allow-unverified", is_flag=True, help="Go on with BBQ files that are not the official ones (source bbq).")
@click.option("--path", help="A pair file: JSONL, Parquet, or the authors' JSON (source file).")
@click.option("--revision", help="Revision of the authors' data set (source hub).")
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
def pairs(
    source: str,
    out: Path,
    categories: str | None,
    bbq_dir: str | None,
    allow_unverified: bool,
    path: str | None,
    revision: str | None,
    overwrite: bool,
) -> None:
    """Write a source's pairs to a file.

    The file serves `-M pairs=` of the simulated model, `-T source=file -T path=` of the tasks, and publication (mind the licence of
    the source).
    """
    from misfire.datasets.pair_files import write_pairs
    from misfire.datasets.sources import Source, load_pairs
    from misfire.errors import InputError
    from misfire.tasks.parameters import as_list

    if out.exists() and not overwrite:
        _refuse(f"{out} is there already. Say --overwrite to replace it, or choose another name.")
    try:
        pair_set = load_pairs(
            cast("Source", source),
            categories=as_list("categories", categories),
            bbq_dir=bbq_dir,
            path=path,
            revision=revision,
            allow_unverified=allow_unverified,
        )
        write_pairs(pair_set.pairs, out)
    except InputError as error:
        _refuse(str(error))
    click.echo(f"{len(pair_set.pairs)} pairs from {pair_set.origin} → {out}\nsha256 of the pairs: {pair_set.hash}")
    if pair_set.unverified:
        click.echo(f"Not the official BBQ files: {', '.join(pair_set.unverified)}", err=True)


@main.command()
@click.argument("log", default="logs")
def results(log: str) -> None:
    """Show the result table of a LOG file, or of the newest log in a folder (logs/ unless told)."""
    from rich.console import Console

    from misfire.errors import InputError
    from misfire.reports.summary import display_path, newest_log, summary

    try:
        found = newest_log(log)
        table = summary(found)
    except InputError as error:
        _refuse(str(error))
    Console().print(table)
    # the command may be called by its path, out of an environment that is not active
    inspect = "inspect" if shutil.which("inspect") else display_path(str(Path(sys.executable).parent / "inspect"))
    click.echo(f"  Open it: {inspect} view --log-dir {display_path(found.location).rpartition('/')[0] or '.'}")


def _refuse(message: str) -> NoReturn:
    # the data layer speaks of task parameters; here they are options of the command
    as_options = re.sub(r"-T (\w+)=(?:true\b)?", lambda match: f"--{match[1].replace('_', '-')} ", message)
    click.echo(f"misfire: {as_options}", err=True)
    raise SystemExit(2)
