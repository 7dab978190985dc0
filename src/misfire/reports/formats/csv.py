"""Tables of a report as CSV, with every column of the frame and full precision."""

from typing import TYPE_CHECKING

from misfire.reports.csv_cells import guarded
from misfire.reports.tables import Table

if TYPE_CHECKING:
    import pandas as pd


def render(table: Table) -> str:
    """Return the frame of a table as CSV.

    Args:
        table: The table.

    Returns:
        CSV with a header row. An undefined number is an empty cell, and an infinite number is ``inf``. Each
        text is on one line without control characters. It starts with an apostrophe if a spreadsheet would
        read it as a formula, or if a reader would treat it as a missing value (for example a category called
        "nan" or "NA").
    """
    return safe(table.frame).to_csv(index=False, lineterminator="\n")


def safe(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return the frame with every text on one line and protected as in ``guarded``."""
    text = {
        name: frame[name].map(guarded, na_action="ignore")
        for name in frame.columns
        if frame[name].dtype == "string"
    }
    return frame.assign(**text)
