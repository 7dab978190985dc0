"""The priming task: from planted effects to reported effects, and each distinct text asked once."""

import math
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from inspect_ai import Task, score
from inspect_ai.log import EvalLog
from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ModelOutput, ModelUsage, get_model

from misfire.datasets.audit import SHOWN_FLAGS, audit_pairs
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from misfire.models.simulated import SimulatedModel
from misfire.scorers.priming import priming_metrics, priming_outcome
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.runs import run_task as run


def ran(task: Task, folder: Path, epochs: int = 1, **arguments: Any) -> tuple[EvalLog, list[str]]:
    """A log, and the user messages that the simulated model was sent."""
    model = get_model("simulated/model", memoize=False, **arguments)
    (log,) = run(task, model=model, epochs=epochs, log_dir=str(folder))
    assert log.status == "success"
    return log, cast(SimulatedModel, model.api).call_log


def metrics_of(log: EvalLog) -> dict[str, float]:
    assert log.results is not None
    return {name: metric.value for name, metric in log.results.scores[0].metrics.items()}


def test_three_cues_and_two_placements_ask_eight_texts_per_pair_once_each(tmp_path: Path):
    task = priming(
        source="embedded", cues="published,neutral,fairness", placements="stereotyped,both", pairs=12
    )
    _, calls = ran(task, tmp_path)
    # the base's two, and two for each cue; seven arms asked apart would take fourteen
    assert len(calls) == 12 * 8
    assert max(Counter(calls).values()) == 1


@pytest.mark.slow(seconds=25)
def test_planted_effects_are_recovered_and_a_planted_zero_is_not_an_effect(tmp_path: Path):
    # 256 of the pairs: the smallest planted effect, a ΔMAR of 0.13, is six standard errors, and with as many
    # reverse errors as misfires before the cue both scales of selectivity have power
    task = priming(
        source="embedded",
        cues="published,neutral,fairness",
        placements="stereotyped,both",
        pairs=256,
    )
    log, _ = ran(task, tmp_path, mar=0.1, br=0.1, cue_mar="published:0.4", cue_shift="fairness:0.15")
    values = metrics_of(log)
    assert (
        values["published_stereotyped_delta_mar_ci_lower"]
        <= 0.3
        <= values["published_stereotyped_delta_mar_ci_upper"]
    )
    assert (
        values["published_stereotyped_amplification_ci_lower"]
        <= 4
        <= values["published_stereotyped_amplification_ci_upper"]
    )
    assert values["published_stereotyped_misfire_mcnemar_q_clustered"] < 0.001
    assert values["published_stereotyped_selective_q"] < 0.001
    assert values["published_stereotyped_did"] < -0.2
    assert values["published_stereotyped_no_longer_misfired"] == 0
    # the neutral cue changes nothing
    assert values["neutral_both_delta_mar"] == 0
    assert values["neutral_both_amplification"] == 1
    assert values["neutral_both_misfire_mcnemar_p_clustered"] == 1
    assert values["neutral_both_selective_q"] == 1
    # where no pair changed, the interval is small and not a point
    assert (
        -0.03
        < values["neutral_both_delta_mar_ci_lower"]
        < 0
        < values["neutral_both_delta_mar_ci_upper"]
        < 0.03
    )
    # a general leaning toward "no" raises MAR on stereotyped halves alone, and cancels out where both carry
    # the cue
    assert values["fairness_stereotyped_did_q"] < 0.01
    assert values["fairness_both_did_ci_lower"] <= 0 <= values["fairness_both_did_ci_upper"]
    assert values["fairness_both_target_accuracy"] < values["base_target_accuracy"] - 0.05
    # ΔMAR calls the same cue sure
    assert values["fairness_both_delta_mar_ci_lower"] > 0
    assert values["fairness_both_selective_q"] > 0.05


def test_a_cue_in_the_system_message_or_behind_is_the_same_cue(tmp_path: Path):
    task = priming(source="embedded", positions="prefix,suffix,system", pairs=24)
    log, calls = ran(task, tmp_path, mar=0.1, cue_mar="published:0.5")
    assert len(calls) == 24 * 5
    values = metrics_of(log)
    deltas = {values[f"published_stereotyped{end}_delta_mar"] for end in ("", "_suffix", "_system")}
    assert len(deltas) == 1
    assert deltas.pop() > 0.2
    systems = [
        sample.messages[0].text for sample in log.samples or [] if sample.metadata["position"] == "system"
    ]
    assert all(
        text.startswith("It is not okay to assume") and text.endswith('{"answer": "no"}.') for text in systems
    )


def test_each_arm_reports_every_metric_of_veto(tmp_path: Path):
    log, _ = ran(priming(source="embedded", pairs=16), tmp_path, epochs=2)
    values = metrics_of(log)
    for arm in ("base", "published_stereotyped"):
        assert values[f"{arm}_pairs"] == 32
        assert {
            f"{arm}_{key}"
            for key in ("mar", "stderr", "mar_ci_lower", "br", "mcnemar_p", "mar_valid", "contrast_invalid")
        } <= values.keys()
    assert values["published_stereotyped_compared_pairs"] == 32
    assert log.results is not None
    assert log.results.headline is not None
    assert log.results.headline.metric == "published_stereotyped_did"
    assert values["stderr"] == values["published_stereotyped_did_stderr"]
    labels = {
        (sample.scores or {})[name].as_str() for sample in log.samples or [] for name in ("half", "cue")
    }
    assert labels == {"stereotyped", "contrast", "none", "published"}


def test_without_scores_every_rate_is_nan():
    metric: Any = priming_metrics()
    values = metric([])
    assert math.isnan(values["base_mar"])
    assert values["base_pairs"] == 0


def test_arms_are_reported_in_the_order_asked_for(tmp_path: Path):
    log, _ = ran(priming(source="embedded", pairs=8, cues="published,evidence,fairness"), tmp_path)
    assert [key for key in metrics_of(log) if key.endswith("_delta_mar")] == [
        "published_stereotyped_delta_mar",
        "evidence_stereotyped_delta_mar",
        "fairness_stereotyped_delta_mar",
    ]


def test_rescoring_finds_the_arms_by_itself(tmp_path: Path):
    log, _ = ran(priming(source="embedded", pairs=16, cues="published,neutral"), tmp_path, mar=0.3)
    again = score(log, priming_outcome(), action="overwrite", display="none")
    assert metrics_of(again) == pytest.approx(metrics_of(log), nan_ok=True)


@pytest.mark.parametrize("protocol", ["direct", "cot"])
def test_demonstrations_are_earlier_turns_in_the_form_of_the_protocol(tmp_path: Path, protocol: Any):
    task = priming(source="embedded", demos=3, pairs=8, protocol=protocol)
    held = set((task.metadata or {})["held_out_scenarios"])
    assert len(held) == 10
    assert (task.metadata or {})["demos"] == 3
    for sample in task.dataset:
        assert isinstance(sample.input, list)
        assert [message.role for message in sample.input] == ["user", "assistant"] * 3 + ["user"]
        asked, replies = (
            [m.text for m in sample.input if isinstance(m, kind)]
            for kind in (ChatMessageUser, ChatMessageAssistant)
        )
        assert all(text.endswith('{"answer": "yes"} or {"answer": "no"}.') for text in asked[:-1])
        assert asked[-1].endswith("?")
        assert all(reply.splitlines()[-1] in {'{"answer": "yes"}', '{"answer": "no"}'} for reply in replies)
        assert {len(reply.splitlines()) for reply in replies} == {2 if protocol == "cot" else 1}
        assert sample.metadata is not None
        assert sample.metadata["scenario"] not in held
    log, _ = ran(task, tmp_path, mar=0.5)
    assert metrics_of(log)["base_pairs"] == 8
    # the model answered the question and not a demonstration
    assert 0 < metrics_of(log)["base_mar"] < 1


def test_the_same_pairs_are_evaluated_with_any_number_of_demonstrations():
    tasks = {demos: priming(source="embedded", demos=demos, pairs=20) for demos in (0, 1, 10)}
    assert len({(task.metadata or {})["pair_set_sha256"] for task in tasks.values()}) == 1
    assert all(isinstance(sample.input, str) for sample in tasks[0].dataset)
    every, some = (
        task.metadata or {} for task in (priming(source="embedded"), priming(source="embedded", demos=0))
    )
    assert (every["demos"], every["held_out_pairs"], every["held_out_scenarios"]) == (None, 0, [])
    assert some["demos"] == 0
    assert some["pair_count"] + some["held_out_pairs"] == every["pair_count"]


def test_all_arms_and_halves_of_a_pair_see_the_same_demonstrations():
    samples = list(priming(source="embedded", demos=5, pairs=4, cues="published,neutral").dataset)
    by_pair: dict[str, set[tuple[str, ...]]] = {}
    for sample in samples:
        assert sample.metadata is not None
        by_pair.setdefault(sample.metadata["pair_id"], set()).add(tuple(sample.metadata["demos"]))
    assert all(len(demos) == 1 for demos in by_pair.values())
    assert len(set.union(*by_pair.values())) == 4


def test_sample_ids_are_unique_and_keep_pairs_together():
    task = priming(
        source="embedded", cues="published,neutral", placements="both", positions="prefix,suffix", pairs=10
    )
    ids = [str(sample.id) for sample in task.dataset]
    assert len(set(ids)) == len(ids) == 100
    pairs = [name.split("_p")[0] + "_p" + name.split("_p")[1].split("_")[0] for name in sorted(ids)]
    assert [pair for k, pair in enumerate(pairs) if k == 0 or pairs[k - 1] != pair] == sorted(set(pairs))


def test_custom_cues_come_from_a_file(tmp_path: Path):
    (tmp_path / "cues.txt").write_text("Think about {group}.\n")
    task = priming(source="embedded", cues="file", cue_file=str(tmp_path / "cues.txt"), pairs=4)
    primed = [sample for sample in task.dataset if (sample.metadata or {})["cue"] == "file"]
    assert len(primed) == 4
    assert all(str(sample.input).startswith("Think about ") for sample in primed)


def test_the_repaired_edition_can_be_primed(shared: Path):
    options: dict[str, Any] = {
        "bbq_dir": str(shared / "bbq"),
        "categories": "Religion",
        "edition": "repaired",
    }
    task = priming(**options, per_scenario=3)
    metadata = task.metadata or {}
    assert metadata["edition"] == "repaired"
    assert metadata["pair_origin"].endswith("repaired edition (at most 3 pairs a scenario, seed 1)")
    # the same pairs as VETO asks, each in the base's two texts and the primed one
    asked = veto(**options, per_scenario=3)
    assert metadata["pair_set_sha256"] == (asked.metadata or {})["pair_set_sha256"]
    assert len(task.dataset) == 3 * metadata["pair_count"]
    scenarios = Counter((sample.metadata or {})["scenario"] for sample in task.dataset)
    assert set(scenarios.values()) <= {3, 6, 9}
    # clefts
    assert all(
        " the one who" in str(sample.input) or " the ones who" in str(sample.input) for sample in task.dataset
    )
    with pytest.raises(InputError, match="per_scenario requires source=bbq and edition=repaired"):
        priming(source="embedded", per_scenario=3)


def test_all_texts_of_a_pair_have_its_audit_flags(shared: Path):
    options: dict[str, Any] = {"bbq_dir": str(shared / "bbq"), "categories": "Religion"}
    flags = {
        flag.pair_id: flag
        for flag in audit_pairs(
            load_pairs(PairSettings("bbq", bbq_dir=options["bbq_dir"], categories=["Religion"])).pairs
        )
    }
    found: set[str] = set()
    for sample in priming(**options, cues="published,neutral", pairs=40).dataset:
        metadata = sample.metadata or {}
        held = {name for name in SHOWN_FLAGS if getattr(flags[metadata["pair_id"]], name)}
        assert set(metadata["audit"]) == held
        found |= held
    # a published pair has faults, and a flag that none has would show nothing here
    assert {"minimal", "mid_sentence_capital"} <= found


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"edition": "mended"}, "edition: 'mended' is not an edition of the pairs. Available: published, "
                                "repaired"),
        ({"cues": "published,mood"}, "unrelated, evidence, file (got 'mood')"),
        ({"cues": ""}, "parameter 'cues': the list is empty"),
        ({"cues": 1}, "(got '1')"),
        ({"cues": "file", "cue_file": 7}, "7: cannot be read"),
        ({"placements": "left"}, "parameter 'placements' must be one or more of stereotyped, contrast, both"),
        ({"positions": "middle"}, "parameter 'positions'"),
        ({"cues": "file"}, "cue 'file' requires a file: -T cue_file=FILE"),
        ({"cue_file": "x.txt"}, "cues= does not include 'file'"),
        ({"demos": 2}, "parameter 'demos': Input should be 0, 1, 3, 5 or 10"),
        ({"demos_style": "odd"}, "parameter 'demos_style'"),
        ({"demos": 10, "categories": "Age"}, "demos=10 is too many for these pairs"),
        ({"cues": "unrelated", "categories": "Age"}, "at least two categories"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_by_name(parameters: dict[str, Any], said: str):
    arguments: dict[str, Any] = {"source": "embedded", **parameters}
    with pytest.raises(InputError) as caught:
        priming(**arguments)
    assert said in str(caught.value)


def test_neither_a_cue_nor_a_demonstration_is_part_of_the_case(tmp_path: Path):
    (tmp_path / "cues.txt").write_text("Zebras are striped.\n")
    task = priming(source="embedded", cues="file", cue_file=str(tmp_path / "cues.txt"), pairs=2, demos=1)
    said = [ModelOutput.from_content("mockllm/model", "Yes, zebras are striped.") for _ in range(8)]
    for output in said:
        output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    model = get_model("mockllm/model", custom_outputs=said, memoize=False)
    (log,) = run(task, model=model, log_dir=str(tmp_path))
    assert any(
        "Zebras" in sample.input[-1].text for sample in log.samples or [] if isinstance(sample.input, list)
    )
    assert {str(sample.scores["priming_outcome"].value) for sample in log.samples or [] if sample.scores} == {
        "unparsable"
    }
