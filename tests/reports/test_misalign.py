"""Mis-Align Bench in reports.

Frames say what the logs say, like is compared with like, and figures show the frames.
"""

import dataclasses
import io
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from inspect_ai.log import list_eval_logs, read_eval_log, write_eval_log
from rich.console import Console

from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.errors import InputError
from misfire.reports import Results, read_results
from misfire.reports.conditions import parse_condition, violations
from misfire.reports.document import document
from misfire.reports.drawing.files import Drawing
from misfire.reports.misalign.columns import MISALIGN_FRAMES
from misfire.reports.misalign.figures import draw_misalign
from misfire.reports.misalign.frames import ALL, MisalignResults
from misfire.reports.result_table import summary as log_summary
from misfire.tasks.misalign_bench import misalign_bench

from .conftest import make_log
from .layout import check_layout

FRAMES = {
    "misalign_runs": "runs",
    "verdicts": "verdicts",
    "alignment": "alignment",
    "checks": "checks",
    "overlap": "overlap",
    "conditions": "conditions",
    "answers": "answers",
}


def frame_of(results: Results, name: str) -> pd.DataFrame:
    return getattr(results.misalign, FRAMES[name])


def logged_metrics(log: str) -> dict[str, float]:
    found = read_eval_log(log, header_only=True)
    assert found.results
    (score,) = found.results.scores
    return {name: float(metric.value) for name, metric in score.metrics.items()}


def row_of(frame: pd.DataFrame, **values: str) -> dict[str, float]:
    for column, value in values.items():
        frame = frame[frame[column] == value]
    (row,) = frame.to_dict("records")
    return {str(name): value for name, value in row.items()}


@pytest.mark.parametrize("name", MISALIGN_FRAMES)
def test_frames_have_the_columns_and_types_that_are_documented(results: Results, name: str):
    frame = frame_of(results, name)
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == {
        c.name: c.dtype for c in MISALIGN_FRAMES[name]
    }
    assert len(frame)


def test_runs_say_what_they_were(results: Results):
    runs = results.misalign.runs
    assert runs[["run", "mode", "condition", "planned", "epochs", "grader"]].fillna("").values.tolist() == [
        ["alpha", "detect", "joint", 44, 1, ""],
        ["alpha · each alone", "detect", "alone", 44, 1, ""],
        ["beta", "detect", "joint", 88, 2, ""],
        ["alpha", "generate", "joint", 22, 1, "simulated/judge"],
    ]
    assert runs["complete"].all()
    assert runs["instance_set_sha256"].nunique() == 1


@pytest.mark.parametrize("number", range(3))
def test_the_joint_rates_and_those_of_dimensions_are_those_of_the_log(results: Results, number: int):
    run = results.misalign.run_set.runs[number]
    logged, frame = logged_metrics(run.log), results.misalign.alignment
    for prefix, level, name in (
        ("", "joint", ALL),
        *((f"{name}_", "dimension", name) for name in DIMENSIONS),
    ):
        row = row_of(frame, run=run.label, level=level, name=name)
        for key in (
            "alignment_score",
            "coverage",
            "ffr",
            "alignment_score_ci_lower",
            "coverage_ci_upper",
            "ffr_macro",
            "domains",
            "instances",
        ):
            assert row[key] == pytest.approx(logged[f"{prefix}{key}"], nan_ok=True), (level, name, key)
    assert row_of(results.misalign.checks, run=run.label)["invalid"] == pytest.approx(logged["invalid"])


def test_rates_of_a_domain_are_counts_of_its_verdicts(results: Results):
    # given the verdicts of one run, one row a sample
    verdicts = results.misalign.verdicts
    mine = verdicts[(verdicts["run"] == "beta") & (verdicts["mode"] == "detect")]
    domains = results.misalign.alignment
    domains = domains[(domains["run"] == "beta") & (domains["level"] == "domain")]
    assert len(domains) > 20
    for row in domains.to_dict("records"):
        dimension = str(row["name"]).partition("_")[0]
        own = mine[[row["name"] in str(labels).split() for labels in mine[dimension]]]
        flagged = [
            dimension in str(flags).split() if isinstance(flags, str) else None for flags in own["flagged"]
        ]
        # then an invalid verdict is a miss on a misaligned response and a false alarm on an aligned one
        caught = sum(
            flag is True
            for flag, response in zip(flagged, own["response"], strict=True)
            if response == "misaligned"
        )
        false = sum(
            flag is not False
            for flag, response in zip(flagged, own["response"], strict=True)
            if response == "aligned"
        )
        assert (row["misaligned_flagged"], row["aligned_flagged"]) == (caught, false)
        assert row["misaligned_responses"] == row["aligned_responses"] == len(own) / 2


def test_overlap_counts_every_response_with_a_verdict_once(results: Results):
    overlap, verdicts = results.misalign.overlap, results.misalign.verdicts
    for run in ("alpha", "beta"):
        own = verdicts[(verdicts["run"] == run) & (verdicts["mode"] == "detect")]
        assert overlap[overlap["run"] == run]["responses"].sum() == own["flagged"].notna().sum()


def test_separate_and_joint_questions_are_compared_on_the_same_responses(results: Results):
    # given a model that misses a fifth of what it would flag when it is asked about everything at once
    conditions = results.misalign.conditions.set_index("name")
    assert list(conditions.index) == [ALL, *DIMENSIONS]
    alignment = results.misalign.alignment
    for name in conditions.index:
        row = conditions.loc[name]
        together = row_of(alignment, run="alpha", name=name)["alignment_score"]
        alone = row_of(alignment, run="alpha · each alone", name=name)["alignment_score"]
        assert row["delta_alignment_score"] == pytest.approx(alone - together)
        assert row["delta_coverage"] > 0
        assert row["delta_ffr"] >= 0  # lost flags are lost on aligned responses too
    assert (conditions["delta_alignment_score_ci_lower"] < conditions["delta_alignment_score"]).all()
    assert (conditions["delta_q"] >= conditions["delta_p"]).all()


def test_answers_are_shown_beside_the_quality_of_their_grader(results: Results):
    (row,) = results.misalign.answers.to_dict("records")
    logged = logged_metrics(results.misalign.run_set.of("generate")[0].log)
    for key in (
        "aligned_rate",
        "aligned_rate_corrected",
        "grader_coverage",
        "grader_ffr",
        "grader_instances",
        "answers",
    ):
        assert row[key] == pytest.approx(logged[key])
    assert row["aligned_rate_stderr"] == pytest.approx(logged["stderr"])


def test_reasons_are_those_of_the_judge(results: Results):
    verdicts = results.misalign.verdicts
    assert verdicts[verdicts["outcome"] == "right"]["reason"].str.contains("simulated reason").all()


def test_runs_on_other_instances_are_refused_unless_requested(logs: Path, tmp_path: Path):
    other = make_log(misalign_bench(per_dimension=3), "gamma", tmp_path)
    with pytest.raises(
        InputError,
        match=r"instances of Mis-Align runs \(detect\) differ: 22 instances, .*; 4 instances, .*gamma",
    ):
        read_results([logs / "misalign", other])
    mixed = read_results([logs / "misalign", other], allow_mixed=True)
    assert len(mixed.misalign.run_set.runs) == 5
    assert any(
        "instances of Mis-Align runs (detect) differ" in line
        for line in document(mixed, figures=False).caveats
    )


def test_an_incomplete_run_counts_with_its_finished_samples_and_says_so(logs: Path, tmp_path: Path):
    # given a run that lacks the last ten samples
    (first, *_) = sorted(list_eval_logs(str(logs / "misalign")), key=lambda log: log.name)
    log = read_eval_log(first.name)
    assert log.samples
    log.samples, log.status = log.samples[:-10], "error"
    write_eval_log(log, str(tmp_path / "cut.eval"))
    results = read_results(tmp_path)
    (run,) = results.misalign.runs.to_dict("records")
    assert not run["complete"]
    assert row_of(results.misalign.alignment, level="joint")["misaligned_responses"] == 17
    assert any(
        "alpha (Mis-Align, detect) is incomplete: status error" in line
        for line in document(results, figures=False).caveats
    )
    assert violations(results, [parse_condition("ffr>0.9")]) == [
        "alpha (detect): the run did not finish (status error), so its numbers are not final (34 of 44 "
        "planned responses)"
    ]


def test_a_sample_without_a_score_leaves_its_response_out(results: Results):
    found = results.misalign
    first = found.records[0]
    broken = (dataclasses.replace(first[0], value=None, score=None, error="boom"), *first[1:])
    changed = MisalignResults(found.run_set, (broken, *found.records[1:]))
    assert changed.runs["errors"].tolist()[0] == 1
    assert not changed.runs["complete"].tolist()[0]
    joint = row_of(changed.alignment, run="alpha", level="joint")
    assert joint["misaligned_responses"] + joint["aligned_responses"] == 43


@pytest.mark.parametrize(
    ("condition", "lines"),
    [
        ("alignment_score<0.1", 0),
        ("alignment_score<0.7", 1),
        ("ffr>0.3", 1),
        ("coverage>1%", 3),
        ("aligned_rate<0.99", 1),
        ("mar>0.99", 0),
    ],
)
def test_conditions_are_checked_on_the_runs_that_have_the_metric(
    results: Results, condition: str, lines: int
):
    assert len(violations(results, [parse_condition(condition)])) == lines


def test_a_condition_that_no_run_can_meet_fails(logs: Path):
    results = read_results(logs / "misalign")
    assert violations(results, [parse_condition("mar>0.1")]) == [
        "no run has the metric mar, so this condition was not checked"
    ]


def test_logs_of_mis_align_alone_make_a_report(logs: Path):
    report = document(read_results(logs / "misalign"))
    assert [section.name for section in report.sections] == [
        *("misalign", "dimensions", "overlap", "conditions", "domains", "answers", "checks", "runs"),
    ]
    assert report.title == "misfire: 2 models, 4 runs"


def test_a_model_that_graded_itself_is_named(results: Results):
    found = results.misalign
    runs = tuple(
        dataclasses.replace(run, grader=run.model) if run.grader else run for run in found.run_set.runs
    )
    own = dataclasses.replace(
        results, misalign=MisalignResults(dataclasses.replace(found.run_set, runs=runs), found.records)
    )
    assert (
        "alpha was graded by the same model. Models favor their own answers."
        in document(own, figures=False).caveats
    )


# --- figures
# ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn(results: Results) -> dict[str, Drawing]:
    return {drawing.name: drawing for drawing in draw_misalign(results.misalign)}


HOSTILE = (
    "$\\frac{1}{0}$ x_1",
    "a_very_long_model_name_of_a_provider/with-date-2026-11-21-instruct-and-then-some · temperature=0.7",
    "模型名字很长很长很长很长很长很长很长很长很长很长 · ünïcode 😀",
)


def crowd(results: Results, number: int) -> Results:
    """So many runs of each kind, named to do harm."""
    found, runs, records = results.misalign, [], []
    for index in range(number):
        for run, own in zip(found.run_set.runs, found.records, strict=True):
            name = f"{HOSTILE[index % len(HOSTILE)]} {index} {run.condition}"
            runs.append(
                dataclasses.replace(run, label=name, model=f"model {index}", task_id=f"{index}{run.task_id}")
            )
            records.append(own[index:])
    return dataclasses.replace(
        results,
        misalign=MisalignResults(dataclasses.replace(found.run_set, runs=tuple(runs)), tuple(records)),
    )


def test_all_figures_in_a_fixed_order(drawn: dict[str, Drawing]):
    assert list(drawn) == [
        "misalign_plane",
        "misalign_domains",
        "misalign_overlap",
        "misalign_conditions",
        "misalign_answers",
    ]


def test_detect_runs_alone_have_no_answers_and_one_condition_nothing_to_compare(results: Results):
    found = results.misalign
    only = MisalignResults(dataclasses.replace(found.run_set, runs=found.run_set.runs[:1]), found.records[:1])
    names = [drawing.name for drawing in draw_misalign(only)]
    assert names == ["misalign_plane", "misalign_domains", "misalign_overlap"]


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
@pytest.mark.parametrize("number", [1, 5])
def test_nothing_overlaps_or_is_cut_off(results: Results, number: int):
    for drawing in draw_misalign(crowd(results, number).misalign):
        check_layout(drawing)


def test_the_plane_has_every_run_at_its_rates_and_contours_of_one_score(
    results: Results, drawn: dict[str, Drawing]
):
    page, axes = drawn["misalign_plane"].figure.axes
    points = {
        (float(x), float(y))
        for line in axes.lines
        if line.get_marker() in ("o", "s")
        for x, y in line.get_xydata()  # pyright: ignore[reportGeneralTypeIssues]
    }
    joint = results.misalign.alignment
    joint = joint[joint["level"] == "joint"]
    expected = {(100 * row["ffr"], 100 * row["coverage"]) for row in joint.to_dict("records")}
    assert {(round(x, 6), round(y, 6)) for x, y in points} == {
        (round(x, 6), round(y, 6)) for x, y in expected
    }
    contours = [line.get_xydata() for line in axes.lines if line.get_color() == "#8C8C8C"]
    assert len(contours) == 5
    for contour, score in zip(contours, (0.5, 0.6, 0.7, 0.8, 0.9), strict=True):
        for x, y in contour:  # pyright: ignore[reportGeneralTypeIssues]
            coverage, passed = float(y) / 100, 1 - float(x) / 100
            assert 2 * coverage * passed / (coverage + passed) == pytest.approx(score)
    key = [text.get_text() for text in page.texts]
    for row in joint.to_dict("records"):
        assert any(text.startswith(f"{row['run']}: {100 * row['alignment_score']:.1f} %") for text in key)


def test_the_domain_map_has_the_score_of_every_domain_and_marks_few_instances(
    results: Results, drawn: dict[str, Drawing]
):
    (page,) = drawn["misalign_domains"].figure.axes
    texts = [text.get_text() for text in page.texts]
    rows = results.misalign.alignment
    rows = rows[rows["level"] == "domain"]
    known = rows[rows["alignment_score"].notna()]
    written = sorted(text for text in texts if text.replace(".", "").removesuffix("*").isdigit())
    assert written == sorted(
        f"{100 * score:.1f}{'*' if n < 5 else ''}"
        for score, n in zip(known["alignment_score"], known["instances"], strict=True)
    )
    assert texts.count("–") == len(rows) - len(known)


def test_captions_explain_n_and_bars(results: Results, drawn: dict[str, Drawing]):
    for name in ("misalign_plane", "misalign_conditions", "misalign_answers"):
        assert "95 % intervals, clustered by instance" in drawn[name].caption
        assert "n: " in drawn[name].caption
    row = row_of(results.misalign.alignment, run="beta", level="joint")
    assert f"beta: Alignment Score {100 * row['alignment_score']:.1f} %" in drawn["misalign_plane"].alt
    assert not math.isnan(row["alignment_score"])


def test_the_summary_contains_the_frames(results: Results):
    from misfire.reports.formats import summary

    rows = json.loads(summary.render(results, ()))
    assert [row["run"] for row in rows["misalign_runs"]] == results.misalign.runs["run"].tolist()
    assert len(rows["alignment"]) == len(results.misalign.alignment)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, ["joint", "safety", "Cost of jointness"]), (3, ["corrected for the grader's errors", "22 answers"])],
)
def test_one_log_has_a_table_of_its_own(results: Results, number: int, words: list[str]):
    run = results.misalign.run_set.runs[number]
    console = Console(width=160, file=io.StringIO())
    console.print(log_summary(read_eval_log(run.log, header_only=True)))
    text = console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    assert all(word in text for word in words)
    assert "left out" not in text
    metrics = logged_metrics(run.log)
    for key in ("alignment_score", "coverage", "ffr") if number == 0 else ("aligned_rate", "grader_coverage"):
        assert f"{100 * metrics[key]:.1f} %" in text
