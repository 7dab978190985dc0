"""The paper's main table, as context for a report; facts with their source in ``published/README.md``."""

from pathlib import Path
from typing import TYPE_CHECKING

from misfire.reports.columns import PUBLISHED

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "arXiv 2606.18656"
"""Where the rows are from."""

_FILE = Path(__file__).parent / "published" / "veto.csv"


def published_results() -> "pd.DataFrame":
    """The rows of the paper's main table.

    Returns:
        One row a model and one for ``Human``; rates from 0 to 1.
    """
    import pandas as pd

    table = pd.read_csv(_FILE)
    rates = {column.name: (table[column.name] / 100).round(5) for column in PUBLISHED if column.kind == "rate"}
    frame = table.assign(**rates)[[column.name for column in PUBLISHED]]
    return frame.astype({column.name: column.dtype for column in PUBLISHED})
