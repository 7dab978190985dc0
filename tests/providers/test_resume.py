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
from typing import Any

import pytest
from inspect_ai.log import EvalLog, EvalSample, read_eval_log, recover_eval_log

from misfire.scorers.veto import SCORER
from misfire.tasks.prompts import question_message
from misfire.tasks.veto import veto
from tests.runs import run_task

from .minds import reply_by_text
from .server import LoopbackServer, serve

ROOT = Path(__file__).resolve().parents[2]

CONNECTIONS = 16


def test_a_killed_run_is_resumed_without_paying_twice(tmp_path: Path):
    check_resume({"source": "embedded", "pairs": 24}, tmp_path, epochs=2, halves=96, latency=0.05)


@pytest.mark.slow(seconds=60)
def test_a_killed_run_of_more_than_a_thousand_samples_is_resumed_without_paying_twice(
    shared: Path, tmp_path: Path
):
    # From 1,000 samples on, Inspect writes finished samples into the log in about twenty large batches: these
    # two categories as well as all 4,056 halves. SES has all prompts that occur more than once.
    arguments = {"bbq_dir": str(shared / "bbq"), "allow_unverified": True, "categories": "SES,Race_ethnicity"}
    check_resume(arguments, tmp_path, epochs=1, halves=1092, latency=0.02)


def check_resume(arguments: dict[str, Any], folder: Path, epochs: int, halves: int, latency: float) -> None:
    parameters = [part for name, value in arguments.items() for part in ("-T", f"{name}={value}")]
    task = ["tasks/veto.py", *parameters, "--epochs", str(epochs), "--max-connections", str(CONNECTIONS)]
    # given a run that nothing disturbs
    reference = undisturbed_run(arguments, folder / "undisturbed", epochs)
    everything = questions(reference.samples or [])
    assert everything.total() == halves

    # and one that is killed on its way
    with (
        serve(reply_by_text, latency) as server,
        started("eval", *task, *model_at(server), "--log-dir", str(folder / "logs")) as killed,
    ):
        while server.asked.total() < 0.45 * halves:
            assert killed.poll() is None, killed.communicate()[0]
            time.sleep(0.05)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
        asked_before = settled(server, latency)
        (crashed,) = (folder / "logs").glob("*.eval")
        finished = questions(finished_samples(crashed, folder / "recovered.eval"))

        # when it is resumed
        with started("eval-retry", str(crashed), "--log-dir", str(folder / "logs")) as retry:
            finish(retry)

        # then each half that was not finished was asked once more, and no other
        assert server.asked - asked_before == everything - finished
        # what was under way at the crash
        assert 0 <= asked_before.total() - finished.total() <= CONNECTIONS

        # and its log is as if nothing had happened
        (resumed,) = successful_logs(folder / "logs")
        assert results_by_half(resumed) == results_by_half(reference)
        assert metrics(resumed) == pytest.approx(metrics(reference), rel=1e-12, nan_ok=True)
        assert resumed.eval.metadata == reference.eval.metadata
        assert resumed.stats.model_usage == reference.stats.model_usage


def undisturbed_run(arguments: dict[str, Any], folder: Path, epochs: int) -> EvalLog:
    """The same run without a kill, in this process."""
    with serve(reply_by_text) as server:
        (log,) = run_task(
            veto(**arguments),
            model="openai/gpt-4o-mini",
            model_base_url=f"{server.url}/v1",
            epochs=epochs,
            max_connections=CONNECTIONS,
            log_dir=str(folder),
        )
    assert log.status == "success"
    return log


def settled(server: LoopbackServer, latency: float) -> Counter[str]:
    """What was asked, once the requests that were on the wire have come in: when no more come for a while."""
    asked, same = server.asked, 0
    while same < 3:
        time.sleep(10 * latency)
        asked, same = server.asked, same + 1 if server.asked == asked else 0
    return asked


def model_at(server: LoopbackServer) -> list[str]:
    return ["--model", "openai/gpt-4o-mini", "--model-base-url", f"{server.url}/v1"]


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Inspect's command in a process group of its own, which does not outlive the test."""
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
    log = recover_eval_log(str(crashed), output=str(recovered), cleanup=False)
    return [sample for sample in log.samples or [] if sample.error is None]


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
