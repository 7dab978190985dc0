"""The progress bar that shows itself late."""

from io import StringIO

import pytest
from rich.console import Console

from misfire.reports.progress import late_progress


@pytest.mark.parametrize(("patience", "shown"), [(1000.0, False), (-1.0, True)])
def test_a_progress_bar_appears_only_if_reading_takes_long(patience: float, shown: bool):
    console = Console(file=StringIO(), force_terminal=True)
    with late_progress("Reading logs", patience=patience, console=console) as (started, step):
        started(2)
        step()
    assert isinstance(console.file, StringIO)
    assert ("Reading logs" in console.file.getvalue()) == shown
