"""Kills runs with SIGKILL at random moments and resumes them.

It checks that nothing is lost or paid for twice.

    python -m benchmarks.kill_and_resume [--tasks veto priming detect generate] [--moments 50] [--seed 1]

Run it from the root of the repository. Each task first runs undisturbed against the loopback server. Then,
for each moment, a new run is killed: sometimes while it starts, mostly after a random number of calls, and
sometimes while it ends. It is resumed with ``eval_retry``, or run again if it was killed before it had a log.
The final log must have the same scores and metrics as the undisturbed one, and no finished sample may cause
another call. "Paid again" counts replies that the server sent in full before the kill for samples that were
not finished. There may be at most as many as there are connections, including those of the grader. Finished
samples are those that Inspect can recover, so only this number would show that a buffer loses samples. The
exit status is 1 if any check fails.
"""

import argparse
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import inspect_ai
from inspect_ai.event import ModelEvent
from inspect_ai.log import EvalLog, EvalSample, read_eval_log, recover_eval_log
from inspect_ai.log._recover import RecoveryNotAvailable
from inspect_ai.model import get_model
from rich.console import Console
from rich.table import Table

from tests.providers.faults import lognormal
from tests.providers.minds import reply_by_text
from tests.providers.server import LoopbackServer, serve

MODEL, GRADER = "openai/gpt-4o-mini", "openai/gpt-4o"

CONNECTIONS = 16

LATENCY = 0.05
"""Median latency of a reply in seconds."""


@dataclass(frozen=True)
class Work:
    """A run of the suite.

    Attributes:
        task: Its name.
        arguments: Its parameters.
    """

    task: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def graded(self) -> bool:
        """Whether a second model grades the answers."""
        return self.arguments.get("mode") == "generate"

    @property
    def connections(self) -> int:
        """Maximum number of concurrent calls."""
        return CONNECTIONS * (2 if self.graded else 1)


WORKS = {
    "veto": Work("misfire/veto", {"source": "embedded", "pairs": 32}),
    "priming": Work("misfire/priming", {"source": "embedded", "pairs": 16, "cues": "published,neutral"}),
    "detect": Work("misfire/misalign_bench", {"per_dimension": 12}),
    "generate": Work("misfire/misalign_bench", {"mode": "generate", "per_dimension": 8, "grader_sample": 8}),
}


@dataclass(frozen=True)
class Moment:
    """When to kill a run.

    Attributes:
        calls: Number of calls to the server to wait for.
        seconds: Time to wait after these calls, or after the start if the run is killed before the first
            call.
    """

    calls: int
    seconds: float


@dataclass(frozen=True)
class Course:
    """An undisturbed run.

    Attributes:
        log: Its log.
        calls: Number of calls to the server.
        start: Time before the first call in seconds.
        end: Time after the last call in seconds.
    """

    log: EvalLog
    calls: int
    start: float
    end: float

    def moment(self, rng: random.Random) -> Moment:
        """Draw a moment: one in ten before the first call, one in ten after the last, the others between."""
        match rng.randrange(10):
            case 0:
                return Moment(0, rng.uniform(0, self.start))
            case 9:
                return Moment(self.calls, rng.uniform(0, self.end))
            case _:
                return Moment(rng.randint(1, self.calls), rng.uniform(0, LATENCY))


@dataclass(frozen=True)
class Kill:
    """The result of one kill.

    Attributes:
        moment: The moment of the kill.
        logged: Whether the killed run had written a log.
        finished: Number of samples that were finished before the kill.
        paid_again: Number of replies that had been sent in full for samples that were not finished.
        faults: The checks that failed after the run was resumed, in words.
    """

    moment: Moment
    logged: bool
    finished: int
    paid_again: int
    faults: tuple[str, ...]


def start_run(work: Work, url: str, folder: Path) -> None:
    """Run a task. This is the target of a process."""
    _quiet()
    roles = {"grader": get_model(GRADER, base_url=f"{url}/v1")} if work.graded else None
    inspect_ai.eval(
        work.task,
        task_args=work.arguments,
        model=MODEL,
        model_base_url=f"{url}/v1",
        model_roles=roles,
        max_connections=CONNECTIONS,
        log_dir=str(folder),
        display="none",
    )


def resume(log: str, folder: Path) -> None:
    """Resume a run. This is the target of a process."""
    _quiet()
    inspect_ai.eval_retry(log, log_dir=str(folder), display="none")


def killed(work: Work, moment: Moment, reference: EvalLog, folder: Path) -> Kill:
    """Kill a run at a moment, resume it, and check the result."""
    with serve(reply_by_text, lognormal(LATENCY, 0.5)) as server:
        process = _process(start_run, work, server.url, folder)
        while process.is_alive() and server.asked.total() < moment.calls:
            time.sleep(0.002)
        process.join(moment.seconds)
        process.kill()
        process.join()
        time.sleep(10 * LATENCY)  # wait for requests that are still on the wire
        asked, replied = server.asked, server.replied
        logs = sorted(folder.glob("*.eval"))
        finished = _finished(logs[0], folder / "seen") if logs else []
        again = (
            _process(resume, str(logs[0]), folder) if logs else _process(start_run, work, server.url, folder)
        )
        again.join(120)
        if again.exitcode != 0:
            again.kill()
            return Kill(
                moment, bool(logs), len(finished), 0, (f"the resumed run ended with {again.exitcode}",)
            )
        return _judged(work, moment, logs, finished, asked, replied, server, reference, folder)


def _judged(
    work: Work,
    moment: Moment,
    logs: list[Path],
    finished: list[tuple[str, int]],
    asked: Counter[str],
    replied: Counter[str],
    server: LoopbackServer,
    reference: EvalLog,
    folder: Path,
) -> Kill:
    samples = {(str(sample.id), sample.epoch): sample for sample in reference.samples or []}
    open_samples = [sample for key, sample in samples.items() if key not in set(finished)]
    expected, again = questions(open_samples), server.asked - asked
    paid_again = sum((replied & (replied - questions(samples[key] for key in finished))).values())
    ended = [
        log
        for file in sorted(folder.glob("*.eval"))
        if (log := _read(file)) is not None and log.status == "success"
    ]
    faults = [
        f"{number} calls too many for {question[:60]!r}" for question, number in (again - expected).items()
    ]
    faults += (
        [f"{number} calls too few for {question[:60]!r}" for question, number in (expected - again).items()]
        if ended[1:] == []
        else []
    )
    if paid_again > work.connections:
        faults.append(f"{paid_again} replies were paid for again, with {work.connections} connections")
    if not ended:
        return Kill(moment, bool(logs), len(finished), paid_again, (*faults, "no log is complete"))
    if scores(ended[-1]) != scores(reference):
        ours, theirs = scores(ended[-1]), scores(reference)
        differing = sorted(
            str(key) for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)
        )
        key = next(key for key in theirs if str(key) == differing[0])
        faults.append(
            f"{len(differing)} samples differ, for example {differing[0]}: {ours.get(key)} and not "
            f"{theirs[key]}"
        )
    if not same_metrics(ended[-1], reference):
        faults.append("metrics differ")
    return Kill(moment, bool(logs), len(finished), paid_again, tuple(faults))


def questions(samples: Iterable[EvalSample]) -> Counter[str]:
    """Return the last user message of each model call of some samples."""
    calls = [event for sample in samples for event in sample.events if isinstance(event, ModelEvent)]
    return Counter(
        next(message.text for message in reversed(call.input) if message.role == "user") for call in calls
    )


def scores(log: EvalLog) -> dict[tuple[str, int], Any]:
    """Return the input, output, and scores of each sample.

    If a sample only calls the grader, Inspect recovers it with the grader's reply as its output. In an
    undisturbed run it has no output.
    """
    return {
        (str(sample.id), sample.epoch): (
            sample.input,
            sample.metadata,
            None if sample.metadata.get("kind") == "grader_check" else sample.output.completion,
            {name: score.model_dump(exclude={"history"}) for name, score in (sample.scores or {}).items()},
        )
        for sample in log.samples or []
    }


def same_metrics(one: EvalLog, other: EvalLog) -> bool:
    """Whether two logs have the same metrics up to rounding errors."""
    ours, theirs = _metrics(one), _metrics(other)
    return ours.keys() == theirs.keys() and all(
        (value != value and theirs[key] != theirs[key])
        or abs(value - theirs[key]) <= 1e-12 * max(1, abs(value))
        for key, value in ours.items()
    )


def _metrics(log: EvalLog) -> dict[str, float]:
    results = log.results.scores if log.results else []
    return {
        f"{score.name}/{name}": metric.value for score in results for name, metric in score.metrics.items()
    }


def _finished(log: Path, seen: Path) -> list[tuple[str, int]]:
    """Return the finished samples that Inspect can recover from a crashed log and its database.

    Neither file is changed.
    """
    found = _read(log)
    if found is not None and found.status == "started":
        try:
            seen.mkdir()
            found = recover_eval_log(str(log), output=str(seen / "recovered.eval"), cleanup=False)
        except RecoveryNotAvailable:
            pass
    samples = found.samples if found is not None else None
    return [(str(sample.id), sample.epoch) for sample in samples or [] if sample.error is None]


def _read(file: Path) -> EvalLog | None:
    try:
        return read_eval_log(str(file), resolve_attachments=True)
    except Exception:  # the kill may have left damaged files
        return None


_CONTEXT = multiprocessing.get_context("forkserver")

_PRELOADED = (
    "inspect_ai",
    "misfire._registry",
    "openai",
    "anthropic",
    "google.genai",
    "inspect_flow",
    "pandas",
    "scipy.stats",
    "benchmarks.kill_and_resume",
)
"""Modules that each run imports. They are loaded once in advance, so that the moments fall into the run
itself."""


def _process(target: Callable[..., None], *arguments: object) -> BaseProcess:
    process = _CONTEXT.Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def _quiet() -> None:
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)


def undisturbed(work: Work, folder: Path) -> Course:
    """Run a task without a kill."""
    with serve(reply_by_text, lognormal(LATENCY, 0.5)) as server:
        started = time.perf_counter()
        process = _process(start_run, work, server.url, folder)
        first = last = started
        calls = 0
        while process.is_alive():
            time.sleep(0.01)
            if (asked := server.asked.total()) > calls:
                last, calls = time.perf_counter(), asked
                first = last if first == started else first
        ended = time.perf_counter()
    (file,) = folder.glob("*.eval")
    log = read_eval_log(str(file), resolve_attachments=True)
    if log.status != "success":
        raise RuntimeError(f"the undisturbed run ended as {log.status}")
    return Course(log, calls, first - started, ended - last)


def tried(name: str, moments: int, seed: int, folder: Path) -> list[Kill]:
    """Kill and resume runs of a task at random moments."""
    work, rng = WORKS[name], random.Random(f"{seed}/{name}")
    run = undisturbed(work, folder / "undisturbed")
    kills: list[Kill] = []
    for number in range(moments):
        place = folder / f"{number}"
        place.mkdir()
        kills.append(killed(work, run.moment(rng), run.log, place))
        for fault in kills[-1].faults:
            print(f"{name}, moment {number} ({kills[-1].moment}): {fault}", flush=True)
        if (number + 1) % 10 == 0:
            totals = (
                sum(kill.logged for kill in kills),
                sum(not kill.faults for kill in kills),
                max(kill.paid_again for kill in kills),
            )
            print(
                f"{name}: {len(kills)} kills, {totals[0]} with a log, {totals[1]} equal in the end, at most "
                f"{totals[2]} paid again",
                flush=True,
            )
    return kills


def main() -> None:
    """Kill and resume runs of all tasks, and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", nargs="+", default=list(WORKS), choices=WORKS)
    parser.add_argument("--moments", type=int, default=50, help="number of kills of each task")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments")
    arguments = parser.parse_args()
    faults = 0
    table = Table(
        "task",
        "kills",
        "before a log",
        "finished (median)",
        "paid again (median, most)",
        "equal in the end",
        "faults",
    )
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_DATA_HOME=f"{folder}/data", OPENAI_API_KEY="no-key-is-needed")
        _CONTEXT.set_forkserver_preload(list(_PRELOADED))
        for name in arguments.tasks:
            place = Path(folder, name)
            place.mkdir()
            kills = tried(name, arguments.moments, arguments.seed, place)
            paid = [kill.paid_again for kill in kills]
            faults += sum(len(kill.faults) for kill in kills)
            table.add_row(
                name,
                str(len(kills)),
                str(sum(not kill.logged for kill in kills)),
                f"{statistics.median(kill.finished for kill in kills):.0f}",
                f"{statistics.median(paid):.0f}, {max(paid)}",
                str(sum(not kill.faults for kill in kills)),
                str(sum(len(kill.faults) for kill in kills)),
            )
    Console(width=140).print(table)
    if faults:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
