"""Progress of a run as lines in a file, for runs without a terminal: ``tail -f out/progress.log``."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from misfire.mechanistic.session import Progress

FILE = "progress.log"

EVERY = 10.0
"""Smallest time between two lines about one stage, in seconds."""


class ProgressFile:
    """Writes what a run does to a file, in addition to a progress bar.

    Args:
        folder: Folder of the run. Lines are added to its ``progress.log``.
        shown: Opens the progress bars.
        every: Smallest time between two lines about one stage, in seconds.
        clock: Time in seconds.
    """

    def __init__(
        self,
        folder: Path,
        shown: Progress,
        *,
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file, self._shown, self._every, self._clock = folder / FILE, shown, every, clock

    def write(self, text: str) -> None:
        """Add lines with the time of day."""
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        with self._file.open("a", encoding="utf-8") as file:
            file.writelines(f"{now}  {line}\n" for line in text.splitlines())

    @contextmanager
    def bar(self, title: str) -> Generator[tuple[Callable[[int], None], Callable[[], None]]]:
        """Open a progress bar, and write its steps; see ``misfire.mechanistic.session.Progress``."""
        begun = written = self._clock()
        done = steps = 0

        def line() -> str:
            return f"{title}: step {done} of {steps}, {self._clock() - begun:.0f} s"

        with self._shown(title) as (show_started, show_step):

            def started(total: int) -> None:
                nonlocal steps
                steps = total
                self.write(f"{title}: started, {total} {'step' if total == 1 else 'steps'}")
                show_started(total)

            def step() -> None:
                nonlocal done, written
                done += 1
                if self._clock() - written >= self._every:
                    written = self._clock()
                    self.write(line())
                show_step()

            try:
                yield started, step
            except BaseException:
                self.write(f"{line()}; interrupted")
                raise
            self.write(f"{title}: finished in {self._clock() - begun:.0f} s")
