"""What a user has paid for survives a crash.

A killed run is resumed, and no half that was finished is asked again.

The commands, as a user gives them (here they also get a log folder, a server and ``--display none``):

    inspect eval tasks/veto.py --model openai/gpt-4o-mini      # killed: kill -9, out of memory, power cut
    inspect eval-retry logs/<log of that run>.eval             # same machine, same user, same directory

Inspect appends finished samples to the log in batches, and until then keeps them in a database in the user's
data folder; ``eval-retry`` reads both. Only what was under way at the crash, no more than the connections, is
asked a second time. The resumed run is a new log beside the crashed one, whose status stays "started".
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from inspect_ai.log import EvalLog, EvalSample, read_eval_log

from misfire.scorers.veto import SCORER
from misfire.tasks.prompts import question_message

from .minds import reply_by_text
from .server import LoopbackServer, serve

ROOT = Path(__file__).resolve().parents[2]

CONNECTIONS = 16


def test_a_killed_run_is_resumed_without_paying_twice(tmp_path: Path):
    check_resume(
        ["-T", "source=embedded", "-T", "pairs=64", "--epochs", "2"], tmp_path, halves=256, latency=0.05
    )


@pytest.mark.slow
def test_a_killed_run_over_the_whole_benchmark_is_resumed_without_paying_twice(shared: Path, tmp_path: Path):
    check_resume(
        ["-T", f"bbq_dir={shared / 'bbq'}", "-T", "allow_unverified=true"],
        tmp_path,
        halves=4056,
        latency=0.02,
    )


def check_resume(options: list[str], folder: Path, halves: int, latency: float) -> None:
    task = ["tasks/veto.py", *options, "--max-connections", str(CONNECTIONS)]
    # given a run that is killed on its way, and one that is not
    with (
        serve(reply_by_text) as other_server,
        serve(reply_by_text, latency) as server,
        started(
            "eval", *task, *model_at(other_server), "--log-dir", str(folder / "undisturbed")
        ) as undisturbed,
        started("eval", *task, *model_at(server), "--log-dir", str(folder / "logs")) as killed,
    ):
        while len(server.requests) < 0.45 * halves:
            assert killed.poll() is None, killed.communicate()[0]
            time.sleep(0.01)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        time.sleep(10 * latency)  # for the requests that were on the wire
        asked_before = server.asked
        (crashed,) = (folder / "logs").glob("*.eval")
        finished = questions(finished_samples(crashed, folder / "recovered.eval"))

        # when it is resumed
        with started("eval-retry", str(crashed), "--log-dir", str(folder / "logs")) as retry:
            finish(retry)

        # then each half that was not finished was asked once more, and no other
        finish(undisturbed)
        (reference,) = successful_logs(folder / "undisturbed")
        everything = questions(reference.samples or [])
        assert everything.total() == halves
        assert server.asked - asked_before == everything - finished
        # what was under way at the crash
        assert 0 <= asked_before.total() - finished.total() <= CONNECTIONS

        # and its log is as if nothing had happened
        (resumed,) = successful_logs(folder / "logs")
        assert results_by_half(resumed) == results_by_half(reference)
        assert metrics(resumed) == pytest.approx(metrics(reference), rel=1e-12, nan_ok=True)
        assert resumed.eval.metadata == reference.eval.metadata
        assert resumed.stats.model_usage == reference.stats.model_usage


def model_at(server: LoopbackServer) -> list[str]:
    return ["--model", "openai/gpt-4o-mini", "--model-base-url", f"{server.url}/v1"]


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Inspect's command in its own process group, which does not outlive the test."""
    command = [sys.executable, "-m", "inspect_ai", *arguments, "--display", "none"]
    with subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def finish(process: "subprocess.Popen[str]") -> None:
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output


def finished_samples(crashed: Path, recovered: Path) -> list[EvalSample]:
    """The samples that Inspect finds finished in a crashed log and its database; both stay as they are."""
    with started("log", "recover", str(crashed), "--output", str(recovered), "--no-cleanup") as recovery:
        finish(recovery)
    return [sample for sample in read_eval_log(str(recovered)).samples or [] if sample.error is None]


def successful_logs(folder: Path) -> list[EvalLog]:
    logs = [read_eval_log(str(file)) for file in folder.glob("*.eval")]
    return [log for log in logs if log.status == "success"]


def questions(samples: Iterable[EvalSample]) -> Counter[str]:
    """What a provider was asked for some samples; a few prompts of the benchmark occur more than once."""
    return Counter(question_message(str(sample.input), "direct") for sample in samples)


def results_by_half(log: EvalLog) -> dict[str, tuple[object, ...]]:
    return {
        f"{sample.id} in epoch {sample.epoch}": (
            sample.input,
            sample.target,
            sample.metadata,
            sample.output.completion,
            score(sample),
        )
        for sample in log.samples or []
    }


def score(sample: EvalSample) -> dict[str, object]:
    assert sample.scores
    return sample.scores[SCORER].model_dump(exclude={"history"})


def metrics(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    (result,) = log.results.scores
    return {name: metric.value for name, metric in result.metrics.items()}
