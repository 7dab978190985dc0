"""BBQ's files: which are accepted, and what is said of those that are not."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from misfire.datasets import bbq, hub
from misfire.datasets.bbq import git_blob_id, read_bbq
from misfire.datasets.veto_pairs import build_pairs
from misfire.errors import InputError

EXAMPLE: dict[str, Any] = {
    "example_id": 1,
    "question_index": "1",
    "question_polarity": "neg",
    "context_condition": "disambig",
    "category": "Age",
    "answer_info": {"ans0": ["a", "old"], "ans1": ["b", "nonOld"], "ans2": ["c", "unknown"]},
    "additional_metadata": {
        "subcategory": "None",
        "stereotyped_groups": ["old"],
        "version": "a",
        "source": "x",
    },
    "context": "It rained.",
    "question": "Who was late?",
    "ans0": "The a",
    "ans1": "The b",
    "ans2": "Not known",
    "label": 0,
}


def write(folder: Path, *lines: str) -> None:
    (folder / "Age.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_blob_id_is_the_one_that_git_computes(tmp_path: Path):
    file = tmp_path / "file"
    file.write_bytes(b"some\ncontent\n")
    by_git = subprocess.run(
        ["git", "hash-object", str(file)], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert git_blob_id(file.read_bytes()) == by_git


def test_official_files_are_recognized(shared: Path):
    files = read_bbq(["Age", "Religion", "SES"], bbq_dir=shared / "bbq", allow_unverified=True)
    assert [(file.category, file.official) for file in files] == [
        ("Age", True),
        ("Religion", True),
        ("SES", False),
    ]
    assert [len(file.examples) for file in files] == [3680, 1200, 6864]


def test_official_files_need_no_permission(shared: Path):
    assert read_bbq(["Age"], bbq_dir=shared / "bbq")[0].official


def test_another_file_is_refused_unless_allowed(tmp_path: Path):
    write(tmp_path, json.dumps(EXAMPLE))
    with pytest.raises(
        InputError, match=r"Age\.jsonl: this is not BBQ's official file for Age .*allow_unverified=true"
    ):
        read_bbq(["Age"], bbq_dir=tmp_path)
    (file,) = read_bbq(["Age"], bbq_dir=tmp_path, allow_unverified=True)
    assert not file.official
    assert file.examples[0].right_group == "old"


def test_a_missing_file_is_named_with_the_ways_to_get_it(tmp_path: Path):
    with pytest.raises(InputError, match=r"Age\.jsonl: cannot be read .*bbq_dir=.*source=embedded"):
        read_bbq(["Age"], bbq_dir=tmp_path)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"question": f"Who {'really ' * 1200}is late?"}, "question"),
        ({"ans1": "The b" * 200}, "ans1"),
        ({"label": 3}, "label"),
        ({"example_id": "x"}, "example_id"),
        ({"question_polarity": "neutral"}, "question_polarity"),
        ({"context": ""}, "context"),
        ({"question_index": "one"}, "question_index"),
        ({"answer_info": {"ans0": ["a", "old"]}}, "answer_info"),
        ({"answer_info": {**EXAMPLE["answer_info"], "ans1": ["b"]}}, "answer_info.ans1.1"),
        ({"additional_metadata": {"subcategory": "None"}}, "additional_metadata.stereotyped_groups"),
    ],
)
def test_a_bad_record_is_refused_with_line_and_field(tmp_path: Path, change: dict[str, Any], field: str):
    write(tmp_path, json.dumps(EXAMPLE), "", json.dumps(EXAMPLE | change))
    with pytest.raises(InputError) as caught:
        read_bbq(["Age"], bbq_dir=tmp_path, allow_unverified=True)
    assert "Age.jsonl: 1 bad record" in str(caught.value)
    assert f"line 3, field '{field}'" in str(caught.value)


def test_a_line_that_is_not_json_is_refused_with_its_number(tmp_path: Path):
    write(tmp_path, json.dumps(EXAMPLE), json.dumps(EXAMPLE)[:50])
    with pytest.raises(InputError, match="line 2, Invalid JSON"):
        read_bbq(["Age"], bbq_dir=tmp_path, allow_unverified=True)


def test_without_the_hub_the_error_comes_quickly_and_names_alternatives(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    # a closed port of this machine stands for a network that is not there
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"cannot be reached .*-T source=embedded.*-T bbq_dir="):
        read_bbq(["Age"])


def test_a_file_in_the_cache_needs_no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    snapshot = tmp_path / "datasets--heegyu--bbq" / "snapshots" / bbq.HUB_REVISION / "data"
    snapshot.mkdir(parents=True)
    (snapshot / "Age.jsonl").write_text("cached")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path), raising=False)
    assert hub.fetch_file(bbq.HUB_DATASET, "data/Age.jsonl", bbq.HUB_REVISION).read_text() == "cached"


@pytest.mark.parametrize(
    "changed",
    [
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content + b"\n\n",
        lambda content: content.rstrip(b"\n"),
        lambda content: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n") + b"\r\n\r\n",
        lambda content: content.replace(b"\n", b"\r"),
    ],
    ids=["autocrlf", "mark", "empty lines", "no last line end", "all", "old Mac"],
)
def test_line_ends_do_not_make_a_file_different(
    changed: Any, shared: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    official = (shared / "bbq" / "Age.jsonl").read_bytes()
    (tmp_path / "Age.jsonl").write_bytes(changed(official))
    with caplog.at_level("WARNING"):
        (read,) = read_bbq(["Age"], bbq_dir=tmp_path)
    assert read.official
    assert "differs from BBQ's official file only in its line endings" in caplog.text
    assert read.examples == read_bbq(["Age"], bbq_dir=shared / "bbq")[0].examples
    assert build_pairs([read]) == build_pairs(read_bbq(["Age"], bbq_dir=shared / "bbq"))


def test_different_content_makes_a_file_different_with_any_line_ends(shared: Path, tmp_path: Path):
    official = (shared / "bbq" / "Age.jsonl").read_bytes()
    (tmp_path / "Age.jsonl").write_bytes(official.replace(b"old", b"odd", 1).replace(b"\n", b"\r\n"))
    with pytest.raises(InputError, match="its content differs, not only its line endings"):
        read_bbq(["Age"], bbq_dir=tmp_path)
