"""The content of a report in any format: sections of paragraphs, tables, figures and failures."""

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

CONTENT_WARNING = (
    "Content warning: these examples repeat stereotypes because the benchmark measures how "
    "models handle them."
)

_MAIN_TEXT = (
    "MAR is the share of pairs with a wrong stereotyped half among the pairs with a right contrast half. "
    "BR is the reverse. A model that makes both errors equally often lies on the diagonal. Misfiring is "
    "the excess of MAR over BR.",
)

_MISALIGN_TEXT = (
    "Each model judges an aligned and a misaligned response to each prompt, separately and without seeing "
    "the labels. The rates follow this project's interpretation of the paper's definitions. They do not "
    "reproduce its tables.",
)

_FAILURE_TEXT = (
    "These are the pairs on which most VETO runs misfire with two valid answers. The texts show the first "
    "pair of each scenario.",
)


@dataclass(frozen=True)
class Section:
    """A section of the report.

    Attributes:
        name: Name for anchors.
        title: Its heading.
        text: Its paragraphs.
        tables: Its tables.
        drawings: Its figures.
        failures: Pairs with their texts, shown under a content warning.
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
        caveats: Facts that a reader must know before the numbers, one sentence or more each.
        sections: Its sections, in order. Empty sections are omitted.
    """

    title: str
    caveats: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in order."""
        return tuple(table for section in self.sections for table in section.tables)

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """All figures, in order."""
        return tuple(drawing for section in self.sections for drawing in section.drawings)


def document(
    results: Results, *, published: bool = False, figures: bool = True, examples: int = 10
) -> Document:
    """Build the report of some results.

    Args:
        results: The results of the logs.
        published: Whether to include the rows that the paper published.
        figures: Whether to draw figures.
        examples: Maximum number of failures to show with their texts.

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
        Section(
            "runs", "Runs and settings", (), _some(_run_table(results), misalign_run_table(results.misalign))
        ),
    )
    every_run = (*results.run_set.runs, *results.misalign.run_set.runs)
    models, runs = len({run.model for run in every_run}), len(every_run)
    title = f"misfire: {_number(models, 'model')}, {_number(runs, 'run')}"
    return Document(
        title, tuple(caveats(results)), tuple(s for s in sections if s.tables or s.drawings or s.failures)
    )


@dataclass(frozen=True)
class _Figures:
    """The figures that were drawn, by name."""

    drawn: Mapping[str, Drawing]

    def __call__(self, *names: str) -> tuple[Drawing, ...]:
        """Return the figures with these names, if they were drawn."""
        return tuple(self.drawn[name] for name in names if name in self.drawn)


def _pair_sections(results: Results, figure: _Figures, *, published: bool) -> tuple[Section, ...]:
    """Return the sections on VETO and priming."""
    main = _some(main_table(results, published))
    controls = _some(certified_table(results), detection_table(results), ambiguous_table(results))
    benchmark = _some(edition_table(results), flag_table(results), exchange_table(results))
    priming = _some(effect_table(results), arm_table(results))
    return (
        Section("veto", "MAR and BR", _MAIN_TEXT, main, figure("mar_br_intervals", "mar_br_scatter")),
        Section("categories", "Categories", (), _some(category_table(results)), figure("category_heat_map")),
        Section("cells", "Pairs by outcome", (), _some(cell_table(results)), figure("confusion")),
        Section(
            "protocols",
            "Direct answers compared with chain of thought",
            (),
            _some(protocol_table(results)),
            figure("protocol_slopes"),
        ),
        Section("priming", "Priming", (), priming, figure("priming_dumbbell")),
        Section("comparisons", "Comparisons between models", (), _some(comparison_table(results))),
        Section(
            "scenarios",
            "Scenarios that misfire in most runs",
            (),
            _some(scenario_table(results)),
            figure("scenarios"),
        ),
        Section("controls", "Misfiring or a tendency to say no", (), controls, figure("control_differences")),
        Section("benchmark", "Is it the model or the benchmark?", (), benchmark),
        Section("power", "Pairs needed", (), _some(power_table(results))),
    )


def _failure_section(results: Results, examples: int) -> Section:
    """Return the section with the pairs on which most runs misfire, with their texts."""
    clearest = tuple(telling_failures(results, examples))
    return Section(
        "failures", "The clearest failures", _FAILURE_TEXT, _some(failure_table(results)), failures=clearest
    )


def _misalign_sections(results: MisalignResults, figure: _Figures) -> tuple[Section, ...]:
    """Return the sections on Mis-Align Bench."""
    leaders = _some(leader_table(results))
    return (
        Section(
            "misalign", "Mis-Align Bench: joint alignment", _MISALIGN_TEXT, leaders, figure("misalign_plane")
        ),
        Section("dimensions", "Safety, value, culture", (), _some(dimension_table(results))),
        Section(
            "overlap",
            "Dimensions flagged together",
            (),
            _some(overlap_table(results)),
            figure("misalign_overlap"),
        ),
        Section(
            "conditions",
            "Dimensions asked alone and together",
            (),
            _some(condition_table(results)),
            figure("misalign_conditions"),
        ),
        Section("domains", "Domains", (), _some(domain_table(results)), figure("misalign_domains")),
        Section(
            "answers", "Answers of the models", (), _some(answer_table(results)), figure("misalign_answers")
        ),
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
        ("pair_origin", "source of pairs"),
        ("pair_set_sha256", "pair set (SHA-256)"),
        ("suite_version", "misfire"),
        ("created", "started"),
        ("log", "log"),
    ]
    return table("runs", "Runs", "", results.runs, shown)


def caveats(results: Results) -> Iterable[str]:
    """Return the facts that a reader must know before the numbers, one per line.

    They cover warnings, simulated models, incomplete runs, mixed pairs, and logs that were left out.
    """
    run_set, runs = results.run_set, results.runs
    misalign = results.misalign
    yield from cautions(results)
    if any(run.model.startswith("simulated/") for run in (*run_set.runs, *misalign.run_set.runs)):
        yield "Models named simulated/… are not real models. Their results are simulated."
    for run, complete, errors in zip(run_set.runs, runs["complete"], runs["errors"], strict=True):
        if not complete and is_scored(results.contents, run.log):
            yield (
                f"{plain(run.label)} ({run.task}) "
                f"{_incomplete(run.status, errors, _pairs_there(results, run))}"
            )
    found = zip(misalign.run_set.runs, misalign.records, misalign.judged, strict=True)
    rows = zip(found, misalign.runs["complete"], misalign.runs["errors"], strict=True)
    for (run, records, judged), complete, errors in rows:
        if not complete and is_scored(misalign.contents, run.log):
            noun = "responses have a verdict" if run.mode == "detect" else "answers have an outcome"
            there = f"{count(done_of(run, records, judged))} of {count(run.planned)} {noun}"
            lack = (
                f"; {count(judged.incomplete)} labeled responses lack a verdict"
                if judged.incomplete and run.mode == "generate"
                else ""
            )
            yield (
                f"{plain(run.label)} (Mis-Align, {run.mode}) {_incomplete(run.status, errors, there + lack)}"
            )
    yield from losses(results)
    for run in misalign.run_set.of("generate"):
        if misalign.grader_of(run) == run.model:
            yield f"{plain(run.label)} was graded by the same model. Models favor their own answers."
    for line in (*run_set.mixed, *misalign.run_set.mixed):
        yield (
            f"Mixed on request: {plain(line)}. Runs on different pairs or instances are not compared with "
            "each other."
        )
    unverified = sorted({name for run in run_set.runs for name in run.unverified_files})
    if unverified:
        yield (
            f"These BBQ files are not the official ones: {', '.join(map(plain, unverified))}. The numbers "
            "are not comparable with published ones."
        )
    yield from notes_on(results)


def _incomplete(status: str, errors: int, there: str) -> str:
    """Describe what a run lacks: its status if it did not finish, its outcomes and its errors."""
    parts = [
        *([] if status == "success" else [f"status {status}"]),
        there,
        *([f"{errors} samples ended in an error"] if errors else []),
    ]
    return f"is incomplete: {'; '.join(parts)}. Its numbers are based on the available data."


def _pairs_there(results: Results, run: Run) -> str:
    """Describe how many planned pairs are complete, and in which arms pairs are missing."""
    arms = [(arm.name, len(arm.joined.pairs)) for arm in results.arms if arm.run is run]
    fewest = min(number for _, number in arms)
    own = [plain(name) for name, number in arms if number == fewest]
    where = "" if len(own) == len(arms) else f" in the {'arm' if len(own) == 1 else 'arms'} {', '.join(own)}"
    return f"{count(fewest)} of {count(run.planned_pairs)} pairs have both outcomes{where}"


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _some(*tables: Table | None) -> tuple[Table, ...]:
    return tuple(table for table in tables if table is not None)
