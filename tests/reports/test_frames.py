"""Frames from logs.

The tests check what they hold, that they say what the log says, and what becomes of logs that are not whole.
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from inspect_ai.log import list_eval_logs, read_eval_log, read_eval_log_samples, write_eval_log

from misfire.reports import Results, read_results
from misfire.reports.columns import OVERALL
from misfire.reports.schema import FRAMES
from misfire.scorers import priming as priming_scorer
from misfire.scorers import veto
from misfire.scorers.statistics import benjamini_hochberg
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto as veto_task

from .conftest import PAIRS, make_log

VETO_ROWS = {"alpha": PAIRS, "alpha · cot": PAIRS, "beta": 2 * PAIRS}


def logged(log: str, scorer: str) -> dict[str, float]:
    results = read_eval_log(log, header_only=True).results
    assert results
    return {
        name: metric.value
        for score in results.scores
        if score.scorer == scorer
        for name, metric in score.metrics.items()
    }


def row(frame: pd.DataFrame, **wanted: object) -> dict[str, object]:
    for name, value in wanted.items():
        frame = frame[frame[name] == value]
    (found,) = frame.to_dict("records")
    return {str(name): value for name, value in found.items()}


def same(one: object, two: object) -> bool:
    return (
        isinstance(one, float) and math.isnan(one) and isinstance(two, float) and math.isnan(two)
    ) or one == two


@pytest.mark.parametrize(
    "name", ["runs", "halves", "pairs", "summary", "effects", "comparisons", "power", "scenarios"]
)
def test_every_frame_has_its_documented_columns_and_types(results: Results, name: str):
    frame: pd.DataFrame = getattr(results, name)
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == {
        column.name: column.dtype for column in FRAMES[name]
    }
    assert len(frame) > 0


def test_a_frame_without_rows_has_the_same_columns_and_types(logs: Path, results: Results):
    only_veto = read_results(logs / "veto")
    assert only_veto.effects.empty
    assert list(only_veto.effects.dtypes) == list(results.effects.dtypes)


def test_summary_of_veto_is_what_the_log_says(results: Results):
    for run in results.run_set.of("veto"):
        metrics = logged(run.log, veto.SCORER)
        found = row(results.summary, run=run.label, task="veto", scope=OVERALL)
        shared = set(found) & set(metrics)
        assert len(shared) > 35
        assert {key: (found[key], metrics[key]) for key in shared if not same(found[key], metrics[key])} == {}
        assert found["mar_stderr"] == metrics["stderr"]
        by_category = row(results.summary, run=run.label, task="veto", category="Age")
        assert (by_category["mar"], by_category["br"], by_category["pairs"]) == tuple(
            metrics[f"category_age_{key}"] for key in ("mar", "br", "pairs")
        )


def test_summary_and_effects_of_priming_are_what_the_log_says(results: Results):
    (run,) = results.run_set.of("priming")
    metrics = logged(run.log, priming_scorer.SCORER)
    for arm in ("base", "published_stereotyped", "neutral_stereotyped"):
        found = row(results.summary, task="priming", arm=arm, scope=OVERALL)
        assert {
            key
            for key, value in found.items()
            if f"{arm}_{key}" in metrics and not same(value, metrics[f"{arm}_{key}"])
        } == set()
    for arm in ("published_stereotyped", "neutral_stereotyped"):
        found = row(results.effects, arm=arm)
        shared = {key for key in found if f"{arm}_{key}" in metrics}
        assert len(shared) > 20
        assert {key for key in shared if not same(found[key], metrics[f"{arm}_{key}"])} == set()


def test_q_values_are_adjusted_inside_each_family(results: Results):
    from statsmodels.stats.multitest import multipletests  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

    summary = results.summary
    all_runs = summary[(summary["task"] == "veto") & (summary["scope"] == OVERALL)]
    cells = summary[(summary["task"] == "veto") & (summary["scope"] != OVERALL)]
    for family in (
        all_runs,
        cells,
        results.comparisons.rename(columns=lambda name: name.replace("misfire_mcnemar", "mcnemar")),
    ):
        for kind in ("", "_clustered"):
            expected = np.asarray(multipletests(family[f"mcnemar_p{kind}"], method="fdr_bh")[1])
            assert family[f"mcnemar_q{kind}"].to_numpy() == pytest.approx(expected)


def test_the_family_of_effects_is_all_arms_of_all_runs(tmp_path: Path):
    # given three models with one arm each: by itself no test of theirs has a family
    for number, mar in enumerate((0.3, 0.5, 0.7)):
        planted: dict[str, object] = {"mar": 0.1, "br": 0.05, "cue_mar": f"published:{mar}", "seed": number}
        make_log(priming(source="embedded", pairs=20), f"model{number}", tmp_path, planted=planted)
    results = read_results(tmp_path)
    effects = results.effects
    assert len(effects) == 3
    for name in ("did", "delta_log_odds", "selective", "misfire_mcnemar"):
        for kind in ("", "_clustered") if name == "misfire_mcnemar" else ("",):
            p_values, q_values = effects[f"{name}_p{kind}"].tolist(), effects[f"{name}_q{kind}"].tolist()
            assert q_values == pytest.approx(benjamini_hochberg(p_values))
            assert max(q_values) == pytest.approx(max(p_values))
    assert (effects["did_q"] > effects["did_p"]).any()
    arms = results.overall("priming")
    assert arms["mcnemar_q_clustered"].tolist() == pytest.approx(
        benjamini_hochberg(arms["mcnemar_p_clustered"].tolist())
    )


def test_pairs_contain_every_pair_and_their_counts_are_the_cells(results: Results):
    veto_pairs = results.pairs[results.pairs["task"] == "veto"]
    assert veto_pairs["run"].value_counts().to_dict() == VETO_ROWS
    for run, rows in veto_pairs.groupby("run"):
        found = row(results.summary, run=run, task="veto", scope=OVERALL)
        counts = rows["cell"].value_counts().to_dict()
        keys = {
            "a": "a_both_right",
            "b": "b_contrast_wrong_only",
            "c": "c_stereotyped_wrong_only",
            "d": "d_both_wrong",
        }
        assert {cell: found[key] for cell, key in keys.items()} == {
            cell: counts.get(cell, 0) for cell in keys
        }
        assert rows["misfired"].sum() == found["c_stereotyped_wrong_only"]
        assert rows["valid"].sum() == found["pairs_valid"]
        # MAR once more, from the outcomes alone
        right = (rows["stereotyped"] == "right", rows["contrast"] == "right")
        assert (~right[0] & right[1]).sum() / right[1].sum() == found["mar"]


def test_halves_contain_what_the_samples_say(results: Results):
    run = next(run for run in results.run_set.runs if run.label == "alpha" and run.task == "veto")
    rows = results.halves[(results.halves["run"] == "alpha") & (results.halves["task"] == "veto")].to_dict(
        "records"
    )
    halves = {row["sample_id"]: row for row in rows}
    samples = list(read_eval_log_samples(run.log))
    assert len(samples) == len(halves) == 2 * PAIRS
    for sample in samples:
        score = (sample.scores or {})[veto.SCORER]
        found = halves[str(sample.id)]
        assert (found["outcome"], None if pd.isna(found["answer"]) else found["answer"]) == (
            score.value,
            score.answer,
        )
        assert (found["pair_id"], found["half"], found["scenario"]) == tuple(
            sample.metadata[key] for key in ("pair_id", "half", "scenario")
        )


def test_a_half_shared_by_several_arms_appears_in_each(results: Results):
    halves = results.halves[results.halves["task"] == "priming"]
    assert halves.groupby("arm").size().to_dict() == {
        "base": 128,
        "published_stereotyped": 128,
        "neutral_stereotyped": 128,
    }
    contrast = halves[halves["half"] == "contrast"]
    assert contrast["sample_id"].nunique() == 64  # asked once, in all three
    assert contrast["cue"].isna().all()


def test_models_are_compared_on_the_same_pairs(results: Results):
    compared = row(results.comparisons, first="alpha", second="beta")
    pairs = results.pairs[results.pairs["task"] == "veto"].set_index(["run", "pair_id", "epoch"])
    one, two = pairs.loc["alpha"], pairs.loc["beta"]
    both = one.index.intersection(two.index)
    newly = (two.loc[both, "misfired"] & ~one.loc[both, "misfired"]).sum()
    assert (compared["compared_pairs"], compared["newly_misfired"]) == (PAIRS, newly)
    assert len(results.comparisons) == 3


def test_scenarios_are_ranked_by_the_runs_that_misfire(results: Results):
    scenarios = results.scenarios
    assert scenarios["runs_misfired"].is_monotonic_decreasing
    first = scenarios.iloc[0]
    members = results.pairs[
        (results.pairs["task"] == "veto") & (results.pairs["scenario"] == first["scenario"])
    ]
    assert first["runs_misfired"] == members[members["misfired"]]["run"].nunique()
    assert (first["pairs"], first["misfired"]) == (len(members), members["misfired"].sum())


def test_an_interrupted_run_counts_with_its_finished_samples(tmp_path: Path):
    # given a log of which a third of the samples are gone, one errored, and whose status is "started"
    log = read_eval_log(
        make_log(veto_task(source="embedded", pairs=24), "broken", tmp_path / "whole", planted={"mar": 0.2})
    )
    assert log.samples
    log.samples = sorted(log.samples, key=lambda sample: str(sample.id))[:33]
    log.samples[0].scores = None
    log.status, log.results = "started", None
    place = tmp_path / "broken.eval"
    write_eval_log(log, str(place))
    # when
    results = read_results(place)
    # then the pairs that are whole count, and the run says that it is not
    found = row(results.summary, scope=OVERALL)
    assert (found["pairs"], found["incomplete_pairs"]) == (15, 2)
    run_row = row(results.runs)
    assert (run_row["status"], run_row["complete"], run_row["planned_pairs"]) == ("started", False, 24)
    assert results.halves["outcome"].value_counts()["failed"] == 1


def test_arms_that_do_not_fit_into_a_summary_are_read_from_the_samples(tmp_path: Path):
    log = read_eval_log(make_log(veto_task(source="embedded", pairs=4), "armed", tmp_path))
    names = ["base", *(f"a_long_name_of_an_arm_with_the_number_{k}" for k in range(60))]
    for sample in log.samples or []:
        sample.metadata |= {"arms": names, "arm_numbers": list(range(len(names)))}
    write_eval_log(log, log.location)
    results = read_results(log.location)
    assert results.pairs.groupby("arm").size().to_dict() == dict.fromkeys(names, 4)


def test_reading_calls_back_for_each_log(logs: Path):
    calls: list[int] = []
    read_results(logs, started=calls.append, step=lambda: calls.append(-1))
    assert calls == [8, *[-1] * 8]


def test_logs_can_be_on_any_file_system_that_inspect_reads(logs: Path):
    import fsspec  # pyright: ignore[reportMissingTypeStubs]

    memory = fsspec.filesystem("memory")  # pyright: ignore[reportUnknownMemberType]
    for log in list_eval_logs(str(logs / "priming")):
        memory.pipe(f"/frames/{Path(log.name).name}", Path(log.name.removeprefix("file://")).read_bytes())  # pyright: ignore[reportUnknownMemberType]
    assert len(read_results("memory://frames").effects) == 2
