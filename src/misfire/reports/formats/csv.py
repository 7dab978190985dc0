"""Tables of a report as CSV: every column of the frame, numbers in full."""

import re
from typing import TYPE_CHECKING

from misfire.reports.number_format import plain
from misfire.reports.tables import Table

if TYPE_CHECKING:
    import pandas as pd

# a spreadsheet takes a cell that begins with one of these for a formula, in some languages their wide forms too
_FORMULA = re.compile(r"[=+\-@＝＋－＠]")

# readers of CSV (pandas, R) take these for a missing value, even in quotation marks
_MISSING = re.compile(r"nan|null|none|na|n/a|<na>|#n/a|#na|#n/a n/a|1\.#ind|1\.#qnan", re.IGNORECASE)


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


def guarded(text: str) -> str:
    """A text of one line that no spreadsheet would take for a formula, and no reader for a missing value."""
    line = plain(text)
    return f"'{line}" if _FORMULA.match(line) or _MISSING.fullmatch(line) else line
