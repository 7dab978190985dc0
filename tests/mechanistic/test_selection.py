"""Selection: failures fail and controls do not, under the probe's own prompt, whatever a log says."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from inspect_ai.log import EvalError, ProvenanceData, invalidate_samples, write_eval_log

from misfire.datasets.pair_files import write_pairs
from misfire.datasets.pairs import HALF_NAMES
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from misfire.mechanistic.organisms.language import embedded_language, word_tokenizer
from misfire.mechanistic.organisms.organism import Organism
from misfire.mechanistic.probed_pairs import Probed
from misfire.mechanistic.prompts import probe_prompt, render
from misfire.mechanistic.selection import differences, probe_pairs, read_logged_pairs, reprobe
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.runs import run_task as run


def test_failures_are_wrong_and_controls_are_right(probed: Probed):
    assert len(probed.of("failure")) == 24
    assert all(one.margins["stereotyped"] < 0 < one.margins["contrast"] for one in probed.of("failure"))
    assert all(min(one.margins.values()) > 0 for one in probed.of("control"))
    # what is planted spares two scenarios, and only these
    spared = embedded_language().spared_scenarios
    assert {one.pair.scenario for one in probed.of("control")} == spared
    assert probed.failing + probed.passing == probed.considered == 96
    assert max(Counter(one.pair.category for one in probed.of("failure")).values()) <= 4  # drawn evenly


def test_mirrored_failures_fail_in_reverse_and_are_not_controls(group_blind: Organism):
    # given a model that errs on as many contrast halves as stereotyped ones
    found = probe_pairs(group_blind.decoder, group_blind.pairs, per_group=12)
    # then mirrors are drawn as failures are
    assert len(found.of("failure")) == len(found.of("mirror")) == 12
    assert all(one.margins["contrast"] < 0 < one.margins["stereotyped"] for one in found.of("mirror"))
    assert {one.group for one in found.pairs} == {"failure", "mirror", "control"}
    # and all that was asked is kept, whatever became of it
    assert [one.pair for one in found.asked] == [pair.id for pair in group_blind.pairs]
    wrong = [(one.stereotyped <= 0, one.contrast <= 0) for one in found.asked]
    assert wrong.count((True, False)) == wrong.count((False, True)) == found.failing >= 12
    assert wrong.count((False, False)) == found.passing


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
    with pytest.raises(InputError, match=r"none of 96 pairs misfires.*96 have both halves right"):
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
    asked = [pair for pair in organism.pairs if pair.scenario in spared] + [
        pair for pair in organism.pairs if pair.scenario not in spared
    ][:8]
    write_pairs(asked, tmp_path / "pairs.jsonl")
    arguments = {"pairs": str(tmp_path / "pairs.jsonl"), "mar": 0.5}
    task = veto(source="file", path=str(tmp_path / "pairs.jsonl"), controls=True)
    (log,) = run(task, model="simulated/model", model_args=arguments, log_dir=str(tmp_path))
    logged = read_logged_pairs(log.location)
    assert {pair.id for pair in logged.pairs} == {pair.id for pair in asked}
    assert logged.pairs[0].controls == next(
        pair.controls for pair in organism.pairs if pair.id == logged.pairs[0].id
    )
    # when they are probed, then only pairs that fail both there and here count
    found = probe_pairs(organism.decoder, logged.pairs, logged=logged)
    failing = {one.pair.id for one in found.of("failure")}
    assert failing <= logged.misfired
    innocent = {pair.id for pair in asked if pair.scenario in spared}
    assert found.not_confirmed == len(logged.misfired & innocent) > 0
    assert found.failing == len(logged.misfired - innocent) > 0


def test_mirrored_failures_of_a_log_are_checked_again_like_its_failures(
    group_blind: Organism, tmp_path: Path
):
    # given a log of a model that fails one half alone, either half as often
    write_pairs(group_blind.pairs[::2], tmp_path / "pairs.jsonl")
    arguments = {"pairs": str(tmp_path / "pairs.jsonl"), "mar": 0.4, "br": 0.4}
    task = veto(source="file", path=str(tmp_path / "pairs.jsonl"))
    (log,) = run(task, model="simulated/model", model_args=arguments, log_dir=str(tmp_path))
    logged = read_logged_pairs(log.location)
    assert logged.mirrored
    assert not logged.mirrored & logged.misfired
    # when they are probed, then mirrors mirror both there and here, and no control failed in one half alone
    # there
    found = probe_pairs(group_blind.decoder, logged.pairs, logged=logged, per_group=96)
    here = {one.pair for one in found.asked if one.contrast <= 0 < one.stereotyped}
    assert {one.pair.id for one in found.of("mirror")} == logged.mirrored & here != set()
    assert not {one.pair.id for one in found.of("control")} & (logged.mirrored | logged.misfired)


def test_a_log_of_another_task_is_refused(tmp_path: Path):
    (tmp_path / "log.eval").write_bytes(b"no log")
    with pytest.raises(InputError, match="cannot be read"):
        read_logged_pairs(str(tmp_path / "log.eval"))


def test_foreign_samples_without_a_question_make_no_pair(tmp_path: Path):
    (log,) = run(veto(source="embedded", pairs=4), model="simulated/one", log_dir=str(tmp_path))
    for sample in log.samples or []:
        sample.input, sample.metadata = [], sample.metadata | {"arms": []}
    write_eval_log(log, str(tmp_path / "odd.eval"))
    with pytest.raises(InputError, match="has no arm 'base'"):
        read_logged_pairs(str(tmp_path / "odd.eval"))
    for sample in log.samples or []:
        del sample.metadata["arms"]
    write_eval_log(log, str(tmp_path / "odd.eval"))
    with pytest.raises(InputError, match="do not make a pair"):
        read_logged_pairs(str(tmp_path / "odd.eval"))


SPARED = embedded_language().spared_scenarios


@pytest.fixture(scope="module")
def primed(organism: Organism, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A priming log of a model that misfires on most pairs without a cue.

    With a cue before the stereotyped half, it misfires on none.

    The texts are those that the task wrote, and so are the names of its arms.
    """
    folder = tmp_path_factory.mktemp("primed")
    asked = [pair for pair in organism.pairs if pair.scenario not in SPARED][::8]
    asked += [pair for pair in organism.pairs if pair.scenario in SPARED][:2]
    write_pairs(asked, folder / "pairs.jsonl")
    arguments = {"pairs": str(folder / "pairs.jsonl"), "mar": 0.83, "br": 0.0, "cue_mar": "published:0.0"}
    task = priming(source="file", path=str(folder / "pairs.jsonl"), positions="prefix,suffix,system")
    (log,) = run(task, model="simulated/model", model_args=arguments, log_dir=str(folder))
    assert log.status == "success"
    return log.location


def test_the_base_arm_of_a_priming_log_holds_the_texts_without_a_cue(organism: Organism, primed: str):
    # when nothing else is said
    logged = read_logged_pairs(primed)
    # then the pairs are those that the task was given, word for word, and most misfire as they did there
    given = {pair.id: pair for pair in organism.pairs}
    assert all(
        pair.stereotyped == given[pair.id].stereotyped and pair.contrast == given[pair.id].contrast
        for pair in logged.pairs
    )  # fmt: skip
    assert len(logged.misfired) > 0.6 * len(logged.pairs)
    assert (logged.arm, logged.texts) == ("base", {})
    assert logged.origin.startswith("Arm 'base' of base, published_stereotyped, ")
    # and the organism, which misfires on them too, is probed with these
    found = probe_pairs(organism.decoder, logged.pairs, logged=logged)
    assert found.failing == len([name for name in logged.misfired if given[name].scenario not in SPARED])


@pytest.mark.parametrize(
    "arm", ["published_stereotyped", "published_stereotyped_suffix", "published_stereotyped_system"]
)
def test_another_arm_is_asked_with_its_cue(organism: Organism, primed: str, arm: str):
    logged = read_logged_pairs(primed, arm)
    assert logged.arm == arm
    # then outcomes are those of the arm, in which nothing misfires
    assert not logged.misfired
    # and the text that the model reads has the cue where the task put it
    pair = logged.pairs[0]
    plain, asked = pair.stereotyped.prompt, logged.texts[pair.id]["stereotyped"]
    tokenizer = word_tokenizer(["a"], "{% for m in messages %}[{{ m.role }}] {{ m.content }} {% endfor %}")
    text = render(tokenizer, asked.prompt, "veto", asked.system_cue)
    if arm.endswith("_system"):
        assert asked.prompt == plain
        assert text.startswith(f"[system] {asked.system_cue} You answer yes/no questions")
    else:
        assert asked.system_cue is None
        assert asked.prompt != plain
        assert (asked.prompt.startswith(plain), asked.prompt.endswith(plain)) == (
            arm.endswith("_suffix"),
            not arm.endswith("_suffix"),
        )
        assert f"[user] {asked.prompt}\n\n" in text
    # and the places of people, evidence and question are those in the pair's own text
    own = probe_prompt(organism.decoder.tokenizer, plain, pair=pair)
    cued = probe_prompt(organism.decoder.tokenizer, plain, "word", pair, asked)
    shift = cued.mentions[0].start - own.mentions[0].start
    assert [(m.person, m.start - shift, m.stop - shift) for m in cued.mentions] == [
        (m.person, m.start, m.stop) for m in own.mentions
    ]
    assert [token - shift for token in cued.question] == list(own.question)


def test_primed_pairs_are_probed_and_probed_again_with_their_cue(organism: Organism, primed: str):
    assert organism.base is not None
    logged = read_logged_pairs(primed, "published_stereotyped")
    everything = replace(logged, misfired=frozenset(pair.id for pair in logged.pairs))
    found = probe_pairs(organism.decoder, logged.pairs, logged=everything)
    one = found.pairs[0]
    expected = probe_prompt(organism.decoder.tokenizer, "", asked=logged.texts[one.pair.id]["stereotyped"])
    assert one.prompts["stereotyped"].ids == expected.ids
    assert [again.prompts["stereotyped"].ids for again in reprobe(organism.base, found).pairs] == [
        one.prompts["stereotyped"].ids for one in found.pairs
    ]


def test_an_unknown_arm_is_reported_with_the_known_ones(primed: str, tmp_path: Path):
    with pytest.raises(
        InputError,
        match=(
            r"has no arm 'publishd'. Its arms are: base, published_stereotyped, "
            r".*published_stereotyped_system"
        ),
    ):
        read_logged_pairs(primed, "publishd")
    (log,) = run(veto(source="embedded", pairs=2), model="simulated/one", log_dir=str(tmp_path))
    assert read_logged_pairs(log.location, "base").arm is None
    with pytest.raises(InputError, match=r"VETO log has only one arm, 'base', and no arm 'published'"):
        read_logged_pairs(log.location, "published")


def test_pairs_without_an_outcome_are_left_out_and_counted(tmp_path: Path):
    # given a log in which one half was invalidated, one errored, one was never asked, and one pair is whole
    # in one epoch of two
    (log,) = run(
        veto(source="embedded", pairs=8),
        model="simulated/one",
        model_args={"mar": 0.9},
        epochs=2,
        log_dir=str(tmp_path),
    )
    assert log.samples is not None
    names = list(dict.fromkeys(sample.metadata["pair_id"] for sample in log.samples))
    invalidated: list[str] = []
    for sample in log.samples:
        if (sample.metadata["pair_id"], sample.metadata["half"]) == (names[0], "contrast"):
            invalidated.append(str(sample.uuid))
        if (sample.metadata["pair_id"], sample.metadata["half"]) == (names[1], "stereotyped"):
            sample.error, sample.scores = EvalError(message="lost", traceback="", traceback_ansi=""), None
        if (sample.metadata["pair_id"], sample.epoch) == (names[2], 1):
            sample.scores = {}
    log.samples = [
        sample
        for sample in log.samples
        if (sample.metadata["pair_id"], sample.metadata["half"]) != (names[3], "contrast")
    ]
    log = invalidate_samples(log, invalidated, ProvenanceData(author="a reader", reason="a slip"))
    write_eval_log(log, str(tmp_path / "holes.eval"))
    logged = read_logged_pairs(str(tmp_path / "holes.eval"))
    assert {pair.id for pair in logged.pairs} == set(names) - {names[0], names[1], names[3]}
    assert logged.left_out == 3
    assert "3 pairs were left out" in logged.origin


def test_demonstrations_and_reasoning_do_not_change_the_pairs(tmp_path: Path):
    task = priming(source="embedded", pairs=6, cues="neutral", demos=3, protocol="cot")
    (log,) = run(task, model="simulated/one", model_args={"mar": 0.9}, log_dir=str(tmp_path))
    given = {pair.id: pair for pair in load_pairs(PairSettings("embedded")).pairs}
    logged = read_logged_pairs(log.location)
    assert all(pair.stereotyped.prompt == given[pair.id].stereotyped.prompt for pair in logged.pairs)
    assert len(logged.pairs) == 6
