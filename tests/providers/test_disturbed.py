"""What disturbs a run from outside the provider.

There are a full disk, a log folder that is none, a clock that jumps, and a second run beside it.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import inspect_ai
import pytest
from inspect_ai.log import EvalLog, read_eval_log

from misfire.scorers.veto import SCORER
from tests.runs import run_task

from .minds import reply_by_text
from .server import LoopbackServer, serve
from .test_resume import finished_samples, questions

pytestmark = pytest.mark.slow(seconds=10)

ROOT = Path(__file__).resolve().parents[2]

ARGUMENTS: dict[str, object] = {"source": "embedded", "pairs": 24}


def evaluate(
    server: LoopbackServer, folder: Path, prelude: str = "", display: str = "none"
) -> "subprocess.Popen[str]":
    """A run in its own process; the prelude disturbs it."""
    code = (
        f"{prelude}\nimport inspect_ai\n"
        f"logs = inspect_ai.eval('misfire/veto', task_args={ARGUMENTS}, "
        "model='openai/gpt-4o-mini', "
        f"model_base_url='{server.url}/v1', log_dir={str(folder)!r}, log_buffer=4, display={display!r})\n"
        "print(logs[0].status, logs[0].error)\n"
        "raise SystemExit(0 if logs[0].status == 'success' else 3)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def retry(log: Path, folder: Path) -> EvalLog:
    (resumed,) = inspect_ai.eval_retry(str(log), log_dir=str(folder), display="none")
    return resumed


def scores(log: EvalLog) -> dict[str, object]:
    return {
        f"{sample.id}/{sample.epoch}": sample.scores and sample.scores[SCORER].value
        for sample in log.samples or []
    }


@contextmanager
def mounted(place: Path, options: str) -> Iterator[Path]:
    """A separate tmpfs, with options of mount."""
    place.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kB, which is less than a log needs."""
    with mounted(tmp_path / "disk", "size=64k") as place:
        yield place


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that not even root can write to."""
    with mounted(tmp_path / "read_only", "ro") as place:
        yield place


def test_a_full_disk_ends_a_run_that_can_be_resumed_with_free_space(small_disk: Path, tmp_path: Path):
    with serve(reply_by_text) as server:
        with evaluate(server, small_disk) as process:
            output, _ = process.communicate(timeout=600)
        # then the run ends, and says why
        assert process.returncode != 0
        assert "No space left on device" in output

        # and what was finished is in the buffer, and is not asked for again once it is recovered to where
        # there is room
        (log,) = small_disk.glob("*.eval")
        asked = server.asked
        recovered = tmp_path / "roomy" / log.name
        recovered.parent.mkdir()
        finished = questions(finished_samples(log, recovered))
        assert finished.total() > 0
        resumed = retry(recovered, recovered.parent)
        assert resumed.status == "success"
        everything = questions(resumed.samples or [])
        assert everything.total() == 48
        assert server.asked - asked == everything - finished


def test_an_unwritable_log_folder_ends_the_run_before_the_first_call(tmp_path: Path):
    # a file in the folder's place stops root as well, whom permissions do not
    (tmp_path / "taken").write_text("")
    with serve(reply_by_text) as server, evaluate(server, tmp_path / "taken" / "logs") as process:
        output, _ = process.communicate(timeout=600)
    assert process.returncode != 0
    assert "taken" in output
    assert server.asked.total() == 0


def test_a_read_only_log_folder_ends_the_run_before_the_first_call(read_only_disk: Path):
    with serve(reply_by_text) as server, evaluate(server, read_only_disk, display="plain") as process:
        output, _ = process.communicate(timeout=600)
    assert process.returncode != 0
    assert "You do not have write permission" in output
    assert server.asked.total() == 0


def test_a_clock_that_jumps_changes_no_score(tmp_path: Path):
    jump = (
        "import atexit, time\n_now, _calls = time.time, [0]\n"
        "def _jumping():\n    _calls[0] += 1\n    return _now() + (86_400 if _calls[0] % 7 == 0 else -3_600 "
        "if _calls[0] % 5 == 0 else 0)\n"
        "import inspect_ai.log\ntime.time = _jumping\natexit.register(lambda: print('times asked:', "
        "_calls[0]))"
    )
    with serve(reply_by_text) as server, evaluate(server, tmp_path / "jumping", jump) as jumping:
        output, _ = jumping.communicate(timeout=600)
        assert jumping.returncode == 0, output[-2000:]
        assert int(output.rpartition("times asked: ")[2]) > 100
        (calm,) = run_task(
            "misfire/veto",
            task_args=ARGUMENTS,
            model="openai/gpt-4o-mini",
            model_base_url=f"{server.url}/v1",
            log_dir=str(tmp_path / "calm"),
        )
    found = scores(only_log(tmp_path / "jumping"))
    assert len(found) == 48
    assert found == scores(calm)


def test_two_runs_in_one_folder_do_not_interfere(tmp_path: Path):
    with (
        serve(reply_by_text) as server,
        evaluate(server, tmp_path) as one,
        evaluate(server, tmp_path) as other,
    ):
        outputs = [process.communicate(timeout=600)[0] for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0), outputs
    logs = [read_eval_log(str(file)) for file in tmp_path.glob("*.eval")]
    assert [log.status for log in logs] == ["success", "success"]
    assert scores(logs[0]) == scores(logs[1])
    assert set(server.asked.values()) == {2}


def only_log(folder: Path) -> EvalLog:
    (file,) = folder.glob("*.eval")
    return read_eval_log(str(file))
