"""The progress bar that shows itself late."""

from io import StringIO

import pytest
from rich.console import Console

from misfire.reports.progress import late_progress


@pytest.mark.parametrize(("patience", "shown"), [(1000.0, False), (-1.0, True)])
def test_a_bar_shows_only_where_there_is_something_to_wait_for(patience: float, shown: bool):
    console = Console(file=StringIO(), force_terminal=True)
    with late_progress("Reading logs", patience=patience, console=console) as (started, step):
        started(2)
        step()
    assert isinstance(console.file, StringIO)
    assert ("Reading logs" in console.file.getvalue()) == shown
