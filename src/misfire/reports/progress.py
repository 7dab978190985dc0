"""A progress bar that shows itself only where there is something to wait for."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PATIENCE = 2.0
"""Seconds without a bar."""


@contextmanager
def late_progress(
    words: str, *, patience: float = PATIENCE, console: Console | None = None
) -> Generator[tuple[Callable[[int], None], Callable[[], None]]]:
    """A bar that appears after some seconds, if there is a terminal to show it on.

    Args:
        words: What is being done.
        patience: Seconds before it appears.
        console: Where it appears; standard error unless told.

    Yields:
        Two functions: the first takes the number of steps, the second is called after each.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=console or Console(stderr=True), transient=True)
    bar, begun = progress.add_task(words, total=None), time.monotonic()

    def started(total: int) -> None:
        progress.update(bar, total=total)

    def step() -> None:
        progress.advance(bar)
        if not progress.live.is_started and time.monotonic() - begun > patience and not progress.finished:
            progress.start()

    try:
        yield started, step
    finally:
        progress.stop()
