"""Store of finished work: each file appears only when complete, so an interrupted run can be resumed.

The name of each file contains the SHA-256 of its bytes, so that any damage is detected.
"""

# many types in torch and pandas are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import glob
import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, cast

from misfire.datasets.writing import replaced_file
from misfire.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = "settings.json"

_LOGGER = logging.getLogger(__name__)


class Store:
    """Finished pieces of a run. File names identify the settings of the run and the content.

    Args:
        folder: Folder of the run.
        settings: Everything that the pieces depend on: model, pairs, parameters.
        resume: Whether to resume the run in an existing folder.

    Raises:
        InputError: The folder contains a run and ``resume`` is false, or contains a run with other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object], *, resume: bool) -> None:
        self.folder = folder
        self.made = 0
        """Number of pieces that this run computed instead of reading."""
        self.harmed: list[Path] = []
        """Damaged files of an earlier run. Each was computed again."""
        text = json.dumps(settings, sort_keys=True, indent=2, default=str)
        file = folder / SETTINGS
        check_folder(folder, {}, resume=resume)
        if file.exists():
            if file.read_bytes() != text.encode():
                raise _other_run(folder, json.loads(text))
        else:
            with replaced_file(file) as temporary:
                temporary.write_text(text, encoding="utf-8")
        self.key = hashlib.sha256(text.encode()).hexdigest()[:12]

    def frame(self, name: str, make: Callable[[], "pd.DataFrame"]) -> "pd.DataFrame":
        """Return a piece of the run, and compute it if necessary.

        Args:
            name: Name of the piece. It may contain only characters allowed in file names.
            make: Function that computes the piece.

        Returns:
            The piece from an earlier run, or the result of ``make``, which is stored. If a file of an earlier
            run was damaged, a warning names it, and it is deleted and computed again.

        Raises:
            InputError: The piece cannot be read or written.
        """
        import pandas as pd

        pieces = self.folder / "pieces"
        harmed: list[Path] = []
        for file in sorted(pieces.glob(f"{glob.escape(name)}-{self.key}-*.parquet")):
            if (content := _unharmed(file)) is not None:
                return pd.read_parquet(BytesIO(content))
            self.harmed.append(file)
            harmed.append(file)
            _LOGGER.warning(
                "%s: this piece of an earlier run was changed or damaged after it was written. It is "
                "computed again.",
                file,
            )
        frame = make()
        self.made += 1
        content = BytesIO()
        frame.to_parquet(content, index=False)
        for file in harmed:
            file.unlink(missing_ok=True)
        with replaced_file(pieces / f"{name}-{self.key}-{_digest(content.getvalue())}.parquet") as temporary:
            temporary.write_bytes(content.getvalue())
        return frame


def check_folder(folder: Path, settings: Mapping[str, object], *, resume: bool) -> None:
    """Raise an error for a folder that a run cannot be written to. Nothing is written.

    Args:
        folder: Folder of the run.
        settings: The settings that are known already, for example before a model is loaded.
        resume: Whether to resume the run in an existing folder.

    Raises:
        InputError: The folder contains a run and ``resume`` is false, contains a run with other settings or
            something else, or cannot be written.
    """
    try:
        if (folder / SETTINGS).exists():
            if not resume:
                raise InputError(
                    f"{folder} already holds a run. Use --resume to resume it, or choose another folder."
                )
            known = json.loads(json.dumps(settings, default=str))
            if not known.items() <= _settings_in(folder).items():
                raise _other_run(folder, known)
        elif folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder} is not empty and does not hold a run. Choose another folder.")
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error}).") from error
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(
            f"{folder}: cannot be written, because {existing} is not a folder that you may write to."
        )


def _settings_in(folder: Path) -> dict[str, object]:
    """Return the settings of the run in a folder; none if the file does not hold settings."""
    try:
        found = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except ValueError:
        found = None
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _other_run(folder: Path, settings: Mapping[str, object]) -> InputError:
    there = _settings_in(folder)
    other = sorted(name for name, value in settings.items() if there.get(name) != value)
    return InputError(
        f"{folder} holds a run of another model, other pairs or other parameters (see {SETTINGS}; different: "
        f"{', '.join(other) or 'the form of the file'}), and cannot be resumed with these. "
        "Choose another folder."
    )


def _digest(content: bytes) -> str:
    """Return 128 bits of the SHA-256, as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:32]


def _unharmed(file: Path) -> bytes | None:
    """Return the content of a piece; None if its digest does not match its name."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error}).") from error
    return content if file.stem.rpartition("-")[2] == _digest(content) else None
