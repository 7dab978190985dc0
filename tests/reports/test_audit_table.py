"""The audit as a table and as a file."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from misfire.datasets.audit import AuditFlags, audit_pairs
from misfire.datasets.pairs import Half
from misfire.errors import InputError
from misfire.reports.pairs.audit_table import audit_table, write_audit
from tests.conftest import PairMaker


@pytest.fixture
def flags(make_pair: PairMaker) -> list[AuditFlags]:
    capital = Half(prompt="It rained. Did The old cook sleep?")
    return audit_pairs(
        [
            make_pair(0),
            make_pair(1, stereotyped=capital),
            make_pair(0, category="SES"),
            make_pair(1, category="SES"),
        ]
    )


def shown(flags: list[AuditFlags], width: int) -> list[list[str]]:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(audit_table(flags, "Audit of [brackets]"))
    return [line.split() for line in capture.get().splitlines()]


def test_each_category_has_its_counts_and_shares(flags: list[AuditFlags]):
    lines = shown(flags, 120)
    assert lines[0] == ["Audit", "of", "[brackets]"]
    (age,) = (number for number, line in enumerate(lines) if line[:1] == ["Age"])
    # pairs, minimal, grammatical, mid-sentence capital
    assert lines[age][1:5] == ["2", "1", "2", "1"]
    assert lines[age + 1][:3] == ["50%", "100%", "50%"]
    assert ["all", "4", "3", "4", "1"] in [line[:5] for line in lines]


def test_the_names_of_bbq_s_categories_fit_a_narrow_terminal(make_pair: PairMaker):
    names = ["Sexual_orientation", "Disability_status", "Physical_appearance"]
    words = [
        word for line in shown(audit_pairs([make_pair(category=name) for name in names]), 80) for word in line
    ]
    assert {"orientation", "Disability", "appearance"} <= set(words)


def test_one_row_per_pair_is_written(tmp_path: Path, flags: list[AuditFlags]):
    write_audit(flags, tmp_path / "new" / "flags.jsonl")
    rows = [
        json.loads(line)
        for line in (tmp_path / "new" / "flags.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [row["pair_id"] for row in rows] == [entry.pair_id for entry in flags]
    write_audit(flags, tmp_path / "flags.csv")
    assert len((tmp_path / "flags.csv").read_text(encoding="utf-8").splitlines()) == 5


def test_another_file_extension_is_refused(tmp_path: Path, flags: list[AuditFlags]):
    with pytest.raises(InputError, match=r"should end in \.csv or \.jsonl"):
        write_audit(flags, tmp_path / "flags.parquet")
