"""Work that is done once: each finished piece is a file, renamed into place, so that a killed run goes on where it was."""

# torch and pandas leave many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from misfire.datasets.writing import replaced_file
from misfire.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = "settings.json"


class Store:
    """Finished pieces of a run, known by what they depend on.

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
            What an earlier run computed, or what ``make`` gives, which is kept.

        Raises:
            InputError: The file of an earlier run is broken, or none can be written.
        """
        import pandas as pd

        file = self.folder / "pieces" / f"{name}-{self.key}.parquet"
        if file.exists():
            try:
                return pd.read_parquet(file)
            except Exception as error:  # pyarrow raises many kinds for a file that is broken
                raise InputError(
                    f"{file}: is broken ({type(error).__name__}: {error}). Remove it and say --resume: it is computed again, and nothing "
                    "else is."
                ) from error
        frame = make()
        self.made += 1
        with replaced_file(file) as temporary:
            frame.to_parquet(temporary, index=False)
        return frame
