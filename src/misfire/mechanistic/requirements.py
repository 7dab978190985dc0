"""What this part needs beyond the rest of the suite, and what to do where it is missing."""

import importlib.util


def need_torch(what: str) -> None:
    """Refuse to go on without the extra ``mechanistic``.

    Args:
        what: What needs it.

    Raises:
        InputError: A package is missing.
    """
    missing = [name for name in ("torch", "transformers", "accelerate") if importlib.util.find_spec(name) is None]
    if missing:
        from misfire.errors import InputError  # late: it brings Inspect in, which the command's help does without

        raise InputError(f"{what} needs {', '.join(missing)}. Install them: pip install 'misfire[mechanistic]'.")
