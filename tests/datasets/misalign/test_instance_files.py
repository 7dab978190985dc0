"""Instances in files: what is written is read again; what is bad is named with its row and field."""

import csv
import hashlib
import io
import json
import re
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from misfire.datasets.misalign.instance_files import read_instances, write_instances
from misfire.datasets.misalign.instance_rows import ParsedRows
from misfire.datasets.misalign.instances import MAX_TEXT, Instance, instance_set_hash
from misfire.datasets.misalign.sources import load_instances
from misfire.datasets.misalign.taxonomy import Dimension, domains
from misfire.errors import InputError
from tests.datasets.misalign.conftest import InstanceMaker

ENDINGS = ["jsonl", "parquet", "csv"]

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40
).filter(lambda text: not text.isspace())


def labels(dimension: Dimension) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from([d.id for d in domains(dimension)]), max_size=3, unique=True).map(tuple)


instances = st.builds(
    lambda k, prompt, one, other, safety, value, culture, split, provenance: Instance(
        id=f"i.{k}",
        prompt=prompt,
        aligned=f"1{one}",
        misaligned=f"2{other}",
        safety=safety,
        value=value,
        culture=culture,
        split=split,
        provenance=provenance,
    ),
    st.integers(0, 10**9),
    texts,
    texts,
    texts,
    labels("safety"),
    labels("value"),
    labels("culture"),
    st.sampled_from(["train", "validation", "test", None]),
    texts,
)


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(written=st.lists(instances, min_size=1, max_size=5, unique_by=lambda instance: instance.id))
def test_a_written_file_is_read_back(tmp_path: Path, ending: str, written: list[Instance]):
    file = tmp_path / f"instances.{ending}"
    write_instances(written, file)
    assert read_instances(file).instances == written


@pytest.mark.parametrize("ending", ENDINGS)
def test_quotes_commas_and_line_ends_in_a_text_survive(
    tmp_path: Path, ending: str, make_instance: InstanceMaker
):
    instance = make_instance(
        prompt='He said: "a, b";\r\nthen\n"c"\rd', aligned='"', misaligned=",\n", provenance="=1+1"
    )
    write_instances([instance], tmp_path / f"x.{ending}")
    assert read_instances(tmp_path / f"x.{ending}").instances == [instance]


def test_writing_never_leaves_a_partial_file(tmp_path: Path, make_instance: InstanceMaker):
    file = tmp_path / "new" / "x.csv"
    write_instances([make_instance()], file)
    assert [entry.name for entry in file.parent.iterdir()] == ["x.csv"]


def test_an_unknown_file_extension_is_refused(tmp_path: Path, make_instance: InstanceMaker):
    with pytest.raises(InputError, match=r"must end in \.jsonl, \.parquet or \.csv"):
        write_instances([make_instance()], tmp_path / "x.txt")


ROW: dict[str, Any] = {"id": "a", "prompt": "May I?", "aligned": "Better not.", "misaligned": "Go on."}

AUTHORS_ROW: dict[str, Any] = {
    "row_index": "17",
    "prompt": "May I?",
    "before_gen_safety": "Animal abuse,93",
    "safety_name": "Violence/incitement/aiding harm",
    "before_gen_value": "Accepting one's lot,27",
    "values_name": "None",
    "before_gen_cultural": "Artifacts,206",
    "cultural_name": "",
    "aligned_response": "Better not.",
    "misaligned_response": "Go on.",
}


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Writes rows as they are, by the file's ending."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
    else:
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_authors_layout_is_read(tmp_path: Path, ending: str):
    (instance,) = read_instances(table(tmp_path / f"x.{ending}", [AUTHORS_ROW])).instances
    assert (instance.id, instance.aligned, instance.misaligned) == ("17", "Better not.", "Go on.")
    assert instance.safety == ("safety_violence_incitement_aiding_harm",)
    assert (instance.value, instance.culture, instance.split) == ((), (), None)
    assert instance.provenance == f"x.{ending}"


@pytest.mark.parametrize("ending", ENDINGS)
def test_rows_without_an_id_are_numbered(tmp_path: Path, ending: str):
    rows = [{"prompt": f"{k}?", "aligned": "a", "misaligned": "b"} for k in range(2)]
    assert [i.id for i in read_instances(table(tmp_path / f"x.{ending}", rows)).instances] == [
        "row_1",
        "row_2",
    ]


@pytest.mark.parametrize("ending", ENDINGS)
def test_columns_are_mapped(tmp_path: Path, ending: str):
    file = table(
        tmp_path / f"x.{ending}",
        [{"nr": 5, "asked": "a?", "good": "b", "bad": "c", "theme": "television; Opera|none"}],
    )
    mapping = {"id": "nr", "prompt": "asked", "aligned": "good", "misaligned": "bad", "culture": "theme"}
    (instance,) = read_instances(file, columns=mapping).instances
    assert (instance.id, instance.prompt, instance.aligned, instance.misaligned) == ("5", "a?", "b", "c")
    assert instance.culture == ("culture_tv", "culture_opera")


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_labels_may_be_lists(tmp_path: Path, ending: str):
    file = table(tmp_path / f"x.{ending}", [ROW | {"value": ["Honesty", "Wealth", "honest"], "safety": []}])
    (instance,) = read_instances(file).instances
    assert (instance.value, instance.safety) == (("value_honesty", "value_wealth"), ())


@pytest.mark.parametrize(
    ("written", "split"), [("train", "train"), ("VAL", "validation"), ("dev", "validation"), ("", None)]
)
def test_splits_are_recognized_by_their_usual_names(tmp_path: Path, written: str, split: str | None):
    assert read_instances(table(tmp_path / "x.csv", [ROW | {"split": written}])).instances[0].split == split


BAD_ROWS: list[dict[str, Any]] = [
    ROW,
    ROW | {"id": "b", "prompt": " "},
    ROW | {"id": "c", "misaligned": None},
    ROW | {"id": "d", "safety": "Animal abus"},
    ROW,
    ROW | {"id": "e", "aligned": "", "value": "Unknown", "split": "half"},
    ROW | {"id": "f", "aligned": "Go on."},
    ROW | {"id": "g/h"},
    ROW | {"id": "i", "prompt": "a\x00b"},
    ROW | {"id": "j", "prompt": "x" * (MAX_TEXT + 1)},
    ROW | {"id": "k"},
]

PROBLEMS = [
    "2, field 'prompt': empty",
    "3, field 'misaligned': empty",
    "4, field 'safety': 'Animal abus' is not a domain of dimension safety. Did you mean 'Animal abuse'",
    "5, field 'id': 'a' is already used at",
    "6, field 'aligned': empty; field 'value': 'Unknown' means that the authors' classifier could not "
    "decide; it is not a domain of dimension value. If no domain applies, write None; field 'split': "
    "expected one of train, validation, test (got 'half')",
    "7, the two responses are the same",
    "8, field 'id': String should match pattern",
    "9, field 'prompt': contains a NUL character",
    "10, field 'prompt': 100,001 characters long; the maximum is 100,000",
]


def bad_table(folder: Path, ending: str) -> Path:
    columns = dict.fromkeys(["safety", "value", "culture", "split"])
    return table(folder / f"x.{ending}", [columns | row for row in BAD_ROWS])


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_bad_row_is_named_with_its_fields(tmp_path: Path, ending: str):
    with pytest.raises(InputError) as caught:
        read_instances(bad_table(tmp_path, ending))
    message = re.sub(r" \(line \d+\)", "", str(caught.value)).replace("line ", "row ")
    assert "9 bad records" in message
    assert [said for said in PROBLEMS if f"row {said}" not in message] == []
    assert "skip_invalid=true" in message


@pytest.mark.parametrize("ending", ENDINGS)
def test_bad_rows_are_left_out_and_counted_on_request(tmp_path: Path, ending: str):
    parsed = read_instances(bad_table(tmp_path, ending), skip_invalid=True)
    assert [instance.id for instance in parsed.instances] == ["a", "k"]
    assert (parsed.valid, parsed.skipped.count) == (2, 9)
    assert dict(parsed.skipped.fields) == {
        "prompt": 3,
        "id": 2,
        "misaligned": 1,
        "aligned": 1,
        "safety": 1,
        "value": 1,
        "split": 1,
        "row": 1,
    }
    assert "field 'prompt': empty" in parsed.skipped.examples[0]


def test_a_file_without_a_valid_row_is_refused_even_then(tmp_path: Path):
    with pytest.raises(
        InputError, match=r"contains no instances\. All 2 rows are invalid, for example row 1"
    ):
        read_instances(
            table(tmp_path / "x.csv", [ROW | {"prompt": ""}, ROW | {"aligned": ""}]), skip_invalid=True
        )


def test_rows_outside_the_selection_are_checked_and_counted_but_not_kept(
    tmp_path: Path, make_instance: InstanceMaker
):
    write_instances(
        [make_instance(k, split="test" if k % 2 else "train") for k in range(10)], tmp_path / "x.jsonl"
    )
    parsed = read_instances(tmp_path / "x.jsonl", keep=lambda instance: instance.split == "test")
    assert ([i.id for i in parsed.instances], parsed.valid) == (["i1", "i3", "i5", "i7", "i9"], 10)


def read(folder: Path, name: str, content: str | bytes, **options: Any) -> ParsedRows:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_instances(file, **options)


HEADER = "id,prompt,aligned,misaligned\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", "", "is empty"),
        ("x.jsonl", " \n\n", "is empty"),
        ("x.parquet", "", "is empty"),
        ("x.csv", HEADER, "contains no instances"),
        ("x.csv", "\ufeff", "no column for 'prompt', 'aligned', 'misaligned'"),
        ("x.csv", "a,May I?,Better not.,Go on.\n", "The first line of a CSV file names its columns"),
        ("x.csv", "id;prompt;aligned;misaligned\na;b;c;d\n", "Available: 'id;prompt;aligned;misaligned'"),
        (
            "x.csv",
            HEADER.encode() + "a,Darf ich früh?,b,c\n".encode("latin-1"),
            "line 2 is not UTF-8 (at byte 14). Save the file as UTF-8",
        ),
        ("x.csv", HEADER.encode("utf-16"), "is UTF-16. Save it as UTF-8"),
        ("x.csv", HEADER + "a,b,c\n", "row 1 (line 2), 3 cells for 4 columns"),
        ("x.csv", HEADER + "a,b,c,d,e\n", "row 1 (line 2), 5 cells for 4 columns"),
        (
            "x.csv",
            HEADER + 'a,b,"c,d\n',
            "invalid CSV in row 1, near line 2: unexpected end of data. Perhaps a quote",
        ),
        ("x.csv", HEADER + 'a,b,"c"d,e\n', "invalid CSV in row 1"),
        ("x.csv", HEADER + f"a,b,c,{'d' * 200_000}\n", "field larger than field limit"),
        ("x.csv", HEADER.strip() + ",prompt\n", "column 'prompt' occurs twice"),
        ("x.csv", "id,prompt,aligned,misaligned\rb,c,d,e\r", "invalid CSV"),
        ("x.jsonl", "{", "line 1, not JSON"),
        ("x.jsonl", "[1]", "is a JSON list. Write one object per line"),
        ("x.jsonl", "1\n", "line 1, expected a JSON object, not int"),
        ("x.jsonl", b'{"id": "\xff"}', "line 1, not UTF-8 at byte 9"),
        ("x.jsonl", '{"id": "a", "id": "b"}', "field 'id' occurs twice"),
        (
            "x.jsonl",
            json.dumps(ROW | {"prompt": 5}),
            "line 1, field 'prompt': Input should be a valid string (got 5)",
        ),
        (
            "x.jsonl",
            json.dumps(ROW | {"prompt": "\ud800"}),
            "field 'prompt': contains an incomplete character",
        ),
        ("x.jsonl", json.dumps(ROW | {"id": 1.5}), "field 'id': expected text or an integer (got 1.5)"),
        ("x.jsonl", json.dumps(ROW | {"id": True}), "field 'id': expected text or an integer (got True)"),
        (
            "x.jsonl",
            json.dumps(ROW | {"value": {"a": 1}}),
            "field 'value': expected names of domains (got {'a': 1})",
        ),
        ("x.jsonl", json.dumps(ROW | {"value": [1]}), "field 'value': expected the name of a domain (got 1)"),
        (
            "x.jsonl",
            json.dumps(ROW | {"value": "x" * 300}),
            "field 'value': expected the name of a domain (got 'xxx",
        ),
        (
            "x.jsonl",
            json.dumps({"id": "a", "prompt": "b", "aligned": "c"}),
            "line 1, field 'misaligned': no column for 'misaligned'",
        ),
        ("x.parquet", b"PAR1 and then nothing", "cannot be read as a Parquet file"),
        ("x.parquet", "id,prompt", "cannot be read as a Parquet file"),
    ],
)
def test_an_unusable_file_is_refused(tmp_path: Path, name: str, content: str | bytes, said: str):
    with pytest.raises(InputError) as caught:
        read(tmp_path, name, content)
    assert said in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("path", ["none.csv"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, path: str):
    with pytest.raises(InputError, match="cannot be read"):
        read_instances(tmp_path / path)


def test_a_parquet_file_without_the_columns_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"no column for 'aligned'\. Available: 'prompt', 'misaligned'"):
        read_instances(table(tmp_path / "x.parquet", [{"prompt": "a", "misaligned": "b"}]))


@pytest.mark.parametrize("name", ["x.csv", "x.txt"])
def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path: Path, name: str):
    parsed = read(tmp_path, name, "\ufeff" + HEADER.replace("\n", "\r\n") + 'a,"b\r\nc",d,e\r\n\r\n')
    assert [(i.id, i.prompt, i.misaligned) for i in parsed.instances] == [("a", "b\r\nc", "e")]


@pytest.mark.parametrize("name", ["x.jsonl", "x.txt"])
def test_a_byte_order_mark_and_windows_line_ends_are_no_problem_in_jsonl(tmp_path: Path, name: str):
    parsed = read(tmp_path, name, "\ufeff" + json.dumps(ROW) + "\r\n\r\n")
    assert [i.id for i in parsed.instances] == ["a"]


def test_the_line_of_a_row_is_reported_where_texts_span_several_lines(tmp_path: Path):
    with pytest.raises(InputError, match=r"row 2 \(line 4\), field 'prompt': empty"):
        read(tmp_path, "x.csv", HEADER + 'a,"b\nc",d,e\nf,,g,h\n')


def test_the_rows_of_a_jsonl_file_may_lack_different_columns(tmp_path: Path):
    rows: list[Mapping[str, Any]] = [
        ROW | {"safety": "Self-harm"},
        ROW | {"id": "b"},
        {"chosen": "x", "rejected": "y", "query": "z"},
    ]
    parsed = read(tmp_path, "x.jsonl", "\n".join(map(json.dumps, rows)))
    assert [(i.id, i.safety) for i in parsed.instances] == [
        ("a", ("safety_self_harm",)),
        ("b", ()),
        ("row_3", ()),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_many_rows_are_read_without_keeping_those_outside_the_selection(
    tmp_path: Path, ending: str, make_instance: InstanceMaker
):
    many = [
        make_instance(k, split="test" if k % 100 == 0 else "train", aligned="a" * 500, misaligned="b" * 500)
        for k in range(20_000)
    ]
    write_instances(many, tmp_path / f"x.{ending}")
    del many
    tracemalloc.start()
    parsed = read_instances(tmp_path / f"x.{ending}", keep=lambda instance: instance.split == "test")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(parsed.instances), parsed.valid) == (200, 20_000)
    # all of them would take more than 20,000 × 1,000 characters
    assert peak < 12_000_000


def test_the_files_of_a_folder_are_read_one_after_the_other(tmp_path: Path, make_instance: InstanceMaker):
    (tmp_path / "data").mkdir()
    write_instances([make_instance(id="b")], tmp_path / "data" / "test-00000.parquet")
    write_instances([make_instance(id="a")], tmp_path / "data" / "train-00000.jsonl")
    (tmp_path / "README.md").write_text("no instances")
    assert [instance.id for instance in read_instances(tmp_path).instances] == ["b", "a"]

    # rows without an id are called after what their file holds, and a duplicate id is reported with
    # both places
    row = {name: value for name, value in make_instance(id="a").model_dump().items() if name != "id"}
    (tmp_path / "more.jsonl").write_text(json.dumps(row) + "\n")
    digest = hashlib.sha256((tmp_path / "more.jsonl").read_bytes()).hexdigest()
    assert [instance.id for instance in read_instances(tmp_path).instances] == [
        "b",
        "a",
        f"{digest[:12]}_row_1",
    ]
    write_instances([make_instance(id="b")], tmp_path / "z.csv")
    with pytest.raises(InputError, match=r"z\.csv, row 1"):
        read_instances(tmp_path)


def without_ids(path: Path, make_instance: InstanceMaker, *prompts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            name: value
            for name, value in make_instance(id="a", prompt=text).model_dump().items()
            if name != "id"
        }
        for text in prompts
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_the_names_of_a_file_and_its_folder_change_nothing(tmp_path: Path, make_instance: InstanceMaker):
    # given the same rows without ids under other names, alone and beside another file
    places = [tmp_path / "one" / "a.jsonl", tmp_path / "two #[x]" / "sub" / "b ü.jsonl"]
    for place in places:
        without_ids(place, make_instance, "First?", "Second?")
        without_ids(place.with_name("z.jsonl"), make_instance, "Third?")
    alone = [read_instances(place).instances for place in places]
    together = [read_instances(place.parent).instances for place in places]
    assert instance_set_hash(alone[0]) == instance_set_hash(alone[1])
    assert instance_set_hash(together[0]) == instance_set_hash(together[1])
    assert len({instance.id for instance in together[0]}) == 3


def test_two_files_of_the_same_content_in_a_folder_are_refused(tmp_path: Path, make_instance: InstanceMaker):
    without_ids(tmp_path / "a.jsonl", make_instance, "First?")
    without_ids(tmp_path / "sub" / "copy.jsonl", make_instance, "First?")
    with pytest.raises(InputError, match=r"sub/copy\.jsonl has the same content as a\.jsonl.*count twice"):
        read_instances(tmp_path, skip_invalid=True)


def test_files_with_different_content_never_share_an_id(tmp_path: Path, make_instance: InstanceMaker):
    ids = [
        {
            instance.id
            for instance in read_instances(
                without_ids(tmp_path / name / "a.jsonl", make_instance, name).parent
            ).instances
        }
        for name in ("one", "two")
    ]
    assert ids[0].isdisjoint(ids[1])


def test_a_folder_without_data_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"the folder contains no \.parquet, \.jsonl or \.csv files"):
        read_instances(tmp_path)


def test_a_parquet_file_with_values_that_python_cannot_represent_is_refused(tmp_path: Path):
    # given a time in a year that no calendar of Python reaches
    late = pa.array([2**62], pa.int64()).cast(pa.timestamp("us"))
    pq.write_table(
        pa.table({"prompt": late, "aligned": ["a"], "misaligned": ["m"]}), tmp_path / "late.parquet"
    )
    with pytest.raises(InputError, match="cannot be read as a Parquet file"):
        read_instances(tmp_path / "late.parquet")


def test_the_hash_depends_on_the_content_and_not_on_name_format_or_line_ends(tmp_path: Path):
    # given rows without an id and without an origin, in files that differ in name, form, line ends, empty
    # lines and order of keys
    rows = [
        {"prompt": f"{k}?", "aligned": "a", "misaligned": "b", "safety": "safety_mental_health"}
        for k in range(3)
    ]
    rows = [{**row, "safety": domains("safety")[0].id} for row in rows]
    first = table(tmp_path / "x.csv", rows)
    files = [
        first,
        tmp_path / "renamed.csv",
        tmp_path / "windows.csv",
        tmp_path / "y.jsonl",
        tmp_path / "z.jsonl",
        tmp_path / "w.parquet",
    ]
    files[1].write_bytes(first.read_bytes())
    files[2].write_bytes(b"\xef\xbb\xbf" + first.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    files[3].write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    files[4].write_text("\n\r\n".join(json.dumps(dict(reversed(row.items()))) for row in rows) + "\n\n")
    table(files[5], rows)

    sets = [load_instances("file", path=str(file)) for file in files]

    assert len({one.hash for one in sets}) == 1
    assert [one.origin for one in sets] == [file.name for file in files]
