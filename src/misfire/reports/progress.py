"""A progress bar that is displayed only during long operations."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PATIENCE = 2.0
"""Delay before the bar appears, in seconds."""


@contextmanager
def late_progress(
    words: str, *, patience: float = PATIENCE, console: Console | None = None
) -> Generator[tuple[Callable[[int], None], Callable[[], None]]]:
    """Return a progress bar that appears after a delay, if there is a terminal.

    Args:
        words: Description of the operation.
        patience: Delay in seconds.
        console: Where it appears. None means standard error.

    Yields:
        Two functions: the first takes the number of steps, and the second is called after each step.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console or Console(stderr=True), transient=True)
    bar, start_time = progress.add_task(words, total=None), time.monotonic()

    def started(total: int) -> None:
        progress.update(bar, total=total)

    def step() -> None:
        progress.advance(bar)
        if (
            not progress.live.is_started
            and time.monotonic() - start_time > patience
            and not progress.finished
        ):
            progress.start()

    try:
        yield started, step
    finally:
        progress.stop()
