"""Texts in cells of CSV files: neither formulas of a spreadsheet nor missing values of a reader."""

import re

from misfire.reports.number_format import plain

# a spreadsheet takes a cell that begins with one of these for a formula, in some languages their wide forms too
_FORMULA = re.compile(r"[=+\-@＝＋－＠]")

# readers of CSV (pandas, R) take these for a missing value, even in quotation marks
_MISSING = re.compile(r"nan|null|none|na|n/a|<na>|#n/a|#na|#n/a n/a|1\.#ind|1\.#qnan", re.IGNORECASE)


def guarded(text: str) -> str:
    """A text of one line that no spreadsheet would take for a formula, and no reader for a missing value."""
    line = plain(text)
    return f"'{line}" if _FORMULA.match(line) or _MISSING.fullmatch(line) else line
