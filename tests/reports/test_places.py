"""Logs are found in folders of any name, by every command that reads them, and links to them are quoted."""

import shlex
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest
from click.testing import CliRunner, Result
from inspect_ai.log import read_eval_log, write_eval_log

from misfire.cli.main import main
from misfire.mechanistic.before_after import compare_logs
from misfire.reports import read_results
from misfire.reports.document import document
from misfire.reports.formats.html import render
from misfire.reports.logs.places import folder_logs, local_path
from misfire.reports.logs.viewer_links import viewer_of
from misfire.tasks.veto import veto

from .conftest import make_log

NAMES = [
    "a#b",
    "a[b]",
    "[x]",
    "a%b",
    "a%20b",
    "a?b",
    "a b",
    "a*b",
    "a::b",
    "a{b,c}",
    "~a",
    "ü ß",
    "a:b",
    "it's",
    "$HOME",
    "x.eval",
    "-a",
]
"""Each has something that an address, a shell or a pattern would read otherwise."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(make_log(veto(source="embedded", pairs=4), "one", tmp_path_factory.mktemp("log")))


def misfire(*arguments: str | Path) -> Result:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_may_have_any_name(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    folder = tmp_path / name / "below it"
    folder.mkdir(parents=True)
    shutil.copyfile(log, folder / log.name)
    for place in (tmp_path / name, folder / log.name, f"file://{folder / log.name}"):
        assert len(read_results(place).halves) == 8
    assert compare_logs(str(folder / log.name), [str(folder)])
    monkeypatch.chdir(tmp_path)
    results = misfire("results", "--", name)
    assert results.exit_code == 0
    command = next(line for line in results.output.replace("\n", " ").split("Open it: ")[1:])
    assert shlex.split(command)[-1] == str(Path(name) / "below it")


@pytest.mark.parametrize("name", ["a#b", "a%20b", "a?b", "a::b"])
def test_a_report_links_to_the_samples_of_such_a_folder(log: Path, tmp_path: Path, name: str):
    for model, folder in (("one", name), ("two", "other")):
        (tmp_path / folder).mkdir()
        copy = read_eval_log(str(log))
        copy.eval.task_id = copy.eval.model = model
        write_eval_log(copy, str(tmp_path / folder / "log.eval"))
    assert misfire("report", tmp_path, "--out", tmp_path / "out").exit_code == 0
    results = read_results(tmp_path)
    viewer = viewer_of(run.log for run in results.run_set.runs)
    links = [viewer.link(run.log, "a/b#c", 1) for run in results.run_set.runs]
    assert {unquote(link.split("/logs/")[1].split("/samples/")[0]) for link in links} == {
        f"{name}/log.eval",
        "other/log.eval",
    }
    assert all(sign not in link.split("#/", 1)[1] for link in links for sign in "#?")
    assert shlex.split(viewer.advice.split("`")[1])[-1] == str(tmp_path)
    assert "log.eval" in render(document(results, figures=False), viewer)


def test_a_json_log_with_any_name_is_found_and_other_json_is_not(log: Path, tmp_path: Path):
    write_eval_log(read_eval_log(str(log)), str(tmp_path / "renamed.json"))
    (tmp_path / "summary.json").write_text('{"version": "1"}')
    (tmp_path / "pairs.json").write_text("[]")
    assert folder_logs(str(tmp_path)) == [str(tmp_path / "renamed.json")]
    assert len(read_results(tmp_path).halves) == 8


def test_a_file_url_is_read_quoted_or_unquoted(tmp_path: Path):
    (tmp_path / "a b").mkdir()
    assert (
        local_path(f"file://{tmp_path}/a%20b")
        == local_path(f"file://{tmp_path}/a b")
        == str(tmp_path / "a b")
    )
    assert local_path("s3://bucket/a#b") == "s3://bucket/a#b"
