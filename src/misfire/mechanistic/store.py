"""Work that is done once: each finished piece is a file, renamed into place, so that a killed run goes on where it was.

The SHA-256 of a piece's bytes is part of its file name, so that a piece that was harmed is noticed whichever bit of it changed.
"""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import glob
import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from misfire.datasets.writing import replaced_file
from misfire.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = "settings.json"

_LOGGER = logging.getLogger(__name__)


class Store:
    """Finished pieces of a run, known by what they depend on and checked by what they hold.

    Args:
        folder: Where they lie.
        settings: What the pieces depend on: model, pairs, parameters.
        resume: Whether to go on with a folder that is there.

    Raises:
        InputError: The folder holds a run, and resuming was not asked for, or it is a run of other settings.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object], *, resume: bool) -> None:
        self.folder = folder
        self.made = 0
        """Pieces that this run computed, and did not find."""
        self.harmed: list[Path] = []
        """Files of an earlier run whose bytes are not those that were written; each was computed again."""
        text = json.dumps(settings, sort_keys=True, indent=2, default=str)
        file = folder / SETTINGS
        if file.exists():
            if not resume:
                raise InputError(f"{folder} holds a run already. Say --resume to go on with it, or choose another folder.")
            if file.read_bytes() != text.encode():
                raise InputError(
                    f"{folder} holds a run of another model, other pairs or other parameters ({SETTINGS} says which), and cannot be "
                    "resumed "
                    "with these. Choose another folder."
                )
        elif folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder} is not empty and holds no run. Choose another folder.")
        else:
            with replaced_file(file) as temporary:
                temporary.write_text(text, encoding="utf-8")
        self.key = hashlib.sha256(text.encode()).hexdigest()[:12]

    def frame(self, name: str, make: Callable[[], "pd.DataFrame"]) -> "pd.DataFrame":
        """A piece of the run.

        Args:
            name: What it is; file names' letters only.
            make: Computes it.

        Returns:
            What an earlier run computed, or what ``make`` gives, which is kept. A file of an earlier run that was changed since is named in
            a warning, removed and computed again.

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
            _LOGGER.warning("%s: this piece of an earlier run was changed or broken since it was written. It is computed again.", file)
        frame = make()
        self.made += 1
        content = BytesIO()
        frame.to_parquet(content, index=False)
        for file in harmed:
            file.unlink(missing_ok=True)
        with replaced_file(pieces / f"{name}-{self.key}-{_digest(content.getvalue())}.parquet") as temporary:
            temporary.write_bytes(content.getvalue())
        return frame


def _digest(content: bytes) -> str:
    """128 bits of SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()[:32]


def _unharmed(file: Path) -> bytes | None:
    """The bytes of a piece; none if they are not those that its name says."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error}).") from error
    return content if file.stem.rpartition("-")[2] == _digest(content) else None
