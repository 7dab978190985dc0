"""Controls and editions in a report.

What the frames say is what the log says, and pairs stay pairs of evidence halves.
"""

from pathlib import Path

import pytest
from inspect_ai.log import read_eval_log, write_eval_log

from misfire.reports import Results, read_results
from misfire.reports.columns import CONTROLS, RUN
from misfire.reports.document import document
from misfire.reports.pairs.figures import draw
from misfire.tasks.veto import veto

from .conftest import make_log

PAIRS = 24


@pytest.fixture(scope="module")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A run with controls, of a model that leans toward "no" in stereotyped contexts, as two editions."""
    folder = tmp_path_factory.mktemp("controls")
    planted: dict[str, object] = {
        "mar": 0.2,
        "br": 0.1,
        "no_bias_stereotyped": 0.3,
        "slip": 0.1,
        "invalid": 0.05,
        "unfounded_yes": 0.3,
    }
    place = make_log(veto(source="embedded", pairs=PAIRS, controls=True), "alpha", folder, planted=planted)
    log = read_eval_log(place)
    for edition in ("published", "repaired"):
        metadata = (log.eval.metadata or {}) | {"edition": edition, "pair_set_sha256": edition}
        log.eval = log.eval.model_copy(update={"metadata": metadata, "task_id": edition})
        write_eval_log(log, str(folder / f"{edition}.eval"))
    Path(place.removeprefix("file://")).unlink()
    return read_results(folder)


def test_the_frame_of_controls_is_what_the_log_says(controlled: Results):
    for run, row in zip(controlled.run_set.runs, controlled.controls.to_dict("records"), strict=True):
        logged = read_eval_log(run.log, header_only=True).results
        assert logged
        (metrics,) = [
            {name: m.value for name, m in score.metrics.items()}
            for score in logged.scores
            if score.scorer == "veto_outcome"
        ]
        names = [column.name for column in CONTROLS[len(RUN) :]]
        # q-values depend on what else a report holds
        names = [name for name in names if not name.endswith("_q")]
        assert {name for name in names if name not in metrics} == set()
        # sums over scenarios in another order differ in their last digits
        assert {name: row[name] for name in names} == pytest.approx(
            {name: metrics[name] for name in names}, nan_ok=True, rel=1e-9, abs=1e-12
        )


def test_pairs_consist_of_evidence_halves_only(controlled: Results):
    counts = controlled.halves.groupby("probe").size().to_dict()
    assert counts == dict.fromkeys(("evidence", "foil", "ambiguous", "three_way"), 2 * 2 * PAIRS)
    assert len(controlled.pairs) == 2 * PAIRS
    summary = controlled.overall("veto")
    assert summary["pairs"].tolist() == [PAIRS, PAIRS]
    evidence = controlled.halves[controlled.halves["probe"] == "evidence"]
    right = (
        evidence[evidence["half"] == "stereotyped"]
        .groupby("run")["outcome"]
        .agg(lambda outcomes: (outcomes == "right").mean())
    )
    assert summary.set_index("run")["target_accuracy"].to_dict() == pytest.approx(right.to_dict())


def test_editions_of_a_model_are_shown_side_by_side_and_not_mixed(controlled: Results):
    assert controlled.run_set.mixed == ()
    assert [run.edition for run in controlled.run_set.runs] == ["published", "repaired"]
    (row,) = controlled.editions.to_dict("records")
    assert row["published_pairs"] == row["repaired_pairs"] == PAIRS
    assert (row["delta_mar"], row["delta_br"], row["delta_mar_minus_br"]) == pytest.approx((0, 0, 0))
    assert controlled.comparisons.empty  # different pairs are compared by scenario alone


def test_flags_come_from_the_log(controlled: Results):
    assert controlled.pairs["audit"].str.contains("minimal").all()
    flags = controlled.flags
    assert set(flags["flag"]) <= {
        "duplicate",
        "contains_not",
        "same_mention_order",
        "mid_sentence_capital",
        "negative_question",
    }


def test_the_report_has_the_tables_and_the_figure_of_controls(controlled: Results, results: Results):
    names = {table.name for table in document(controlled, figures=False, examples=0).tables}
    assert {"veto_certified", "veto_detection", "veto_ambiguous", "veto_editions", "veto_exchange"} <= names
    without = {table.name for table in document(results, figures=False, examples=0).tables}
    assert without.isdisjoint({"veto_certified", "veto_detection", "veto_ambiguous", "veto_editions"})
    (drawing,) = [drawing for drawing in draw(controlled) if drawing.name == "control_differences"]
    row = controlled.controls.to_dict("records")[0]
    left, right = drawing.figure.axes[1:]
    for axes, name in ((left, "criterion_difference"), (right, "d_prime_difference")):
        points = [line for line in axes.get_lines() if line.get_marker() in {"o", "D"}]
        assert points[0].get_xdata()[0] == pytest.approx(row[name])  # pyright: ignore[reportIndexIssue]
    assert f"{row['criterion_difference']:+.2f}" in drawing.alt
