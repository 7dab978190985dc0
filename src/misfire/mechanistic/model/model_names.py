"""The name of a model for pages and tables: its own, not that of the folder it happens to lie in."""

import json
import re
from pathlib import Path
from typing import cast

_SOURCES = (
    ("config.json", "_name_or_path"),
    ("config.json", "_model_name_or_path"),
    ("tokenizer_config.json", "name_or_path"),
)
"""Files of a model folder and their keys that name the model, the first one first."""

_CACHED = re.compile(r"models--(.+?)--(.+)")
"""Folder of a repository in the cache of the Hugging Face Hub."""


def model_name(model: str) -> str:
    """Return the name of a model.

    Args:
        model: A folder, a file, or a Hugging Face Hub ID.

    Returns:
        A Hub ID as it is, and the name of a file. For a folder, the Hub ID if it is in the cache of the Hub;
        else the name in its ``config.json`` or ``tokenizer_config.json``, where transformers and converters
        write the origin of the weights, unless this is a path; else the name of the folder.
    """
    folder = Path(model)
    if folder.is_file():
        return folder.name
    if not folder.is_dir():
        return model.rstrip("/")
    for part in folder.absolute().parts:
        if match := _CACHED.fullmatch(part):
            return f"{match[1]}/{match[2]}"
    for file, key in _SOURCES:
        if (name := _read(folder / file, key)) and _is_name(name):
            return name
    return folder.absolute().name


def _read(file: Path, key: str) -> str | None:
    try:
        content: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    value = cast("dict[str, object]", content).get(key) if isinstance(content, dict) else None
    return value.strip() if isinstance(value, str) else None


def _is_name(text: str) -> bool:
    """Return whether a text names a model: one line, and no path. A Hub ID has one slash."""
    return (
        bool(text)
        and text.isprintable()
        and not text.startswith((".", "/", "~"))
        and "\\" not in text
        and ":" not in text
        and text.count("/") <= 1
        and not Path(text).is_dir()
    )
