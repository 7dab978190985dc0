"""`misfire localise` and `misfire organism`, as a user types them."""

import json
import subprocess
import sys
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from misfire.cli.main import main
from misfire.mechanistic.model.interventions import load_intervention

ALL = "lens,patching,heads,attention,paths,prescreen"


def misfire(*arguments: object) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, list(map(str, arguments)))
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved organism, and what localise writes about it."""
    home = tmp_path_factory.mktemp("localise")
    code, said = misfire("organism", "hand-built", "--seed", 3, "--out", home / "organism")
    assert code == 0, said
    code, said = localise(home)
    assert code == 0, said
    return home


def localise(home: Path, *more: object) -> tuple[int, str]:
    model = home / "organism"
    options = [
        "--base",
        model / "base",
        "--out",
        home / "out",
        "--device",
        "cpu",
        "--analyses",
        ALL,
        "--ks",
        "1,2",
        "--draws",
        10,
        "--per-group",
        16,
    ]
    return misfire("localise", model, "--pairs", model / "pairs.jsonl", *options, *more)


def test_everything_is_written(folder: Path):
    out = folder / "out"
    names = {path.stem for path in (out / "figures").glob("*.svg")}
    assert (
        names
        == {path.stem for path in (out / "figures").glob("*.png")}
        == {"heads_zero", "heads_mean", "curve", "lens", "patching", "paths", "attention"}
    )
    frames = {path.stem: pd.read_parquet(path) for path in (out / "frames").glob("*.parquet")}
    assert {
        "pairs",
        "effects_zero",
        "heads_zero",
        "curve_zero",
        "lens",
        "suppression",
        "suppression_corrected",
        "lens_drops",
        "lens_base",
        "patching",
        "recovery",
        "paths",
        "attention",
    } <= frames.keys()
    assert set(frames["lens"]["model"]) == {"model", "base"}
    assert len(frames["effects_zero"]) == 32 * 2 * 24
    truth = json.loads((folder / "organism" / "organism.json").read_text())
    summary = json.loads((out / "summary.json").read_text())
    assert summary["heads"] == truth["heads"]
    assert frames["heads_zero"]["name"][0] == truth["heads"][0]


def test_every_output_names_the_same_heads(folder: Path):
    out = folder / "out"
    truth = json.loads((folder / "organism" / "organism.json").read_text())
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["outcome"], summary["misfiring"]["finding"]) == ("one head", "misfires")
    assert summary["verdict"][0].startswith("The model misfires")
    assert f"need the head {truth['heads'][0]}" in summary["verdict"][2]
    assert [str(head) for head in load_intervention(out / "intervention.safetensors").heads] == truth["heads"]


def test_no_output_names_a_head_of_a_model_that_errs_for_every_person(tmp_path: Path):
    # given an organism with a head that causes all its errors, as many in contrast halves as in stereotyped
    # ones
    model, out = tmp_path / "organism", tmp_path / "out"
    code, said = misfire("organism", "group-blind", "--seed", 3, "--out", model)
    assert code == 0, said
    decoy = json.loads((model / "organism.json").read_text())["decoys"][0]
    # when it is localised
    options = ["--analyses", "heads,lens", "--ks", "1,2", "--draws", 10, "--per-group", 12, "--device", "cpu"]
    code, said = misfire("localise", model, "--pairs", model / "pairs.jsonl", "--out", out, *options)
    assert code == 0, said
    # then MAR and BR are said not to differ, first of all, and no head is named in words, summary, page or
    # file
    summary = json.loads((out / "summary.json").read_text())
    lines = [line for line in said.splitlines() if line.startswith("- ")]
    assert lines == [f"- {line}" for line in summary["verdict"]]
    assert lines[0].startswith("- These results do not show that the model misfires.")
    assert "cannot be distinguished" in lines[0]
    assert decoy not in " ".join(summary["verdict"])
    assert (summary["outcome"], summary["heads"], summary["alone"]) == ("indistinct", [], [])
    assert summary["misfiring"]["misfired"] == summary["misfiring"]["mirrored"] > 12
    assert summary["pairs"]["mirrors"] == 12
    assert not load_intervention(out / "intervention.safetensors").heads
    # while the tables show what each head does to failures and to mirrors alike
    row = pd.read_parquet(out / "frames" / "heads_zero.parquet").set_index("name").loc[decoy]
    assert row["q"] > 0.05 or row["over_mirrors_ci_lower"] <= 0
    assert pd.read_parquet(out / "frames" / "curve_zero.parquet")["mirror_recovery"].max() == 1


def test_the_page_is_self_contained_and_agrees_with_the_summary(folder: Path):
    page = (folder / "out" / "index.html").read_text()
    assert "Where organism overrules the evidence" in page
    assert page.count("data:image/svg+xml") == 7
    assert "<script src" not in page
    assert 'http-equiv="Content-Security-Policy"' in page
    for line in json.loads((folder / "out" / "summary.json").read_text())["verdict"]:
        assert line in unescape(page)


def test_a_resumed_run_computes_only_what_is_missing(folder: Path):
    code, said = localise(folder)
    assert code == 2
    assert "--resume" in said
    pieces = folder / "out" / "pieces"
    times = {path: path.stat().st_mtime_ns for path in pieces.iterdir()}
    (gone,) = pieces.glob("heads-zero-L2-*")
    before = pd.read_parquet(gone)
    gone.unlink()
    (harmed,) = pieces.glob("recovery-*")
    whole = harmed.read_bytes()
    harmed.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    # and a frame, which is written for others and never read back, is harmed
    frame = next(iter(sorted((folder / "out" / "frames").glob("*.parquet"))))
    whole_frame = frame.read_bytes()
    frame.write_bytes(whole_frame[:-20])
    code, said = localise(folder, "--resume")
    assert frame.read_bytes() == whole_frame
    assert code == 0, said
    again = {path: path.stat().st_mtime_ns for path in pieces.iterdir()}
    assert {path for path in again if again[path] != times[path]} == {gone, harmed}
    assert harmed.read_bytes() == whole
    pd.testing.assert_frame_equal(pd.read_parquet(gone), before)


def test_another_run_is_not_resumed(folder: Path):
    code, said = localise(folder, "--resume", "--seed", 5)
    assert code == 2
    assert "cannot be resumed" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--analyses", "lens,magic"], "no such analysis: magic"),
        (["--ks", "0,1"], "not a list of numbers of heads"),
        (["--log", "x.eval"], "exclude each other"),
        (["--arm", "published_stereotyped"], "--arm names an arm of a priming log"),
        (["--dtype", "int4"], "not one of auto"),
    ],
)
def test_options_that_cannot_be_used_are_refused(
    folder: Path, tmp_path: Path, options: list[str], words: str
):
    model = folder / "organism"
    code, said = misfire(
        "localise", model, "--pairs", model / "pairs.jsonl", "--out", tmp_path / "out", *options
    )
    assert code == 2
    assert words in said
    assert not (tmp_path / "out").exists()


def test_the_command_is_available_without_loading_heavy_packages():
    script = (
        "import sys, misfire.cli.main; print([name for name in ('torch', 'transformers', 'pandas', "
        "'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_nonempty_folder_is_not_overwritten(folder: Path):
    code, said = misfire("organism", "random", "--out", folder / "organism")
    assert code == 2
    assert "is not empty" in said


def test_names_of_models_cannot_act_as_markup(tmp_path: Path):
    from misfire.mechanistic.organisms.hand_built import hand_built
    from misfire.mechanistic.page import write_page

    made = hand_built(3)
    made.decoder.name = "<script>alert(1)</script>"
    write_page(tmp_path, made.decoder, {}, ["a < b & c"], [])
    page = (tmp_path / "index.html").read_text()
    assert "<script>alert" not in page
    assert "a &lt; b &amp; c" in page
