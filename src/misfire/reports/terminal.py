"""The main numbers of a report, for the terminal."""

import dataclasses

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table as Grid
from rich.text import Text

from misfire.reports.caveats.cautions import cautions
from misfire.reports.document import caveats
from misfire.reports.misalign.tables import answer_table, leader_table
from misfire.reports.pairs.priming_tables import effect_table
from misfire.reports.pairs.veto_tables import main_table
from misfire.reports.results import Results
from misfire.reports.tables import Table

_SHOWN = {
    "veto_main": {
        "run": False,
        "pairs": False,
        "mar": True,
        "mar_n": False,
        "mar_unconditional": False,
        "br": False,
        "br_n": False,
        "mar_minus_br": True,
        "mcnemar_q_clustered": False,
    },
    "priming_effects": {
        "run": False,
        "arm": False,
        "compared_pairs": False,
        "did": True,
        "delta_log_odds": True,
        "selective_q": False,
        "delta_mar": False,
    },
    "misalign_leaders": {
        "run": False,
        "condition": False,
        "alignment_score": True,
        "coverage": False,
        "misaligned_judged": False,
        "ffr": False,
        "aligned_judged": False,
        "invalid": False,
    },
    "misalign_answers": {
        "run": False,
        "grader": False,
        "aligned_rate": True,
        "answers_judged": False,
        "aligned_rate_corrected": True,
        "grader_alignment_score": False,
    },
}
"""The columns that fit a terminal, and whether to show their intervals. The report shows all columns."""


def overview(results: Results) -> RenderableType:
    """Return the main numbers: MAR and BR of VETO runs, effects of cues, and Alignment Scores.

    Args:
        results: The results of the logs.

    Returns:
        Warnings, followed by tables, followed by other facts that a reader must know.
    """
    tables = (
        main_table(results),
        effect_table(results),
        leader_table(results.misalign),
        answer_table(results.misalign),
    )
    first = list(cautions(results))
    after = (line for line in caveats(results) if line not in first)
    return Group(
        *(Text(line, style="bold") for line in first),
        *(_grid(table) for table in tables if table is not None),
        *(f"  {escape(line)}" for line in after),
    )


def _grid(table: Table) -> Grid:
    shown = _SHOWN[table.name]
    columns = tuple(
        dataclasses.replace(column, interval=shown[column.name])
        for column in table.columns
        if column.name in shown
    )
    grid = Grid(title=escape(table.title), box=SIMPLE_HEAD)
    for column in columns:
        text = column.kind == "text"
        grid.add_column(escape(column.heading), justify="left" if text else "right", overflow="fold")
    for row in dataclasses.replace(table, columns=columns).rows():
        grid.add_row(*(escape(text) for _, text in row))
    return grid
