"""SmolLM2-135M-Instruct for the tests: a real language model, made from a package once and kept."""

import importlib.metadata
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from misfire.cli.main import main
from misfire.datasets.folders import refuse_foreign
from misfire.models.model_folders import FOLDER
from misfire.models.smollm2 import INSTALL, NAME, PACKAGE, VERSION
from tests.kept import kept

_CODE = (
    "src/misfire/models/smollm2.py",
    "src/misfire/models/model_folders.py",
    "src/misfire/mechanistic/model/weights.py",
    "src/misfire/mechanistic/model/decoder.py",
    "datasets/folders.py",
)
"""What the folder depends on."""


def smollm2_folder() -> Path:
    """The model's folder, as ``misfire model smollm2`` writes it. It is for reading alone.

    Continuous integration installs the package (``Makefile``), so that there is no skip there.
    """
    try:
        installed = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        installed = None
    if installed != VERSION and not os.environ.get("CI"):
        pytest.skip(f"needs {PACKAGE} {VERSION}: {INSTALL}")
    folder = kept(NAME, _make, code=_CODE) / NAME
    refuse_foreign(folder, FOLDER, overwrite=False)  # by the hash of each file
    return folder


def _make(folder: Path) -> None:
    done = CliRunner().invoke(main, ["model", "smollm2", "--out", str(folder / NAME)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
