"""A data set with one harm is loaded rightly, or refused with its file, line and field; run as a module, this tries 10,000 harms."""

import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from misfire.datasets.misalign.instance_files import read_instances, write_instances
from misfire.datasets.misalign.sources import load_instances
from misfire.datasets.pair_files import read_pairs, write_pairs
from misfire.datasets.sources import load_pairs
from misfire.errors import InputError


@dataclass(frozen=True)
class Kind:
    """A kind of file: how it is read, and one that can be read."""

    read: Callable[[Path], list[Any]]
    lines: tuple[str, ...]


def _lines(write: Callable[[Path], None]) -> tuple[str, ...]:
    with TemporaryDirectory() as folder:
        write(Path(folder, "whole.jsonl"))
        return tuple(Path(folder, "whole.jsonl").read_text(encoding="utf-8").splitlines())


KINDS = {
    "pairs": Kind(read_pairs, _lines(lambda path: write_pairs(load_pairs("embedded").pairs[:6], path))),
    "instances": Kind(
        lambda path: read_instances(path).instances, _lines(lambda path: write_instances(load_instances().instances[:6], path))
    ),
}

VALUES: tuple[object, ...] = (
    *(
        None,
        7,
        -1.5,
        True,
        [],
        {},
        ["x", 1],
        "",
        "   ",
        "\x00",
        "\ud800",
        "=cmd|' /C calc'!A0",
        "@SUM(1)",
        "../../etc/passwd",
        "/etc/passwd",
    ),
    *("x" * 200_000, "\x1b]0;x\x07", "NaN", 10**400, "\u202e", "<script>", "Terrorism;;;", "none|none"),
)


def harmed(lines: tuple[str, ...], rng: random.Random) -> tuple[bytes, int, str | None, str]:
    """A file with one harm: its bytes, the line (from 0; -1 for the file), the field if it is one's, and the harm's name."""
    at = rng.randrange(len(lines))
    record = json.loads(lines[at])
    field = rng.choice(list(record))
    told: str | None = field
    match harm := rng.choice(["value", "drop", "twice", "cut", "byte", "bom", "utf16", "add", "repeat", "rename"]):
        case "value":
            record[field] = rng.choice(VALUES)
            line = json.dumps(record)
        case "drop":
            del record[field]
            line = json.dumps(record)
        case "rename":
            record[f"{field}="] = record.pop(field)
            line, told = json.dumps(record), None
        case "twice":
            line = f'{{{json.dumps(field)}: "x", {lines[at][1:]}'
        case "cut":
            line, told = lines[at][: rng.randrange(1, len(lines[at]) - 1)], None
        case "add":
            line, told = json.dumps(record | {"=unknown": "../x"}), None
        case "repeat":
            line, told = lines[at - 1], "id"
        case _:
            line, told = lines[at], None
    text = "\n".join([*lines[:at], line, *lines[at + 1 :]])
    match harm:
        case "byte":
            content = text.encode()
            start = len("\n".join(lines[:at]).encode()) + 10
            return content[:start] + b"\xff\x00" + content[start:], at, None, harm
        case "bom":
            return text.encode("utf-8-sig"), -1, None, harm
        case "utf16":
            return text.encode("utf-16"), -1, None, harm
        case _:
            return text.encode(), at, told, harm


def check(name: str, rng: random.Random, folder: Path) -> str:
    """Harm a file and read it; gives what became of it."""
    kind, path = KINDS[name], folder / f"{name}.jsonl"
    content, at, field, harm = harmed(kind.lines, rng)
    path.write_text("\n".join(kind.lines), encoding="utf-8")
    whole = kind.read(path)
    path.write_bytes(content)
    try:
        read = kind.read(path)
    except InputError as error:
        told = str(error)
        assert str(path) in told, told
        if at >= 0:
            # a record that stands twice is told where it stands the second time
            assert f"line {at + 1}" in told or (harm == "repeat" and "line " in told), (harm, at, told)
        assert field is None or field in told, (harm, field, told)
        return f"{harm}: refused"
    assert [one for number, one in enumerate(read) if number != at] == [one for number, one in enumerate(whole) if number != at], harm
    assert harm not in {"cut", "byte", "utf16", "twice", "repeat"}, harm
    return f"{harm}: read"


@pytest.mark.parametrize("name", KINDS)
def test_a_harmed_file_is_read_rightly_or_refused_with_its_place(name: str, tmp_path: Path):
    rng = random.Random(f"{name}/1")
    found = Counter(check(name, rng, tmp_path) for _ in range(400))
    assert {harm.partition(":")[0] for harm in found} == {
        "value",
        "drop",
        "twice",
        "cut",
        "byte",
        "bom",
        "utf16",
        "add",
        "repeat",
        "rename",
    }


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with TemporaryDirectory() as place:
        for title in KINDS:
            draws = random.Random(f"{title}/all")
            outcomes = Counter(check(title, draws, Path(place)) for _ in range(number // len(KINDS)))
            print(title, dict(sorted(outcomes.items())))  # noqa: T201
