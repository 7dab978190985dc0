"""Closing the loop: what VETO gives before and after an intervention, on the same pairs, with foils where they were asked."""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from misfire.datasets.writing import replaced_file
from misfire.errors import InputError
from misfire.mechanistic.inference import Floats, by_cluster, codes
from misfire.reports.forms import UNDEFINED, between, percent, plain, points
from misfire.reports.frames import read_results
from misfire.scorers.statistics import NAN, Estimate, clustered_difference, clustered_proportion

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Change:
    """One measure before and after.

    Attributes:
        run: The run after.
        intervention: What was done to the model, as far as the log says.
        measure: What was measured.
        n: Halves or pairs that both runs have.
        before: Before.
        after: After.
        difference: After minus before, paired, with its interval.
    """

    run: str
    intervention: str
    measure: str
    n: int
    before: float
    after: float
    difference: Estimate


def compare_logs(before: str, after: Sequence[str]) -> list[Change]:
    """Compare VETO logs on the same pairs.

    Args:
        before: Log of the model as it is.
        after: Logs of the model with something done to it.

    Returns:
        For each log after, MAR and BR, the shares of stereotyped and contrast halves answered rightly, of invalid answers, and with
        controls of foils answered rightly.

    Raises:
        InputError: A log cannot be used, or the logs are on different pairs.
    """
    results = [read_results(log) for log in (before, *after)]
    for log, read in zip((before, *after), results, strict=True):
        if len(read.run_set.of("veto")) != 1:
            raise InputError(f"{log}: {len(read.run_set.of('veto'))} VETO runs are there. Give one log file for each run.")
    first = results[0].run_set.of("veto")[0]
    changes: list[Change] = []
    for log, read in zip(after, results[1:], strict=True):
        run = read.run_set.of("veto")[0]
        if run.pair_set != first.pair_set:
            raise InputError(f"{log}: these are other pairs than those of {before}. Run both on the same source with the same parameters.")
        settings = dict(run.settings)
        done = ", ".join(f"{name}={settings[name]}" for name in ("heads", "ablation", "layers", "intervention") if name in settings)
        changes += _changes(run.label, done or UNDEFINED, results[0].halves, read.halves)
    return changes


def _changes(run: str, intervention: str, one: "pd.DataFrame", other: "pd.DataFrame") -> list[Change]:
    keys = ["pair_id", "scenario", "half", "probe", "epoch"]
    joined = one[[*keys, "outcome"]].merge(other[[*keys, "outcome"]], on=keys, suffixes=("_before", "_after"))
    joined = joined[(joined["outcome_before"] != "failed") & (joined["outcome_after"] != "failed")]
    right = {when: (joined[f"outcome_{when}"] == "right").astype(float) for when in ("before", "after")}
    invalid = {when: (~joined[f"outcome_{when}"].isin(["right", "wrong"])).astype(float) for when in ("before", "after")}
    evidence = joined["probe"] == "evidence"
    changes: list[Change] = []

    def share(measure: str, rows: "pd.Series[bool]", hits: "dict[str, pd.Series[float]]") -> None:
        if rows.any():
            clusters = codes(joined.loc[rows, "scenario"].tolist())
            trials = np.bincount(clusters).astype(float)
            counted = [(by_cluster(_floats(hits[when][rows]), clusters), trials) for when in ("before", "after")]
            changes.append(_change(run, intervention, measure, int(rows.sum()), counted))

    pairs = joined[evidence].assign(before=right["before"][evidence], after=right["after"][evidence])
    wide = pairs.pivot_table(index=["pair_id", "scenario", "epoch"], columns="half", values=["before", "after"]).dropna().reset_index()
    if len(wide):
        clusters = codes(wide["scenario"].tolist())
        for measure, asked, given in (("MAR", "stereotyped", "contrast"), ("BR", "contrast", "stereotyped")):
            counted: list[tuple[Floats, Floats]] = []
            for when in ("before", "after"):
                trials: Floats = wide[when, given].to_numpy(float)
                hits: Floats = trials * (1 - wide[when, asked].to_numpy(float))
                counted.append((by_cluster(hits, clusters), by_cluster(trials, clusters)))
            changes.append(_change(run, intervention, measure, len(wide), counted))
    for half in ("stereotyped", "contrast"):
        share(f"{half} halves right", evidence & (joined["half"] == half), right)
    for half in ("stereotyped", "contrast"):
        share(f"{half} foils right", (joined["probe"] == "foil") & (joined["half"] == half), right)
    share("invalid answers", evidence, invalid)
    return changes


def _floats(series: "pd.Series[float]") -> Floats:
    return np.asarray(series, dtype=np.float64)


def _change(run: str, intervention: str, measure: str, n: int, counted: list[tuple[Floats, Floats]]) -> Change:
    before, after = (clustered_proportion(hits, trials).value for hits, trials in counted)
    difference = Estimate(NAN, NAN, NAN, NAN)
    if all(trials.sum() for _, trials in counted):
        difference = clustered_difference(*counted[1], *counted[0])
    return Change(run, intervention, measure, n, before, after, difference)


def tables_of(changes: Sequence[Change]) -> list[Table]:
    """The changes as tables for a terminal, one for each run."""
    tables: list[Table] = []
    for run, intervention in dict.fromkeys((change.run, change.intervention) for change in changes):
        title = escape(f"Before and after {plain(intervention)} ({plain(run)})")
        table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
        table.add_column(_HEADINGS[2], no_wrap=True)
        for name in _HEADINGS[3:]:
            table.add_column(name, justify="right", no_wrap=True)
        for change in changes:
            if (change.run, change.intervention) == (run, intervention):
                table.add_row(*map(escape, _cells(change)[2:]))
        tables.append(table)
    return tables


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
    """Write the changes to a file, which is replaced if it is there.

    Args:
        changes: The changes.
        path: A file that ends in ``.csv`` (numbers in full) or ``.md``.

    Raises:
        InputError: The ending is another one, or the file cannot be written.
    """
    match path.suffix.lower():
        case ".csv":
            buffer = io.StringIO()
            writer = csv.writer(buffer, lineterminator="\n")
            writer.writerow(["run", "intervention", "measure", "n", "before", "after", "difference", "ci_lower", "ci_upper"])
            for change in changes:
                own = change.difference
                start = (change.run, change.intervention, change.measure, change.n, change.before, change.after)
                writer.writerow([*start, own.value, own.lower, own.upper])
            text = buffer.getvalue()
        case ".md":
            rows = [_HEADINGS, tuple("---" for _ in _HEADINGS), *map(_cells, changes)]
            text = "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows)
        case _:
            raise InputError(f"{path}: the file's name should end in .csv or .md, which says what to write.")
    with replaced_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
