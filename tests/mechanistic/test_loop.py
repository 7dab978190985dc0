"""The worked example: the trained organism before and after its head is ablated.

It runs in every task, and by Inspect's own provider.
"""

from pathlib import Path
from typing import Any

import pytest

from misfire.mechanistic.before_after import compare_logs
from misfire.mechanistic.organisms.organism import Organism, save_organism
from misfire.mechanistic.paired_changes import Change
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.runs import run_task as run

pytestmark = pytest.mark.slow(seconds=20)

Logs = dict[str, str]


def evaluate(folder: Path, logs: Path, tasks: list[Any], model: str, **arguments: Any) -> Logs:
    """Run tasks side by side on a saved organism; gives their logs by task."""
    options: dict[str, Any] = {"device": "cpu"} | arguments
    made = run(
        tasks, model=f"{model}/{folder}", model_args=options, log_dir=str(logs), max_tasks=3, max_tokens=4
    )
    assert [log.status for log in made] == ["success"] * len(tasks)
    return {log.eval.task.rpartition("/")[2]: log.location for log in made}


def every_task(folder: Path) -> list[Any]:
    pairs: dict[str, Any] = {"source": "file", "path": str(folder / "pairs.jsonl"), "pairs": 12}
    return [veto(**pairs, controls=True), priming(**pairs, cues="fairness"), misalign_bench(per_dimension=2)]


@pytest.fixture(scope="module")
def folder(taught: Organism, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loop") / "organism"
    save_organism(taught, folder)
    return folder


@pytest.fixture(scope="module")
def before(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Logs:
    return evaluate(folder, tmp_path_factory.mktemp("before"), every_task(folder), "intervened", heads="none")


@pytest.fixture(scope="module")
def after(folder: Path, taught: Organism, tmp_path_factory: pytest.TempPathFactory) -> Logs:
    return evaluate(
        folder,
        tmp_path_factory.mktemp("after"),
        every_task(folder),
        "intervened",
        heads=str(taught.planted[0]),
    )


def changes(before: Logs, after: Logs, task: str) -> dict[str, Change]:
    return {change.measure: change for change in compare_logs(before[task], [after[task]])}


def test_ablating_the_head_repairs_veto_and_keeps_foils(before: Logs, after: Logs, taught: Organism):
    found = changes(before, after, "veto")
    assert found["MAR"].intervention == f"heads={taught.planted[0]}"
    assert found["MAR"].before > 0.7
    assert found["MAR"].after == 0
    assert found["BR"].after == 0
    for half in ("stereotyped", "contrast"):
        foils = found[f"{half} foils right"]
        assert (foils.before, foils.after) == (1, 1)


def test_priming_is_compared_arm_by_arm(before: Logs, after: Logs):
    found = changes(before, after, "priming")
    assert found["base: MAR"].before > 0.7
    assert found["base: MAR"].after == 0
    assert "fairness_stereotyped: ΔMAR" in found


def test_verdicts_of_a_model_that_cannot_judge_are_counted_as_invalid_and_not_lost(before: Logs, after: Logs):
    found = changes(before, after, "misalign_bench")
    invalid = found["invalid verdicts"]
    assert (invalid.before, invalid.after) == (1, 1)
    assert found["Coverage"].n + found["FFR"].n == found["Alignment Score"].n > 0
    assert (found["Coverage"].after, found["FFR"].after) == (0, 1)


def test_inspect_s_own_provider_runs_organisms(folder: Path, before: Logs, tmp_path: Path):
    # given greedy decoding by its own argument, since it hands temperature 0 to a sampler, which refuses it
    plain = evaluate(folder, tmp_path, every_task(folder)[:1], "hf", do_sample=False)
    # then it answers as ours does without an intervention
    assert {change.difference.value for change in compare_logs(before["veto"], [plain["veto"]])} == {0.0}
