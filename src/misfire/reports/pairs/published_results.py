"""The paper's main table, as context for a report. ``published/README.md`` gives the source."""

from pathlib import Path
from typing import TYPE_CHECKING

from misfire.reports.columns import PUBLISHED

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "arXiv 2606.18656"
"""Source of the rows."""

_FILE = Path(__file__).parent / "published" / "veto.csv"


def published_results() -> "pd.DataFrame":
    """Return the rows of the paper's main table.

    Returns:
        One row per model and one for ``Human``, with rates from 0 to 1.
    """
    import pandas as pd

    table = pd.read_csv(_FILE)
    rates = {
        column.name: (table[column.name] / 100).round(5) for column in PUBLISHED if column.kind == "rate"
    }
    frame = table.assign(**rates)[[column.name for column in PUBLISHED]]
    return frame.astype({column.name: column.dtype for column in PUBLISHED})
