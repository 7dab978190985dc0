"""Progress is in a file too: what runs, how far it is, and how it ended."""

from pathlib import Path

import pytest

from misfire.mechanistic.progress_file import ProgressFile
from misfire.mechanistic.session import no_progress


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lines(folder: Path) -> list[str]:
    """The lines without the time of day."""
    return [line.partition("  ")[2] for line in (folder / "progress.log").read_text().splitlines()]


def test_a_stage_is_written_at_its_start_every_ten_seconds_and_at_its_end(tmp_path: Path):
    clock = Clock()
    file = ProgressFile(tmp_path, no_progress, clock=clock)
    with file.bar("Heads") as (started, step):
        started(9)
        for _ in range(9):
            clock.now += 4
            step()
    assert lines(tmp_path) == [
        "Heads: started, 9 steps",
        "Heads: step 3 of 9, 12 s",
        "Heads: step 6 of 9, 24 s",
        "Heads: step 9 of 9, 36 s",
        "Heads: finished in 36 s",
    ]


def test_a_stage_that_is_interrupted_says_how_far_it_was(tmp_path: Path):
    file = ProgressFile(tmp_path, no_progress, clock=Clock())

    def interrupted() -> None:
        with file.bar("Heads") as (started, step):
            started(3)
            step()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert lines(tmp_path)[-1] == "Heads: step 1 of 3, 0 s; interrupted"
