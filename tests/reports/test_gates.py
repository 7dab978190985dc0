"""Conditions for continuous integration: what can be written, and when they stop a pipeline."""

import contextlib
import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai import Task
from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput, ModelUsage, get_model
from inspect_ai.tool import ToolChoice, ToolInfo

from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError
from misfire.reports import Results, read_results
from misfire.reports.conditions import (
    ALIGNMENT_METRICS,
    ANSWER_METRICS,
    METRICS,
    PAIR_METRICS,
    Condition,
    MinPairs,
    judge,
    parse_condition,
    parse_min_pairs,
    violations,
)
from misfire.reports.document import caveats
from misfire.tasks.misalign_bench import misalign_bench
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.runs import run_task as run

from .conftest import make_log


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("mar>0.10", Condition("mar", ">", 0.1)),
        (" invalid >= 5% ", Condition("invalid", ">=", 0.05)),
        ("mar_minus_br<-0.02", Condition("mar_minus_br", "<", -0.02)),
        ("br<=.5", Condition("br", "<=", 0.5)),
    ],
)
def test_a_condition_is_a_metric_a_sign_and_a_number(text: str, condition: Condition):
    assert parse_condition(text) == condition


@pytest.mark.parametrize(
    "text", ["", "mar", "mar>", "mar=0.1", "mar>>0.1", "pairs>3", "mar>ten", "0.1<mar", "mar>0.1; br>0.1"]
)
def test_anything_else_is_refused_with_an_example(text: str):
    with pytest.raises(InputError, match=re.escape("'mar>0.10'")):
        parse_condition(text)


def test_a_percentage_without_its_sign_is_refused():
    with pytest.raises(InputError, match=r"Write 0\.10 or 10% for ten percent"):
        parse_condition("mar>10")


@given(st.text(max_size=40))
def test_no_text_causes_any_other_error(text: str):
    with contextlib.suppress(InputError):
        assert parse_condition(text).metric in METRICS


def overall(results: Results, task: str, key: str) -> float:
    """A number of the run of model alpha."""
    frames = {
        "veto": results.overall("veto"),
        "detect": results.misalign.alignment[results.misalign.alignment["level"] == "joint"],
        "generate": results.misalign.answers,
    }
    frame = frames[task]
    return float(frame[frame["run"] == "alpha"][key].iloc[0])


@pytest.mark.parametrize(
    ("task", "metric"),
    [("veto", m) for m in PAIR_METRICS]
    + [("detect", m) for m in ALIGNMENT_METRICS]
    + [("generate", m) for m in ANSWER_METRICS],
)
def test_a_condition_is_met_exactly_where_the_number_meets_it(results: Results, task: str, metric: str):
    for end in ("estimate", "ci_lower", "ci_upper"):
        key = metric if end == "estimate" else f"{metric}_{end}"
        value = overall(results, task, key)
        below, above = (
            violations(results, [Condition(metric, ">", value + step)], end) for step in (-1e-9, 1e-9)
        )
        assert any(line.startswith(f"alpha ({task})") and key in line for line in below)
        assert not any(line.startswith(f"alpha ({task})") for line in above)


def test_primed_arms_are_not_gated_but_their_base_is(results: Results):
    lines = violations(results, [Condition("mar", ">=", 0.0)])
    assert [line.split(":")[0] for line in lines] == [
        "alpha (veto)",
        "alpha · cot (veto)",
        "beta (veto)",
        "alpha (priming)",
    ]


def test_a_run_that_did_not_end_stops_the_pipeline(results: Results):
    runs = tuple(
        dataclasses.replace(run, status="started") if run.label == "beta" else run
        for run in results.run_set.runs
    )
    broken = Results(dataclasses.replace(results.run_set, runs=runs), results.records)
    assert violations(broken, [Condition("mar", ">", 1.0)]) == [
        "beta (veto): the run did not finish (status started), so its numbers are not final (256 of 256 "
        "planned pairs)"
    ]


def test_an_undefined_metric_stops_the_pipeline(results: Results):
    # given a run of which nothing is left
    records = tuple(
        () if run.label == "beta" else own
        for run, own in zip(results.run_set.runs, results.records, strict=True)
    )
    empty = Results(results.run_set, records)
    assert violations(empty, [Condition("mar", ">", 1.0)]) == [
        "beta (veto): mar is undefined, from 0 pairs with a right contrast half; 0 of 256 planned pairs: "
        "the number is undefined; at least 99 % are required (--min-pairs)"
    ]


# --- what a condition rests on ---

YES, NO = '{"answer": "yes"}', '{"answer": "no"}'
STEREOTYPED = {pair.stereotyped.prompt for pair in load_pairs(PairSettings("embedded")).pairs}
MAR = [Condition("mar", ">", 0.9)]

Tells = Callable[[str, bool], bool]
"""Something about a half, by its text and by whether it is a stereotyped one."""


def answering(task: Task, folder: Path, errs: Tells, right: Tells = lambda *_: True) -> Results:
    """A run of a model that ends in an error on some halves, and is right on others."""

    def reply(
        messages: list[ChatMessage], tools: list[ToolInfo], choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        del tools, choice, config
        text = messages[-1].text
        stereotyped = any(prompt in text for prompt in STEREOTYPED)
        if errs(text, stereotyped):
            raise RuntimeError("the provider is out of order")
        output = ModelOutput.from_content("mockllm/model", YES if right(text, stereotyped) else NO)
        output.usage = ModelUsage()
        return output

    model = get_model("mockllm/model", custom_outputs=reply, memoize=False)
    (log,) = run(task, model=model, log_dir=str(folder), fail_on_error=False)
    assert log.status == "success"
    return read_results(log.location)


def some(text: str, of: int) -> bool:
    return sum(text.encode()) % of == 0


def test_a_run_with_almost_no_pairs_left_is_not_judged(tmp_path: Path):
    # given 80 samples of which most errored
    results = answering(veto(source="embedded", pairs=40), tmp_path, lambda text, _: not some(text, 3))
    left = int(results.overall("veto")["pairs"].iloc[0])
    assert 0 < left < 20
    (line,) = violations(results, MAR)
    assert f"{left} of 40 planned pairs: at least 99 % are required (--min-pairs)" in line


def test_a_limit_that_cuts_pairs_off_is_not_judged(tmp_path: Path):
    results = read_results(make_log(veto(source="embedded"), "m", tmp_path, limit=15))
    (line,) = violations(results, MAR)
    assert "7 of 512 planned pairs: at least 99 % are required (--min-pairs)" in line
    assert (
        "m (veto) is incomplete: 7 of 512 pairs have both outcomes. Its numbers are based on the "
        "available data." in list(caveats(results))
    )


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("99%", True),
        ("0.97", False),
        ("97%", False),
        ("120", False),
        ("125", False),
        ("126", True),
        ("1.0", True),
        ("0", False),
    ],
)
def test_how_many_pairs_are_needed_is_a_number_or_a_share(results: Results, text: str, fails: bool):
    # given a run that lacks three pairs of 128, on either half
    (alpha,) = (one for one in results.run_set.of("veto") if one.label == "alpha")
    ids = list(dict.fromkeys(record.pair_id for record in results.records_of(alpha)))
    gone = {(ids[0], "stereotyped"), (ids[1], "contrast"), (ids[2], "contrast")}
    kept = tuple(record for record in results.records_of(alpha) if (record.pair_id, record.half) not in gone)
    fewer = Results(dataclasses.replace(results.run_set, runs=(alpha,)), (kept,))
    assert bool(violations(fewer, MAR, min_pairs=parse_min_pairs(text))) == fails


@pytest.mark.parametrize("text", ["", "many", "-1", "150%", "1.5", "1e3", "0.5 pairs", "99 %%", "."])
def test_a_value_that_is_neither_a_number_nor_a_share_is_refused(text: str):
    with pytest.raises(InputError, match="a whole number of pairs"):
        parse_min_pairs(text)


def test_errors_on_one_half_are_not_chance_and_stop_the_pipeline(tmp_path: Path):
    # given a provider that ends in an error for some stereotyped halves, in a run that is otherwise large
    # enough
    results = answering(
        veto(source="embedded", pairs=60), tmp_path, lambda text, stereotyped: stereotyped and some(text, 5)
    )
    lost = 60 - int(results.overall("veto")["pairs"].iloc[0])
    assert lost > 6
    (line,) = violations(results, MAR, min_pairs=MinPairs(0.5))
    assert (
        f"not missing at random: {lost} stereotyped halves and 0 contrast halves have no outcome (exact p = "
        in line
    )
    assert any(
        f"{lost} stereotyped halves and 0 contrast halves have no outcome" in caveat
        for caveat in caveats(results)
    )


def test_errors_on_both_halves_equally_are_chance(tmp_path: Path):
    results = answering(veto(source="embedded", pairs=60), tmp_path, lambda text, _: some(text, 8))
    assert int(results.overall("veto")["pairs"].iloc[0]) < 56
    assert violations(results, MAR, min_pairs=MinPairs(0.5)) == []
    assert any("contrast halves have no outcome" in caveat for caveat in caveats(results))


def test_a_rate_based_on_a_few_pairs_is_not_judged(tmp_path: Path):
    # given a model whose contrast halves are wrong but for a few, so that a + c is small, though no pair is
    # missing
    task = veto(source="embedded", pairs=60)
    results = answering(
        task, tmp_path, lambda *_: False, lambda text, stereotyped: stereotyped or some(text, 10)
    )
    (row,) = results.overall("veto").to_dict("records")
    assert row["mar_n"] == row["a_both_right"] + row["c_stereotyped_wrong_only"]
    assert row["mar_n"] < 30
    (line,) = violations(results, MAR)
    assert (
        f"from {row['mar_n']} pairs with a right contrast half; 60 of 60 planned pairs: rates based on "
        "fewer than 30 are not" in line
    )
    # but BR rests on many
    assert violations(results, [Condition("br", "<", 0.1)]) == []


def test_the_base_arm_of_priming_needs_its_pairs_too(tmp_path: Path):
    results = answering(priming(source="embedded", pairs=24), tmp_path, lambda text, _: some(text, 3))
    (line,) = violations(results, MAR)
    assert "(priming): mar is" in line
    assert "of 24 planned pairs: at least 99 % are required" in line


def test_runs_of_mis_align_bench_need_their_instances(tmp_path: Path):
    detect = read_results(make_log(misalign_bench(per_dimension=12), "judge", tmp_path / "detect", limit=20))
    (line,) = violations(detect, [Condition("ffr", ">", 0.99)])
    assert "aligned responses; 20 of 44 planned responses: at least 99 % are required" in line
    graded = misalign_bench(mode="generate", per_dimension=12, grader_sample=4)
    roles = {"grader": "simulated/judge"}
    generate = read_results(make_log(graded, "m", tmp_path / "generate", limit=10, model_roles=roles))
    (line,) = violations(generate, [Condition("aligned_rate", "<", 0.01)])
    assert "answers with a verdict; 10 of 22 planned answers: at least 99 % are required" in line


def test_a_passing_gate_says_how_many_pairs_it_is_based_on(results: Results):
    (alpha, *_) = judge(results, [Condition("mar", ">", 0.9)])
    row = results.overall("veto").set_index("run").loc["alpha"]
    assert not alpha.failed
    assert alpha.words == (
        f"alpha (veto): mar is {100 * row['mar']:.1f} %, from {row['mar_n']} pairs with a right contrast "
        "half; 128 of 128 planned pairs: not > 90.0 %"
    )
