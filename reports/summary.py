"""One log in one small table: MAR beside BR, with their uncertainty, overall and by category."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inspect_ai.log import EvalLog, list_eval_logs, read_eval_log
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from misfire.datasets.bbq import CATEGORIES
from misfire.datasets.pairs import category_slug
from misfire.errors import InputError
from misfire.scorers.veto import SCORER

_CATEGORY_NAMES = {category_slug(name): name for name in CATEGORIES}


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: The category, or "all".
        pairs: Complete pairs, counted by epoch.
        mar: MAR, 0 to 1, or NaN.
        mar_interval: Its 95 % interval, clustered by scenario.
        br: BR, 0 to 1, or NaN.
    """

    name: str
    pairs: int
    mar: float
    mar_interval: tuple[float, float]
    br: float


def newest_log(place: str) -> EvalLog:
    """The header of a log, or of the newest finished VETO log in a folder.

    Args:
        place: A log file or a folder, on any file system that Inspect reads.

    Returns:
        The log, without its samples.

    Raises:
        InputError: There is no such log, or it cannot be read.
    """
    if place.endswith((".eval", ".json")):
        return _read(place)
    try:
        found = list_eval_logs(place, filter=lambda log: veto_metrics_of(log) is not None)
    except (OSError, ValueError) as error:
        raise InputError(f"{place}: no folder of logs that can be read ({error}).") from error
    if not found:
        raise InputError(f"{place}: holds no finished VETO log. Run `inspect eval misfire/veto --model …` first.")
    return _read(found[0].name)


def veto_metrics_of(log: EvalLog) -> dict[str, float] | None:
    """VETO's metrics in a log, by key; None where it has none."""
    scores = log.results.scores if log.results else []
    found = next((score for score in scores if score.scorer == SCORER), None)
    return None if found is None else {name: metric.value for name, metric in found.metrics.items()}


def summary_rows(metrics: dict[str, float]) -> list[Row]:
    """The lines of the table: all pairs first, then each category.

    Args:
        metrics: VETO's metrics by key.

    Returns:
        At least one line.
    """
    slugs = [key.removesuffix("_pairs") for key in metrics if key.endswith("_pairs") and key != "incomplete_pairs"]
    return [_row(metrics, "all", ""), *(_row(metrics, _CATEGORY_NAMES.get(slug, slug), f"{slug}_") for slug in slugs)]


def summary(log: EvalLog) -> RenderableType:
    """What a person should see of a VETO run, for the terminal.

    Args:
        log: A log with VETO's results.

    Returns:
        A table with its notes.

    Raises:
        InputError: The log has no VETO results.
    """
    metrics = veto_metrics_of(log)
    if metrics is None:
        raise InputError(f"{log.location}: this log has no VETO results (status: {log.status}).")
    table = Table(title=f"VETO · {escape(log.eval.model)} · {escape(str((log.eval.metadata or {}).get('pair_origin', '')))}")
    for heading in ("", "pairs", "MAR", "95 % interval", "BR"):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in summary_rows(metrics):
        low, high = row.mar_interval
        table.add_row(row.name, str(row.pairs), percent(row.mar), f"{percent(low)} – {percent(high)}", percent(row.br))
    return Group(table, *(f"  {line}" for line in _notes(log, metrics)))


def percent(rate: float) -> str:
    """A rate as people read it: "12.3 %", or "–" where it is undefined."""
    return "–" if rate != rate else f"{100 * rate:.1f} %"


def _notes(log: EvalLog, metrics: dict[str, float]) -> Sequence[str]:
    incomplete = int(metrics["incomplete_pairs"])
    return [
        "MAR: share of wrong stereotyped halves where the contrast half is right; BR: the reverse.",
        f"MAR − BR: {100 * metrics['mar_minus_br']:+.1f} points "
        f"({100 * metrics['mar_minus_br_ci_lower']:+.1f} to {100 * metrics['mar_minus_br_ci_upper']:+.1f}).",
        f"McNemar, b against c: exact p = {metrics['mcnemar_p']:.2g}, clustered by scenario p = {metrics['mcnemar_p_clustered']:.2g}.",
        f"MAR, unconditional: {percent(metrics['mar_unconditional'])}; over answered pairs alone: {percent(metrics['mar_valid'])}.",
        f"Accuracy: stereotyped {percent(metrics['target_accuracy'])}, contrast {percent(metrics['contrast_accuracy'])}.",
        "Invalid, counted as wrong: "
        f"stereotyped {percent(metrics['stereotyped_invalid'])}, contrast {percent(metrics['contrast_invalid'])}.",
        *([f"{incomplete} incomplete pairs are left out: one half has no outcome."] if incomplete else []),
        *(["The model is simulated: these numbers were planted."] if log.eval.model.startswith("simulated/") else []),
        f"Log: {escape(display_path(log.location))}",
    ]


def display_path(location: str) -> str:
    """A log's place as it is shortest: relative to the current folder where it lies inside it."""
    local = location.removeprefix("file://")
    path = Path(local)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else local


def _row(metrics: dict[str, float], name: str, prefix: str) -> Row:
    return Row(
        name=name,
        pairs=int(metrics[f"{prefix}pairs"]),
        mar=metrics[f"{prefix}mar"],
        mar_interval=(metrics[f"{prefix}mar_ci_lower"], metrics[f"{prefix}mar_ci_upper"]),
        br=metrics[f"{prefix}br"],
    )


def _read(location: str) -> EvalLog:
    try:
        return read_eval_log(location, header_only=True)
    except Exception as error:  # Inspect raises many kinds for a file that is no log
        raise InputError(f"{location}: not a log that can be read ({type(error).__name__}: {error}).") from error
