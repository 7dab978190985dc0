"""``-T readout`` and ``-T structured``: what may be combined, and what a run says of its first tokens."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import score
from inspect_ai.log import read_eval_log

from misfire.errors import InputError
from misfire.reports.caveats.cautions import cautions
from misfire.reports.results import read_results
from misfire.scorers.veto import SCORER, veto_outcome
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.runs import run_task


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"readout": "logprobs", "protocol": "cot"},
            "the first token comes before any reasoning. Omit -T protocol=",
        ),
        ({"readout": "logprobs", "structured": "auto"}, "first token of a JSON object is a brace"),
        ({"readout": "logprobs", "structured": True}, "structured=on cannot be combined"),
        ({"readout": "logprobs", "parser": "published"}, "no text is read"),
        ({"structured": "on", "protocol": "cot"}, "leaves no room for the reasoning"),
        ({"readout": "tokens"}, "parameter 'readout'"),
        ({"structured": "always"}, "parameter 'structured'"),
    ],
)
@pytest.mark.parametrize("task", [veto, priming])
def test_what_cannot_be_combined_is_refused(task: Any, arguments: dict[str, Any], words: str):
    with pytest.raises(InputError) as caught:
        task(source="embedded", pairs=2, **arguments)
    assert words in caught.value.text


def metrics(task: Any, folder: Path, **model: Any) -> dict[str, float]:
    (log,) = run_task(task, model="simulated/model", model_args=model, log_dir=str(folder))
    assert log.status == "success", log.error
    assert log.results is not None
    return {name: metric.value for name, metric in log.results.scores[0].metrics.items()}


def test_the_planted_rates_are_found_by_text_and_by_first_token(tmp_path: Path):
    planted = {"mar": 0.3, "br": 0.1}
    text = metrics(veto(source="embedded", pairs=64), tmp_path / "text", **planted)
    first = metrics(veto(source="embedded", pairs=64, readout="logprobs"), tmp_path / "first", **planted)
    assert {name: first[name] for name in text} == pytest.approx(text, nan_ok=True)
    assert first.keys() - text.keys() == {
        "answer_mass", "stereotyped_answer_mass", "contrast_answer_mass", "low_answer_mass",
    }  # fmt: skip
    assert first["answer_mass"] == pytest.approx(0.98, abs=0.01)


def test_controls_and_priming_are_read_from_first_tokens_too(tmp_path: Path):
    with_controls = {"source": "embedded", "pairs": 8, "controls": True}
    text = metrics(veto(**with_controls), tmp_path / "text")
    first = metrics(veto(**with_controls, readout="logprobs"), tmp_path / "first")
    assert {name: first[name] for name in text} == pytest.approx(text, nan_ok=True)
    primed = metrics(priming(source="embedded", pairs=8, demos=1, readout="logprobs"), tmp_path / "primed")
    assert {"base_answer_mass", "published_stereotyped_answer_mass"} <= primed.keys()


def test_low_mass_is_warned_of_and_margins_are_in_the_frames(tmp_path: Path):
    task = veto(source="embedded", pairs=32, readout="logprobs")
    numbers = metrics(task, tmp_path, invalid=0.5)
    results = read_results(str(tmp_path))
    halves = results.halves
    # the refusals that the provider reports have no first token
    read = halves[halves["outcome"] != "refused"]
    assert read["answer_mass"].notna().all()
    assert halves["answer_mass"].mean() == pytest.approx(numbers["answer_mass"])
    assert (halves["answer_mass"].dropna() < 0.5).mean() == pytest.approx(numbers["low_answer_mass"])
    right = read[read["margin"].notna()]
    assert ((right["margin"] > 0) == (right["outcome"] == "right")).all()
    (row,) = results.overall("veto").to_dict("records")
    assert row["low_answer_mass"] == pytest.approx(numbers["low_answer_mass"])
    assert any("yes and no have less than 50.0 % of the probability" in line for line in cautions(results))


def test_text_has_no_masses_in_the_frames_and_no_warning(tmp_path: Path):
    assert "answer_mass" not in metrics(veto(source="embedded", pairs=32), tmp_path)
    results = read_results(str(tmp_path))
    assert results.halves["answer_mass"].isna().all()
    assert results.summary["answer_mass"].isna().all()
    assert not any("first token" in line for line in cautions(results))


def test_scoring_a_log_again_reads_the_first_tokens_again(tmp_path: Path):
    task = veto(source="embedded", pairs=4, readout="logprobs")
    (log,) = run_task(task, model="simulated/model", log_dir=str(tmp_path))
    again = score(read_eval_log(log.location), [veto_outcome()], action="overwrite", display="none")
    assert again.results is not None
    assert log.results is not None
    before = {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
    after = {name: metric.value for name, metric in again.results.scores[0].metrics.items()}
    assert after == pytest.approx(before, nan_ok=True)
    assert all((sample.scores or {})[SCORER].metadata for sample in again.samples or [])
