"""A report in its formats: the numbers are the frames', and no text acts on the reader's program."""

import csv as csv_reader
import io
import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from misfire.datasets.folders import MANIFEST
from misfire.reports import Results
from misfire.reports.document import Document, document
from misfire.reports.formats import csv, html, latex, markdown, summary
from misfire.reports.logs.viewer_links import Viewer, viewer_of
from misfire.reports.number_format import plain
from misfire.reports.schema import FRAMES
from misfire.reports.tables import Table
from misfire.reports.write import FORMATS, parse_formats, write_report
from misfire.scorers.effects import DELTA_MAR_CAVEAT

TABLES = (
    "veto_main",
    "veto_categories",
    "veto_cells",
    "veto_protocols",
    "priming_effects",
    "priming_arms",
    "veto_comparisons",
    "veto_scenarios",
    "veto_exchange",
    "veto_power",
    "veto_failures",
    "misalign_leaders",
    "misalign_dimensions",
    "misalign_overlap",
    "misalign_conditions",
    "misalign_domains",
    "misalign_answers",
    "misalign_checks",
    "runs",
    "misalign_runs",
)


@pytest.fixture(scope="module")
def report(results: Results) -> Document:
    return document(results, published=True, examples=3)


@pytest.fixture(scope="module")
def viewer(results: Results) -> Viewer:
    return viewer_of(run.log for run in (*results.run_set.runs, *results.misalign.run_set.runs))


@pytest.fixture(scope="module")
def markdown_text(report: Document, viewer: Viewer) -> str:
    return markdown.render(report, viewer)


@pytest.fixture(scope="module")
def page(report: Document, viewer: Viewer) -> "Page":
    return Page(html.render(report, viewer))


@pytest.fixture(params=TABLES)
def table(report: Document, request: pytest.FixtureRequest) -> Table:
    (found,) = (table for table in report.tables if table.name == request.param)
    return found


def percent_number(text: str) -> float:
    return float(text.removesuffix(" %")) / 100


def check_text(text: str, value: object, kind: str) -> None:
    """The text says the value, worked out anew from the text."""
    shown = text.partition(" [")[0]
    if kind in {"text", "time", "flag"}:
        expected = (
            ""
            if not isinstance(value, (str, bool))
            else ("no", "yes")[value]
            if isinstance(value, bool)
            else plain(value)
        )
        assert text == expected
        return
    assert isinstance(value, (int, float))
    if math.isnan(value):
        assert shown == "–"
    elif math.isinf(value):
        assert shown == "∞"
    elif kind == "count":
        assert int(shown.replace(",", "")) == value
    elif kind == "rate":
        assert percent_number(shown) == pytest.approx(value, abs=0.00051)
    elif kind == "change":
        assert float(shown) / 100 == pytest.approx(value, abs=0.00051)
    elif kind == "ratio":
        assert float(shown) == pytest.approx(value, abs=0.051)
    elif kind in {"score", "logit"}:
        assert float(shown) == pytest.approx(value, abs=0.0051)
    elif shown.startswith("<"):
        assert value < 0.001
    else:
        assert float(shown) == pytest.approx(value, abs=0.00051)


def test_all_tables_are_present(report: Document):
    assert tuple(table.name for table in report.tables) == TABLES


def test_a_cell_shows_its_value_and_its_interval(table: Table):
    for number, column in enumerate(table.columns):
        for row, values in zip(table.rows(), table.frame.to_dict("records"), strict=True):
            value = values[column.name]
            check_text(
                row[number][1],
                None if column.kind in {"text", "time"} and pd.isna(value) else value,
                column.kind,
            )
            if column.interval and not math.isnan(values[f"{column.name}_ci_lower"]):
                ends = re.fullmatch(r".* \[(.+), (.+)\]", row[number][1])
                assert ends
                for text, end in zip(ends.groups(), ("lower", "upper"), strict=True):
                    check_text(
                        text + (" %" if column.kind == "rate" else ""),
                        values[f"{column.name}_ci_{end}"],
                        column.kind,
                    )


def test_csv_contains_the_whole_frame(table: Table):
    read = pd.read_csv(
        io.StringIO(csv.render(table)),
        dtype={c: "string" for c in table.frame.columns if table.frame[c].dtype == "string"},
    )
    expected = table.frame.replace("", pd.NA)
    pd.testing.assert_frame_equal(read, expected, check_dtype=False, check_exact=True)


def markdown_rows(text: str, title: str) -> list[list[str]]:
    part = text.split(f"### {markdown.escape(title)}\n", 1)[1].split("\n#", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in row] for row in (cells[0], *cells[2:])]


def test_markdown_contains_the_cells(markdown_text: str, table: Table):
    rows = markdown_rows(markdown_text, table.title)
    assert rows[0] == [column.heading for column in table.columns]
    assert rows[1:] == [[text for _, text in row] for row in table.rows()]


def unescaped_latex(text: str) -> str:
    names = {command: character for character, command in latex._COMMANDS.items()} | {
        "{[}": "[",
        "{]}": "]",
        "-{}": "-",
    }  # pyright: ignore[reportPrivateUsage]
    return re.sub(
        "|".join(sorted(map(re.escape, names), key=len, reverse=True)), lambda match: names[match[0]], text
    )


def test_latex_contains_the_cells(table: Table):
    text = latex.render(table)
    body = text.split("\\midrule\n")[1].split("\n\\bottomrule")[0]
    rows = [
        [unescaped_latex(cell) for cell in re.split(r"(?<!\\) & ", line.removesuffix(r" \\"))]
        for line in body.splitlines()
    ]
    assert rows == [[text for _, text in row] for row in table.rows()]
    assert text.count("\\begin{") == text.count("\\end{")
    columns = re.search(r"\\begin{tabular}{([lr]+)}", text)
    assert columns
    assert len(columns[1]) == len(table.columns)
    assert text.count("{") == text.count("}")


class Page(HTMLParser):
    """Collects the cells of each table of a page: (sort key, text)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[tuple[str, str]]]] = {}
        self.rows: list[list[tuple[str, str]]] | None = None
        self.cell: str | None = None
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "table":
            self.rows = self.tables[str(values["id"])] = []
        elif tag == "tr" and self.rows is not None:
            self.rows.append([])
        elif tag == "td":
            self.cell, self.words = str(values["data-value"]), ""

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "td" and self.rows is not None and self.cell is not None:
            self.rows[-1].append((self.cell, self.words))
            self.cell = None


def test_html_contains_the_cells_and_the_full_numbers(page: Page, table: Table):
    rows = page.tables[table.name][1:]
    assert [[text for _, text in row] for row in rows] == [[text for _, text in row] for row in table.rows()]
    for row, values in zip(rows, table.rows(), strict=True):
        for (key, _), (value, _) in zip(row, values, strict=True):
            if isinstance(value, float) and math.isnan(value):
                assert key == ""
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                assert float(key) == value


@pytest.mark.parametrize("name", ["runs", "summary", "effects", "comparisons", "power", "scenarios"])
def test_json_contains_the_frames(results: Results, name: str):
    rows = json.loads(summary.render(results, ()))[name]
    frame: pd.DataFrame = getattr(results, name)
    assert len(rows) == len(frame)
    for row, expected in zip(rows, frame.to_dict("records"), strict=True):
        for key, value in expected.items():
            if isinstance(value, float) and math.isinf(value):
                assert row[key] == summary.INFINITE
            elif pd.isna(value):
                assert row[key] is None
            else:
                assert row[key] == value


def test_published_rows_are_among_the_measured_ones_marked_and_without_tests(
    results: Results, report: Document
):
    (table,) = (table for table in report.tables if table.name == "veto_main")
    frame = table.frame
    theirs = frame[frame["source"] == "published"]
    assert (len(theirs), len(frame)) == (26, 29)
    assert frame["mar"].is_monotonic_decreasing
    assert theirs[["mcnemar_p", "mcnemar_q", "mcnemar_q_clustered", "mar_ci_lower"]].isna().all(axis=None)
    measured = frame[frame["source"] == "measured"].set_index("run")
    without = document(results, figures=False, examples=0).tables[0].frame.set_index("run")
    assert measured["mcnemar_q"].to_dict() == without["mcnemar_q"].to_dict()
    assert all(row[1][1] == "published" for row in table.rows() if row[0][1] in set(theirs["run"]))


def test_cells_with_few_pairs_are_marked(report: Document):
    (table,) = (table for table in report.tables if table.name == "veto_categories")
    small = table.frame["a_both_right"] + table.frame["c_stereotyped_wrong_only"] < 30
    assert table.frame["small_n"].map({"small n": True, "": False}).tolist() == small.tolist()
    assert small.any()
    assert not small.all()


# --- hostile texts ---


@given(st.text())
def test_markdown_shows_a_text_unchanged(text: str):
    escaped = markdown.escape(text)
    assert re.sub(r"\\(.)", r"\1", escaped) == plain(text)
    assert not re.search(r"(?<!\\)[`*_{}\[\]<>()#+!|~$&@-]", re.sub(r"\\\\", "", escaped))


@given(st.text())
def test_a_block_of_code_cannot_be_ended_by_its_text(text: str):
    first, *body, last = markdown.fence(text).split("\n")
    marks = first.removesuffix("text")
    assert last == marks
    assert not any(marks in line for line in body)


@given(st.text())
def test_latex_receives_no_active_character(text: str):
    escaped = latex.escape(text)
    assert unescaped_latex(escaped) == plain(text)
    rest = re.sub(
        "|".join(sorted(map(re.escape, latex._COMMANDS.values()), key=len, reverse=True)), "", escaped
    )  # pyright: ignore[reportPrivateUsage]
    assert not set(rest.replace("{[}", "").replace("{]}", "").replace("-{}", "")) & set("\\{}$&#%_^~")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠SUM(A1)"]
)
def test_a_spreadsheet_runs_no_formula_out_of_csv(text: str):
    frame = pd.DataFrame(
        {"run": pd.Series([text, "harmless", None], dtype="string"), "number": [-1.5, 1.0, 2.0]}
    )
    rows = list(
        csv_reader.reader(io.StringIO(csv.safe(frame).to_csv(index=False, lineterminator="\n"), newline=""))
    )
    assert rows[1] == [f"'{text.strip()}", "-1.5"]
    assert [row[0] for row in rows[2:]] == ["harmless", ""]


# --- writing ---


def test_a_report_is_written_in_all_formats(results: Results, tmp_path: Path):
    files = write_report(results, tmp_path / "out", published=True, examples=2)
    names = {file.relative_to(tmp_path / "out").as_posix() for file in files}
    assert {"report.html", "report.md", "summary.json"} <= names
    assert {"tables/veto_main.csv", "tables/veto_main.tex", "figures/mar_br_scatter.svg"} <= names
    assert all(file.stat().st_size > 0 for file in files)
    assert set(re.findall(r"\]\((figures/[^)]+)\)", (tmp_path / "out/report.md").read_text())) <= names


@pytest.mark.parametrize(
    ("formats", "names"),
    [("csv", {"tables"}), ("json", {"summary.json"}), ("html", {"report.html", "figures"})],
)
def test_only_what_is_asked_for_is_written(results: Results, tmp_path: Path, formats: str, names: set[str]):
    write_report(results, tmp_path, formats=parse_formats(formats), examples=0)
    assert {path.name for path in tmp_path.iterdir()} == {MANIFEST, *names}


def test_a_folder_that_cannot_be_written_to_is_named(results: Results, tmp_path: Path):
    from misfire.errors import InputError

    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/out: the report cannot be written there .*--out"):
        write_report(results, tmp_path / "file" / "out", formats=("json",))


def test_formats_are_read_as_users_write_them():
    from misfire.errors import InputError

    assert parse_formats("HTML, .md,html") == ("md", "html")
    assert parse_formats(",".join(FORMATS)) == FORMATS
    for wrong in ("pdf", "", "md;html"):
        with pytest.raises(InputError, match="Available: md, csv, tex, json, html"):
            parse_formats(wrong)


def test_clustered_tests_precede_exact_ones_and_effects_precede_measures_that_follow_accuracy(
    report: Document,
):
    order = {table.name: [column.name for column in table.columns] for table in report.tables}
    with_both = [names for names in order.values() if any(name.endswith("mcnemar_p") for name in names)]
    assert len(with_both) >= 4
    for names in with_both:
        first, exact = (
            next(at for at, name in enumerate(names) if name.endswith(end))
            for end in ("q_clustered", "mcnemar_p")
        )
        assert first < exact
    effects = order["priming_effects"]
    assert (
        effects.index("did")
        < effects.index("delta_log_odds")
        < effects.index("selective_q")
        < effects.index("delta_mar")
    )
    notes = {table.name: table.note for table in report.tables}
    assert DELTA_MAR_CAVEAT in notes["priming_effects"]
    assert all(
        "assumes independent pairs" in notes[name]
        for name in ("veto_main", "veto_categories", "veto_comparisons", "priming_effects")
    )
    for frame in FRAMES.values():
        names = [column.name for column in frame]
        for exact in (name for name in names if name.endswith(("mcnemar_p", "mcnemar_q"))):
            assert names.index(f"{exact}_clustered") < names.index(exact)
