"""Text in cells of CSV files that must be read neither as a spreadsheet formula nor as a missing value."""

import re

from misfire.reports.number_format import plain

# spreadsheets read a cell that begins with one of these as a formula, in some languages also the full-width
# forms
_FORMULA = re.compile(r"[=+\-@＝＋－＠]")

# readers of CSV (pandas, R) treat these as missing values, even in quotation marks
_MISSING = re.compile(r"nan|null|none|na|n/a|<na>|#n/a|#na|#n/a n/a|1\.#ind|1\.#qnan", re.IGNORECASE)


def guarded(text: str) -> str:
    """Return the text on one line, protected by an apostrophe if necessary.

    The apostrophe is added if a spreadsheet would read the text as a formula, or a reader as a missing value.
    """
    line = plain(text)
    return f"'{line}" if _FORMULA.match(line) or _MISSING.fullmatch(line) else line
