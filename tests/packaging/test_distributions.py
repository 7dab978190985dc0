"""The wheel that is built from the sdist holds all of the package, and works where the repository is not."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log

from misfire import __version__
from tests.kept import kept

pytestmark = pytest.mark.slow(seconds=10)

WHEEL_ALONE = {"PYTHONPATH": ""}
"""The environment in which Python finds misfire in the wheel and nowhere else."""


@dataclass(frozen=True)
class Distributions:
    """The two files that are published."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel in it, and a folder that has nothing to do with the repository."""

    bin: Path
    site_packages: Path
    elsewhere: Path


@pytest.fixture(scope="module")
def built(root: Path, pyproject: dict[str, Any]) -> Distributions:
    """The sdist, and the wheel made from it (as `build` does by default)."""

    def build(folder: Path) -> None:
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(root)]
        subprocess.run(command, cwd=folder, capture_output=True, check=True)

    packed = pyproject["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    folder = kept("distributions", build, code=packed, sources=["pyproject.toml"])
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="module")
def installed(built: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in its own environment, which uses the installed dependencies (needs no network)."""
    home = tmp_path_factory.mktemp("installed")
    environment, elsewhere = home / "environment", home / "elsewhere"
    elsewhere.mkdir()
    make = [sys.executable, "-m", "venv", "--without-pip", str(environment)]
    subprocess.run(make, check=True, capture_output=True)
    pip = [sys.executable, "-m", "pip", "--python", str(environment)]
    install = [*pip, "install", "--quiet", "--no-deps", "--no-index", str(built.wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (site_packages,) = environment.glob("lib/python*/site-packages")
    # a folder named in a .pth file comes last, and .pth files in it (such as that of an editable misfire) are
    # not read
    borrowed = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    (site_packages / "borrowed.pth").write_text("\n".join(borrowed) + "\n")
    return Installed(environment / "bin", site_packages, elsewhere)


def test_wheel_contains_only_the_package(root: Path, built: Distributions) -> None:
    package = root / "src" / "misfire"
    # os.walk, since Path.rglob does not follow links
    files = {
        (Path(folder) / name).relative_to(package.parent).as_posix()
        for folder, _, names in os.walk(package, followlinks=True)
        for name in names
        if "__pycache__" not in folder
    }
    with zipfile.ZipFile(built.wheel) as wheel:
        entries = {entry.filename: entry for entry in wheel.infolist()}

    assert {name for name in entries if ".dist-info/" not in name} == files
    assert {"misfire/py.typed", "misfire/datasets/embedded/pairs.jsonl", "misfire/tasks/veto.py"} <= files
    assert {
        "misfire/datasets/misalign/taxonomy.jsonl",
        "misfire/datasets/misalign/embedded/instances.jsonl",
    } <= files
    assert [
        name for name, entry in entries.items() if (entry.external_attr >> 16) & 0o170000 == 0o120000
    ] == []  # no links


def test_wheel_contains_all_licenses(root: Path, built: Distributions) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        carried = {
            name.partition(".dist-info/licenses/")[2]: wheel.read(name)
            for name in wheel.namelist()
            if "/licenses/" in name
        }

    licences = ["LICENSE", "datasets/embedded/LICENSE", "datasets/misalign/embedded/LICENSE"]
    assert carried == {name: (root / name).read_bytes() for name in licences}


def test_sdist_contains_sources_and_tests_but_no_logs(built: Distributions) -> None:
    with tarfile.open(built.sdist) as sdist:
        folders = {name.split("/")[1] for name in sdist.getnames()}
        links = [member.name for member in sdist.getmembers() if not member.isfile()]

    assert {
        "src",
        "tasks",
        "scorers",
        "datasets",
        "tests",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    } <= folders
    assert folders & {"logs", ".venv", ".git", "uv.lock"} == set()
    assert links == []


def test_every_module_is_imported_from_the_wheel(run: Any, installed: Installed) -> None:
    package = installed.site_packages / "misfire"
    files = sorted(package.rglob("*.py"))
    modules = [".".join(file.relative_to(package.parent).with_suffix("").parts) for file in files]
    script = (
        f"import importlib\nfor name in {modules}: "
        "print(importlib.import_module(name.removesuffix('.__init__')).__file__)"
    )

    printed = run(installed.elsewhere, installed.bin / "python", "-c", script, **WHEEL_ALONE)

    assert {"misfire._registry", "misfire.tasks.veto", "misfire.scorers.veto"} < set(modules)
    assert {"misfire.datasets.sources", "misfire.models.simulated"} < set(modules)
    assert [Path(line) for line in printed.splitlines()] == files


def test_command_works(run: Any, installed: Installed) -> None:
    assert "Usage: misfire" in run(installed.elsewhere, installed.bin / "misfire", "--help", **WHEEL_ALONE)
    assert __version__ in run(installed.elsewhere, installed.bin / "misfire", "--version", **WHEEL_ALONE)


def test_inspect_finds_the_task_and_the_model_by_name(run: Any, installed: Installed) -> None:
    options = ["--model", "simulated/model", "-T", "source=embedded", "-T", "pairs=4", "--log-dir", "logs"]

    run(
        installed.elsewhere,
        installed.bin / "python",
        "-m",
        "inspect_ai",
        "eval",
        "misfire/veto",
        *options,
        **WHEEL_ALONE,
    )

    (found,) = list_eval_logs(str(installed.elsewhere / "logs"))
    log = read_eval_log(found)
    assert (log.status, log.eval.task_version, len(log.samples or [])) == ("success", __version__, 8)
