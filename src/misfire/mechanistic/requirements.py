"""Check the packages that the mechanistic analysis needs in addition to the rest of the suite."""

import importlib.util


def need_torch(what: str) -> None:
    """Raise an error if the extra ``mechanistic`` is not installed.

    Args:
        what: Name of the command that needs it.

    Raises:
        InputError: A package is missing.
    """
    missing = [
        name for name in ("torch", "transformers", "accelerate") if importlib.util.find_spec(name) is None
    ]
    if missing:
        from misfire.errors import (
            InputError,
        )  # imported late because it imports Inspect, which is slow and not needed for --help

        raise InputError(
            f"{what} needs {', '.join(missing)}. Install them: pip install 'misfire[mechanistic]'."
        )
