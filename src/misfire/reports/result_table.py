"""One log in one small table: MAR beside BR with their uncertainty, by category or by arm; or the rates of Mis-Align Bench."""

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
from misfire.reports.caveats.cautions import answer_cautions, loss_caution, pair_caution, verdict_caution
from misfire.reports.caveats.losses import Loss, detect_loss, pair_loss
from misfire.reports.caveats.missing import missing_words
from misfire.reports.caveats.notes import run_notes, scoring_words
from misfire.reports.caveats.recomputed import disagreement, misalign_run_metrics, pair_run_metrics
from misfire.reports.logs.log_files import FoundLog, FoundLogs, family_of, find_logs, found_log, noted_count, read_header
from misfire.reports.logs.places import display_path, folder_logs, is_log
from misfire.reports.misalign.frames import judged_of, read_verdicts
from misfire.reports.misalign.runs import misalign_runs_of
from misfire.reports.misalign.summary import detect_notes, detect_table, generate_notes, generate_table
from misfire.reports.number_format import between, percent, plain, points, times
from misfire.reports.pairs.records import arms_of, read_halves
from misfire.reports.pairs.runs import runs_of
from misfire.scorers.effects import DELTA_MAR_CAVEAT
from misfire.scorers.half_notes import BASE
from misfire.scorers.veto import CATEGORY, category_keys

_CATEGORY_NAMES = {category_slug(name): name for name in CATEGORIES}

ALL_PAIRS = "all pairs"
"""Name of the first line."""

Metrics = Mapping[str, float]

Form = Callable[[float], str]


class _Metrics(dict[str, float]):
    """The metrics of a log: what one of another version lacks is told in words."""

    def __init__(self, location: str, metrics: Metrics) -> None:
        super().__init__(metrics)
        self.location = location

    def __missing__(self, name: str) -> float:
        raise InputError(
            f"{self.location}: its results lack the metric '{name}', as another version of misfire made them, and it holds no samples to "
            "compute it from. Run the task again."
        )


@dataclass(frozen=True)
class Row:
    """A line of the table: some pairs, and how they came out.

    Attributes:
        name: The category, the arm, or ``ALL_PAIRS``.
        pairs: Complete pairs, counted by epoch.
        mar: MAR, 0 to 1, or NaN.
        mar_interval: Its 95 % interval, clustered by scenario.
        br: BR, 0 to 1, or NaN.
        mar_n: What MAR divides by: pairs with a right contrast half.
        br_n: What BR divides by: pairs with a right stereotyped half.
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
    """What is shown of a place.

    Attributes:
        logs: The logs shown, without their samples; several where they say different things of one run, so that none can be told to be
            right.
        tables: The table of each with its notes.
        notes: Sentences on logs that were left out.
    """

    logs: tuple[EvalLog, ...]
    tables: tuple[RenderableType, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Numbers:
    """The metrics of a log, computed from its samples or, where it holds none, its own; with sentences that a reader must know.

    Attributes:
        metrics: The metrics by key.
        notes: Sentences.
        scoring: What scored the log, in words.
        categories: The pairs' categories by the beginning of their keys; none where the log holds no samples.
        lost: Warnings on outcomes that are missing from one side more than from the other; none where the log holds no samples.
    """

    metrics: Metrics
    notes: tuple[str, ...]
    scoring: str
    categories: Mapping[str, str] = field(default_factory=dict[str, str])
    lost: tuple[str, ...] = ()


def shown_of(place: str) -> Shown:
    """What is shown of a log, or of the newest run in a folder that has results of ours.

    The newest is the run that began last, by what the logs say, not by names or times of files. Logs that cannot be read, and those
    without results, are told of, and the next newest is shown.

    Args:
        place: A log file or a folder, on any file system that Inspect reads.

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
                rivals = [rival.words for rival in found.rivals if rival.task_id == task_id and len(shown) > 1]
                notes = (*left_out, *(f"{words[:1].upper()}{words[1:]}." for words in rivals))
                return Shown(tuple(log for log, _ in shown), tuple(table for _, table in shown), notes)
        if len(broken) == known:
            raise _no_results(place, left_out)


def metrics_of(log: EvalLog) -> Metrics:
    """The metrics of a log, by key: computed from the scores of its samples, or its own where it holds no samples.

    Args:
        log: A log, with or without samples.

    Returns:
        The metrics.

    Raises:
        InputError: It has none.
    """
    return _numbers(log).metrics


def category_rows(metrics: Metrics, categories: Mapping[str, str] | None = None) -> list[Row]:
    """VETO's lines: all pairs first, then each category.

    Args:
        metrics: VETO's metrics by key.
        categories: The categories by the beginning of their keys, as the pairs name them; where one lacks, its key is shown.

    Returns:
        At least one line.
    """
    begins = [key.removesuffix("_pairs") for key in metrics if key.startswith(f"{CATEGORY}_") and key.endswith("_pairs")]
    names = categories or {}
    return [_row(metrics, ALL_PAIRS, ""), *(_row(metrics, names.get(begin) or _category_name(begin), f"{begin}_") for begin in begins)]


def _category_name(begin: str) -> str:
    """The category's name where it is one of BBQ's, else as it stands in keys."""
    slug = begin.removeprefix(f"{CATEGORY}_")
    return _CATEGORY_NAMES.get(slug, slug)


def arm_names(metrics: Metrics) -> list[str]:
    """The primed arms of a priming log, in its order."""
    end = "_delta_mar"
    of_categories = f"_{CATEGORY}_"
    return [key.removesuffix(end) for key in metrics if key.endswith(end) and of_categories not in f"_{key}"]


def arm_rows(metrics: Metrics) -> list[Row]:
    """Priming's lines: the base arm first, then each primed arm.

    Args:
        metrics: Priming's metrics by key.

    Returns:
        One line an arm.
    """
    return [_row(metrics, name, f"{name}_") for name in (BASE, *arm_names(metrics))]


def summary(log: EvalLog) -> RenderableType:
    """What a person should see of a run, for the terminal.

    Args:
        log: A log with results of misfire.

    Returns:
        A table with its notes.

    Raises:
        InputError: The log has no such results.
    """
    numbers, family = _numbers(log), family_of(log)
    metrics = numbers.metrics
    first: list[str] = []
    match family:
        case "detect":
            tables, notes = [detect_table(metrics)], detect_notes(metrics)
            misaligned, aligned = (int(metrics[key]) for key in _RESPONSES)
            line = verdict_caution(misaligned, aligned, metrics["invalid"])
            first = [f"Warning: {line}"] if line else []
            planned, done, words = (
                2 * _planned(log, "instance_count"),
                _done(metrics, _RESPONSES),
                "responses are left out: a question was not",
            )
        case "generate":
            tables, notes = [generate_table(metrics)], generate_notes(metrics)
            cautions = answer_cautions(int(metrics["answers"]), int(metrics["answers_judged"]), metrics["grader_invalid"])
            first = [f"Warning: {line}" for line in cautions]
            planned, done, words = _planned(log, "instance_count"), _done(metrics, ["answers"]), "answers are left out: the prompt was not"
        case _:
            primed = bool(arm_names(metrics))
            tables = _priming_tables(metrics) if primed else [_veto_table(category_rows(metrics, numbers.categories))]
            notes = _PRIMING_NOTES if primed else _veto_notes(metrics)
            planned, done = _planned(log, "pair_count"), _done(metrics, [f"{BASE}_pairs" if primed else "pairs"])
            words = "pairs are left out: a half was not"
            first = [line for row, name in (_arm_prefixes(metrics) if primed else [("", "")]) if (line := _caution(metrics, row, name))]
    tables[0].title = " · ".join(
        escape(plain(part)) for part in (log.eval.task_display_name or log.eval.task, log.eval.model, _origin(log))
    )
    lines = [
        *notes,
        *([f"{planned - done} of {planned} {words} asked, or has no outcome."] if done < planned else []),
        *([f"The run did not end: status {log.status}."] if log.status != "success" else []),
        *(escape(note) for note in numbers.notes),
        *(["The model is simulated: these numbers were planted."] if log.eval.model.startswith("simulated/") else []),
        f"Log: {escape(plain(display_path(log.location)))}, scored by {escape(plain(numbers.scoring))}",
    ]
    return Group(*(Text(line, style="bold") for line in (*first, *numbers.lost)), *tables, *(f"  {line}" for line in lines))


def _arm_prefixes(metrics: Metrics) -> list[tuple[str, str]]:
    return [(f"{name}_", f"{name}: ") for name in (BASE, *arm_names(metrics))]


def _caution(metrics: Metrics, prefix: str, name: str) -> str | None:
    """What must be said first of the pairs whose metrics begin with a prefix."""
    invalid = metrics[f"{prefix}stereotyped_invalid"], metrics[f"{prefix}contrast_invalid"]
    line = pair_caution(int(metrics[f"{prefix}pairs"]), metrics[f"{prefix}mar"], int(metrics[f"{prefix}mar_n"]), invalid)
    return f"Warning: {name}{line}" if line else None


_PRIMING_NOTES = (
    "Changes are against the base arm, in percentage points, with 95 % intervals. They rest on the pairs that are complete in both arms, "
    "whose number stands in the first table. MAR and BR of an arm rest on all pairs that are complete in it, so they may differ by another "
    "amount than ΔMAR.",
    "DiD: change of stereotyped accuracy minus change of contrast accuracy; below 0 the cue hurts stereotyped halves more.",
    "Δ log odds: of misfiring against the reverse error; above 0 the cue hurts stereotyped halves more.",
    "q: that both say so, clustered by scenario, Benjamini-Hochberg over the arms of this run.",
    DELTA_MAR_CAVEAT,
)


def _veto_table(rows: Sequence[Row]) -> Table:
    table = _table("", "pairs", "MAR", "a + c", "95 % interval", "BR", "a + b")
    for row in rows:
        rates = percent(row.mar), str(row.mar_n), between(*row.mar_interval, percent), percent(row.br), str(row.br_n)
        table.add_row(_shown(row), str(row.pairs), *rates)
    return table


def _veto_notes(metrics: Metrics) -> Sequence[str]:
    gap = between(metrics["mar_minus_br_ci_lower"], metrics["mar_minus_br_ci_upper"], points)
    return [
        "MAR: share of wrong stereotyped halves where the contrast half is right (a + c pairs); BR: the reverse (of a + b).",
        f"MAR − BR: {points(metrics['mar_minus_br'])} points ({gap}).",
        f"McNemar, b against c, clustered by scenario: p = {metrics['mcnemar_p_clustered']:.2g}"
        f" (exact, which takes pairs as independent: p = {metrics['mcnemar_p']:.2g}).",
        f"MAR, unconditional: {percent(metrics['mar_unconditional'])}; over answered pairs alone: {percent(metrics['mar_valid'])}.",
        f"Accuracy: stereotyped {percent(metrics['target_accuracy'])}, contrast {percent(metrics['contrast_accuracy'])}.",
        "Invalid, counted as wrong: "
        f"stereotyped {percent(metrics['stereotyped_invalid'])}, contrast {percent(metrics['contrast_invalid'])}.",
    ]


def _priming_tables(metrics: Metrics) -> list[Table]:
    """What each cue does, then every arm by itself: together they would be too wide for a terminal of 80 columns."""
    effects = _table("arm", "pairs", "DiD", "Δ log odds", "q", numbers_whole=True)
    rates = _table("arm", "pairs", "MAR", "BR", "ΔMAR", "× base", numbers_whole=True)
    for row in arm_rows(metrics):
        own = str(row.pairs), f"{percent(row.mar)}\nof {row.mar_n}", f"{percent(row.br)}\nof {row.br_n}"
        if row.name == BASE:
            rates.add_row(_shown(row), *own)
            continue
        did, odds, change, ratio = (_with_interval(metrics, f"{row.name}_{key}", form) for key, form in _EFFECTS.items())
        q = metrics[f"{row.name}_selective_q"]
        compared = f"{metrics[f'{row.name}_compared_pairs']:.0f}"
        effects.add_row(_shown(row), compared, did, odds, forms.UNDEFINED if math.isnan(q) else f"{q:.2g}")
        rates.add_row(_shown(row), *own, change, ratio)
    return [effects, rates]


def _shown(row: Row) -> str:
    # the name is from a metric's, which whoever wrote the log chose
    return escape(plain(row.name))


_EFFECTS = {"did": points, "delta_log_odds": forms.score, "delta_mar": points, "amplification": times}


def _table(*headings: str, numbers_whole: bool = False) -> Table:
    """A table with texts in its first column and numbers in the others.

    Args:
        headings: The headings.
        numbers_whole: Whether numbers stay on their line, so that the texts are broken where the terminal is narrow.

    Returns:
        The table, without rows. What does not fit is broken, never cut.
    """
    table = Table()
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold", no_wrap=bool(number) and numbers_whole)
    return table


def _with_interval(metrics: Metrics, key: str, form: Form) -> str:
    if math.isnan(metrics[f"{key}_ci_lower"]):
        return form(metrics[key])
    return f"{form(metrics[key])}\n({between(metrics[f'{key}_ci_lower'], metrics[f'{key}_ci_upper'], form)})"


def _origin(log: EvalLog) -> str:
    metadata = log.eval.metadata or {}
    return str(metadata.get("pair_origin", metadata.get("instance_origin", "")))


def _planned(log: EvalLog, count: str) -> int:
    """Pairs or instances of the task times epochs. The metric sees what was scored, and so cannot tell of those that failed altogether."""
    return noted_count(log, count) * (log.eval.config.epochs or 1)


_COUNTS = ("pairs", "responses", "answers", "_n")
"""What names of metrics end in that are whole numbers, and shown as such."""

_RESPONSES = ("misaligned_responses", "aligned_responses")


def _done(metrics: Metrics, keys: Sequence[str]) -> int:
    return sum(int(metrics[key]) for key in keys)


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
    """A log that can be read has no results of ours."""


def _no_results(place: str, more: Sequence[str]) -> InputError:
    first = f"{place}: holds no log with results of misfire. Run `inspect eval misfire/veto --model …` first."
    return InputError("\n".join([first, *more]))


def _runs(found: FoundLogs) -> list[list[FoundLog]]:
    """The logs that count by run, the run that began last first."""
    by_run: defaultdict[str, list[FoundLog]] = defaultdict(list)
    for log in found.logs:
        by_run[log.header.eval.task_id].append(log)

    def began(own: Sequence[FoundLog]) -> tuple[str, str, str]:
        return max((log.header.eval.created, log.header.stats.completed_at, log.header.eval.eval_id) for log in own)

    return sorted(by_run.values(), key=began, reverse=True)


def _numbers(log: EvalLog) -> _Numbers:
    found = found_log(log)
    if found is None:
        raise _NoResultsError(f"{log.location}: this log has no results of misfire (task {log.eval.task}, status {log.status}).")
    logs = FoundLogs((found,), (), (), (), (), ())
    categories: dict[str, str] = {}
    losses: list[tuple[str, Loss]] = []
    if found.family in ("veto", "priming"):
        (run,) = runs_of(logs).runs
        halves = read_halves(run)
        content, own = halves.content, pair_run_metrics(run, halves.records) if halves.content.scored else {}
        categories = {key: name for name, key in category_keys(record.category for record in halves.records).items()}
        arms = [arm.name for arm in arms_of(run, halves.records)]
        losses += [("" if arm == BASE else f"{plain(arm)}: ", pair_loss(halves.records, arm)) for arm in arms]
    else:
        (run,) = misalign_runs_of(logs).runs
        verdicts = read_verdicts(run)
        content, own = verdicts.content, misalign_run_metrics(run, verdicts.records) if verdicts.content.scored else {}
        losses.append(("" if run.mode == "detect" else "labelled responses for the grader: ", detect_loss(judged_of(verdicts.records))))
    stored = dict(run.stored)
    if own:
        lost = tuple(f"Warning: {name}{line}" for name, loss in losses if (line := loss_caution(loss)))
        notes = tuple(run_notes(run, content, disagreement(stored, own)))
        return _Numbers(own, notes, scoring_words(run, content), categories, lost)
    if content.samples or not stored:
        raise _NoResultsError(f"{display_path(found.location)} {missing_words(run, content)}")
    if odd := next((name for name, value in stored.items() if name.endswith(_COUNTS) and not math.isfinite(value)), None):
        raise InputError(f"{found.location}: its metric '{odd}' is no count: {stored[odd]}.")
    return _Numbers(_Metrics(found.location, stored), (_OWN_METRICS,), run.scoring.words)


_OWN_METRICS = (
    "The log holds no samples, as after --no-log-samples: these are the metrics that it holds itself; they were not computed from samples."
)
