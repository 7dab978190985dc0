"""What the packaging tests share.

It is the repository, its pyproject.toml, and commands in processes of their own.
"""

import os
import subprocess
import sysconfig
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., str]
"""Runs a command in a folder, as a shell there would, and gives what it printed; it must succeed."""


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def pyproject() -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def code_folders() -> list[str]:
    """The top-level folders with code that belong to the package: all but those for the development."""
    development = {"src", "tests", "benchmarks", "docs", "examples", "build", "dist", "logs"}
    folders = [
        path
        for path in ROOT.iterdir()
        if path.is_dir()
        and not path.name.startswith(".")
        and path.name not in development
        and not (path / "pyvenv.cfg").exists()  # somebody's virtual environment
    ]
    return sorted(folder.name for folder in folders if any(folder.glob("**/*.py")))


@pytest.fixture(scope="session")
def inspect() -> str:
    """The `inspect` command of the environment that the tests run in."""
    return str(Path(sysconfig.get_path("scripts")) / "inspect")


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs commands; see Run."""

    def run_in(cwd: Path, *command: str | Path, **environment: str) -> str:
        # PYTHONPATH stays: it may say which checkout is tested
        left_out = ("INSPECT_", "PYTHON", "PYTEST_")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name == "PYTHONPATH" or not name.startswith(left_out)
        }
        # a wide terminal without colors, so that output is not wrapped; PWD as a shell sets it
        settings = {"PWD": str(cwd), "COLUMNS": "200", "NO_COLOR": "1", "INSPECT_DISPLAY": "plain"}
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=inherited | settings | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run_in
