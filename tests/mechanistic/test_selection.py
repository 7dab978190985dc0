"""Selection: failures fail and controls do not, under the probe's own prompt, whatever a log says."""

from collections import Counter
from pathlib import Path

import pytest
from inspect_ai import eval as run
from inspect_ai.log import write_eval_log

from misfire.datasets.pair_files import write_pairs
from misfire.datasets.pairs import HALF_NAMES
from misfire.errors import InputError
from misfire.mechanistic.organisms.language import embedded_language
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.selection import Probed, differences, probe_pairs, read_logged_pairs, reprobe
from misfire.tasks.veto import veto


def test_failures_fail_and_controls_are_right(probed: Probed):
    assert len(probed.of("failure")) == 24
    assert all(one.margins["stereotyped"] < 0 < one.margins["contrast"] for one in probed.of("failure"))
    assert all(min(one.margins.values()) > 0 for one in probed.of("control"))
    # what is planted spares two scenarios, and only these
    spared = embedded_language().spared_scenarios
    assert {one.pair.scenario for one in probed.of("control")} == spared
    assert probed.failing + probed.passing == probed.considered == 96
    assert max(Counter(one.pair.category for one in probed.of("failure")).values()) <= 4  # drawn evenly


def test_margins_are_those_of_the_prompts(organism: Organism, probed: Probed):
    one = probed.pairs[0]
    alone = differences(organism.decoder, [one.prompts[half].ids for half in HALF_NAMES], probed.answers)
    assert alone == pytest.approx([one.margins[half] for half in HALF_NAMES], abs=1e-4)


def test_a_small_budget_changes_nothing(organism: Organism, probed: Probed):
    prompts = [prompt.ids for one in probed.pairs for prompt in one.prompts.values()]
    assert differences(organism.decoder, prompts, probed.answers, budget=1) == pytest.approx(
        differences(organism.decoder, prompts, probed.answers), abs=1e-4
    )


def test_a_model_that_never_fails_is_refused(organism: Organism):
    assert organism.base is not None
    with pytest.raises(InputError, match=r"of 96 pairs none misfires.*96 have both halves right"):
        probe_pairs(organism.base, organism.pairs)


def test_the_base_is_asked_the_same_pairs(organism: Organism, probed: Probed):
    assert organism.base is not None
    again = reprobe(organism.base, probed)
    assert [one.pair.id for one in again.pairs] == [one.pair.id for one in probed.pairs]
    assert [one.group for one in again.pairs] == [one.group for one in probed.pairs]
    assert all(min(one.margins.values()) > 0 for one in again.pairs)


def test_failures_of_a_log_are_checked_again(organism: Organism, tmp_path: Path):
    # given a log of a model that misfires on other pairs than the organism does
    spared = embedded_language().spared_scenarios
    asked = [pair for pair in organism.pairs if pair.scenario in spared] + [pair for pair in organism.pairs if pair.scenario not in spared][
        :8
    ]
    write_pairs(asked, tmp_path / "pairs.jsonl")
    arguments = {"pairs": str(tmp_path / "pairs.jsonl"), "mar": 0.5}
    task = veto(source="file", path=str(tmp_path / "pairs.jsonl"), controls=True)
    (log,) = run(task, model="simulated/model", model_args=arguments, log_dir=str(tmp_path), display="none")
    logged = read_logged_pairs(log.location)
    assert {pair.id for pair in logged.pairs} == {pair.id for pair in asked}
    assert logged.pairs[0].controls == next(pair.controls for pair in organism.pairs if pair.id == logged.pairs[0].id)
    # when they are probed, then only pairs that fail both there and here count
    found = probe_pairs(organism.decoder, logged.pairs, misfired=logged.misfired)
    failing = {one.pair.id for one in found.of("failure")}
    assert failing <= logged.misfired
    innocent = {pair.id for pair in asked if pair.scenario in spared}
    assert found.not_confirmed == len(logged.misfired & innocent) > 0
    assert found.failing == len(logged.misfired - innocent) > 0


def test_a_log_of_something_else_is_refused(tmp_path: Path):
    (tmp_path / "log.eval").write_bytes(b"no log")
    with pytest.raises(InputError, match="cannot be read"):
        read_logged_pairs(str(tmp_path / "log.eval"))


def test_samples_of_others_that_ask_nothing_make_no_pair(tmp_path: Path):
    (log,) = run(veto(source="embedded", pairs=4), model="simulated/one", log_dir=str(tmp_path), display="none")
    for sample in log.samples or []:
        sample.input, sample.metadata = [], sample.metadata | {"arm": []}
    write_eval_log(log, str(tmp_path / "odd.eval"))
    with pytest.raises(InputError, match="no sample of this log"):
        read_logged_pairs(str(tmp_path / "odd.eval"))
    for sample in log.samples or []:
        del sample.metadata["arm"]
    write_eval_log(log, str(tmp_path / "odd.eval"))
    with pytest.raises(InputError, match="do not make a pair"):
        read_logged_pairs(str(tmp_path / "odd.eval"))
