"""The one loop of the analyses: every intervention over every group of prompts, each piece once."""

from pathlib import Path

import pandas as pd
import pytest

from misfire.datasets.pairs import HALF_NAMES
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.session import Session
from misfire.mechanistic.store import Store


class Sweep:
    """A sweep of two groups under three interventions that notes what it is asked to do."""

    def __init__(self, stop_at: tuple[str, int] | None = None) -> None:
        self.clean: list[str] = []
        self.measured: list[tuple[str, int]] = []
        self.stop_at = stop_at

    def run(self, session: Session) -> pd.DataFrame:
        return session.run_interventions(
            ["a", "b"],
            [1, 2, 3],
            clean=self.make,
            measure=self.measure,
            piece=lambda group, number: f"{group}-{number}",
        )

    def make(self, group: str) -> str:
        self.clean.append(group)
        return f"clean run of {group}"

    def measure(self, group: str, clean: str, number: int) -> pd.DataFrame:
        if self.stop_at == (group, number):
            raise KeyboardInterrupt
        assert clean == f"clean run of {group}"
        self.measured.append((group, number))
        return pd.DataFrame({"group": [group], "number": [number]})


EVERY = [(group, number) for group in "ab" for number in (1, 2, 3)]


def of(session: Session, store: Store | None = None) -> Session:
    return Session(session.decoder, session.probed, store=store)


def test_every_intervention_runs_over_every_group_and_each_group_runs_once_without(session: Session):
    sweep = Sweep()
    rows = sweep.run(of(session))
    assert sweep.measured == EVERY
    assert sweep.clean == ["a", "b"]
    assert list(rows.itertuples(index=False, name=None)) == EVERY


def test_a_stopped_run_computes_what_is_missing_and_runs_no_other_group(session: Session, tmp_path: Path):
    # given a run that was stopped at the second intervention on the second group
    with pytest.raises(KeyboardInterrupt):
        Sweep(stop_at=("b", 2)).run(of(session, Store(tmp_path, {"run": 1}, resume=False)))
    # when it is resumed
    again = Sweep()
    rows = again.run(of(session, Store(tmp_path, {"run": 1}, resume=True)))
    # then only what is missing is measured, and the finished group is not run at all
    assert again.measured == [("b", 2), ("b", 3)]
    assert again.clean == ["b"]
    assert list(rows.itertuples(index=False, name=None)) == EVERY


def test_a_progress_bar_has_a_step_for_each_piece_and_ends_with_its_stage(session: Session):
    from collections.abc import Callable, Generator
    from contextlib import contextmanager

    shown: list[str | int] = []

    @contextmanager
    def progress(title: str) -> Generator[tuple[Callable[[int], None], Callable[[], None]]]:
        shown.append(title)
        yield shown.append, lambda: shown.append("step")

    own = Session(session.decoder, session.probed, progress=progress)
    with own.bar("Sweep", 6):
        Sweep().run(own)
    Sweep().run(own)  # outside a stage nothing is shown
    assert shown == ["Sweep", 6, *["step"] * 6]


def test_chunks_contain_every_half_once_under_any_budget(organism: Organism, probed: Probed):
    every = [(one.pair.id, half) for one in probed.pairs for half in HALF_NAMES]
    for budget, least in ((1, len(every)), (2**31, 1)):
        chunks = Session(organism.decoder, probed, budget).chunks
        assert len(chunks) >= least
        assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
        assert sorted((one.pair.pair.id, one.half) for chunk in chunks for one in chunk.halves) == sorted(
            every
        )
