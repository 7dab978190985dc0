"""Compare logs of a task before and after an intervention, on the same pairs or instances."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from misfire.datasets.writing import replaced_file
from misfire.errors import InputError
from misfire.mechanistic.paired_changes import (
    DELTA_MAR,
    Change,
    Labels,
    answer_changes,
    pair_changes,
    verdict_changes,
)
from misfire.reports.caveats.missing import refuse_unscored
from misfire.reports.csv_cells import guarded
from misfire.reports.formats import markdown
from misfire.reports.misalign.runs import MisalignRun
from misfire.reports.number_format import UNDEFINED, between, percent, plain, points
from misfire.reports.pairs.runs import Run
from misfire.reports.results import Results, read_results
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.scorers.half_notes import BASE

_INTERVENTION = ("heads", "ablation", "layers", "intervention", "adapter")
"""Model arguments that describe the intervention."""


def compare_logs(before: str, after: Sequence[str]) -> list[Change]:
    """Compare logs of the same task on the same pairs or instances.

    Args:
        before: Log of the unchanged model, from VETO, priming or Mis-Align Bench.
        after: Logs of the changed model.

    Returns:
        The measures of the task for each log in ``after`` (``misfire.mechanistic.paired_changes``).

    Raises:
        InputError: A log cannot be used, or the logs are of different tasks, pairs, instances, arms or
            dimensions.
    """
    results = [read_results(log) for log in (before, *after)]
    for read in results:
        refuse_unscored(read)
    runs = [_only_run(log, read) for log, read in zip((before, *after), results, strict=True)]
    changes: list[Change] = []
    for log, read, run in zip(after, results[1:], runs[1:], strict=True):
        if wrong := _unlike(runs[0], run):
            raise InputError(
                f"{log}: {wrong} than those of {before}. Run both with the same task, source and parameters."
            )
        settings = dict(run.settings)
        done = ", ".join(f"{name}={settings[name]}" for name in _INTERVENTION if name in settings)
        labels = Labels(run.label, done or UNDEFINED)
        if isinstance(run, Run):
            changes += pair_changes(
                labels, results[0].halves, read.halves, list(dict.fromkeys((BASE, *run.arms)))
            )
        elif run.mode == "detect":
            changes += verdict_changes(labels, results[0].misalign.judged[0], read.misalign.judged[0])
        else:
            changes += answer_changes(labels, results[0].misalign.records[0], read.misalign.records[0])
    return changes


def _only_run(log: str, results: Results) -> Run | MisalignRun:
    runs = [*results.run_set.runs, *results.misalign.run_set.runs]
    if len(runs) != 1:
        raise InputError(f"{log}: there are {len(runs)} runs. Give one log file for each run.")
    (run,) = runs
    return run if isinstance(run, Run) else replace(run, grader=results.misalign.grader_of(run))


def _unlike(one: Run | MisalignRun, other: Run | MisalignRun) -> str | None:
    """Return a description of a difference that makes two runs incomparable; None if there is none."""
    if isinstance(one, Run) and isinstance(other, Run):
        checks = {
            "another task": one.task == other.task,
            "other pairs": one.pair_set == other.pair_set,
            "other arms": one.arms == other.arms,
            "another protocol or parser": (one.protocol, one.parser) == (other.protocol, other.parser),
        }
    elif isinstance(one, MisalignRun) and isinstance(other, MisalignRun):
        checks = {
            "another mode": one.mode == other.mode,
            "other instances": one.instance_set == other.instance_set,
            "other questions": (one.condition, one.dimensions) == (other.condition, other.dimensions),
            "another grader": one.grader == other.grader,
        }
    else:
        checks = {"another task": False}
    return next((words for words, same in checks.items() if not same), None)


def tables_of(changes: Sequence[Change]) -> list[Table]:
    """Return the changes as tables for a terminal, one for each run."""
    tables: list[Table] = []
    for run, intervention in dict.fromkeys((change.run, change.intervention) for change in changes):
        title = escape(f"Before and after {plain(intervention)} ({plain(run)})")
        caption = _caveat(
            [change for change in changes if (change.run, change.intervention) == (run, intervention)]
        )
        table = Table(
            title=title,
            title_justify="left",
            caption=caption,
            caption_justify="left",
            box=SIMPLE,
            pad_edge=False,
        )
        table.add_column(_HEADINGS[2], no_wrap=True)
        for name in _HEADINGS[3:]:
            table.add_column(name, justify="right", no_wrap=True)
        for change in changes:
            if (change.run, change.intervention) == (run, intervention):
                table.add_row(*map(escape, _cells(change)[2:]))
        tables.append(table)
    return tables


def _caveat(changes: Sequence[Change]) -> str | None:
    """Return the note below a table that shows ΔMAR."""
    return DELTA_MAR_CAVEAT if any(change.measure.endswith(DELTA_MAR) for change in changes) else None


_HEADINGS = ("run", "intervention", "measure", "n", "before", "after", "difference (points)")


def _cells(change: Change) -> tuple[str, ...]:
    own = change.difference
    interval = "" if np.isnan(own.lower) else f" ({between(own.lower, own.upper, points)})"
    return (
        plain(change.run),
        plain(change.intervention),
        change.measure,
        str(change.n),
        percent(change.before),
        percent(change.after),
        f"{points(own.value)}{interval}",
    )


def write_table(changes: Sequence[Change], path: Path) -> None:
    """Write the changes to a file. An existing file is replaced.

    Args:
        changes: The changes.
        path: A file name that ends in ``.csv`` (numbers at full precision) or ``.md``.

    Raises:
        InputError: The file name has another ending, or the file cannot be written.
    """
    match path.suffix.lower():
        case ".csv":
            buffer = io.StringIO()
            writer = csv.writer(buffer, lineterminator="\n")
            writer.writerow(
                [
                    "run",
                    "intervention",
                    "measure",
                    "n",
                    "before",
                    "after",
                    "difference",
                    "ci_lower",
                    "ci_upper",
                ]
            )
            for change in changes:
                own = change.difference
                names = map(guarded, (change.run, change.intervention, change.measure))
                writer.writerow(
                    [*names, change.n, change.before, change.after, own.value, own.lower, own.upper]
                )
            text = buffer.getvalue()
        case ".md":
            rows = [
                _HEADINGS,
                tuple("---" for _ in _HEADINGS),
                *(map(markdown.escape, _cells(change)) for change in changes),
            ]
            text = "".join("| " + " | ".join(row) + " |\n" for row in rows)
            text += f"\n{caveat}\n" if (caveat := _caveat(changes)) else ""
        case _:
            raise InputError(f"{path}: the file name must end in .csv or .md, which determines the format.")
    with replaced_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
