"""The misfire command, as a user types it."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from misfire import __version__
from misfire.cli.main import main
from misfire.datasets.pair_files import read_pairs
from misfire.datasets.sources import EMBEDDED_PAIRS, PairSettings, load_pairs
from misfire.tasks.veto import veto
from tests.runs import run_task as run


def misfire(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.parquet"])
def test_pairs_are_written_and_can_be_read(tmp_path: Path, name: str):
    code, said, _ = misfire(
        "pairs", "--source", "embedded", "--out", str(tmp_path / name), "--categories", "age"
    )
    written = read_pairs(tmp_path / name)
    assert (code, len(written)) == (0, 64)
    assert f"64 pairs from misfire's embedded pairs → {tmp_path / name}" in said
    assert load_pairs(PairSettings("embedded", categories=["age"])).hash in said


def test_pairs_of_bbq_name_the_unofficial_files(shared: Path, tmp_path: Path):
    options = ["--bbq-dir", str(shared / "bbq"), "--allow-unverified", "--out", str(tmp_path / "pairs.jsonl")]
    code, said, warned = misfire("pairs", *options)
    assert code == 0
    assert "2028 pairs" in said
    assert "Gender_identity, SES, Race_ethnicity" in warned


def test_pairs_of_an_edition_are_written_with_their_controls(shared: Path, tmp_path: Path):
    options = [
        "--bbq-dir",
        str(shared / "bbq"),
        "--categories",
        "religion",
        "--edition",
        "repaired",
        "--per-scenario",
        "2",
        "--controls",
    ]
    code, said, _ = misfire("pairs", *options, "--out", str(tmp_path / "pairs.jsonl"))
    assert code == 0
    assert (
        "50 pairs from BBQ from a local folder, repaired edition (at most 2 pairs a scenario, seed 1)" in said
    )
    assert all(pair.controls for pair in read_pairs(tmp_path / "pairs.jsonl"))


def test_audit_shows_flags_by_category_and_writes_one_row_per_pair(shared: Path, tmp_path: Path):
    options = ["--bbq-dir", str(shared / "bbq"), "--categories", "age,religion"]
    code, said, _ = misfire("audit", *options, "--out", str(tmp_path / "flags.csv"))
    assert code == 0
    assert "Audit of 510 pairs from BBQ from a local folder" in said
    assert ["all", "510", "193"] in [line.split()[:3] for line in said.splitlines()]
    with (tmp_path / "flags.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), rows[0]["pair_id"], rows[0]["minimal"]) == (510, "age_q1_p0", "True")
    assert {row["grammar_faults"] for row in rows if row["scenario"] == "age_q8"} == {
        "finite verb behind do, does or did"
    }


def test_audit_works_with_any_source(tmp_path: Path):
    code, said, _ = misfire("audit", "--source", "embedded", "--out", str(tmp_path / "flags.jsonl"))
    assert code == 0
    assert ["all", "512", "512", "512", "0"] in [line.split()[:5] for line in said.splitlines()]
    rows = [json.loads(line) for line in (tmp_path / "flags.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["minimal"] for row in rows] == [True] * 512
    assert misfire("audit", "--source", "file", "--path", str(EMBEDDED_PAIRS))[0] == 0


def test_audit_writes_only_csv_and_replaces_a_file_only_on_request(tmp_path: Path):
    assert (
        "should end in .csv or .jsonl"
        in misfire("audit", "--source", "embedded", "--out", str(tmp_path / "flags.xlsx"))[2]
    )
    (tmp_path / "flags.csv").write_text("precious")
    code, _, said = misfire("audit", "--source", "embedded", "--out", str(tmp_path / "flags.csv"))
    assert (code, (tmp_path / "flags.csv").read_text()) == (2, "precious")
    assert "--overwrite" in said


def test_a_file_is_replaced_only_on_request(tmp_path: Path):
    file = tmp_path / "pairs.jsonl"
    file.write_text("precious")
    code, _, said = misfire("pairs", "--source", "embedded", "--out", str(file))
    assert (code, file.read_text()) == (2, "precious")
    assert "--overwrite" in said
    assert misfire("pairs", "--source", "embedded", "--out", str(file), "--overwrite")[0] == 0
    assert len(read_pairs(file)) == 512


@pytest.mark.parametrize(("command", "name"), [("pairs", "out.jsonl"), ("audit", "out.csv")])
def test_nothing_is_written_through_a_link(tmp_path: Path, command: str, name: str):
    (tmp_path / "elsewhere").write_text("precious")
    for target in ("elsewhere", "nowhere"):
        (tmp_path / name).unlink(missing_ok=True)
        (tmp_path / name).symlink_to(target)
        assert misfire(command, "--source", "embedded", "--out", str(tmp_path / name))[0] == 2
        assert misfire(command, "--source", "embedded", "--out", str(tmp_path / name), "--overwrite")[0] == 0
        assert not (tmp_path / name).is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--source", "file"], "source=file requires a file: --path FILE"),
        (["--source", "moon"], "'moon' is not a source of pairs"),
        (["--source", "embedded", "--edition", "repaired"], "edition=repaired requires source=bbq"),
        (["--source", "hub", "--controls"], "with --source bbq --controls"),
        (
            ["--bbq-dir", "/nonexistent"],
            "Pass their folder with --bbq-dir, select fewer categories with --categories",
        ),
    ],
)
def test_an_error_names_options(tmp_path: Path, options: list[str], said: str):
    code, _, message = misfire("pairs", *options, "--out", str(tmp_path / "pairs.jsonl"))
    assert code == 2
    assert said in message
    assert "-T " not in message


def test_results_shows_the_newest_log_and_how_to_open_it(tmp_path: Path):
    for mar in (0.5, 0.0):
        arguments = {"mar": mar, "br": 0}
        run(
            veto(source="embedded", pairs=8),
            model="simulated/model",
            model_args=arguments,
            log_dir=str(tmp_path),
        )
    code, said, _ = misfire("results", str(tmp_path))
    assert code == 0
    assert "all" in said
    assert "0.0 %" in said
    assert "The model is simulated" in said
    assert f"inspect view --log-dir {tmp_path}" in said


def test_results_without_a_log_says_so(tmp_path: Path):
    assert misfire("results", str(tmp_path)) == (
        2,
        "",
        f"misfire: {tmp_path}: holds no log with results of misfire. Run `inspect eval misfire/veto --model "
        "…` first.\n",
    )
    code, _, said = misfire("results", str(tmp_path / "none"))
    assert code == 2
    assert "neither a folder nor a log file" in said
    code, _, said = misfire("results", str(tmp_path / "none.eval"))
    assert code == 2
    assert "none.eval: not a log that can be read" in said


def test_the_version_is_the_suite_s():
    assert __version__ in misfire("--version")[1]
