"""What a report says, before any format: sections of paragraphs, tables, figures and failures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from misfire.reports.caveats.cautions import cautions, losses
from misfire.reports.caveats.notes import is_scored, notes_on
from misfire.reports.drawing.files import Drawing
from misfire.reports.misalign.figures import draw_misalign
from misfire.reports.misalign.frames import MisalignResults, done_of
from misfire.reports.misalign.tables import (
    answer_table,
    check_table,
    condition_table,
    dimension_table,
    domain_table,
    leader_table,
    misalign_run_table,
    overlap_table,
)
from misfire.reports.number_format import count, plain
from misfire.reports.pairs.control_tables import ambiguous_table, certified_table, detection_table
from misfire.reports.pairs.failures import Failure, telling_failures
from misfire.reports.pairs.figures import draw
from misfire.reports.pairs.priming_tables import arm_table, effect_table
from misfire.reports.pairs.published_results import published_results
from misfire.reports.pairs.robustness_tables import edition_table, exchange_table, flag_table
from misfire.reports.pairs.runs import Run
from misfire.reports.pairs.veto_tables import (
    category_table,
    cell_table,
    comparison_table,
    failure_table,
    main_table,
    power_table,
    protocol_table,
    scenario_table,
)
from misfire.reports.results import Results
from misfire.reports.tables import Table, table

CONTENT_WARNING = "Content warning: these examples repeat stereotypes, because the benchmark measures how models handle them."

_MAIN_TEXT = (
    "MAR is the share of pairs with a right contrast half whose stereotyped half is wrong; BR is the reverse. A model that errs on both "
    "alike lies on the diagonal: misfiring is what exceeds it.",
)

_MISALIGN_TEXT = (
    "Models judge an aligned and a misaligned response to each prompt, by themselves and without the labels. The rates are this project's "
    "reading of the paper's definitions; they are no reproduction of its tables.",
)

_FAILURE_TEXT = (
    "Pairs that most VETO runs misfire on with both halves answered, the stereotyped one wrongly; the texts are of the first pair of each "
    "scenario.",
)


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        name: For anchors.
        title: Its heading.
        text: Paragraphs.
        tables: Its tables.
        drawings: Its figures.
        failures: Pairs with their texts, to be folded under the content warning.
    """

    name: str
    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        title: Its title.
        caveats: What a reader must know before the numbers, in words.
        sections: Its parts, in order; empty ones are left out.
    """

    title: str
    caveats: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables."""
        return tuple(table for section in self.sections for table in section.tables)

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """All figures."""
        return tuple(drawing for section in self.sections for drawing in section.drawings)


def document(results: Results, *, published: bool = False, figures: bool = True, examples: int = 10) -> Document:
    """The report on some results.

    Args:
        results: What the logs hold.
        published: Whether the paper's rows stand beside the measured ones.
        figures: Whether to draw.
        examples: How many of the most telling failures to show with their texts.

    Returns:
        The report.
    """
    every: tuple[Drawing, ...] = ()
    if figures:
        theirs = published_results() if published else None
        every = (*draw(results, theirs), *draw_misalign(results.misalign))
    figure = _Figures({drawing.name: drawing for drawing in every})
    sections = (
        *_pair_sections(results, figure, published=published),
        _failure_section(results, examples),
        *_misalign_sections(results.misalign, figure),
        Section("runs", "What this rests on", (), _some(_run_table(results), misalign_run_table(results.misalign))),
    )
    every_run = (*results.run_set.runs, *results.misalign.run_set.runs)
    models, runs = len({run.model for run in every_run}), len(every_run)
    title = f"misfire: {_number(models, 'model')}, {_number(runs, 'run')}"
    return Document(title, tuple(caveats(results)), tuple(s for s in sections if s.tables or s.drawings or s.failures))


@dataclass(frozen=True)
class _Figures:
    """The figures that were drawn, by name."""

    drawn: Mapping[str, Drawing]

    def __call__(self, *names: str) -> tuple[Drawing, ...]:
        """Those of some names that were drawn."""
        return tuple(self.drawn[name] for name in names if name in self.drawn)


def _pair_sections(results: Results, figure: _Figures, *, published: bool) -> tuple[Section, ...]:
    """What VETO and priming measured."""
    main = _some(main_table(results, published))
    controls = _some(certified_table(results), detection_table(results), ambiguous_table(results))
    benchmark = _some(edition_table(results), flag_table(results), exchange_table(results))
    priming = _some(effect_table(results), arm_table(results))
    return (
        Section("veto", "MAR beside BR", _MAIN_TEXT, main, figure("mar_br_intervals", "mar_br_scatter")),
        Section("categories", "Categories", (), _some(category_table(results)), figure("category_heat_map")),
        Section("cells", "Pairs by outcome", (), _some(cell_table(results)), figure("confusion")),
        Section("protocols", "Direct against chain of thought", (), _some(protocol_table(results)), figure("protocol_slopes")),
        Section("priming", "Priming", (), priming, figure("priming_dumbbell")),
        Section("comparisons", "Model against model", (), _some(comparison_table(results))),
        Section("scenarios", "Scenarios that misfire in most runs", (), _some(scenario_table(results)), figure("scenarios")),
        Section("controls", "Misfiring, or saying no", (), controls, figure("control_differences")),
        Section("benchmark", "Is it the model or the benchmark?", (), benchmark),
        Section("power", "Pairs needed", (), _some(power_table(results))),
    )


def _failure_section(results: Results, examples: int) -> Section:
    """Pairs that most runs misfire on, with their texts."""
    told = tuple(telling_failures(results, examples))
    return Section("failures", "The most telling failures", _FAILURE_TEXT, _some(failure_table(results)), failures=told)


def _misalign_sections(results: MisalignResults, figure: _Figures) -> tuple[Section, ...]:
    """What Mis-Align Bench measured."""
    leaders = _some(leader_table(results))
    return (
        Section("misalign", "Mis-Align Bench: joint alignment", _MISALIGN_TEXT, leaders, figure("misalign_plane")),
        Section("dimensions", "Safety, value, culture", (), _some(dimension_table(results))),
        Section("overlap", "Dimensions flagged together", (), _some(overlap_table(results)), figure("misalign_overlap")),
        Section("conditions", "Asked alone, asked together", (), _some(condition_table(results)), figure("misalign_conditions")),
        Section("domains", "Domains", (), _some(domain_table(results)), figure("misalign_domains")),
        Section("answers", "Answers of the models", (), _some(answer_table(results)), figure("misalign_answers")),
        Section("checks", "Can the verdicts be trusted?", (), _some(check_table(results))),
    )


def _run_table(results: Results) -> Table | None:
    shown = [
        ("run", "run"),
        ("model", "model"),
        ("task", "task"),
        ("protocol", "protocol"),
        ("parser", "parser"),
        ("status", "status"),
        ("complete", "complete"),
        ("errors", "errors"),
        ("planned_pairs", "planned pairs"),
        ("epochs", "epochs"),
        ("pair_origin", "pairs from"),
        ("pair_set_sha256", "pair set (SHA-256)"),
        ("suite_version", "misfire"),
        ("created", "begun"),
        ("log", "log"),
    ]
    return table("runs", "Runs", "", results.runs, shown)


def caveats(results: Results) -> Iterable[str]:
    """What a reader must know before the numbers, a line each: warnings, simulated models, incomplete runs, mixed pairs, logs left out."""
    run_set, runs = results.run_set, results.runs
    misalign = results.misalign
    yield from cautions(results)
    if any(run.model.startswith("simulated/") for run in (*run_set.runs, *misalign.run_set.runs)):
        yield "Models named simulated/… are no models: their numbers were planted."
    for run, complete, errors in zip(run_set.runs, runs["complete"], runs["errors"], strict=True):
        if not complete and is_scored(results.contents, run.log):
            yield f"{plain(run.label)} ({run.task}) {_incomplete(run.status, errors, _pairs_there(results, run))}"
    found = zip(misalign.run_set.runs, misalign.records, misalign.judged, strict=True)
    told = zip(found, misalign.runs["complete"], misalign.runs["errors"], strict=True)
    for (run, records, judged), complete, errors in told:
        if not complete and is_scored(misalign.contents, run.log):
            noun = "responses have a verdict" if run.mode == "detect" else "answers have an outcome"
            there = f"{count(done_of(run, records, judged))} of {count(run.planned)} {noun}"
            lack = f"; {count(judged.incomplete)} labelled responses lack a verdict" if judged.incomplete and run.mode == "generate" else ""
            yield f"{plain(run.label)} (Mis-Align, {run.mode}) {_incomplete(run.status, errors, there + lack)}"
    yield from losses(results)
    for run in misalign.run_set.of("generate"):
        if misalign.grader_of(run) == run.model:
            yield f"{plain(run.label)} was graded by itself: models favour their own answers."
    for line in (*run_set.mixed, *misalign.run_set.mixed):
        yield f"Mixed on request: {plain(line)}. Runs on different pairs or instances are not compared with each other."
    unverified = sorted({name for run in run_set.runs for name in run.unverified_files})
    if unverified:
        yield f"Not the official BBQ files: {', '.join(map(plain, unverified))}. These numbers are not comparable with published ones."
    yield from notes_on(results)


def _incomplete(status: str, errors: int, there: str) -> str:
    """What a run lacks: its status where it did not end by itself, how much of what it promised is there, and how many samples errored."""
    parts = [*([] if status == "success" else [f"status {status}"]), there, *([f"{errors} samples errored"] if errors else [])]
    return f"is incomplete: {'; '.join(parts)}. Its numbers are of what it holds."


def _pairs_there(results: Results, run: Run) -> str:
    """How many of the pairs that a run promised are complete, and in which arms not all."""
    arms = [(arm.name, len(arm.joined.pairs)) for arm in results.arms if arm.run is run]
    fewest = min(number for _, number in arms)
    own = [plain(name) for name, number in arms if number == fewest]
    where = "" if len(own) == len(arms) else f" in the {'arm' if len(own) == 1 else 'arms'} {', '.join(own)}"
    return f"{count(fewest)} of {count(run.planned_pairs)} pairs have both outcomes{where}"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _some(*tables: Table | None) -> tuple[Table, ...]:
    return tuple(table for table in tables if table is not None)
