"""Tables of a report as CSV: every column of the frame, numbers in full."""

from typing import TYPE_CHECKING

from misfire.reports.csv_cells import guarded
from misfire.reports.tables import Table

if TYPE_CHECKING:
    import pandas as pd


def render(table: Table) -> str:
    """The table's frame.

    Args:
        table: The table.

    Returns:
        CSV with a heading; an undefined number is an empty cell, an infinite one ``inf``. A text is one line without control characters.
        It begins with an apostrophe where a spreadsheet would run it as a formula, or a reader would take it for a missing value (a
        category that is called "nan" or "NA").
    """
    return safe(table.frame).to_csv(index=False, lineterminator="\n")


def safe(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The frame with texts of one line, none of which a spreadsheet would take for a formula or a reader for a missing value."""
    text = {name: frame[name].map(guarded, na_action="ignore") for name in frame.columns if frame[name].dtype == "string"}
    return frame.assign(**text)
