"""The commands ``misfire savacu …``: plan, build, status, salt."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from misfire.savacu.plan import PlanRow
    from misfire.savacu.recipe import Recipe
    from misfire.savacu.records import StageName
    from misfire.savacu.runners.runner import Runner
    from misfire.savacu.stages.stage import Search

_CONFIG = click.argument("config", type=click.Path(path_type=Path, dir_okay=False))
_SAME = click.option(
    "--allow-same-model",
    is_flag=True,
    help="Allow one model in several of the roles classifier, generator and evaluator, for trials.",
)


@click.group()
def savacu() -> None:
    """Build a dataset of aligned and misaligned responses from raw prompts with the recipe CONFIG (TOML)."""


@savacu.command()
@_CONFIG
@_SAME
@click.option("--prompts", type=click.IntRange(min=1), help="Number of prompts to assume (default: 382,424).")
@click.option("--prices", type=click.Path(path_type=Path, dir_okay=False), help="Custom price table (TOML).")
def plan(config: Path, allow_same_model: bool, prompts: int | None, prices: Path | None) -> None:
    """Show the calls, tokens, price and hours that CONFIG requires. Nothing is run."""
    from rich.console import Console

    from misfire.savacu.plan import PRICES, PUBLISHED_PROMPTS, read_prices
    from misfire.savacu.plan import plan as plan_rows

    recipe = _recipe(config, allow_same_model)
    price_table = read_prices(prices or PRICES)
    machine = price_table.machine
    count = prompts or PUBLISHED_PROMPTS
    table = _plan_table(plan_rows(recipe, price_table, count), machine.name)
    table.title = f"{count:,} prompts, first round"
    Console(width=150).print(table)
    click.echo(
        "Rows in parentheses: the method that the recipe does not use. Each further round repeats the "
        f"rejected responses; all rounds together cost at most {recipe.respond.rounds} times respond and "
        "judge in addition. New prompts that are kept increase respond and judge in proportion. Estimates "
        f"assume 4 characters per token and 250 tokens per response. Hours are for one {machine.name} that "
        f"reads {machine.read:,.0f} and writes {machine.write:,.0f} tokens per second, at $ "
        f"{machine.dollars_an_hour:.2f} per hour; these assumptions are in the price table. Nothing was run."
    )


def _plan_table(rows: "Sequence[PlanRow]", machine: str) -> "Table":
    """Return the table of a plan. ``machine`` is the name of the machine that the hours are for."""
    from rich.table import Table

    table = Table(title_justify="left")
    for heading in ("stage", "model"):
        table.add_column(heading)
    for heading in ("calls", "M tokens read", "of these repeated", "M written", "$", "$ by batch"):
        table.add_column(heading, justify="right")
    table.add_column(f"hours of {machine}", justify="right")
    for row in rows:
        table.add_row(
            row.stage if row.chosen else f"({row.stage})",
            row.model,
            f"{row.calls:,}",
            *(_millions(tokens) for tokens in (row.read, row.repeated, row.written)),
            *(_dollars(price) for price in (row.dollars, row.batch_dollars)),
            f"{row.hours:,.1f}",
            style=None if row.chosen else "dim",
        )
    return table


def _millions(tokens: int) -> str:
    return f"{tokens / 1e6:,.{0 if tokens >= 1e7 else 2}f}"


def _dollars(price: float | None) -> str:
    return "–" if price is None else f"{price:,.{0 if price >= 10 else 2}f}"


@savacu.command()
@_CONFIG
@_SAME
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the build. The same command resumes an interrupted build.",
)
@click.option(
    "--stages",
    help=(
        "Run only these stages, separated by commas: "
        "ingest,classify,expand,dedup,respond,judge,split,publish."
    ),
)
@click.option(
    "--runner",
    "runner_name",
    type=click.Choice(["inspect", "ray"]),
    default="inspect",
    show_default=True,
    help="Engine that runs the stages.",
)
@click.option("--batch", is_flag=True, help="Use the providers' batch APIs (runner inspect).")
@click.option(
    "--ray-address", help="Ray cluster to join (runner ray). By default, a local cluster is started."
)
@click.option(
    "--give-up",
    is_flag=True,
    help="Count calls that fail permanently as failed and continue. Otherwise their shard stays unfinished.",
)
@click.option(
    "--push", is_flag=True, help="Upload the finished dataset to the Hub, to the [publish] repository."
)
def build(
    config: Path,
    allow_same_model: bool,
    out: Path,
    stages: str | None,
    runner_name: str,
    batch: bool,
    ray_address: str | None,
    give_up: bool,
    push: bool,
) -> None:
    """Build the dataset of CONFIG. Finished work is never repeated or paid for again."""
    from misfire.errors import InputError
    from misfire.savacu.build import Build
    from misfire.savacu.publish.hub import push as push_dataset
    from misfire.savacu.status import status_lines
    from misfire.savacu.store import locked, write_record

    try:
        recipe = _recipe(config, allow_same_model)
        wanted = _wanted(stages)
        if push and recipe.publish.repository is None:
            raise InputError('--push requires [publish] repository = "OWNER/NAME" in the recipe.')
        runner, search = _engine(runner_name, batch=batch, ray_address=ray_address, give_up=give_up)
        with locked(out):
            if not (out / "recipe.json").exists():
                write_record(out / "recipe.json", recipe)
            with _progress() as progress:
                Build(recipe, out, runner, progress, search).run(wanted)
            # written again only after success, so that a rejected recipe does not replace the one that made
            # the existing files
            write_record(out / "recipe.json", recipe)
            if push:
                click.echo(
                    "Pushed: "
                    f"{push_dataset(out, str(recipe.publish.repository), private=recipe.publish.private)}"
                )
        for line in status_lines(out):
            click.echo(line)
    except OSError as error:
        raise InputError(
            f"{error.filename or out}: {error.strerror or error}. Finished work is kept. Fix the problem "
            "and run the command again."
        ) from error
    except KeyboardInterrupt:
        click.echo("misfire: stopped. Run the same command again to resume.", err=True)
        raise SystemExit(130) from None


@savacu.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def status(folder: Path) -> None:
    """Show what each stage of the build in FOLDER contains and dropped, and why."""
    from misfire.savacu.status import status_lines

    for line in status_lines(folder):
        click.echo(line)


@savacu.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--tries", type=click.IntRange(min=1), default=60, show_default=True, help="Number of salts to try."
)
def salt(folder: Path, tries: int) -> None:
    """Find a salt for [split] in the recipe that splits the domains of the build in FOLDER evenly."""
    from misfire.savacu.build_view import kept_prompts
    from misfire.savacu.splits import best_salt

    prompts = kept_prompts(folder)
    domains_of = {prompt.id: prompt.domains for prompt in prompts}
    group_of = {prompt.id: prompt.group for prompt in prompts}
    best, cost = best_salt(domains_of, group_of, [f"savacu-{number}" for number in range(1, tries + 1)])
    now = best_salt(domains_of, group_of, ["savacu"])[1]
    click.echo(f'salt = "{best}"    # mean deviation of a domain {cost:.4f}; {now:.4f} with "savacu"')


def _wanted(stages: str | None) -> "list[StageName]":
    """Return the stages in --stages, or all stages if it is not given."""
    from misfire.errors import InputError
    from misfire.savacu.records import STAGE_NAMES

    wanted = [name.strip() for name in stages.split(",")] if stages else list(STAGE_NAMES)
    if unknown := [name for name in wanted if name not in STAGE_NAMES]:
        raise InputError(f"--stages: '{unknown[0]}' is not a stage. Available: {', '.join(STAGE_NAMES)}.")
    return cast("list[StageName]", wanted)


def _engine(name: str, *, batch: bool, ray_address: str | None, give_up: bool) -> "tuple[Runner, Search]":
    """Return the runner that --runner selects, with its search for near-duplicates."""
    from misfire.errors import InputError

    if name == "ray":
        if batch:
            raise InputError("--batch requires --runner inspect.")
        from misfire.savacu.runners.ray_runner import RayRunner, ray_search

        return RayRunner(address=ray_address, give_up=give_up), ray_search
    if ray_address:
        raise InputError("--ray-address requires --runner ray.")
    from misfire.savacu.near_duplicates.neighbors import near_pairs
    from misfire.savacu.runners.inspect_runner import InspectRunner

    return InspectRunner(batch=batch, give_up=give_up), near_pairs


def _recipe(config: Path, allow_same_model: bool) -> "Recipe":
    from misfire.savacu.recipe import read_recipe

    recipe = read_recipe(config)
    if not allow_same_model:
        recipe.check_roles()
    return recipe


class _Progress:
    """Progress display: a bar per stage on a terminal, otherwise a line per finished shard."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskID,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        self._plain = not console.is_terminal
        self._bars: dict[str, TaskID] = {}
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=self._plain)

    def __enter__(self) -> "_Progress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show the progress of a stage."""
        if self._plain:
            # print a line for each shard of a stage, but not for the items of a shard, whose names end in the
            # shard's five digits
            if done and not re.search(r"/\d{5}$", stage):
                click.echo(f"{stage}: {done} of {total}" if total > 1 else f"{stage}: done", err=True)
            return
        if stage not in self._bars:
            self._bars[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._bars[stage], completed=done, visible=done < total or "/" not in stage)


def _progress() -> _Progress:
    return _Progress()
