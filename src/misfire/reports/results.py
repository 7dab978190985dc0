"""The results of logs of all tasks, and the function that reads them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from misfire.errors import InputError
from misfire.reports.logs.log_files import Step, find_logs
from misfire.reports.logs.places import Places, locations
from misfire.reports.logs.runs import AnyRun
from misfire.reports.logs.samples import Reading
from misfire.reports.misalign.frames import MisalignResults, VerdictRecord, read_verdicts
from misfire.reports.misalign.runs import MisalignRunSet, misalign_runs_of
from misfire.reports.pairs.frames import PairFrames
from misfire.reports.pairs.records import HalfRecord, read_halves
from misfire.reports.pairs.runs import runs_of

AnyRecord = TypeVar("AnyRecord")


@dataclass(frozen=True)
class Results(PairFrames):
    """The results of a set of logs: the frames about pairs and those about Mis-Align Bench.

    Attributes:
        run_set: The runs of VETO and priming, and the logs that were left out.
        records: The halves of each of these runs, in the order of the runs.
        contents: Counts of the samples of each log, by location.
        misalign: The runs of Mis-Align Bench, with their own frames.
    """

    misalign: MisalignResults = field(
        default_factory=lambda: MisalignResults(MisalignRunSet((), ()), ()), repr=False
    )


def read_results(
    places: Places,
    *,
    allow_mixed: bool = False,
    started: Callable[[int], None] | None = None,
    step: Step | None = None,
) -> Results:
    """Read the results of a set of logs.

    Args:
        places: Log files and folders, on any file system that Inspect can read. The folder of an eval set is
            one of these.
        allow_mixed: Whether runs may differ in pairs or instances, suite version or parser.
        started: Called with the number of logs before their samples are read.
        step: Called after each log.

    Returns:
        The results. Logs of runs that did not finish are included with the samples that they have.

    Raises:
        InputError: A place cannot be read, there is no log of misfire, or runs differ in a way that is not
            allowed.
    """
    named = {location for location, is_named in locations(places) if is_named}
    broken: dict[str, str] = {}
    halves: dict[str, Reading[HalfRecord]] = {}
    verdicts: dict[str, Reading[VerdictRecord]] = {}
    while True:
        found = find_logs(places, broken)
        run_set = runs_of(found, allow_mixed=allow_mixed)
        misalign = misalign_runs_of(found, allow_mixed=allow_mixed)
        if started:
            started(len(run_set.runs) + len(misalign.runs))
        try:
            _read_into(halves, read_halves, run_set.runs, step)
            _read_into(verdicts, read_verdicts, misalign.runs, step)
        except _BrokenLogError as error:
            if error.location in named:
                raise error.why from error
            # the other logs of the folder are used, possibly with an earlier attempt at the same run
            broken[error.location] = str(error.why)
            continue
        return Results(
            run_set=run_set,
            records=tuple(halves[run.log].records for run in run_set.runs),
            contents={run.log: halves[run.log].content for run in run_set.runs},
            misalign=MisalignResults(
                run_set=misalign,
                records=tuple(verdicts[run.log].records for run in misalign.runs),
                contents={run.log: verdicts[run.log].content for run in misalign.runs},
            ),
        )


class _BrokenLogError(Exception):
    """The samples of a log cannot be read."""

    def __init__(self, location: str, why: InputError) -> None:
        super().__init__(str(why))
        self.location = location
        self.why = why


def _read_into(
    readings: dict[str, Reading[AnyRecord]],
    read: Callable[[AnyRun], Reading[AnyRecord]],
    runs: Sequence[AnyRun],
    step: Step | None,
) -> None:
    """Read the runs that have not been read yet."""
    for run in runs:
        if run.log in readings:
            continue
        try:
            readings[run.log] = read(run)
        except InputError as error:
            raise _BrokenLogError(run.log, error) from error
        if step:
            step()
