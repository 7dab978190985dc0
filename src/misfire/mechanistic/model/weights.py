"""Find the weights that a user names: a Hugging Face folder, a Hub ID, or a GGUF file.

transformers reads a GGUF file with the package ``gguf``. It is asked to dequantize all weights, because the
analyses and the hooks need ordinary float weights and activations.
"""

# many types in transformers and gguf are unknown
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false

import importlib.util
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from misfire.datasets.user_files import file_start
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError

ADAPTER_CONFIG = "adapter_config.json"
"""The file that makes a folder a PEFT adapter."""

_MAGIC = b"GGUF"
"""The first bytes of a GGUF file."""

_PART = re.compile(r"-\d{5}-of-(?!00001)\d{5}\.gguf", re.IGNORECASE)
"""The end of the name of one of several files that hold a model."""


@dataclass(frozen=True)
class Weights:
    """Where the weights of a model are.

    Attributes:
        place: A folder, or a Hub ID.
        gguf: The GGUF file in the folder; None for weights in the usual Hugging Face files.
    """

    place: str
    gguf: Path | None = None

    @property
    def tokenizer_options(self) -> dict[str, Any]:
        """Options of ``AutoTokenizer.from_pretrained`` beside ``place``."""
        return {} if self.gguf is None else {"gguf_file": str(self.gguf)}

    @property
    def model_options(self) -> dict[str, Any]:
        """Options of ``AutoModelForCausalLM.from_pretrained`` beside ``place``."""
        if self.gguf is None:
            return {}
        from transformers import GgufConfig

        return {"gguf_file": str(self.gguf), "quantization_config": GgufConfig(dequantize=True)}


def find_weights(model: str) -> Weights:
    """Find the weights that a user names.

    Args:
        model: A Hugging Face folder, a GGUF file, a folder with one GGUF file, or a Hub ID.

    Returns:
        The weights.

    Raises:
        InputError: The file does not exist or is not in GGUF format, the folder has more than one, or it is
            an adapter.
    """
    path = user_path(model)
    if path.is_dir():
        return _in_folder(model, path)
    if path.exists() or model.lower().endswith(".gguf"):
        _check_gguf(model, path)
        return Weights(str(path.parent), path)
    return Weights(model)


def _in_folder(model: str, folder: Path) -> Weights:
    if (folder / ADAPTER_CONFIG).exists():
        raise InputError(
            f"{model}: this is an adapter ({ADAPTER_CONFIG}). Name its base model here, and the "
            "folder as the adapter: `misfire localise BASE --adapter FOLDER`, or `intervened/BASE -M "
            "adapter=FOLDER`."
        )
    files = sorted(folder.glob("*.gguf"))
    if (folder / "config.json").exists() or not files:
        return Weights(str(folder))
    if len(files) > 1:
        raise InputError(
            f"{model}: there are {len(files)} GGUF files in this folder "
            f"({', '.join(file.name for file in files[:5])}). Name one of them. Join the parts of a model "
            "that is split into several files first: llama-gguf-split --merge."
        )
    _check_gguf(str(files[0]), files[0])
    return Weights(str(folder), files[0])


def save_tokenizer(weights: Weights, folder: Path) -> None:
    """Write the tokenizer of a model to a folder, with its chat template."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(
        weights.place, revision=None, trust_remote_code=False, **weights.tokenizer_options
    )
    tokenizer.save_pretrained(folder)


def need_gguf(what: str) -> None:
    """Raise an error if the packages that read GGUF files are not installed.

    Args:
        what: What needs them, for the message.

    Raises:
        InputError: A package is missing or too old.
    """
    import transformers

    missing = [] if importlib.util.find_spec("gguf") else ["gguf"]
    missing += [] if hasattr(transformers, "GgufConfig") else ["a newer transformers"]
    if missing:
        raise InputError(f"{what} needs {' and '.join(missing)}. Install them: pip install 'misfire[real]'.")


def _check_gguf(model: str, path: Path) -> None:
    """Raise an error for a file that is not a whole model in GGUF format."""
    try:
        start = file_start(path, len(_MAGIC))
    except FileNotFoundError as error:
        raise InputError(
            f"{model}: there is no such file. Download the GGUF file first; it must be on this machine."
        ) from error
    except OSError as error:
        raise InputError(f"{model}: cannot be read ({error.strerror or error}).") from error
    if start != _MAGIC:
        raise InputError(f"{model}: this is not a GGUF file. Name a folder, a Hub ID or a GGUF file.")
    if _PART.search(path.name):
        raise InputError(
            f"{model}: this is one part of a model that is split into several files. Join them first: "
            "llama-gguf-split --merge."
        )
    need_gguf(model)


@contextmanager
def explained(model: str, weights: Weights) -> Generator[None]:
    """Turn errors of transformers while it loads a model into errors that say what to do.

    Args:
        model: The model as the user named it.
        weights: Its weights.

    Raises:
        InputError: The model could not be loaded.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        # a damaged GGUF file raises errors of any kind
        if weights.gguf is None and not isinstance(error, (OSError, ValueError, RuntimeError, ImportError)):
            raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(
            f"{model}: the model cannot be loaded. {reason}", advice=_advice(weights, error)
        ) from error


def _advice(weights: Weights, error: Exception) -> str:
    """Return what to do about a GGUF file that cannot be loaded; nothing for other weights."""
    if weights.gguf is None:
        return ""
    if isinstance(error, NotImplementedError):  # gguf's error for a quantization that it cannot undo
        return (
            "Convert the file with llama.cpp (llama-quantize --allow-requantize) to a quantization such as "
            "Q8_0 or F16, or take the safetensors weights of the model."
        )
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    known = sorted({*GGUF_SUPPORTED_ARCHITECTURES} - {"general", "tokenizer"})
    return (
        f"From GGUF, transformers reads these architectures: {', '.join(known)}. For others, take the "
        "safetensors weights of the model. If the architecture is one of these, the file is damaged: "
        "download it again."
    )
