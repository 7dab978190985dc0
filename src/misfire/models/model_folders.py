"""Turn a GGUF file into an ordinary Hugging Face folder, which every program that loads such folders can use.

The weights are dequantized to float32 and saved as safetensors, beside the tokenizer with its chat template
and ``source.json``, which says what the folder was made from.
"""

# many types in transformers are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import importlib.metadata
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from misfire import __version__
from misfire.datasets.folders import FolderKind, refuse_foreign, replaced_folder
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.mechanistic.model.decoder import load_decoder
from misfire.mechanistic.model.weights import find_weights

SOURCE_FILE = "source.json"
"""File in the folder that says what it was made from."""

FOLDER = FolderKind("model folder", re.compile(r"(?!)"), "choose another folder, or remove it first.")

_PACKAGES = ("torch", "transformers", "gguf", "tokenizers", "safetensors")
"""Packages whose versions are recorded."""


class Source(BaseModel, extra="forbid", frozen=True):
    """What a folder was made from.

    Attributes:
        source: The GGUF file's origin in words: a package with its version, or a path.
        gguf: Name of the GGUF file.
        sha256: SHA-256 of the GGUF file.
        license: License of the weights; None if it is not known.
        dtype: Data type of the weights in the folder.
        misfire: Version of misfire that made the folder.
        versions: Versions of the packages that read and wrote the weights.
    """

    source: str
    gguf: str
    sha256: str
    license: str | None
    dtype: str
    misfire: str
    versions: Mapping[str, str]


def write_model_folder(
    gguf: Path, out: Path, *, source: str, name: str | None = None, license: str | None = None
) -> bool:
    """Write a GGUF file as a Hugging Face folder. The folder appears only when it is complete.

    Args:
        gguf: A GGUF file, or a folder with one.
        out: The folder to write.
        source: Origin of the file, for ``source.json``.
        name: Name of the model, for its configuration; by default the one in the file.
        license: License of the weights.

    Returns:
        Whether the folder was written. It is not if it was made from the same file before, and is unchanged.

    Raises:
        InputError: The file cannot be read, or the folder holds something else.
    """
    weights = find_weights(str(gguf))
    if weights.gguf is None:
        raise InputError(f"{gguf}: there is no GGUF file.")
    with weights.gguf.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    out = user_path(str(out))
    refuse_foreign(out, FOLDER, overwrite=False)
    if (made := _read_source(out)) is not None and made.sha256 == sha256:
        return False
    decoder = load_decoder(str(weights.gguf), device="cpu", dtype="float32")
    record = Source(
        source=source,
        gguf=weights.gguf.name,
        sha256=sha256,
        license=license,
        dtype="float32",
        misfire=__version__,
        versions={name: importlib.metadata.version(name) for name in _PACKAGES},
    )
    with replaced_folder(out, FOLDER) as new:
        if name is not None:
            decoder.model.config._model_name_or_path = name
        decoder.model.save_pretrained(new)
        decoder.tokenizer.save_pretrained(new)
        (new / SOURCE_FILE).write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return True


def _read_source(folder: Path) -> Source | None:
    """Return what a folder was made from; None if the folder does not say it."""
    try:
        return Source.model_validate_json((folder / SOURCE_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
