"""`misfire localise` and `misfire organism`, as a user types them."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from misfire.cli.main import main
from misfire.datasets.pair_files import read_pairs, write_pairs
from misfire.mechanistic.model.interventions import load_intervention
from misfire.mechanistic.store import Store

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
    # what the first run says of itself; another test resumes it
    for name in ("summary.json", "progress.log"):
        (home / f"first-{name}").write_bytes((home / "out" / name).read_bytes())
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
        "--effort",
        "full",
        "--export",
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


def test_the_plan_is_what_was_done(folder: Path):
    # given a run whose sizes are all known: two numbers of heads, ten draws, both ablations
    summary = json.loads((folder / "first-summary.json").read_text())
    work = {step["step"]: step for step in summary["work"]}
    assert list(work) == [
        "Probing pairs",
        "Logit lens",
        "Activation patching",
        "Heads, zero ablation",
        "Heads, mean ablation",
        "Best heads together, zero ablation",
        "Best heads together, mean ablation",
        "Attention",
        "Path patching",
        "Prescreens",
        "Output files",
        "Export",
    ]
    # then every step made the forwards that were planned; those of paths depend on the layers of the heads
    for name, step in work.items():
        assert step["at_most"] == (name == "Path patching")
        if step["at_most"]:
            assert 0 < step["forwards"] <= step["planned"]
        else:
            assert step["forwards"] == step["planned"], name
    assert work["Probing pairs"]["forwards"] == 2 * 96 + 2 * 32
    assert summary["sizes"]["effort"] == "full"
    assert (summary["sizes"]["draws"], summary["sizes"]["draws_error"]) == (10, None)


@pytest.mark.parametrize("effort", ["quick", "standard"])
def test_an_effort_sets_all_sizes_and_keeps_to_its_plan(folder: Path, tmp_path: Path, effort: str):
    model, out = folder / "organism", tmp_path / "out"
    pairs = ["--pairs", model / "pairs.jsonl", "--device", "cpu", "--effort", effort]
    code, said = misfire("localise", model, *pairs, "--out", out, "--limit", 48, "--ks", "1,2")
    assert code == 0, said
    summary = json.loads((out / "summary.json").read_text())
    # then the plan before the probe bounds each step, and the plan after it is exact where it says so
    for step in summary["work"]:
        assert step["forwards"] <= step["planned"]
        assert step["at_most"] or step["forwards"] == step["planned"], step
    assert summary["sizes"]["effort"] == effort
    assert summary["pairs"]["considered"] == 48
    assert said.count(f"Plan (effort {effort})") == 2
    log = (out / "progress.log").read_text()
    assert "Probing pairs (model): finished" in log
    assert "48 pairs to probe" in log
    assert re.search(r"Logit lens: [0-9]+ forwards, planned [0-9]+; [0-9]+ s", log)
    assert re.search(r"Largest memory of the process: [0-9.]+ GiB", log)
    curve = out / "frames" / "curve_zero.parquet"
    assert curve.exists() == (effort == "standard")
    if effort == "standard":
        assert (pd.read_parquet(curve)["draws"] <= 100).all()
        assert summary["heads"] == json.loads((model / "organism.json").read_text())["heads"]
        assert summary["sizes"]["draws_error"] == 0.0223
    else:
        assert (summary["outcome"], summary["heads"]) == ("not analysed", [])
        assert "heads were not ablated" in said


def test_the_plan_alone_is_printed_and_nothing_is_written(folder: Path, tmp_path: Path):
    model = folder / "organism"
    options = ["--pairs", model / "pairs.jsonl", "--device", "cpu", "--plan"]
    code, said = misfire("localise", model, *options)
    assert code == 0, said
    assert "96 pairs to probe" in said
    assert "s for a whole forward" in said
    assert re.search(r"Probing pairs +192 +192", said)
    assert re.search(r"Heads, zero ablation +≤ [\d,]+ +≤ [\d,]+", said)
    # with an output folder, too, nothing is written
    code, _ = misfire("localise", model, *options, "--out", tmp_path / "out")
    assert (code, list(tmp_path.iterdir())) == (0, [])
    # a run without an output folder is none
    code, said = misfire("localise", model, *options[:-1])
    assert code == 2
    assert "--out" in said


def test_the_plan_before_the_probe_bounds_what_is_done(folder: Path):
    # given the plan of the run, before it and after the probe
    lines = (folder / "first-progress.log").read_text().splitlines()
    rows = [re.search(r"  Total +(≤ )?([\d,]+)", line) for line in lines]
    before, after = (int(row[2].replace(",", "")) for row in rows if row)
    summary = json.loads((folder / "first-summary.json").read_text())
    done = sum(step["forwards"] for step in summary["work"])
    assert done <= after <= before


def test_a_killed_probe_goes_on_where_it_was(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # given a run with a small budget, so that it probes in many batches, which is killed after three
    model, out = folder / "organism", tmp_path / "out"
    arguments = ["localise", model, "--pairs", model / "pairs.jsonl", "--device", "cpu", "--out", out]
    arguments += ["--effort", "quick", "--budget", 0.002, "--analyses", "lens"]
    frame = Store.frame

    def killed(self: Store, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        if name == "probe-model-B3":
            raise KeyboardInterrupt
        return frame(self, name, make)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "frame", killed)
        assert misfire(*arguments)[0] == 130
    kept = {path: path.stat().st_mtime_ns for path in (out / "pieces").glob("probe-model-*")}
    assert len(kept) == 3
    assert "interrupted" in (out / "progress.log").read_text()
    # when it is resumed
    code, said = misfire(*arguments, "--resume")
    # then the finished batches are read and not asked again
    assert code == 0, said
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    batches = len(list((out / "pieces").glob("probe-model-*")))
    work = json.loads((out / "summary.json").read_text())["work"][0]
    assert batches > 3
    assert 0 < work["forwards"] < work["planned"]
    assert len(pd.read_parquet(out / "frames" / "asked.parquet")) == 96


def test_the_output_folder_is_checked_before_anything_is_loaded(folder: Path, tmp_path: Path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("")
    for out, words in (
        (folder / "out", "already holds a run"),
        (tmp_path / "full", "is not empty"),
        (tmp_path / "file" / "out", "cannot be"),
    ):
        code, said = misfire("localise", "no-such-model", "--out", out)
        assert code == 2
        assert words in said
    # and so are the parameters of a run that is resumed
    code, said = misfire("localise", "no-such-model", "--out", folder / "out", "--resume", "--seed", 9)
    assert code == 2
    assert "cannot be resumed" in said
    assert "seed" in said


def test_where_nothing_fails_the_margins_are_shown_and_kept(folder: Path, tmp_path: Path):
    model, out = folder / "organism", tmp_path / "out"
    options = ["--pairs", model / "pairs.jsonl", "--device", "cpu", "--out", out]
    code, said = misfire("localise", model / "base", *options)
    assert code == 2
    assert "none of 96 pairs misfires" in said
    assert "Margins in logits" in said
    margins = pd.read_parquet(out / "frames" / "asked.parquet")
    assert f"stereotyped halves: {margins['stereotyped_margin'].min():+.2f} to" in said
    assert (margins["stereotyped_margin"] > 0).all()


def test_pairs_of_one_scenario_have_no_intervals_and_this_is_said_in_words(folder: Path, tmp_path: Path):
    # given the pairs of one scenario that misfires, so that nothing can be clustered
    model, out = folder / "organism", tmp_path / "out"
    asked = pd.read_parquet(folder / "out" / "frames" / "asked.parquet")
    one = asked.loc[asked["stereotyped_margin"] < 0, "scenario"].iloc[0]
    pairs = [pair for pair in read_pairs(model / "pairs.jsonl") if pair.scenario == one]
    write_pairs(pairs, tmp_path / "pairs.jsonl")
    options = ["--pairs", tmp_path / "pairs.jsonl", "--device", "cpu", "--out", out]
    code, said = misfire("localise", model, *options, "--analyses", "lens,patching,heads,attention")
    # then all analyses run without a warning about numbers, and no dash stands for the end of an interval
    assert code == 0, said
    assert "no interval" in said
    for text in (said, (out / "index.html").read_text()):
        assert "– to –" not in text
        assert "[–" not in text


def test_coin_flips_are_left_out_and_counted(folder: Path, tmp_path: Path):
    # given the margins of the pairs, and a smallest margin above that of most stereotyped halves
    model, out = folder / "organism", tmp_path / "out"
    asked = pd.read_parquet(folder / "out" / "frames" / "asked.parquet")
    sizes = asked[["stereotyped_margin", "contrast_margin"]].abs().min(axis=1)
    least = float(sizes.quantile(0.25))
    options = ["--pairs", model / "pairs.jsonl", "--device", "cpu", "--out", out, "--analyses", "lens"]
    code, said = misfire("localise", model, *options, "--min-margin", least)
    assert code == 0, said
    summary = json.loads((out / "summary.json").read_text())["pairs"]
    assert summary["coin_flips"] == int((sizes < least).sum()) > 10
    assert summary["min_margin"] == least
    flipped = set(asked["pair"][sizes < least])
    assert not flipped & set(pd.read_parquet(out / "frames" / "pairs.parquet")["pair"])
    assert f"{summary['coin_flips']} of 96 pairs that were asked were left out" in said


def test_categories_and_a_limit_choose_candidates(folder: Path):
    model = folder / "organism"
    options = ["--pairs", model / "pairs.jsonl", "--device", "cpu", "--plan"]
    code, said = misfire("localise", model, *options, "--limit", 10)
    assert code == 0, said
    assert "10 pairs to probe" in said
    code, said = misfire("localise", model, *options, "--categories", "nothing")
    assert code == 2
    assert "unknown category: nothing" in said


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
        (["--bbq-dir", "x"], "--bbq-dir requires --pairs bbq"),
        (["--edition", "repaired"], "--edition requires --pairs bbq"),
        (["--patched", "failure,others"], "must be one or more of failure, mirror, control"),
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
