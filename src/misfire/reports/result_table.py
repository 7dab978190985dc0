"""A small table of one log, for the terminal.

It shows MAR and BR with their uncertainty by category or by arm, or the rates of Mis-Align Bench.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from inspect_ai.log import EvalLog
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from misfire.datasets.bbq import CATEGORIES
from misfire.datasets.pairs import category_slug
from misfire.errors import InputError
from misfire.reports import number_format as forms
from misfire.reports.caveats.cautions import (
    answer_cautions,
    loss_caution,
    mass_caution,
    pair_caution,
    verdict_caution,
)
from misfire.reports.caveats.losses import Loss, detect_loss, pair_loss
from misfire.reports.caveats.missing import missing_words
from misfire.reports.caveats.notes import run_notes, scoring_words
from misfire.reports.caveats.recomputed import disagreement, misalign_run_metrics, pair_run_metrics
from misfire.reports.logs.log_files import (
    FoundLog,
    FoundLogs,
    family_of,
    find_logs,
    found_log,
    noted_count,
    read_header,
    start_order,
)
from misfire.reports.logs.places import display_path, folder_logs, is_log
from misfire.reports.logs.samples import Content
from misfire.reports.misalign.frames import judged_of, read_verdicts
from misfire.reports.misalign.runs import MisalignRun, misalign_runs_of
from misfire.reports.misalign.summary import detect_notes, detect_table, generate_notes, generate_table
from misfire.reports.number_format import between, percent, plain, points, times
from misfire.reports.pairs.records import arms_of, read_halves
from misfire.reports.pairs.runs import Run, runs_of
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.scorers.half_notes import BASE
from misfire.scorers.veto import CATEGORY, category_keys

_CATEGORY_NAMES = {category_slug(name): name for name in CATEGORIES}

ALL_PAIRS = "all pairs"
"""Name of the first row."""

Metrics = Mapping[str, float]

Form = Callable[[float], str]


class _Metrics(dict[str, float]):
    """The metrics stored in a log. A metric that the log lacks raises ``InputError``."""

    def __init__(self, location: str, metrics: Metrics) -> None:
        super().__init__(metrics)
        self.location = location

    def __missing__(self, name: str) -> float:
        raise InputError(
            f"{self.location}: its results lack the metric '{name}', because another version of misfire "
            "wrote them, and it holds no samples to compute it from. Run the task again."
        )


@dataclass(frozen=True)
class Row:
    """A row of the table: the metrics of some pairs.

    Attributes:
        name: The category, the arm, or ``ALL_PAIRS``.
        pairs: Number of complete pairs, counted per epoch.
        mar: MAR from 0 to 1, or NaN.
        mar_interval: Its 95 % interval, clustered by scenario.
        br: BR from 0 to 1, or NaN.
        mar_n: Denominator of MAR: pairs with a right contrast half.
        br_n: Denominator of BR: pairs with a right stereotyped half.
    """

    name: str
    pairs: int
    mar: float
    mar_interval: tuple[float, float]
    br: float
    mar_n: int
    br_n: int


@dataclass(frozen=True)
class Shown:
    """The output for a log or a folder.

    Attributes:
        logs: The logs without their samples. There are several if the logs of one run contradict each other.
        tables: The table of each log with its notes.
        notes: Sentences on logs that were left out.
    """

    logs: tuple[EvalLog, ...]
    tables: tuple[RenderableType, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Numbers:
    """The metrics of a log, with sentences that a reader must know.

    The metrics are computed from the samples or, if there are none, those that the log stores.

    Attributes:
        metrics: The metrics by key.
        notes: The sentences.
        scoring: Description of the scoring.
        categories: The category of the pairs for each key prefix. Empty if the log holds no samples.
        lost: Warnings about outcomes that are missing mainly from one side. Empty if the log holds no
            samples.
    """

    metrics: Metrics
    notes: tuple[str, ...]
    scoring: str
    categories: Mapping[str, str] = field(default_factory=dict[str, str])
    lost: tuple[str, ...] = ()


def shown_of(place: str) -> Shown:
    """Return the output for a log, or for the newest run with results of misfire in a folder.

    The newest run is the one that started last according to the logs, not according to the names or times of
    the files. Logs that cannot be read or have no results are mentioned, and the next newest run is used.

    Args:
        place: A log file or a folder, on any file system that Inspect can read.

    Returns:
        The logs with their tables.

    Raises:
        InputError: There is no such log, or it cannot be read.
    """
    if is_log(place):
        header = read_header(place)
        return Shown((header,), (summary(header),), ())
    folder_logs(place)
    broken: dict[str, str] = {}
    while True:
        try:
            found = find_logs(place, broken)
        except InputError as error:
            raise _no_results(place, str(error).split("\n")[1:]) from error
        left_out = [f"Left out: {line}" for line in found.unreadable]
        known = len(broken)
        for own in _runs(found):
            shown: list[tuple[EvalLog, RenderableType]] = []
            for log in own:
                try:
                    shown.append((log.header, summary(log.header)))
                except _NoResultsError as error:
                    left_out.append(f"Left out: {error}")
                except InputError as error:
                    broken[log.location] = str(error)
            if len(broken) > known:
                break
            if shown:
                task_id = own[0].header.eval.task_id
                conflicts = [
                    conflict.words
                    for conflict in found.conflicts
                    if conflict.task_id == task_id and len(shown) > 1
                ]
                notes = (*left_out, *(f"{words[:1].upper()}{words[1:]}." for words in conflicts))
                return Shown(tuple(log for log, _ in shown), tuple(table for _, table in shown), notes)
        if len(broken) == known:
            raise _no_results(place, left_out)


def metrics_of(log: EvalLog) -> Metrics:
    """Return the metrics of a log by key.

    They are computed from the scores of its samples. If the log holds no samples, the metrics that it stores
    are used.

    Args:
        log: A log, with or without samples.

    Returns:
        The metrics.

    Raises:
        InputError: The log has no metrics.
    """
    return _numbers(log).metrics


def category_rows(metrics: Metrics, categories: Mapping[str, str] | None = None) -> list[Row]:
    """Return the rows for VETO: all pairs, followed by each category.

    Args:
        metrics: The metrics of VETO by key.
        categories: The category for each key prefix. If a category is missing, its key is shown.

    Returns:
        At least one row.
    """
    prefixes = [
        key.removesuffix("_pairs")
        for key in metrics
        if key.startswith(f"{CATEGORY}_") and key.endswith("_pairs")
    ]
    names = categories or {}
    return [
        _row(metrics, ALL_PAIRS, ""),
        *(
            _row(metrics, names.get(key_prefix) or _category_name(key_prefix), f"{key_prefix}_")
            for key_prefix in prefixes
        ),
    ]


def _category_name(key_prefix: str) -> str:
    """Return the name of the category in BBQ, or the text in the key if BBQ has no such category."""
    slug = key_prefix.removeprefix(f"{CATEGORY}_")
    return _CATEGORY_NAMES.get(slug, slug)


def arm_names(metrics: Metrics) -> list[str]:
    """Return the primed arms of a priming log, in its order."""
    end = "_delta_mar"
    of_categories = f"_{CATEGORY}_"
    return [key.removesuffix(end) for key in metrics if key.endswith(end) and of_categories not in f"_{key}"]


def arm_rows(metrics: Metrics) -> list[Row]:
    """Return the rows for priming: the base arm, followed by each primed arm.

    Args:
        metrics: The metrics of priming by key.

    Returns:
        One row per arm.
    """
    return [_row(metrics, name, f"{name}_") for name in (BASE, *arm_names(metrics))]


def summary(log: EvalLog) -> RenderableType:
    """Return a summary of a log for the terminal.

    Args:
        log: A log with results of misfire.

    Returns:
        A table with its notes.

    Raises:
        InputError: The log has no such results.
    """
    numbers = _numbers(log)
    match family_of(log):
        case "detect":
            shown = _detect_result(log, numbers.metrics)
        case "generate":
            shown = _generate_result(log, numbers.metrics)
        case _:
            shown = _pair_result(log, numbers)
    shown.tables[0].title = " · ".join(
        escape(plain(part))
        for part in (log.eval.task_display_name or log.eval.task, log.eval.model, _origin(log))
    )
    return Group(
        *(Text(line, style="bold") for line in (*shown.warnings, *numbers.lost)),
        *shown.tables,
        *(f"  {line}" for line in (*shown.notes, *_missing_lines(shown), *_log_lines(log, numbers))),
    )


@dataclass(frozen=True)
class _Result:
    """What is shown of a log, by kind of task.

    Attributes:
        tables: The tables.
        notes: Explanations under the tables.
        warnings: Sentences above the tables.
        planned: Number of planned units (pairs, responses, answers).
        done: Number of units with an outcome.
        left_out: The beginning of a sentence on the other units, without its number.
    """

    tables: Sequence[Table]
    notes: Sequence[str]
    warnings: Sequence[str]
    planned: int
    done: int
    left_out: str


def _detect_result(log: EvalLog, metrics: Metrics) -> _Result:
    return _Result(
        tables=[detect_table(metrics)],
        notes=detect_notes(metrics),
        warnings=_verdict_warnings(metrics),
        planned=2 * _planned(log, "instance_count"),
        done=sum(int(metrics[key]) for key in _RESPONSES),
        left_out="responses are left out, because a question was not",
    )


def _verdict_warnings(metrics: Metrics) -> list[str]:
    misaligned, aligned = (int(metrics[key]) for key in _RESPONSES)
    caution = verdict_caution(misaligned, aligned, metrics["invalid"])
    return [f"Warning: {caution}"] if caution else []


def _generate_result(log: EvalLog, metrics: Metrics) -> _Result:
    return _Result(
        tables=[generate_table(metrics)],
        notes=generate_notes(metrics),
        warnings=_answer_warnings(metrics),
        planned=_planned(log, "instance_count"),
        done=int(metrics["answers"]),
        left_out="answers are left out, because the prompt was not",
    )


def _answer_warnings(metrics: Metrics) -> list[str]:
    cautions = answer_cautions(
        int(metrics["answers"]), int(metrics["answers_judged"]), metrics["grader_invalid"]
    )
    return [f"Warning: {caution}" for caution in cautions]


def _pair_result(log: EvalLog, numbers: _Numbers) -> _Result:
    """Return the result of a VETO log, or of a priming log, which has primed arms."""
    metrics = numbers.metrics
    primed = bool(arm_names(metrics))
    tables = _priming_tables(metrics) if primed else [_veto_table(category_rows(metrics, numbers.categories))]
    return _Result(
        tables=tables,
        notes=_PRIMING_NOTES if primed else _veto_notes(metrics),
        warnings=_pair_warnings(metrics, _arm_prefixes(metrics) if primed else [("", "")]),
        planned=_planned(log, "pair_count"),
        done=int(metrics[f"{BASE}_pairs" if primed else "pairs"]),
        left_out="pairs are left out, because a half was not",
    )


def _pair_warnings(metrics: Metrics, prefixes: Sequence[tuple[str, str]]) -> list[str]:
    """Return the warnings about arms, given as (prefix of their metrics, beginning of the sentence)."""
    return [line for prefix, name in prefixes for line in _cautions(metrics, prefix, name)]


def _missing_lines(result: _Result) -> list[str]:
    """Return a sentence on the units without an outcome, if there are any."""
    missing = result.planned - result.done
    if missing <= 0:
        return []
    return [f"{missing} of {result.planned} {result.left_out} asked or has no outcome."]


def _log_lines(log: EvalLog, numbers: _Numbers) -> list[str]:
    """Return what a reader must know about a log, and where it is."""
    simulated = log.eval.model.startswith("simulated/")
    return [
        *([f"The run did not finish: status {log.status}."] if log.status != "success" else []),
        *(escape(note) for note in numbers.notes),
        *(["The model is simulated. These are not results of a real model."] if simulated else []),
        f"Log: {escape(plain(display_path(log.location)))}, scored by {escape(plain(numbers.scoring))}",
    ]


def _arm_prefixes(metrics: Metrics) -> list[tuple[str, str]]:
    return [(f"{name}_", f"{name}: ") for name in (BASE, *arm_names(metrics))]


def _cautions(metrics: Metrics, prefix: str, name: str) -> list[str]:
    """Return the warnings about the pairs whose metrics have a prefix."""
    invalid = metrics[f"{prefix}stereotyped_invalid"], metrics[f"{prefix}contrast_invalid"]
    mass, low = (metrics.get(f"{prefix}{key}", math.nan) for key in ("answer_mass", "low_answer_mass"))
    lines = (
        pair_caution(
            int(metrics[f"{prefix}pairs"]), metrics[f"{prefix}mar"], int(metrics[f"{prefix}mar_n"]), invalid
        ),
        mass_caution(mass, low),
    )
    return [f"Warning: {name}{line}" for line in lines if line]


_PRIMING_NOTES = (
    "Changes are relative to the base arm, in percentage points, with 95 % intervals. They are based on the "
    "pairs that are complete in both arms. The first table shows their number. MAR and BR of an arm are "
    "based on all pairs that are complete in it, so their difference from the base arm may not equal ΔMAR.",
    "DiD: change in stereotyped accuracy minus change in contrast accuracy. Below 0, the cue reduces "
    "accuracy more on stereotyped halves.",
    "Δ log odds: odds of misfiring against the reverse error. Above 0, the cue makes misfiring relatively "
    "more frequent.",
    "q: test that both measures agree, clustered by scenario, Benjamini-Hochberg over the arms of this run.",
    DELTA_MAR_CAVEAT,
)


def _veto_table(rows: Sequence[Row]) -> Table:
    table = _table("", "pairs", "MAR", "a + c", "95 % interval", "BR", "a + b")
    for row in rows:
        rates = (
            percent(row.mar),
            str(row.mar_n),
            between(*row.mar_interval, percent),
            percent(row.br),
            str(row.br_n),
        )
        table.add_row(_shown(row), str(row.pairs), *rates)
    return table


def _veto_notes(metrics: Metrics) -> Sequence[str]:
    gap = between(metrics["mar_minus_br_ci_lower"], metrics["mar_minus_br_ci_upper"], points)
    return [
        "MAR: share of wrong stereotyped halves among pairs with a right contrast half (a + c). BR: the "
        "reverse (a + b).",
        f"MAR − BR: {points(metrics['mar_minus_br'])} points ({gap}).",
        f"McNemar test of b against c, clustered by scenario: p = {metrics['mcnemar_p_clustered']:.2g} "
        f"(exact, assuming independent pairs: p = {metrics['mcnemar_p']:.2g}).",
        f"MAR, unconditional: {percent(metrics['mar_unconditional'])}. MAR over pairs with two valid "
        f"answers: {percent(metrics['mar_valid'])}.",
        f"Accuracy: stereotyped {percent(metrics['target_accuracy'])}, contrast "
        f"{percent(metrics['contrast_accuracy'])}.",
        f"Invalid halves, counted as wrong: stereotyped {percent(metrics['stereotyped_invalid'])}, contrast "
        f"{percent(metrics['contrast_invalid'])}.",
        *(
            [f"Mass of the first token on yes or no, mean: {percent(metrics['answer_mass'])}."]
            if "answer_mass" in metrics
            else []
        ),
    ]


def _priming_tables(metrics: Metrics) -> list[Table]:
    """Return a table of the effects of the cues and a table of the arms.

    A single table would be too wide for a terminal with 80 columns.
    """
    effects = _table("arm", "pairs", "DiD", "Δ log odds", "q", numbers_whole=True)
    rates = _table("arm", "pairs", "MAR", "BR", "ΔMAR", "× base", numbers_whole=True)
    for row in arm_rows(metrics):
        own = str(row.pairs), f"{percent(row.mar)}\nof {row.mar_n}", f"{percent(row.br)}\nof {row.br_n}"
        if row.name == BASE:
            rates.add_row(_shown(row), *own)
            continue
        did, odds, change, ratio = (
            _with_interval(metrics, f"{row.name}_{key}", form) for key, form in _EFFECTS.items()
        )
        q = metrics[f"{row.name}_selective_q"]
        compared = f"{metrics[f'{row.name}_compared_pairs']:.0f}"
        effects.add_row(_shown(row), compared, did, odds, forms.UNDEFINED if math.isnan(q) else f"{q:.2g}")
        rates.add_row(_shown(row), *own, change, ratio)
    return [effects, rates]


def _shown(row: Row) -> str:
    # the name is taken from a metric of the log and may contain any text
    return escape(plain(row.name))


_EFFECTS = {"did": points, "delta_log_odds": forms.score, "delta_mar": points, "amplification": times}


def _table(*headings: str, numbers_whole: bool = False) -> Table:
    """Return a table with text in its first column and numbers in the others.

    Args:
        headings: The headings.
        numbers_whole: Whether numbers are never wrapped, so that text is wrapped if the terminal is narrow.

    Returns:
        The table without rows. Text that does not fit is wrapped, never cut off.
    """
    table = Table()
    for number, heading in enumerate(headings):
        table.add_column(
            heading,
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=bool(number) and numbers_whole,
        )
    return table


def _with_interval(metrics: Metrics, key: str, form: Form) -> str:
    if math.isnan(metrics[f"{key}_ci_lower"]):
        return form(metrics[key])
    return f"{form(metrics[key])}\n({between(metrics[f'{key}_ci_lower'], metrics[f'{key}_ci_upper'], form)})"


def _origin(log: EvalLog) -> str:
    metadata = log.eval.metadata or {}
    return str(metadata.get("pair_origin", metadata.get("instance_origin", "")))


def _planned(log: EvalLog, count: str) -> int:
    """Return the planned number of pairs or instances, times epochs.

    The metrics cover only samples that were scored, so they do not count samples that failed.
    """
    return noted_count(log, count) * (log.eval.config.epochs or 1)


_COUNTS = ("pairs", "responses", "answers", "_n")
"""Suffixes of metrics that are whole numbers."""

_RESPONSES = ("misaligned_responses", "aligned_responses")


def _row(metrics: Metrics, name: str, prefix: str) -> Row:
    return Row(
        name=name,
        pairs=int(metrics[f"{prefix}pairs"]),
        mar=metrics[f"{prefix}mar"],
        mar_interval=(metrics[f"{prefix}mar_ci_lower"], metrics[f"{prefix}mar_ci_upper"]),
        br=metrics[f"{prefix}br"],
        mar_n=int(metrics[f"{prefix}mar_n"]),
        br_n=int(metrics[f"{prefix}br_n"]),
    )


class _NoResultsError(InputError):
    """A log can be read but has no results of misfire."""


def _no_results(place: str, more: Sequence[str]) -> InputError:
    first = f"{place}: holds no log with results of misfire. Run `inspect eval misfire/veto --model …` first."
    return InputError("\n".join([first, *more]))


def _runs(found: FoundLogs) -> list[list[FoundLog]]:
    """Return the logs of each run, with the run that started last first."""
    by_run: defaultdict[str, list[FoundLog]] = defaultdict(list)
    for log in found.logs:
        by_run[log.header.eval.task_id].append(log)

    def last_start(own: Sequence[FoundLog]) -> tuple[str, str, str]:
        return max(start_order(log) for log in own)

    return sorted(by_run.values(), key=last_start, reverse=True)


def _numbers(log: EvalLog) -> _Numbers:
    found = found_log(log)
    if found is None:
        raise _NoResultsError(
            f"{log.location}: this log has no results of misfire (task {log.eval.task}, status {log.status})."
        )
    logs = FoundLogs((found,), (), (), (), (), ())
    if found.family in ("veto", "priming"):
        (run,) = runs_of(logs).runs
        computed = _computed_pairs(run)
    else:
        (run,) = misalign_runs_of(logs).runs
        computed = _computed_verdicts(run)
    stored, content = dict(run.stored), computed.content
    if computed.metrics:
        lost = (f"Warning: {name}{line}" for name, loss in computed.losses if (line := loss_caution(loss)))
        notes = run_notes(run, content, disagreement(stored, computed.metrics))
        scoring = scoring_words(run, content)
        return _Numbers(computed.metrics, tuple(notes), scoring, computed.categories, tuple(lost))
    if content.samples or not stored:
        raise _NoResultsError(f"{display_path(found.location)} {missing_words(run, content)}")
    if odd := next(
        (name for name, value in stored.items() if name.endswith(_COUNTS) and not math.isfinite(value)), None
    ):
        raise InputError(f"{found.location}: its metric '{odd}' is not a count: {stored[odd]}.")
    return _Numbers(_Metrics(found.location, stored), (_OWN_METRICS,), run.scoring.words)


@dataclass(frozen=True)
class _Computed:
    """What the samples of a log give.

    Attributes:
        content: What was read.
        metrics: The metrics by key. Empty if no sample was scored.
        losses: Missing outcomes, each with the beginning of a sentence on them.
        categories: The category of the pairs for each key prefix.
    """

    content: Content
    metrics: Metrics
    losses: Sequence[tuple[str, Loss]]
    categories: Mapping[str, str] = field(default_factory=dict[str, str])


def _computed_pairs(run: Run) -> _Computed:
    halves = read_halves(run)
    arms = [arm.name for arm in arms_of(run, halves.records)]
    keys = category_keys(record.category for record in halves.records)
    return _Computed(
        content=halves.content,
        metrics=pair_run_metrics(run, halves.records) if halves.content.scored else {},
        losses=[("" if arm == BASE else f"{plain(arm)}: ", pair_loss(halves.records, arm)) for arm in arms],
        categories={key: name for name, key in keys.items()},
    )


def _computed_verdicts(run: MisalignRun) -> _Computed:
    verdicts = read_verdicts(run)
    name = "" if run.mode == "detect" else "labeled responses for the grader: "
    return _Computed(
        content=verdicts.content,
        metrics=misalign_run_metrics(run, verdicts.records) if verdicts.content.scored else {},
        losses=[(name, detect_loss(judged_of(verdicts.records)))],
    )


_OWN_METRICS = (
    "The log holds no samples (for example because of --no-log-samples). These are the metrics stored in the "
    "log. They were not computed from samples."
)
