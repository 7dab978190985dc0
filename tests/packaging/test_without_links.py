"""A checkout without symbolic links (Windows, or a zip download) works like any other.

It is imported, run, tested, installed and built.
"""

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log

LINKS = ("tasks", "scorers", "datasets")


def git(folder: Path, *arguments: str | Path) -> str:
    identity = [
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@example.org",
        "-c",
        "safe.directory=*",
        "-c",
        "core.autocrlf=false",
    ]
    command = ["git", *identity, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def committed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with one commit: the working tree as it is now, with its links."""
    if shutil.which("git") is None or not (root / ".git").exists():
        pytest.skip("needs git and a git checkout")
    copy = tmp_path_factory.mktemp("committed")
    names = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, names):
        if (root / name).is_symlink() or (
            root / name
        ).is_file():  # a file may be deleted and still be tracked
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name, follow_symlinks=False)
    for name in LINKS:  # even if this checkout has none
        link = copy / "src" / "misfire" / name
        if not link.is_symlink():
            link.unlink(missing_ok=True)
            link.symlink_to(Path("../..") / name)
    git(copy, "init", "--quiet")
    git(copy, "add", "--all", "--force")
    git(copy, "commit", "--quiet", "--message", "all")
    return copy


@pytest.fixture(scope="module", params=["clone", "zip"])
def checkout(
    request: pytest.FixtureRequest, committed: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A checkout in which the links are plain files, as in zip downloads and where git may not make links."""
    checkout = tmp_path_factory.mktemp("without") / "misfire"
    if request.param == "clone":
        git(committed.parent, "-c", "core.symlinks=false", "clone", "--quiet", committed, checkout)
        return checkout
    git(committed, "archive", "--format=zip", "--output", checkout.with_suffix(".zip"), "HEAD")
    with zipfile.ZipFile(checkout.with_suffix(".zip")) as archive:
        archive.extractall(checkout)
    return checkout


@pytest.fixture
def code(checkout: Path) -> dict[str, str]:
    """The environment that makes Python import misfire from the checkout, whatever is installed."""
    return {"PYTHONPATH": str(checkout / "src")}


def files_of_the_package(checkout: Path) -> set[str]:
    """Where the files of the package belong in a wheel."""
    roots = {"misfire": checkout / "src" / "misfire"} | {f"misfire/{name}": checkout / name for name in LINKS}
    links = {f"misfire/{name}" for name in LINKS}
    found = {
        f"{place}/{file.relative_to(folder).as_posix()}"
        for place, folder in roots.items()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    return found - links


def test_the_links_are_not_links_there(checkout: Path) -> None:
    places = [checkout / "src" / "misfire" / name for name in LINKS]

    assert [place for place in places if place.is_symlink() or not place.is_file()] == []


def test_every_other_file_is_as_it_was_committed(checkout: Path, committed: Path) -> None:
    names = [name for name in git(committed, "ls-files", "-z").split("\0") if name]
    files = [name for name in names if not (committed / name).is_symlink()]

    assert len(files) == len(names) - len(LINKS)
    assert [name for name in files if (checkout / name).read_bytes() != (committed / name).read_bytes()] == []


def test_the_code_of_the_top_level_folders_is_imported_as_part_of_the_package(
    checkout: Path, run: Any, code: dict[str, str]
) -> None:
    expected = {
        "misfire": "src/misfire/__init__.py",
        "misfire._registry": "src/misfire/_registry.py",
        "misfire.tasks.veto": "tasks/veto.py",
        "misfire.scorers.veto": "scorers/veto.py",
        "misfire.datasets.sources": "datasets/sources.py",
        "misfire.datasets.misalign.sources": "datasets/misalign/sources.py",
    }
    names = [*expected, "datasets"]
    script = f"import importlib\nfor name in {names}: print(importlib.import_module(name).__file__)"

    *files, of_hugging_face = [
        Path(line) for line in run(checkout, sys.executable, "-c", script, **code).splitlines()
    ]

    assert files == [checkout / file for file in expected.values()]
    # and Hugging Face's package of the name of one of our folders is found there too
    assert of_hugging_face.name == "__init__.py"
    assert checkout not in of_hugging_face.parents


def test_the_package_is_found_where_the_links_are_missing_as_in_the_sdist(
    checkout: Path, run: Any, tmp_path: Path
) -> None:
    copy = shutil.copytree(checkout, tmp_path / "copy", ignore=shutil.ignore_patterns(".git"))
    for name in LINKS:
        (copy / "src" / "misfire" / name).unlink()

    printed = run(
        copy,
        sys.executable,
        "-c",
        "import misfire.tasks.veto as it; print(it.__file__)",
        PYTHONPATH=str(copy / "src"),
    )

    assert Path(printed.strip()) == copy / "tasks" / "veto.py"


@pytest.mark.slow(seconds=25)
def test_the_demo_runs(checkout: Path, run: Any, inspect: str, code: dict[str, str], tmp_path: Path) -> None:
    # what `make demo` runs: all of it in the unpacked archive; in the clone, whose files are the same, with
    # few pairs
    whole = not (checkout / ".git").exists()
    log_dir = str(tmp_path / "logs")
    task = ["tasks/veto.py", "--model", "simulated/model", "-T", "source=embedded"]
    part = [] if whole else ["-T", "pairs=16"]
    run(checkout, inspect, "eval", *task, *part, "--log-dir", log_dir, **code)
    script = "from misfire.cli.main import main; main()"
    table = run(checkout, sys.executable, "-c", script, "results", log_dir, **code | {"COLUMNS": "80"})

    (found,) = list_eval_logs(log_dir)
    log = read_eval_log(found, header_only=True)
    assert (log.status, log.eval.dataset.samples) == ("success", 1024 if whole else 32)
    if whole:
        readme = [
            line
            for line in (checkout / "README.md").read_text(encoding="utf-8").splitlines()
            if line.startswith(("┏", "┃", "┡", "│"))
        ]
        assert len(readme) > 4
        assert [line for line in readme if line not in table.splitlines()] == []
    else:
        (overall,) = (line for line in table.splitlines() if line.startswith("│ all pairs "))
        assert overall.split("│")[2].strip() == "16"


@pytest.mark.slow(seconds=25)
def test_the_packaging_tests_pass_there(checkout: Path, run: Any, code: dict[str, str]) -> None:
    tests = [f"tests/packaging/{name}.py" for name in ("test_layout", "test_checkout", "test_loading")]

    printed = run(
        checkout,
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        *tests,
        **code,
    )

    assert " passed" in printed
    assert "failed" not in printed


@pytest.mark.slow(seconds=25)
def test_the_checkout_can_be_installed_in_editable_mode(checkout: Path, run: Any, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    run(tmp_path, sys.executable, "-m", "venv", "--without-pip", environment)
    python = next(environment.glob("[bS][ic][nr]*/python*"))  # bin/python, or Scripts/python.exe
    (site_packages,) = {
        Path(run(tmp_path, python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    }
    # the dependencies are borrowed; .pth files in a folder that a .pth file names are not read, so an
    # editable misfire there is not found
    (site_packages / "borrowed.pth").write_text(
        sysconfig.get_path("purelib") + "\n" + sysconfig.get_path("platlib") + "\n"
    )
    pip = [sys.executable, "-m", "pip", "--python", python]
    alone = ["--no-deps", "--no-index", "--no-build-isolation"]
    run(tmp_path, *pip, "install", "--quiet", *alone, "--editable", checkout)

    script = "from misfire.tasks import veto; print(veto.__file__, len(veto.veto(source='embedded').dataset))"
    assert run(tmp_path, python, "-c", script, PYTHONPATH="").split() == [
        str(checkout / "tasks" / "veto.py"),
        "1024",
    ]
    assert "misfire, version" in run(tmp_path, python.parent / "misfire", "--version", PYTHONPATH="")


@pytest.mark.slow(seconds=25)
def test_a_wheel_built_from_the_checkout_holds_the_folders_and_no_link_file(
    checkout: Path, run: Any, tmp_path: Path
) -> None:
    run(tmp_path, sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, checkout)

    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert names == files_of_the_package(checkout)
    assert {
        "misfire/tasks/veto.py",
        "misfire/scorers/veto.py",
        "misfire/datasets/embedded/pairs.jsonl",
    } <= names
    assert names & {f"misfire/{name}" for name in LINKS} == set()
