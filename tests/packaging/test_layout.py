"""The code lives once, in the top-level folders; src/misfire and pyproject.toml lead to it, and nothing shadows another package."""

import sys
from pathlib import Path
from typing import Any

import pytest


def test_the_folders_of_the_suite_are_seen(code_folders: list[str]) -> None:
    # the tests below go over this list, and would say nothing about an empty one
    assert {"datasets", "models", "scorers", "tasks"} <= set(code_folders)


def test_every_code_folder_has_its_link_in_the_package(root: Path, code_folders: list[str]) -> None:
    links = {path.name: path.readlink() for path in (root / "src" / "misfire").iterdir() if path.is_symlink()}

    assert links == {name: Path("../..") / name for name in code_folders}


def test_links_lead_to_the_folders(root: Path, code_folders: list[str]) -> None:
    assert [name for name in code_folders if (root / "src" / "misfire" / name).resolve() != root / name] == []


def test_every_code_folder_is_in_the_sdist(pyproject: dict[str, Any], code_folders: list[str]) -> None:
    included = pyproject["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]

    assert set(code_folders) - set(included) == set()
    assert len(included) == len(set(included))  # hatchling refuses a path that is named twice


def test_every_code_folder_is_in_the_wheel_at_its_place(pyproject: dict[str, Any], code_folders: list[str]) -> None:
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert {entry for entry in wheel["only-include"] if not entry.startswith("src/")} == set(code_folders)
    assert wheel["sources"] == {"src/misfire": "misfire"} | {name: f"misfire/{name}" for name in code_folders}


def test_every_module_of_src_is_in_the_wheel(root: Path, pyproject: dict[str, Any]) -> None:
    included = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    files = {path.relative_to(root).as_posix() for path in (root / "src" / "misfire").iterdir() if path.is_file()}

    assert {entry for entry in included if entry.startswith("src/")} == files


def test_types_of_every_code_folder_are_checked_through_its_link(pyproject: dict[str, Any], code_folders: list[str]) -> None:
    included = pyproject["tool"]["pyright"]["include"]

    assert {f"src/misfire/{name}" for name in code_folders} - set(included) == set()


def test_style_of_every_code_folder_is_checked_once(pyproject: dict[str, Any], code_folders: list[str]) -> None:
    assert set(pyproject["tool"]["ruff"]["extend-exclude"]) == {f"src/misfire/{name}" for name in code_folders}


def test_folder_datasets_is_no_package(root: Path) -> None:
    # with an __init__.py, Python started in the repository would import our folder in place of Hugging Face's package
    assert (root / "datasets").is_dir()
    assert not (root / "datasets" / "__init__.py").exists()


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(["-c", "import datasets; print(datasets.__file__); datasets.load_dataset"], id="python -c"),
        pytest.param(
            ["-m", "timeit", "-n1", "-r1", "-s", "import datasets", "print(datasets.__file__); datasets.load_dataset"], id="python -m"
        ),
    ],
)
def test_python_started_in_the_repository_finds_the_datasets_of_hugging_face(root: Path, run: Any, start: list[str]) -> None:
    found = Path(run(root, sys.executable, *start).splitlines()[0])

    assert found.parts[-2:] == ("datasets", "__init__.py")
    assert root / "datasets" not in found.parents


@pytest.mark.parametrize("module", ["pytest", "inspect_ai"])
def test_module_started_in_the_repository_is_not_led_astray(root: Path, run: Any, module: str) -> None:
    assert run(root, sys.executable, "-m", module, "--version").strip()
