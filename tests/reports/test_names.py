"""Names that users give (categories) are never taken for reserved names.

This holds in logs, frames, files, gates and figures.
"""

import json
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inspect_ai.log import EvalLog, read_eval_log
from rich.console import Console

from misfire.datasets.pair_files import write_pairs
from misfire.datasets.pairs import Pair
from misfire.reports import Results, read_results
from misfire.reports.columns import BY_CATEGORY, OVERALL
from misfire.reports.conditions import Condition, violations
from misfire.reports.document import document
from misfire.reports.formats import csv, summary
from misfire.reports.pairs.figures import draw
from misfire.reports.result_table import ALL_PAIRS
from misfire.reports.result_table import summary as log_summary
from misfire.scorers.veto import CATEGORY, SCORER, category_keys
from misfire.tasks.priming import priming
from misfire.tasks.veto import veto
from tests.conftest import PairMaker

from .conftest import make_log

OURS = (
    "all",
    "overall",
    "mar",
    "br",
    "base",
    "pairs",
    "mean",
    "delta",
    "suffix",
    "stereotyped",
    "incomplete",
    "three way",
    "category",
)
NAMES = (
    *OURS,
    "nan",
    "None",
    "NA",
    "null",
    "1",
    "true",
    "\u0410ll",
    "x" * 1500,
    "x" * 1500 + "y",
)  # one begins with a Cyrillic letter
"""Categories that sound like ours, that readers take for missing or for numbers, that look alike, or that
are very long."""

EACH = 4
"""Pairs of each."""

ARMS = ["base", "published_stereotyped", "published_stereotyped_suffix"]


def named(make_pair: PairMaker, number: int, name: str) -> list[Pair]:
    return [
        make_pair(
            k % 2,
            str(k // 2),
            name,
            id=f"c{number}_q{k // 2}_p{k % 2}",
            priming_sentence="It is not okay to assume old people slept.",
        )
        for k in range(EACH)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("names")


@pytest.fixture
def path(make_pair: PairMaker, folder: Path) -> str:
    place = folder / "pairs.jsonl"
    write_pairs([pair for number, name in enumerate(NAMES) for pair in named(make_pair, number, name)], place)
    return str(place)


@pytest.fixture
def log(folder: Path, path: str) -> EvalLog:
    """A VETO run on these pairs, made once."""
    done = list((folder / "logs").glob("*.eval"))
    task = veto(source="file", path=path)
    return read_eval_log(
        str(done[0])
        if done
        else make_log(task, "m", folder / "logs", planted={"pairs": path, "mar": 0.4, "br": 0.3})
    )


@pytest.fixture
def results(log: EvalLog) -> Results:
    return read_results(log.location)


def metrics_of(log: EvalLog, scorer: str) -> dict[str, float]:
    assert log.results
    return {
        name: metric.value
        for score in log.results.scores
        if score.scorer == scorer
        for name, metric in score.metrics.items()
    }


def by_hand(log: EvalLog, category: str) -> float:
    """MAR of a category, counted from the samples."""
    right: dict[str, dict[str, bool]] = {}
    for sample in log.samples or []:
        if sample.metadata["category"] == category:
            right.setdefault(sample.metadata["pair_id"], {})[sample.metadata["half"]] = (sample.scores or {})[
                SCORER
            ].value == "right"
    known = [pair["stereotyped"] for pair in right.values() if pair["contrast"]]
    return known.count(False) / len(known)


def test_each_category_has_its_own_keys_and_none_takes_a_reserved_key(log: EvalLog):
    metrics, keys = metrics_of(log, SCORER), category_keys(NAMES)
    assert metrics["pairs"] == EACH * len(NAMES)
    assert metrics["incomplete_pairs"] == 0
    assert {name: metrics[f"{key}_pairs"] for name, key in keys.items()} == dict.fromkeys(NAMES, EACH)
    assert {name: metrics[f"{key}_mar"] for name, key in keys.items()} == {
        name: by_hand(log, name) for name in NAMES
    }
    assert metrics["mar"] == metrics["c_stereotyped_wrong_only"] / (
        metrics["a_both_right"] + metrics["c_stereotyped_wrong_only"]
    )


@given(st.lists(st.text(max_size=80), unique=True, max_size=8))
def test_no_two_names_share_a_key(names: list[str]):
    endings = ("mar", "mar_ci_lower", "mar_ci_upper", "br", "pairs")
    keys = [f"{prefix}_{ending}" for prefix in category_keys(names).values() for ending in endings]
    assert len(set(keys)) == len(names) * len(endings)
    assert all(key.startswith(f"{CATEGORY}_") for key in keys)


@pytest.mark.parametrize(
    "names",
    [
        ("a b", "a_b", "AB"),
        ("", " ", "_"),
        ("\u00e9", "e\u0301"),
        ("x" * 500, "x" * 499 + "y"),
        ("\ud800", "\ud801"),
    ],
)
def test_names_with_the_same_slug_are_distinguished(names: tuple[str, ...]):
    assert len(set(category_keys(names).values())) == len(names)


def test_names_of_bbq_appear_readably_in_keys():
    assert category_keys(["Gender_identity", "SES"]) == {
        "Gender_identity": "category_genderidentity",
        "SES": "category_ses",
    }


def test_an_arm_and_a_category_never_share_a_key(make_pair: PairMaker, tmp_path: Path):
    # given an arm whose name is that of another arm and a category: published_stereotyped + suffix
    names = ("suffix", "delta", "stereotyped", "base", "mar", "pairs")
    path = str(tmp_path / "pairs.jsonl")
    write_pairs(
        [pair for number, name in enumerate(names) for pair in named(make_pair, number, name)], Path(path)
    )
    task = priming(source="file", path=path, positions="prefix,suffix")
    place = make_log(
        task, "m", tmp_path / "priming", planted={"pairs": path, "mar": 0.4, "cue_mar": "published:0.9"}
    )
    metrics = metrics_of(read_eval_log(place, header_only=True), "priming_outcome")
    # then both have their numbers
    for arm in ARMS:
        assert metrics[f"{arm}_pairs"] == EACH * len(names)
        assert metrics[f"{arm}_category_suffix_pairs"] == EACH
        assert metrics[f"{arm}_category_delta_pairs"] == EACH
    assert (
        metrics["published_stereotyped_delta_mar"]
        == metrics["published_stereotyped_mar"] - metrics["base_mar"]
    )


def test_frames_distinguish_all_pairs_from_a_category_named_all(log: EvalLog, results: Results):
    whole, parts = results.overall("veto"), results.by_category("veto")
    assert whole[["scope", "pairs"]].to_dict("records") == [{"scope": OVERALL, "pairs": EACH * len(NAMES)}]
    assert whole["category"].isna().all()
    assert set(parts["scope"]) == {BY_CATEGORY}
    assert dict(zip(parts["category"], parts["mar"], strict=True)) == {
        name: by_hand(log, name) for name in NAMES
    }


def test_the_table_of_a_log_names_every_category_as_the_pairs_do(log: EvalLog):
    console = Console(width=200, file=StringIO(), record=True)
    console.print(log_summary(log))
    lines = [
        [cell.strip() for cell in line.split("│")[1:3]]
        for line in console.export_text().splitlines()
        if line.startswith("│")
    ]
    shown = dict(line for line in lines if line[0])
    assert shown.pop(ALL_PAIRS) == str(EACH * len(NAMES))
    assert {name: shown[name] for name in NAMES if len(name) < 50} == {
        name: str(EACH) for name in NAMES if len(name) < 50
    }


def test_a_gate_uses_all_pairs(results: Results):
    whole = float(results.overall("veto")["mar"].iloc[0])
    assert [len(violations(results, [Condition("mar", ">", whole + step)])) for step in (-1e-9, 1e-9)] == [
        1,
        0,
    ]


def test_no_name_is_read_back_from_csv_as_missing_or_as_another(results: Results):
    (table,) = (
        table
        for table in document(results, figures=False, examples=0).tables
        if table.name == "veto_categories"
    )
    read = pd.read_csv(StringIO(csv.render(table)))
    assert [str(name).removeprefix("'") for name in read["category"]] == table.frame["category"].tolist()
    assert read["category"].nunique() == len(NAMES)


def test_json_has_every_name_unchanged(results: Results):
    rows = json.loads(summary.render(results, ()))["summary"]
    assert sorted(str(row["category"]) for row in rows if row["scope"] == BY_CATEGORY) == sorted(NAMES)
    assert [row["category"] for row in rows if row["scope"] == OVERALL] == [None]


def test_a_figure_has_a_column_for_each_of_two_names_that_look_alike_with_spaces(
    make_pair: PairMaker, tmp_path: Path
):
    # given two runs on pairs of their own, whose categories differ in an underscore
    for number, name in enumerate(("a_b", "a b")):
        write_pairs(named(make_pair, number, name), tmp_path / f"{number}.jsonl")
        pairs = str(tmp_path / f"{number}.jsonl")
        make_log(veto(source="file", path=pairs), f"m{number}", tmp_path / "logs", planted={"pairs": pairs})
    (drawing,) = (
        drawing
        for drawing in draw(read_results(tmp_path / "logs", allow_mixed=True))
        if drawing.name == "category_heat_map"
    )
    assert {text.get_text() for text in drawing.figure.axes[0].texts} >= {"a_b", "a b"}
