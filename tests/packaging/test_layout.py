"""Three top-level folders hold code of the package.

Links in src/misfire and entries in pyproject.toml lead there; nothing is shadowed.
"""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def test_the_top_level_folders_with_code_are_the_three_that_users_know(code_folders: list[str]) -> None:
    assert code_folders == ["datasets", "scorers", "tasks"]


def target(place: Path) -> str | None:
    """Where a link leads.

    A checkout without symbolic links has a file with this text in its place, or nothing.
    """
    if place.is_symlink():
        return place.readlink().as_posix()
    return place.read_text(encoding="utf-8").strip() if place.exists() else None


def test_links_in_the_package_lead_to_the_top_level_folders(root: Path, code_folders: list[str]) -> None:
    targets = {name: target(root / "src" / "misfire" / name) for name in code_folders}

    assert targets in ({name: f"../../{name}" for name in code_folders}, dict.fromkeys(code_folders))


def test_there_are_no_other_links(root: Path, code_folders: list[str]) -> None:
    links = {
        path.relative_to(root / "src").as_posix() for path in (root / "src").rglob("*") if path.is_symlink()
    }

    assert links <= {f"misfire/{name}" for name in code_folders}


def test_every_code_folder_is_in_the_sdist_and_the_wheel(
    pyproject: dict[str, Any], code_folders: list[str]
) -> None:
    targets = pyproject["tool"]["hatch"]["build"]["targets"]

    assert {"src", *code_folders} <= set(targets["sdist"]["only-include"])
    assert {"src/misfire", *code_folders} == set(targets["wheel"]["only-include"])
    assert {f"/src/misfire/{name}" for name in code_folders} <= set(targets["wheel"]["exclude"])
    assert targets["wheel"]["sources"] == {"src/misfire": "misfire"} | {
        name: f"misfire/{name}" for name in code_folders
    }


def test_code_of_a_top_level_folder_is_type_checked_through_its_link_and_linted_once(
    pyproject: dict[str, Any], code_folders: list[str]
) -> None:
    links = {f"src/misfire/{name}" for name in code_folders}

    assert links - set(pyproject["tool"]["pyright"]["include"]) == set()
    assert set(pyproject["tool"]["ruff"]["extend-exclude"]) == links


def test_every_folder_of_the_package_but_datasets_is_a_regular_package(root: Path) -> None:
    folders = {
        file.parent for top in ("src/misfire", "tasks", "scorers") for file in (root / top).rglob("*.py")
    }

    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_imports_follow_the_order_of_the_layers(root: Path) -> None:
    if not (root / "src" / "misfire" / "tasks").is_symlink():
        pytest.skip(
            "import-linter finds tasks, scorers and datasets by the links in src/misfire, which this "
            "checkout lacks"
        )
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    return handler.type is not None and ast.unparse(handler.type) == "ImportError"


def test_no_module_needs_what_only_unix_has(root: Path) -> None:
    unix = {"crypt", "fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios"}
    found: list[str] = []
    for file in (
        file for top in ("src", "tasks", "scorers", "datasets") for file in (root / top).rglob("*.py")
    ):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        # an import that may fail is one that the module does without
        optional = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.Try) and any(_catches_import_error(one) for one in node.handlers)
            for statement in node.body
            for inner in ast.walk(statement)
        }
        for node in ast.walk(tree):
            if node in optional:
                continue
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += (
                [node.attr]
                if isinstance(node, ast.Attribute)
                and ast.unparse(node) in {"os.uname", "os.fork", "os.getuid"}
                else []
            )
            found += [f"{file}: {name}" for name in names if name in unix | {"uname", "fork", "getuid"}]

    assert found == []


def test_folder_datasets_is_no_package(root: Path) -> None:
    # with an __init__.py, Python started in the repository would import our folder in place of Hugging Face's
    # package
    assert (root / "datasets").is_dir()
    assert not (root / "datasets" / "__init__.py").exists()


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(
            ["-c", "import datasets; print(datasets.__file__); datasets.load_dataset"], id="python -c"
        ),
        pytest.param(
            [
                "-m",
                "timeit",
                "-n1",
                "-r1",
                "-s",
                "import datasets",
                "print(datasets.__file__); datasets.load_dataset",
            ],
            id="python -m",
        ),
    ],
)
def test_python_started_in_the_repository_finds_the_datasets_of_hugging_face(
    root: Path, run: Any, start: list[str]
) -> None:
    found = Path(run(root, sys.executable, *start).splitlines()[0])

    assert found.parts[-2:] == ("datasets", "__init__.py")
    assert root / "datasets" not in found.parents


@pytest.mark.parametrize("module", ["pytest", "inspect_ai"])
def test_module_started_in_the_repository_imports_the_right_packages(
    root: Path, run: Any, module: str
) -> None:
    assert run(root, sys.executable, "-m", module, "--version").strip()
