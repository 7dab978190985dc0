"""The pairs that `misfire localise --pairs` names."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from misfire.cli.main import main
from misfire.cli.mechanistic import candidate_pairs
from misfire.datasets.hub import GatedError, HubError
from misfire.datasets.sources import PairSettings, load_pairs
from misfire.errors import InputError

COMMIT = "0123456789" * 4

RECORD = {
    "id": "age_q1_p0",
    "category": "Age",
    "stereotyped_group": "old",
    "contrast_group": "non-Old",
    "trigger_sentence": None,
    "prompts": {
        "stereotyped": {"text": "a?", "expected": "yes"},
        "contrast": {"text": "b?", "expected": "yes"},
    },
}


def test_the_authors_pairs_are_read_at_the_commit_that_is_named(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, str]] = []

    def rows(name: str, revision: str) -> list[tuple[str, object]]:
        asked.append((name, revision))
        return [("split train, row 1", RECORD)]

    monkeypatch.setattr("misfire.datasets.sources.dataset_rows", rows)
    assert [pair.id for pair in candidate_pairs(f"hub@{COMMIT}")] == ["age_q1_p0"]
    assert asked == [("MichiganNLP/misfired-alignment", COMMIT)]


@pytest.mark.parametrize("source", ["hub", "hub@", "hub@main", f"hub@{COMMIT[:7]}"])
def test_the_authors_pairs_need_a_full_commit(tmp_path: Path, source: str):
    done = CliRunner().invoke(
        main, ["localise", "no-such-model", "--pairs", source, "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert f"--pairs {source}: the authors' dataset requires a pinned commit" in said
    assert "Give --pairs hub@COMMIT, with the 40 digits" in said


@pytest.mark.parametrize(
    ("error", "said"), [(GatedError("gated."), "is gated"), (HubError("no network."), "no network")]
)
def test_advice_names_options_that_the_command_has(
    monkeypatch: pytest.MonkeyPatch, error: HubError, said: str
):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("misfire.datasets.sources.dataset_rows", fail)
    with pytest.raises(InputError, match=said) as caught:
        candidate_pairs(f"hub@{COMMIT}")
    assert "--pairs embedded needs no files" in str(caught.value)
    assert "source=" not in str(caught.value)


def test_embedded_pairs_come_with_their_controls():
    assert candidate_pairs("embedded") == load_pairs(PairSettings("embedded", controls=True)).pairs


def test_any_other_name_is_a_file():
    with pytest.raises(InputError, match=r"hubble\.jsonl: cannot be read"):
        candidate_pairs("hubble.jsonl")
