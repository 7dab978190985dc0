"""Where pairs come from, and what is recorded of it."""

import os
from pathlib import Path
from typing import Any

import pytest

from misfire.datasets import hub
from misfire.datasets.hub import GatedError, HubError
from misfire.datasets.pair_files import write_pairs
from misfire.datasets.paths import user_path
from misfire.datasets.sources import load_pairs
from misfire.errors import InputError
from tests.conftest import PairMaker


def test_the_embedded_pairs_need_nothing():
    pair_set = load_pairs("embedded")
    assert len(pair_set.pairs) >= 512
    assert len({pair.category for pair in pair_set.pairs}) == 8


def test_bbq_is_built_from_a_folder_with_its_unofficial_files_named(shared: Path):
    pair_set = load_pairs("bbq", bbq_dir=str(shared / "bbq"), allow_unverified=True)
    assert len(pair_set.pairs) == 2028
    assert pair_set.unverified == ("Gender_identity", "SES", "Race_ethnicity")
    assert str(shared) not in pair_set.origin


def test_only_the_files_of_the_categories_are_read(shared: Path):
    pair_set = load_pairs("bbq", bbq_dir=str(shared / "bbq"), categories=["religion", "age"])
    assert [len([p for p in pair_set.pairs if p.category == name]) for name in ("Age", "Religion")] == [360, 150]
    assert pair_set.unverified == ()


def test_the_same_pairs_from_bbq_and_from_a_file_have_the_same_hash(shared: Path, tmp_path: Path):
    built = load_pairs("bbq", bbq_dir=str(shared / "bbq"), categories=["Religion"])
    for name in ("pairs.jsonl", "pairs.parquet"):
        write_pairs(built.pairs, tmp_path / name)
        assert load_pairs("file", path=str(tmp_path / name)).hash == built.hash


def test_a_subset_keeps_its_origin_and_changes_its_hash():
    whole = load_pairs("embedded")
    part = whole.replace(whole.pairs[:3])
    assert (part.source, part.origin, len(part.pairs)) == (whole.source, whole.origin, 3)
    assert part.hash != whole.hash


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"source": "file"}, "source=file needs the file"),
        ({"source": "nowhere"}, "'nowhere' is not a source"),
        ({"source": "embedded", "path": "x"}, "path goes with source=file, but source=embedded"),
        ({"source": "file", "path": "x", "bbq_dir": "y"}, "bbq_dir goes with source=bbq"),
        ({"source": "embedded", "allow_unverified": True}, "allow_unverified goes with source=bbq"),
        ({"source": "bbq", "revision": "main"}, "revision goes with source=hub"),
        ({"source": "bbq", "categories": ["Nationality"]}, "no such category: Nationality"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(parameters: dict[str, Any], said: str):
    with pytest.raises(InputError, match=said):
        load_pairs(**parameters)


RECORD = {
    "id": "age_q1_p0",
    "category": "Age",
    "stereotyped_group": "old",
    "contrast_group": "non-Old",
    "trigger_sentence": None,
    "prompts": {"stereotyped": {"text": "a?", "expected": "yes"}, "contrast": {"text": "b?", "expected": "yes"}},
}


def test_the_authors_data_set_is_read_with_all_its_splits(monkeypatch: pytest.MonkeyPatch):
    rows = [("split train, row 1", RECORD), ("split test, row 1", {**RECORD, "id": "age_q1_p1"})]
    monkeypatch.setattr("misfire.datasets.sources.dataset_rows", lambda *_: rows)
    pair_set = load_pairs("hub", revision="main")
    assert [pair.id for pair in pair_set.pairs] == ["age_q1_p0", "age_q1_p1"]
    assert pair_set.origin == "MichiganNLP/misfired-alignment at main"


def test_a_bad_row_of_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("misfire.datasets.sources.dataset_rows", lambda *_: [("split train, row 1", {**RECORD, "category": None})])
    with pytest.raises(InputError, match="split train, row 1, field 'category'"):
        load_pairs("hub")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (GatedError("gated."), r"is gated.*Ask for access.*source=bbq"),
        (HubError("no network."), r"no network\..*source=embedded"),
    ],
)
def test_without_access_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, error: HubError, said: str):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("misfire.datasets.sources.dataset_rows", fail)
    with pytest.raises(InputError, match=said):
        load_pairs("hub")


def test_rows_of_a_hub_data_set_know_their_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    # a folder of JSONL files is a data set to `datasets` just as one on the hub is
    (tmp_path / "train.jsonl").write_text('{"id": "a"}\n{"id": "b"}\n')
    monkeypatch.setattr("misfire.datasets.hub._reach_hub", lambda: None)
    assert hub.dataset_rows(str(tmp_path), None) == [("split train, row 1", {"id": "a"}), ("split train, row 2", {"id": "b"})]


def test_a_relative_path_is_meant_from_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_pair: PairMaker):
    home, tasks = tmp_path / "home", tmp_path / "tasks"
    home.mkdir()
    tasks.mkdir()
    write_pairs([make_pair()], home / "pairs.jsonl")
    monkeypatch.setenv("PWD", str(home))
    monkeypatch.chdir(tasks)
    assert user_path("pairs.jsonl") == home / "pairs.jsonl"
    assert len(load_pairs("file", path="pairs.jsonl").pairs) == 1


def test_without_a_shell_the_current_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("PWD", raising=False)
    monkeypatch.chdir(tmp_path)
    assert user_path("x") == Path(os.path.realpath(tmp_path)) / "x"
    assert user_path(str(tmp_path / "x")) == tmp_path / "x"
