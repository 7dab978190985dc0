"""Conditions for continuous integration: what can be written, and when they stop a pipeline."""

import contextlib
import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.errors import InputError
from misfire.reports import Results
from misfire.reports.gates import ALIGNMENT_METRICS, ANSWER_METRICS, METRICS, PAIR_METRICS, Condition, parse_condition, violations


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


@pytest.mark.parametrize("text", ["", "mar", "mar>", "mar=0.1", "mar>>0.1", "pairs>3", "mar>ten", "0.1<mar", "mar>0.1; br>0.1"])
def test_anything_else_is_refused_with_an_example(text: str):
    with pytest.raises(InputError, match=re.escape("'mar>0.10'")):
        parse_condition(text)


def test_a_percentage_without_its_sign_is_refused():
    with pytest.raises(InputError, match=r"write 0\.10 or 10% for ten percent"):
        parse_condition("mar>10")


@given(st.text(max_size=40))
def test_no_text_makes_another_error(text: str):
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
    [("veto", m) for m in PAIR_METRICS] + [("detect", m) for m in ALIGNMENT_METRICS] + [("generate", m) for m in ANSWER_METRICS],
)
def test_a_condition_is_met_just_where_the_number_is(results: Results, task: str, metric: str):
    for end in ("estimate", "ci_lower", "ci_upper"):
        key = metric if end == "estimate" else f"{metric}_{end}"
        value = overall(results, task, key)
        below, above = (violations(results, [Condition(metric, ">", value + step)], end) for step in (-1e-9, 1e-9))
        assert any(line.startswith(f"alpha ({task})") and key in line for line in below)
        assert not any(line.startswith(f"alpha ({task})") for line in above)


def test_primed_arms_are_no_gate_but_their_base_is(results: Results):
    lines = violations(results, [Condition("mar", ">=", 0.0)])
    assert [line.split(":")[0] for line in lines] == ["alpha (veto)", "alpha · cot (veto)", "beta (veto)", "alpha (priming)"]


def test_a_run_that_did_not_end_stops_the_pipeline(results: Results):
    runs = tuple(dataclasses.replace(run, status="started") if run.label == "beta" else run for run in results.run_set.runs)
    broken = Results(dataclasses.replace(results.run_set, runs=runs), results.records)
    assert violations(broken, [Condition("mar", ">", 1.0)]) == [
        "beta (veto): the run did not end (status started), so its numbers say nothing yet"
    ]


def test_what_is_undefined_stops_the_pipeline(results: Results):
    # given a run of which nothing is left
    records = tuple(() if run.label == "beta" else own for run, own in zip(results.run_set.runs, results.records, strict=True))
    empty = Results(results.run_set, records)
    assert violations(empty, [Condition("mar", ">", 1.0)]) == ["beta (veto): mar is undefined"]
