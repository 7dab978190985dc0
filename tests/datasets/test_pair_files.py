"""Pairs in files: what is written is read again; what is bad is named with its place and field."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # pyright: ignore[reportMissingTypeStubs]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from misfire.datasets.pair_files import CONTROL_COLUMNS, PairRow, read_pairs, write_pairs
from misfire.datasets.pairs import Controls, Half, Pair
from misfire.errors import InputError
from tests.conftest import PairMaker

printable = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda text: text.strip() != ""
)
controls = st.builds(
    lambda foil, other_foil, ambiguous, other, number: Controls(
        stereotyped_foil=Half(prompt=f"3 {foil}", target="no", example_id=number),
        contrast_foil=Half(prompt=f"4 {other_foil}", target="no"),
        stereotyped_ambiguous=ambiguous,
        contrast_ambiguous=other,
    ),
    printable,
    printable,
    printable,
    printable,
    st.none() | st.integers(0, 2**60),
)


def with_controls(pair: Pair, controls: Controls | None) -> Pair:
    """A foil is about its half's example."""
    if controls is None:
        return pair
    foil = controls.stereotyped_foil.model_copy(update={"example_id": pair.stereotyped.example_id})
    return pair.model_copy(update={"controls": controls.model_copy(update={"stereotyped_foil": foil})})


bare_records = st.builds(
    lambda k, one, other, category, cue, number: Pair(
        id=f"c_q1_p{k}",
        category=category,
        question_index="1",
        stereotyped_group="a",
        contrast_group="b",
        priming_sentence=cue,
        stereotyped=Half(prompt=f"1 {one}", example_id=number),
        contrast=Half(prompt=f"2 {other}", target="no"),
    ),
    st.integers(0, 10**6),
    printable,
    printable,
    st.sampled_from(["Age", "Gender_identity", "性别", "Âge 2"]),
    st.none() | printable,
    st.none() | st.integers(0, 2**60),
)
pair_records = st.builds(with_controls, bare_records, st.none() | controls)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(pair_records, min_size=1, max_size=6, unique_by=lambda pair: pair.id))
def test_a_written_file_is_read_back(tmp_path: Path, ending: str, pairs: list[Pair]):
    file = tmp_path / f"pairs.{ending}"
    write_pairs(pairs, file)
    assert read_pairs(file) == pairs


def columns(file: Path) -> list[str]:
    if file.suffix == ".parquet":
        return pq.read_schema(file).names
    return list(json.loads(file.read_text(encoding="utf-8").splitlines()[0]))


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_pairs_without_controls_are_written_as_before(tmp_path: Path, make_pair: PairMaker, ending: str):
    file = tmp_path / f"pairs.{ending}"
    write_pairs([make_pair()], file)
    halves = [
        f"{half}_{field}"
        for half in ("stereotyped", "contrast")
        for field in ("prompt", "target", "example_id")
    ]
    labels = [
        "id",
        "category",
        "subcategory",
        "question_index",
        "stereotyped_group",
        "contrast_group",
        "priming_sentence",
    ]
    assert columns(file) == labels + halves


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_controls_have_columns_of_their_own(tmp_path: Path, make_pair: PairMaker, ending: str):
    file = tmp_path / f"pairs.{ending}"
    write_pairs([with_controls(make_pair(), EXAMPLE), make_pair(1)], file)
    assert columns(file)[-4:] == list(CONTROL_COLUMNS)
    assert [pair.controls for pair in read_pairs(file)] == [EXAMPLE, None]


EXAMPLE = Controls(
    stereotyped_foil=Half(prompt="It rained. B?", target="no"),
    contrast_foil=Half(prompt="It rained. A?", target="no"),
    stereotyped_ambiguous="A?",
    contrast_ambiguous="B?",
)


def test_an_incomplete_set_of_controls_is_refused_by_name(tmp_path: Path, row: dict[str, Any]):
    message = refused(
        tmp_path / "p.jsonl", json.dumps(row | {"stereotyped_foil_prompt": "x", "contrast_foil_prompt": "y"})
    )
    assert (
        "all four control prompts or none; missing: stereotyped_ambiguous_prompt, contrast_ambiguous_prompt"
        in message
    )


def test_writing_never_leaves_a_partial_file(tmp_path: Path, make_pair: PairMaker):
    file = tmp_path / "new" / "pairs.jsonl"
    write_pairs([make_pair()], file)
    assert [entry.name for entry in file.parent.iterdir()] == ["pairs.jsonl"]


def test_an_unknown_file_extension_is_refused(tmp_path: Path, make_pair: PairMaker):
    with pytest.raises(InputError, match=r"must end in \.jsonl or \.parquet"):
        write_pairs([make_pair()], tmp_path / "pairs.txt")


AUTHORS: dict[str, Any] = {
    "id": "age_q7_p3",
    "category": "Age",
    "stereotyped_group": "old",
    "contrast_group": "non-Old",
    "trigger_sentence": "It is not okay to assume old people were late.",
    "prompts": {
        "stereotyped": {"text": "He was late. Was the old man late?", "expected": "yes"},
        "contrast": {"text": "He was late. Was the young man late?", "expected": "yes"},
    },
}


@pytest.mark.parametrize("form", ["list", "lines"])
def test_the_authors_format_is_read(tmp_path: Path, form: str):
    file = tmp_path / "pairs.json"
    file.write_text(json.dumps([AUTHORS]) if form == "list" else json.dumps(AUTHORS) + "\n", encoding="utf-8")
    (pair,) = read_pairs(file)
    assert (pair.id, pair.scenario) == ("age_q7_p3", "age_q7")
    assert pair.priming_sentence == AUTHORS["trigger_sentence"]
    assert pair.stereotyped == Half(prompt="He was late. Was the old man late?")


def test_an_id_without_a_scenario_is_a_scenario_of_its_own(tmp_path: Path):
    file = tmp_path / "pairs.json"
    file.write_text(json.dumps([AUTHORS | {"id": "x1"}, AUTHORS | {"id": "x2"}]))
    assert [pair.scenario for pair in read_pairs(file)] == ["age_qx1", "age_qx2"]


@pytest.fixture
def row(make_pair: PairMaker) -> dict[str, Any]:
    return PairRow.of(make_pair()).model_dump()


def refused(file: Path, content: str | bytes) -> str:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as caught:
        read_pairs(file)
    assert str(file) in str(caught.value)
    return str(caught.value)


def test_every_bad_line_is_named_with_its_field(tmp_path: Path, row: dict[str, Any]):
    lines = [
        row,
        row | {"category": ""},
        row | {"id": "b", "stereotyped_target": "perhaps"},
        row,
        {k: v for k, v in row.items() if k != "category"},
    ]
    message = refused(tmp_path / "pairs.jsonl", "\n".join(map(json.dumps, lines)))
    assert "4 bad records" in message
    assert "line 2, field 'category'" in message
    assert "line 3, field 'stereotyped_target'" in message
    assert "line 4, field 'id': 'age_q1_p0' is already used at line 1" in message
    assert "line 5, field 'category': Field required" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "contains no pairs"),
        ("[]", "contains no pairs"),
        ("[1]", "item 1: expected a JSON object, not int"),
        ('{"id": 1', "line 1: not JSON"),
        ("[{", "not a JSON list"),
        ('{"id": "a", "id": "b"}', "line 1: not usable JSON: field 'id' occurs twice"),
        ('{"id": NaN}', "NaN is not a JSON value"),
        (b'{"id": "\xff"}', "line 1: not UTF-8 at byte 9"),
        (b'{"id": "a\x00"}', "line 1: not JSON"),
        ("[" * 100_000, "not a JSON list"),
        (b"PAR1 and then nothing", "cannot be read as a Parquet file"),
        ('{"id": "a", "unknown_field": 1}', "line 1, field 'category': Field required"),
    ],
)
def test_an_unusable_file_is_refused(tmp_path: Path, content: str | bytes, said: str):
    assert said in refused(tmp_path / "pairs.jsonl", content)


def test_an_extra_field_is_refused_by_name(tmp_path: Path, row: dict[str, Any]):
    assert "field 'stereotype_prompt'" in refused(
        tmp_path / "p.jsonl", json.dumps(row | {"stereotype_prompt": "x"})
    )


def test_many_problems_are_counted(tmp_path: Path):
    assert "and 90 more" in refused(tmp_path / "p.jsonl", "{}\n" * 100)


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path, row: dict[str, Any]):
    file = tmp_path / "p.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(row).encode() + b"\r\n\r\n")
    assert len(read_pairs(file)) == 1


def test_categories_that_cannot_be_distinguished_are_refused(tmp_path: Path, row: dict[str, Any]):
    rows = [row, row | {"id": "b", "category": "AGE"}, row | {"id": "c", "category": "!?"}]
    message = refused(tmp_path / "p.jsonl", "\n".join(map(json.dumps, rows)))
    assert "line 2, field 'category': 'AGE' is another spelling of 'Age'" in message
    assert "line 3, field 'category'" in message


def test_categories_in_any_script_are_distinguished(tmp_path: Path, row: dict[str, Any]):
    file = tmp_path / "q.jsonl"
    file.write_text(
        "\n".join(
            json.dumps(row | {"id": f"x{k}", "category": name}) for k, name in enumerate(("性别", "年龄"))
        )
    )
    assert len({pair.scenario for pair in read_pairs(file)}) == 2


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read \(No such file"):
        read_pairs(tmp_path / "none.jsonl")
