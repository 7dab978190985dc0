"""A data set with one harm is loaded rightly, or refused with its file, place and field.

`python -m benchmarks.harms` tries 10,000 harms.

What a harmed file should give is worked out here, from the documented meaning of the fields, and not by the
reader that is tried."""

import csv
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from misfire.datasets.misalign.instance_files import read_instances
from misfire.datasets.misalign.instances import Instance
from misfire.datasets.misalign.taxonomy import DIMENSIONS
from misfire.datasets.pair_files import read_pairs
from misfire.datasets.pairs import Pair
from misfire.errors import InputError
from tests.conftest import ROOT

from .targets import parquet

Record = dict[str, Any]

TEXTS = (
    *(
        "",
        "   ",
        "\x00",
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "../../etc/passwd",
        "/etc/passwd",
        "x" * 200_000,
        "\x1b]0;x\x07",
        "NaN",
    ),
    *(
        "\u202e",
        "<script>",
        "Terrorism;;;",
        "none|none",
        "Animal Abuse",
        "safety_animal_abuse;;",
        "no",
        "dev",
    ),
)
VALUES: tuple[object, ...] = (*TEXTS, None, 7, -1.5, True, [], {}, ["x", 1], "\ud800", 10**400)

JSON_HARMS = ("value", "drop", "twice", "cut", "byte", "bom", "utf16", "add", "repeat", "rename")
TABLE_HARMS = ("value", "repeat", "cut")


@dataclass(frozen=True)
class Harm:
    """One harm to a file.

    Attributes:
        name: What was done.
        content: The file's bytes.
        record: The record (from 0) that an error must name; none for the file as a whole.
        field: The field that an error must name; none if the harm is none of a field.
        meant: What the file's records say now; none if it cannot be read.
    """

    name: str
    content: bytes
    record: int | None
    field: str | None
    meant: Sequence[Record] | None


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        read: Reads one; gives its records, flat.
        write: Makes one from flat records.
        records: Some that can be read.
        place: How an error names a record (from 0).
        meant: The record that flat fields mean, given the file's name and the record's number from 1; None
            where they mean none.
    """

    read: Callable[[Path], list[Record]]
    write: Callable[[Sequence[Record]], bytes]
    records: tuple[Record, ...]
    place: Callable[[int], str]
    meant: Callable[[Record, str, int], Record | None]


def flat_pair(pair: Pair) -> Record:
    halves = {
        f"{name}_{field}": getattr(half, field)
        for name, half in pair.halves
        for field in ("prompt", "target", "example_id")
    }
    return pair.model_dump(exclude={"stereotyped", "contrast", "controls"}) | halves


def flat_instance(instance: Instance) -> Record:
    return instance.model_dump() | {name: list(instance.domains(name)) for name in DIMENSIONS}


def meant_pair(record: Record, file: str, number: int) -> Record | None:
    """A pair's row has its fields and no others, and nothing of them is changed."""
    _ = file, number
    optional = {
        "subcategory": None,
        "priming_sentence": None,
        "stereotyped_example_id": None,
        "contrast_example_id": None,
    }
    defaults: Record = {**optional, "stereotyped_target": "yes", "contrast_target": "yes"}
    meant = defaults | record
    texts = {
        "id",
        "category",
        "question_index",
        "stereotyped_group",
        "contrast_group",
        "stereotyped_prompt",
        "contrast_prompt",
    }
    usable = (
        meant.keys() == texts | defaults.keys()
        and all(isinstance(meant[name], str) and meant[name].strip() for name in texts)
        and all(meant[name] in ("yes", "no") for name in ("stereotyped_target", "contrast_target"))
        and all(type(meant[name]) in (int, type(None)) for name in optional if name.endswith("_id"))
        and (
            meant["priming_sentence"] is None
            or (isinstance(meant["priming_sentence"], str) and bool(meant["priming_sentence"].strip()))
        )
        and isinstance(meant["subcategory"], str | None)
        and any(letter.isalnum() for letter in meant["category"])
        and is_id(meant["id"])
        and "\ud800" not in meant.values()
    )
    return meant if usable else None


def meant_instance(record: Record, file: str, number: int) -> Record | None:
    """An instance's columns are found by their letters.

    Others are passed over, and labels are ids of domains.
    """
    named = {name.rstrip("="): value for name, value in record.items() if not name.startswith("=")}
    meant: Record = {
        "id": f"row_{number}",
        "split": None,
        "provenance": file,
        **dict.fromkeys(DIMENSIONS),
    } | named
    meant |= {name: meant_labels(name, meant[name]) for name in DIMENSIONS}
    if type(meant["id"]) is int:
        meant["id"] = str(meant["id"])
    for name, default in (("split", None), ("provenance", file)):
        if meant[name] is None or (isinstance(meant[name], str) and not meant[name].strip()):
            meant[name] = default
    if meant["split"] == "dev":
        meant["split"] = "validation"
    texts = [meant.get(name) for name in ("prompt", "aligned", "misaligned", "provenance")]
    usable = (
        all(
            isinstance(text, str)
            and text.strip()
            and len(text) <= 100_000
            and not {"\x00", "\ud800"} & set(text)
            for text in texts
        )
        and is_id(meant["id"])
        and meant["split"] in (None, "train", "validation", "test")
        and all(meant[name] is not None for name in DIMENSIONS)
    )
    return meant if usable else None


def meant_labels(dimension: str, cell: object) -> list[str] | None:
    """The ids of a cell's labels; None where one of them is no label."""
    if cell is None or cell in ([], "", "   ", "none|none"):
        return []
    labels = cell.rstrip(";").split(";") if isinstance(cell, str) else cell
    if labels == ["Animal Abuse"]:
        labels = ["safety_animal_abuse"]
    known = {label for record in INSTANCES for label in record[dimension]}
    return (
        labels
        if isinstance(labels, list) and all(isinstance(label, str) and label in known for label in labels)
        else None
    )


def is_id(name: object) -> bool:
    """Whether samples can be called so."""
    return (
        isinstance(name, str)
        and name.isascii()
        and 0 < len(name) <= 200
        and name[0].isalnum()
        and set(name) <= ID_LETTERS
    )


ID_LETTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def jsonl(records: Sequence[Record]) -> bytes:
    return "\n".join(map(json.dumps, records)).encode()


def csv_table(records: Sequence[Record]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(joined, records))
    return text.getvalue().encode()


def joined(record: Record) -> Record:
    """A record with its lists as cells."""
    return {name: ";".join(value) if isinstance(value, list) else value for name, value in record.items()}


def first_records(file: str) -> tuple[Record, ...]:
    """Some records of a file that misfire wrote, as json reads them."""
    return tuple(map(json.loads, (ROOT / "datasets" / file).read_text(encoding="utf-8").splitlines()[:6]))


PAIRS = first_records("embedded/pairs.jsonl")
INSTANCES = first_records("misalign/embedded/instances.jsonl")


def pairs_of(path: Path) -> list[Record]:
    return [flat_pair(pair) for pair in read_pairs(path)]


def instances_of(path: Path) -> list[Record]:
    return [flat_instance(instance) for instance in read_instances(path).instances]


KINDS = {
    "pairs.jsonl": Kind(pairs_of, jsonl, PAIRS, lambda at: f"line {at + 1}", meant_pair),
    "pairs.parquet": Kind(pairs_of, parquet, PAIRS, lambda at: f"row {at + 1}", meant_pair),
    "instances.jsonl": Kind(instances_of, jsonl, INSTANCES, lambda at: f"line {at + 1}", meant_instance),
    # the first line has the names of the columns
    "instances.csv": Kind(
        instances_of, csv_table, INSTANCES, lambda at: f"row {at + 1} (line {at + 2})", meant_instance
    ),
    "instances.parquet": Kind(
        instances_of,
        lambda records: parquet([*map(joined, records)]),
        INSTANCES,
        lambda at: f"row {at + 1}",
        meant_instance,
    ),
}


def harmed(name: str, rng: random.Random) -> Harm:
    """A file with one harm."""
    kind = KINDS[name]
    at, is_json = rng.randrange(len(kind.records)), name.endswith(".jsonl")
    record = dict(kind.records[at])
    field = rng.choice([one for one in record if is_json or not one.endswith("_example_id")])
    harm = rng.choice(JSON_HARMS if is_json else TABLE_HARMS)
    place: int | None = at
    named_field: str | None = field
    match harm:
        case "value":
            record[field] = rng.choice(VALUES if is_json else (*TEXTS, None))
            if name.endswith(".csv") and len(record[field] or "") > csv.field_size_limit():
                named_field = None
        case "drop":
            del record[field]
        case "rename":
            record[f"{field}="] = record.pop(field)
        case "add":
            record["=unknown"], named_field = "../x", "=unknown"
        case "repeat":
            # a duplicate is reported at its second occurrence
            record, place, named_field = dict(kind.records[at - 1]), at or len(kind.records) - 1, "id"
        case _:
            named_field = None
    records = [*kind.records[:at], record, *kind.records[at + 1 :]]
    content = kind.write(records)
    meant = [kind.meant(one, name, number) for number, one in enumerate(records, start=1)]
    whole: list[Record] | None = [one for one in meant if one is not None]
    if None in meant or harm == "repeat":
        whole = None
    if harm in {"twice", "cut", "byte", "utf16"}:
        whole, content, place = None, *broken(harm, content, at if is_json else None, field, rng)
    elif harm == "bom":
        content = b"\xef\xbb\xbf" + content
    return Harm(harm, content, place, named_field, whole)


def broken(
    harm: str, content: bytes, at: int | None, field: str, rng: random.Random
) -> tuple[bytes, int | None]:
    """A file that is none any more, and the record that is at fault; none for the file."""
    if harm == "utf16":
        return content.decode().encode("utf-16"), None
    if at is None:  # a table that ends early: within its last cell, or wherever else no row ends
        return (content[:-3] if content.startswith(b"PAR1") else content[: content.rindex(b",")]), None
    lines = content.split(b"\n")
    match harm:
        case "twice":
            lines[at] = b"{" + json.dumps(field).encode() + b': "x", ' + lines[at][1:]
        case "cut":
            lines[at] = lines[at][: rng.randrange(1, len(lines[at]) - 1)]
        case _:
            lines[at] = lines[at][:10] + b"\xff\x00" + lines[at][10:]
    return b"\n".join(lines), at


def check(name: str, rng: random.Random, folder: Path) -> str:
    """Harm a file and read it; gives what became of it."""
    kind, path, harm = KINDS[name], folder / name, harmed(name, rng)
    path.write_bytes(harm.content)
    if harm.meant is not None:
        assert kind.read(path) == harm.meant, harm.name
        return f"{harm.name}: read"
    with pytest.raises(InputError) as error:
        kind.read(path)
    assert_reported(kind, path, harm, str(error.value))
    return f"{harm.name}: refused"


def assert_reported(kind: Kind, path: Path, harm: Harm, message: str) -> None:
    """An error begins with the file, and has a line that begins with the place and names the field."""
    assert message.startswith(f"{path}: "), message[:500]
    if harm.record is None:
        return
    place = kind.place(harm.record)
    lines = [line.strip() for line in message.split("\n")]
    if harm.field is None:
        assert (
            any(line.startswith(place) for line in lines) or f"row {harm.record + 1}, near line" in message
        ), (
            harm.name,
            place,
            message[:2000],
        )
        return
    if harm.name == "twice":
        assert any(
            line.startswith(place) and f"field '{harm.field}' occurs twice" in line for line in lines
        ), (harm, message[:2000])
        return
    named = tuple(f"{place}, field '{field}'" for field in (harm.field, f"{harm.field}="))
    assert any(line.startswith(named) for line in lines), (harm.name, named, message[:2000])


@pytest.mark.parametrize("name", KINDS)
def test_an_undamaged_file_is_read_as_written(name: str, tmp_path: Path):
    kind = KINDS[name]
    (tmp_path / name).write_bytes(kind.write(kind.records))
    assert kind.read(tmp_path / name) == list(kind.records)


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_read_correctly_or_refused_with_its_place(name: str, tmp_path: Path):
    rng = random.Random(f"{name}/1")
    found = Counter(check(name, rng, tmp_path) for _ in range(300))
    assert {harm.partition(":")[0] for harm in found} == set(
        JSON_HARMS if name.endswith(".jsonl") else TABLE_HARMS
    )
    assert {outcome.partition(": ")[2] for outcome in found} == {"read", "refused"}
