"""The figures: what they show is what the frames say.

This holds whatever runs there are and whatever models are called.
"""

import dataclasses
import math
import subprocess
import sys
import unicodedata
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import BytesIO
from itertools import combinations
from pathlib import Path

import matplotlib
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image

from misfire.reports import Results
from misfire.reports.drawing.files import DPI, Drawing, png, save
from misfire.reports.drawing.labels import LABEL, LONGEST, place_labels, short_labels
from misfire.reports.number_format import count, percent
from misfire.reports.pairs.figures import draw
from misfire.reports.pairs.figures.protocols import spread
from misfire.reports.pairs.published_results import SOURCE, published_results
from misfire.reports.pairs.runs import Run
from misfire.reports.pairs.veto_tables import SHOWN_ROWS, SMALL

from .layout import check_layout

HOSTILE = (
    "$\\frac{1}{0}$ x_1",
    "<script>alert(1)</script>",
    "a_very_long_model_name_of_a_provider/with-date-2026-11-21-instruct-and-then-some · temperature=0.7",
    "line\nbreak\x00\x1b[31m \u202eright to left ]]> -- \ufffe\uffff",
    "模型名字很长很长很长很长很长很长很长很长很长很长 · ünïcode 😀",
    '& "quotes" \\ %s {0} #',
)


def chosen(results: Results, keep: Callable[[Run], bool]) -> Results:
    """Only some of the runs."""
    kept = [
        (run, records)
        for run, records in zip(results.run_set.runs, results.records, strict=True)
        if keep(run)
    ]
    runs, records = zip(*kept, strict=True)
    return Results(dataclasses.replace(results.run_set, runs=runs), records)


def many(results: Results, number: int) -> Results:
    """So many runs of each task, named to do harm; half of the VETO runs are with chain of thought."""
    made = []
    for task in ("veto", "priming"):
        own = [
            (run, records)
            for run, records in zip(results.run_set.runs, results.records, strict=True)
            if run.task == task
        ]
        for index in range(number):
            run, records = own[index % len(own)]
            name, protocol = (
                HOSTILE[index % len(HOSTILE)],
                "cot" if index % 2 and task == "veto" else "direct",
            )
            new = dataclasses.replace(
                run,
                label=f"{name} {index}",
                model=f"model {index // 2}",
                protocol=protocol,
                task_id=f"{task}{index}",
            )
            made.append((new, records[7 * index :]))
    runs, records = zip(*made, strict=True)
    return Results(dataclasses.replace(results.run_set, runs=runs), records)


def alpha_direct(run: Run) -> bool:
    return (run.task, run.model, run.protocol) == ("veto", "simulated/alpha", "direct")


@pytest.fixture(scope="module")
def results(results: Results) -> Results:
    """The shared results.

    With chain of thought the model is a little better, so that no two runs are alike.
    """
    better = [
        tuple(
            dataclasses.replace(record, outcome="right")
            if run.protocol == "cot" and index % 3 == 0 and record.outcome == "wrong"
            else record
            for index, record in enumerate(records)
        )
        for run, records in zip(results.run_set.runs, results.records, strict=True)
    ]
    return Results(results.run_set, tuple(better))


@pytest.fixture(scope="module")
def drawn(results: Results) -> dict[str, Drawing]:
    return {drawing.name: drawing for drawing in draw(results, published_results())}


@pytest.fixture(scope="module")
def crowd(results: Results) -> list[Drawing]:
    return draw(many(results, 26), published_results())


@pytest.fixture(scope="module")
def veto(results: Results) -> pd.DataFrame:
    """The VETO runs in the order of the figures."""
    return results.overall("veto").sort_values("mar", ascending=False, ignore_index=True)


def panels(drawing: Drawing) -> list[Axes]:
    """The axes of a figure without the page that they lie on."""
    return drawing.figure.axes[1:]


def line(axes: Axes, label: str) -> Line2D:
    (found,) = (line for line in axes.lines if line.get_label() == label)
    return found


def points(axes: Axes, label: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in line(axes, label).get_xydata()]  # pyright: ignore[reportGeneralTypeIssues]


def bars(axes: Axes) -> list[tuple[float, float, float, float]]:
    """Ends (x, y, x, y) of all interval bars."""
    collections = [found for found in axes.collections if isinstance(found, LineCollection)]
    return [tuple(map(float, segment.ravel())) for found in collections for segment in found.get_segments()]  # pyright: ignore[reportReturnType]


def row_names(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def written(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def in_percent(series: pd.Series) -> list[float]:
    return [float(100 * value) for value in series]


# --- which figures
# ------------------------------------------------------------------------------------------------------------

VETO = ["mar_br_intervals", "mar_br_scatter", "category_heat_map", "confusion"]


def names(results: Results) -> list[str]:
    return [drawing.name for drawing in draw(results)]


def test_all_figures_in_a_fixed_order_where_the_data_allow_them(drawn: dict[str, Drawing]):
    assert list(drawn) == [*VETO[:3], "priming_dumbbell", "protocol_slopes", "confusion", "scenarios"]


def test_one_run_has_no_comparison(results: Results):
    assert names(chosen(results, alpha_direct)) == VETO


def test_two_models_have_a_scenario_figure_and_no_protocol_figure(results: Results):
    assert names(chosen(results, lambda run: run.task == "veto" and run.protocol == "direct")) == [
        *VETO,
        "scenarios",
    ]


def test_priming_logs_alone_have_their_own_figures(results: Results):
    assert names(chosen(results, lambda run: run.task == "priming")) == ["priming_dumbbell"]


def test_a_run_without_a_complete_pair_is_drawn_as_undefined(results: Results):
    # given a run that ended before any pair was complete
    only = chosen(results, alpha_direct)
    empty = Results(only.run_set, (tuple(record for record in only.records[0] if record.half == "contrast"),))
    made = {drawing.name: drawing for drawing in draw(empty)}
    # then dashes stand for its rates and shares, and no category is known
    assert list(made) == ["mar_br_intervals", "mar_br_scatter", "confusion"]
    assert written(panels(made["mar_br_intervals"])[0]) == ["–", "–", "n = 0, a + c = 0, a + b = 0"]
    assert "–" in written(made["mar_br_scatter"].figure.axes[0])
    assert "0\n–" in written(made["confusion"].figure.axes[0])


# --- what they show
# ------------------------------------------------------------------------------------------------------------


def test_intervals_are_sorted_by_decreasing_mar_with_both_rates_and_n(
    drawn: dict[str, Drawing], veto: pd.DataFrame
):
    (axes,) = panels(drawn["mar_br_intervals"])
    assert row_names(axes) == veto["run"].tolist()
    mar, br = (points(axes, label) for label in ("MAR: stereotyped half fails", "BR: contrast half fails"))
    assert [x for x, _ in mar] == pytest.approx(in_percent(veto["mar"]))
    assert [x for x, _ in br] == pytest.approx(in_percent(veto["br"]))
    assert [round(y) for _, y in mar] == [round(y) for _, y in br] == list(range(len(veto)))
    ends = [(left, right) for left, _, right, _ in bars(axes)]
    expected = [
        (float(100 * lower), float(100 * upper))
        for name in ("mar", "br")
        for lower, upper in zip(veto[f"{name}_ci_lower"], veto[f"{name}_ci_upper"], strict=True)
    ]
    assert ends == [pytest.approx(pair) for pair in expected]
    assert written(axes) == [
        f"n = {count(pairs)}, a + c = {count(mar_n)}, a + b = {count(br_n)}"
        for pairs, mar_n, br_n in zip(veto["pairs"], veto["mar_n"], veto["br_n"], strict=True)
    ]
    assert axes.yaxis_inverted()


def test_the_plane_has_a_number_for_each_run_and_the_paper_beside_them(
    drawn: dict[str, Drawing], veto: pd.DataFrame
):
    page, axes = drawn["mar_br_scatter"].figure.axes
    for protocol, label in (("direct", "direct"), ("cot", "chain of thought")):
        own = veto[veto["protocol"] == protocol]
        assert points(axes, label) == [
            pytest.approx(pair) for pair in zip(in_percent(own["br"]), in_percent(own["mar"]), strict=True)
        ]
    theirs = published_results()
    key = f"published ({SOURCE})"
    assert points(axes, key) == [
        pytest.approx(pair) for pair in zip(in_percent(theirs["br"]), in_percent(theirs["mar"]), strict=True)
    ]
    assert line(axes, key).get_markerfacecolor() == "none"
    assert {key, "direct", "chain of thought", "MAR = BR: both errors equally frequent"} <= set(written(page))
    # each number stands nearest to its own point, and the key says whose it is
    own = list(zip(in_percent(veto["br"]), in_percent(veto["mar"]), strict=True))
    assert [text.get_text() for text in axes.texts] == [str(number + 1) for number in range(len(veto))]
    for index, text in enumerate(axes.texts):
        assert min(range(len(own)), key=lambda other: math.dist(own[other], text.get_position())) == index
    listed = written(page)
    for number, (run, pairs) in enumerate(zip(veto["run"], veto["pairs"], strict=True), start=1):
        assert listed[listed.index(str(number)) + 1] == f"{run} (n = {count(pairs)})"
    crosses = {tuple(round(end, 6) for end in bar) for bar in bars(axes)}
    for row in veto.to_dict("records"):
        x, y = 100 * row["br"], 100 * row["mar"]
        across = (100 * row["br_ci_lower"], y, 100 * row["br_ci_upper"], y)
        upright = (x, 100 * row["mar_ci_lower"], x, 100 * row["mar_ci_upper"])
        assert {tuple(round(end, 6) for end in bar) for bar in (across, upright)} <= crosses


def test_the_plane_is_square_with_the_diagonal_from_corner_to_corner(drawn: dict[str, Drawing]):
    drawing = drawn["mar_br_scatter"]
    (axes,) = panels(drawing)
    wide, high = drawing.figure.get_size_inches()
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_position().width * wide == pytest.approx(axes.get_position().height * high)
    low, top = axes.get_xlim()
    assert points(axes, "MAR = BR: both errors equally frequent") == [(low, low), (top, top)]


def test_without_the_paper_its_rows_are_missing(results: Results):
    scatter = draw(results)[1]
    page, axes = scatter.figure.axes
    assert not any("published" in text for text in written(page))
    assert points(axes, f"published ({SOURCE})") == []
    assert "paper" not in scatter.caption


def tiles(axes: Axes) -> dict[tuple[int, int], tuple[str, str, Rectangle | None]]:
    """The cells of a heat map by (row, column): number, n and box.

    Where the number is undefined there are a dash, nothing and nothing.
    """
    boxes = {
        (round(box.get_y() + 0.47), round(box.get_x() + 0.48)): box
        for box in axes.patches
        if isinstance(box, Rectangle)
    }
    found: dict[tuple[int, int], list[str]] = {}
    for text in axes.texts:
        x, y = text.get_position()
        found.setdefault((round(y), round(x)), []).append(text.get_text())
    return {place: (texts[0], "".join(texts[1:]), boxes.get(place)) for place, texts in found.items()}


def test_the_heat_maps_have_the_rates_and_denominators_of_the_frame(
    results: Results, drawn: dict[str, Drawing], veto: pd.DataFrame
):
    by_mar, by_br = panels(drawn["category_heat_map"])
    summary = results.summary
    rows = summary[(summary["task"] == "veto") & (summary["scope"] == "category")]
    categories = rows["category"].drop_duplicates().tolist()
    assert row_names(by_mar) == veto["run"].tolist()
    headings = [
        text
        for text in written(drawn["category_heat_map"].figure.axes[0])
        if text.replace(" ", "_") in categories
    ]
    assert headings == [category.replace("_", " ") for category in categories] * 2
    for axes, rate, other in (
        (by_mar, "mar", "c_stereotyped_wrong_only"),
        (by_br, "br", "b_contrast_wrong_only"),
    ):
        shown = tiles(axes)
        assert len(shown) == len(rows)
        for record in rows.to_dict("records"):
            place = (veto["run"].tolist().index(record["run"]), categories.index(record["category"]))
            number, n, _ = shown[place]
            assert (f"{number} %", n) == (
                percent(record[rate]),
                f"n {count(record['a_both_right'] + record[other])}",
            )


def test_exactly_the_cells_with_few_pairs_are_hatched(results: Results):
    # given two models, one of them with two epochs, so that some of its categories have pairs enough
    made = {drawing.name: drawing for drawing in draw(chosen(results, lambda run: run.task == "veto"))}
    shown = [tile for axes in panels(made["category_heat_map"]) for tile in tiles(axes).values()]
    few = [int(n.removeprefix("n ")) < SMALL for _, n, _ in shown]
    assert {True, False} == set(few)
    assert [bool(box and box.get_hatch()) for _, _, box in shown] == few
    assert f"n is below {SMALL}" in made["category_heat_map"].caption
    # and no scenario is hatched: there few pairs are the rule
    assert not any(box and box.get_hatch() for _, _, box in tiles(panels(made["scenarios"])[0]).values())


def test_darker_is_higher_and_the_text_stands_out(drawn: dict[str, Drawing]):
    for axes in panels(drawn["category_heat_map"]):
        order = sorted((float(number), brightness(box)) for number, _, box in tiles(axes).values() if box)
        assert [light for _, light in order] == sorted((light for _, light in order), reverse=True)
        assert order[0][1] > order[-1][1] + 0.1
        for text in axes.texts:
            ink = luminance(to_rgb(text.get_color()))
            x, y = text.get_position()
            box = tiles(axes)[round(y), round(x)][2]
            assert box
            ground = luminance(to_rgb(box.get_facecolor()))
            assert (max(ink, ground) + 0.05) / (min(ink, ground) + 0.05) >= 4.5


def brightness(box: Rectangle) -> float:
    """As a copy without colors has it."""
    red, green, blue = to_rgb(box.get_facecolor())
    return round(0.299 * red + 0.587 * green + 0.114 * blue, 6)


def luminance(color: tuple[float, float, float]) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_category_without_a_right_contrast_half_has_a_dash(results: Results):
    # given a model that never answers the contrast half in one category
    only = chosen(results, alpha_direct)
    without_right = tuple(
        dataclasses.replace(record, outcome="wrong")
        if (record.category, record.half) == ("Religion", "contrast")
        else record
        for record in only.records[0]
    )
    drawing = draw(Results(only.run_set, (without_right,)))[2]
    column = only.by_category("veto")["category"].tolist().index("Religion")
    by_mar, by_br = (tiles(axes)[0, column] for axes in panels(drawing))
    assert by_mar == ("–", "", None)
    assert by_br[0] == "100.0"


def test_each_arm_is_joined_to_the_base_in_rows_that_are_sorted_alike(results: Results):
    crowd = {drawing.name: drawing for drawing in draw(many(results, 4))}["priming_dumbbell"]
    arms = many(results, 4).overall("priming")
    base = arms[arms["arm"] == "base"].sort_values("mar", ascending=False, kind="stable").set_index("run")
    primed, labels = arms[arms["arm"] != "base"], short_labels(arms["run"])
    assert len(panels(crowd)) == primed["arm"].nunique() == 2
    for axes, (arm, frame) in zip(panels(crowd), primed.groupby("arm", sort=False), strict=True):
        own = frame.set_index("run").loc[base.index]
        assert str(arm) in written(crowd.figure.axes[0])
        assert [x for x, _ in points(axes, "base")] == pytest.approx(in_percent(base["mar"]))
        assert [x for x, _ in points(axes, "primed")] == pytest.approx(in_percent(own["mar"]))
        assert (
            [round(y) for _, y in points(axes, "base")]
            == [round(y) for _, y in points(axes, "primed")]
            == [0, 1, 2, 3]
        )
        joins = [line for line in axes.lines if line.get_label() not in {"base", "primed"}]
        ends = [tuple(map(float, join.get_xdata())) for join in joins]  # pyright: ignore[reportArgumentType]
        assert ends == [
            pytest.approx(pair) for pair in zip(in_percent(base["mar"]), in_percent(own["mar"]), strict=True)
        ]
        spans = sorted((left, right) for left, _, right, _ in bars(axes))
        both = pd.concat([base, own])
        assert spans == [
            pytest.approx(pair)
            for pair in sorted(
                zip(in_percent(both["mar_ci_lower"]), in_percent(both["mar_ci_upper"]), strict=True)
            )
        ]
        notes = [text for text in written(axes) if "n = " in text]
        assert [note.rpartition(" ")[2] for note in notes] == [count(pairs) for pairs in own["pairs"]]
    assert row_names(panels(crowd)[0]) == [labels[run] for run in base.index]


def test_an_arm_that_a_run_lacks_has_a_dash(results: Results):
    two = chosen(many(results, 2), lambda run: run.task == "priming")
    (run, other), (records, others) = two.run_set.runs, two.records
    lacking = dataclasses.replace(run, arms=tuple(arm for arm in run.arms if not arm.startswith("neutral")))
    fewer = tuple(record for record in records if not record.arm.startswith("neutral"))
    (drawing,) = draw(Results(dataclasses.replace(two.run_set, runs=(lacking, other)), (fewer, others)))
    first, second = (sum(text == "–" for text in written(axes)) for axes in panels(drawing))
    assert (first, second) == (0, 1)
    assert [len(points(axes, "primed")) for axes in panels(drawing)] == [2, 1]


def test_slopes_lead_from_direct_to_chain_of_thought(
    results: Results, drawn: dict[str, Drawing], veto: pd.DataFrame
):
    drawing = drawn["protocol_slopes"]
    ((direct, cot),) = results.run_set.protocol_pairs()
    rows = veto.set_index("run").loc[[direct.label, cot.label]]
    for axes, rate in zip(panels(drawing), ("mar", "br"), strict=True):
        ends = points(axes, cot.label)
        assert [y for _, y in ends] == pytest.approx(in_percent(rows[rate]))
        assert [round(x) for x, _ in ends] == [0, 1]
        assert [label.get_text() for label in axes.get_xticklabels()] == ["direct", "chain of thought"]
        spans = [(low, high) for _, low, _, high in bars(axes)]
        assert spans == [
            pytest.approx(pair)
            for pair in zip(
                in_percent(rows[f"{rate}_ci_lower"]), in_percent(rows[f"{rate}_ci_upper"]), strict=True
            )
        ]
    page = written(drawing.figure.axes[0])
    assert page[:2] == ["MAR", "BR"]
    assert page[3:] == [direct.label, f"→ {cot.label} (n = {count(rows['pairs'].iloc[0])})"]


def test_the_lines_of_slopes_differ_without_color(crowd: list[Drawing]):
    (drawing,) = (drawing for drawing in crowd if drawing.name == "protocol_slopes")
    looks = [
        (str(line.get_marker()), line.get_linestyle())
        for line in panels(drawing)[0].lines
        if line.get_marker() != "None"
    ]
    assert len(looks) == 13
    # seven before any comes again
    assert len(set(looks[:7])) == 7
    assert len({marker for marker, _ in looks[:7]}) == 7


def test_the_tables_of_outcomes_show_the_counts_and_frame_the_misfires(
    drawn: dict[str, Drawing], veto: pd.DataFrame
):
    (page,) = drawn["confusion"].figure.axes
    cells = ["a_both_right", "b_contrast_wrong_only", "c_stereotyped_wrong_only", "d_both_wrong"]
    for record in veto.to_dict("records"):
        texts = written(page)[written(page).index(record["run"]) :]
        assert texts[1] == f"n = {count(record['pairs'])}"
        for cell, name in zip(
            cells, ("a: both right", "b: reverse error", "c: misfired", "d: both wrong"), strict=True
        ):
            number = texts[texts.index(name) + 1]
            assert number == f"{count(record[cell])}\n{percent(record[cell] / record['pairs'])}"
    frames = [
        patch.get_bbox() for patch in page.patches if not patch.get_fill() and isinstance(patch, Rectangle)
    ]
    misfired = [text.get_position() for text in page.texts if text.get_text() == "c: misfired"]
    assert len(frames) == len(misfired) == len(veto)
    assert all(frame.contains(*place) for frame, place in zip(frames, misfired, strict=True))
    # the more, the darker
    boxes = [patch for patch in page.patches if patch.get_fill() and isinstance(patch, Rectangle)]
    for row, record in enumerate(veto.to_dict("records")):
        order = sorted(
            (record[cell], -brightness(box))
            for cell, box in zip(cells, boxes[4 * row : 4 * row + 4], strict=True)
        )
        assert [dark for _, dark in order] == sorted(dark for _, dark in order)
        assert order[0][1] < order[-1][1]
    # rows are stereotyped right and wrong, columns contrast right and wrong
    where = {text.get_text(): text.get_position() for text in reversed(page.texts)}
    assert where["stereotyped\nright"][1] < where["stereotyped\nwrong"][1]
    assert (
        where["contrast right"][0]
        == where["a: both right"][0]
        == where["c: misfired"][0]
        < where["contrast wrong"][0]
    )


def test_scenarios_are_the_first_of_the_frame_with_the_share_of_each_run(
    results: Results, drawn: dict[str, Drawing], veto: pd.DataFrame
):
    (axes,) = panels(drawn["scenarios"])
    first = results.scenarios[results.scenarios["runs_misfired"] > 0].head(SHOWN_ROWS)
    assert row_names(axes) == [
        f"{row['scenario']} ({row['runs_misfired']} of {row['runs']} runs)"
        for row in first.to_dict("records")
    ]
    pairs, shown = results.pairs, tiles(axes)
    runs = veto["run"].tolist()
    assert [text for text in written(drawn["scenarios"].figure.axes[0]) if text in runs] == runs
    assert len(shown) == len(first) * len(runs)
    for (row, column), (number, n, _) in shown.items():
        own = pairs[
            (pairs["task"] == "veto")
            & (pairs["run"] == runs[column])
            & (pairs["scenario"] == first["scenario"].iloc[row])
        ]
        right = own[own["contrast"] == "right"]
        assert (
            (f"{number} %", n or "n 0") == (percent(right["misfired"].mean()), f"n {len(right)}")
            if len(right)
            else ("– %", "n 0")
        )


def test_captions_explain_n_and_bars_and_alternative_texts_have_the_numbers(
    results: Results, drawn: dict[str, Drawing], veto: pd.DataFrame
):
    summary = results.summary
    assert all("n: " in drawing.caption for drawing in drawn.values())
    for name in ("mar_br_intervals", "mar_br_scatter", "priming_dumbbell", "protocol_slopes"):
        assert "95 % intervals, clustered by scenario" in drawn[name].caption
    for record in veto.to_dict("records"):
        for name in ("mar_br_intervals", "mar_br_scatter"):
            assert f"{record['run']}: MAR {percent(record['mar'])} (" in drawn[name].alt
        assert f"misfired {record['c_stereotyped_wrong_only']}," in drawn["confusion"].alt
        heat = drawn["category_heat_map"].alt
        own = summary[
            (summary["task"] == "veto") & (summary["run"] == record["run"]) & (summary["scope"] == "category")
        ]
        assert f"{record['run']}: MAR {percent(own['mar'].min())} (" in heat
        assert (
            f" to {percent(own['mar'].max())} (" in heat.partition(f"{record['run']}: ")[2].partition("BR")[0]
        )
    above = int((veto["mar"] > veto["br"]).sum())
    assert drawn["mar_br_scatter"].alt.startswith(f"{above} of {len(veto)} runs lie above the diagonal.")


# --- how they look
# ------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
def test_nothing_overlaps_or_is_cut_off_or_small(
    results: Results, drawn: dict[str, Drawing], crowd: list[Drawing]
):
    one = draw(chosen(results, alpha_direct), published_results())
    for drawing in [*one, *drawn.values(), *crowd]:
        check_layout(drawing)


def test_series_of_one_figure_differ_without_color(drawn: dict[str, Drawing]):
    for name in ("mar_br_intervals", "mar_br_scatter", "priming_dumbbell"):
        for axes in panels(drawn[name]):
            series = [line for line in axes.lines if line.get_marker() != "None"]
            looks = {(line.get_marker(), line.get_markerfacecolor() in {"white", "none"}) for line in series}
            assert len(looks) == len(series) > 1


@given(
    st.lists(st.tuples(*[st.floats(0, 5.5)] * 2), max_size=30),
    st.lists(st.tuples(*[st.floats(0, 5.5)] * 2), max_size=5),
)
def test_numbers_overlap_neither_each_other_nor_points(
    points: list[tuple[float, float]], covered: list[tuple[float, float]]
):
    places = place_labels(points, [(x, y, x + 0.1, y + 0.1) for x, y in covered], 5.5)
    wide, high = LABEL
    assert len(places) == len(points)
    for x, y in places:
        assert wide / 2 - 1e-9 <= x <= 5.5 - wide / 2 + 1e-9
        assert high / 2 - 1e-9 <= y <= 5.5 - high / 2 + 1e-9
        assert not any(abs(x - a) < wide / 2 and abs(y - b) < high / 2 for a, b in points)
    for (x, y), (a, b) in combinations(places, 2):
        assert abs(x - a) >= wide - 1e-9 or abs(y - b) >= high - 1e-9


@given(st.lists(st.floats(0, 100), max_size=15))
def test_heights_are_spread_in_order(heights: list[float]):
    placed = spread(heights, 5, 100)
    assert all(0 - 1e-9 <= height <= 100 for height in placed)
    for (one, first), (other, second) in combinations(zip(heights, placed, strict=True), 2):
        assert abs(first - second) >= 5 - 1e-9
        assert one == other or (one < other) == (first < second)


def test_heights_that_are_far_apart_stay_in_place():
    assert spread([50.0, 10.0, 90.0], 5, 100) == [50.0, 10.0, 90.0]


# --- hostile labels
# ------------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=120), max_size=10))
def test_labels_are_short_one_line_and_distinct(labels: list[str]):
    shown = short_labels(labels)
    assert set(shown) == set(labels)
    assert len(set(shown.values())) == len(shown)
    for short in shown.values():
        assert len(short) <= LONGEST + len(" #10")
        assert not any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in short)


def test_a_long_label_keeps_both_ends():
    (short,) = short_labels(["provider/" + "x" * 80 + " · seed=12"]).values()
    assert short.startswith("provider/xxx")
    assert short.endswith("xxx · seed=12")
    assert "…" in short
    assert len(short) == LONGEST


def test_wide_letters_count_twice():
    (short,) = short_labels(["模" * 40]).values()
    assert 2 * short.count("模") + 1 in {LONGEST, LONGEST - 1}


def test_labels_that_become_equal_when_cut_are_numbered():
    long = "a" * 30 + "{}" + "b" * 30
    assert list(short_labels([long.format(1), long.format(2)]).values()) == [
        "a" * 18 + "…" + "b" * 17,
        "a" * 18 + "…" + "b" * 17 + " #2",
    ]


def test_letters_missing_from_the_fonts_cause_no_warning(crowd: list[Drawing]):
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        assert png(crowd[0])
    assert noted == []


def test_hostile_labels_appear_in_the_svg_only_as_text(crowd: list[Drawing]):
    for drawing in crowd:
        root = ET.fromstring(drawing.svg)  # noqa: S314 (our own file)
        assert {element.tag.rpartition("}")[2] for element in root.iter()}.isdisjoint(
            {"script", "foreignObject", "image", "a"}
        )
        assert not any(name.lower().startswith("on") for element in root.iter() for name in element.attrib)
        texts = {"".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")}
        if drawing.name == "mar_br_intervals":
            assert {
                "<script>alert(1)</script> 1",
                "$\\frac{1}{0}$ x_1 0",
                '& "quotes" \\ %s {0} # 5',
            } <= texts


# --- files
# ------------------------------------------------------------------------------------------------------------


def test_the_same_results_give_the_same_bytes_under_any_user_settings(
    results: Results, drawn: dict[str, Drawing]
):
    with matplotlib.rc_context(
        {
            "font.size": 30,
            "axes.grid": True,
            "svg.fonttype": "path",
            "text.usetex": True,
            "svg.hashsalt": None,
        }
    ):
        again = draw(results, published_results())
        files = [(drawing.svg, png(drawing)) for drawing in again]
    assert files == [(drawing.svg, png(drawing)) for drawing in drawn.values()]


def test_files_have_a_title_and_no_date(drawn: dict[str, Drawing], tmp_path: Path):
    for drawing in drawn.values():
        vector, pixels = save(drawing, tmp_path)
        assert (vector, pixels) == (tmp_path / f"{drawing.name}.svg", tmp_path / f"{drawing.name}.png")
        root = ET.fromstring(vector.read_bytes())  # noqa: S314 (our own file)
        assert root.findtext("{http://www.w3.org/2000/svg}title") == drawing.title
        assert b"dc:date" not in vector.read_bytes()
        with Image.open(BytesIO(pixels.read_bytes())) as image:
            assert image.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
            assert {"Software", "Creation Time"}.isdisjoint(image.info)


def test_files_of_many_runs_are_not_large(crowd: list[Drawing]):
    assert [drawing.name for drawing in crowd if len(drawing.svg) >= 400_000] == []


def test_matplotlib_settings_are_restored(results: Results):
    before = dict(matplotlib.rcParams)
    save_nothing = [png(drawing) for drawing in draw(chosen(results, alpha_direct))]
    assert save_nothing
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_only_for_drawing_and_pyplot_never(logs: Path, tmp_path: Path):
    program = f"""
import sys
from pathlib import Path
from misfire.reports.drawing import files
from misfire.reports.pairs import figures
assert "matplotlib" not in sys.modules, "imported too early"
from misfire.reports import read_results
for drawing in figures.draw(read_results({str(logs / "veto")!r})):
    files.save(drawing, Path({str(tmp_path)!r}))
assert "matplotlib" in sys.modules
assert "matplotlib.pyplot" not in sys.modules, "pyplot has global state"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.png"))
