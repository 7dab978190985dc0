"""Apply a PEFT adapter (such as LoRA) to a model, by merging it into the weights.

The analyses and the hooks need the ordinary linear maps of the model, which a merged adapter leaves in place.
The merged model must give the same logits as the model with the adapter beside it; this is checked.
"""

# many types in peft and transformers are unknown
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import hashlib
import importlib.util
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from misfire.datasets.user_files import MOST_SETTINGS, read_user_file, require_regular
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.mechanistic.model.weights import ADAPTER_CONFIG

_LOGGER = logging.getLogger(__name__)

_WEIGHTS = "adapter_model.safetensors"

_PROBE_TOKENS = 24
"""Length of the text of random tokens on which the merged and the unmerged model are compared."""

_TOLERANCES = {torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.25}
"""Largest difference of a logit, as a share of the standard deviation of the logits. A wrong merge changes
logits by
about one standard deviation or more; in half precision, rounding alone changes them by several hundredths."""


@dataclass(frozen=True)
class Adapter:
    """A PEFT adapter on this machine.

    Attributes:
        name: The adapter as the user named it.
        folder: Its folder.
        kind: PEFT's name of the method, for example ``LORA``.
        base: Base model that its configuration names; None if it names none.
        sha256: SHA-256 of its configuration and weights.
    """

    name: str
    folder: Path
    kind: str
    base: str | None
    sha256: str

    @property
    def short_name(self) -> str:
        """Its name in tables."""
        return _last_part(self.name)

    @property
    def note(self) -> dict[str, str | None]:
        """What outputs record of it."""
        return {"name": self.name, "kind": self.kind, "base": self.base, "sha256": self.sha256}


def find_adapter(adapter: str) -> Adapter:
    """Find an adapter, and download it if necessary. Only its configuration and safetensors weights are read.

    Args:
        adapter: A folder that PEFT saved, or a Hub ID, which may be followed by ``@`` and a revision.

    Returns:
        The adapter.

    Raises:
        InputError: PEFT is not installed, or the folder is not an adapter that can be applied.
    """
    if importlib.util.find_spec("peft") is None:
        raise InputError(f"{adapter}: adapters need peft. Install it: pip install 'misfire[real]'.")
    folder = user_path(adapter)
    if not folder.is_dir():
        folder = _downloaded(adapter)
    try:
        settings: object = json.loads(read_user_file(folder / ADAPTER_CONFIG, MOST_SETTINGS))
        require_regular(folder / _WEIGHTS)
        digest = hashlib.sha256((folder / ADAPTER_CONFIG).read_bytes())
        with (folder / _WEIGHTS).open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    except FileNotFoundError as error:
        raise InputError(
            f"{adapter}: this is not an adapter with safetensors weights: {Path(error.filename).name} is "
            "missing. Name the folder that PEFT's save_pretrained wrote."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{adapter}: {ADAPTER_CONFIG} or {_WEIGHTS} cannot be read ({error}).") from error
    if not isinstance(settings, dict):
        raise InputError(f"{adapter}: {ADAPTER_CONFIG} is not a JSON object.")
    fields = cast("dict[str, object]", settings)
    base = fields.get("base_model_name_or_path")
    return Adapter(
        adapter, folder, str(fields.get("peft_type")), str(base) if base else None, digest.hexdigest()
    )


def _downloaded(adapter: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        name, _, revision = adapter.partition("@")
        allowed = [ADAPTER_CONFIG, _WEIGHTS]
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=allowed))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"{adapter}: there is no such folder, and it cannot be downloaded from the Hub ({reason})."
        ) from error


def same_base(adapter: Adapter, model: str) -> bool:
    """Check whether the base model that an adapter names can be the model, by the last part of their names.

    Args:
        adapter: The adapter.
        model: The model, as the user named it.

    Returns:
        False if the names differ. That alone does not make the model wrong: the same weights have many names.
    """
    return adapter.base is None or _last_part(adapter.base).casefold() == _last_part(model).casefold()


def _last_part(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


@torch.no_grad()
def apply_adapter(model: Any, adapter: Adapter, name: str) -> Any:  # noqa: ANN401 (any Hugging Face model)
    """Merge an adapter into the weights of a model.

    Args:
        model: The model. It is changed.
        adapter: The adapter.
        name: Name of the model for messages.

    Returns:
        The model with the adapter.

    Raises:
        InputError: The adapter does not fit the model, or cannot be merged into it.
    """
    from peft import PeftConfig, PeftModel

    if not same_base(adapter, name):
        _LOGGER.warning(
            "%s: the adapter was made for %s, and the model is %s. Check that these are the same weights.",
            adapter.name,
            adapter.base,
            name,
        )
    if getattr(model, "is_quantized", False):
        raise InputError(
            f"{name}: an adapter cannot be merged into quantized weights without loss. Load the weights "
            "that are not quantized, or merge the adapter yourself and save the model."
        )
    try:
        config = PeftConfig.from_pretrained(str(adapter.folder), revision=None)
        if config.is_prompt_learning or config.task_type not in {None, "CAUSAL_LM"}:
            raise InputError(
                f"{adapter.name}: an adapter of the kind {adapter.kind} for the task {config.task_type} "
                "cannot be merged into a causal language model. LoRA and similar adapters for CAUSAL_LM can."
            )
        adapted = PeftModel.from_pretrained(
            model, str(adapter.folder), revision=None, torch_device=str(model.device)
        ).eval()
        _check_keys(adapted, adapter, name)
        beside = _probe_logits(adapted)
        merged = adapted.merge_and_unload(safe_merge=True).eval()
    except (ValueError, RuntimeError, TypeError, AttributeError, KeyError, OSError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{adapter.name}: the adapter does not fit {name}. {reason}") from error
    _check_logits(beside, _probe_logits(merged), adapter, merged.dtype)
    return merged


def _check_keys(adapted: Any, adapter: Adapter, name: str) -> None:  # noqa: ANN401 (peft's model)
    """Raise an error if the adapter has weights for parts that the model lacks, or the reverse."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(adapter.folder / _WEIGHTS, framework="pt") as file:
        given = set(file.keys())
    wanted = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    # embeddings may be saved beside the adapter
    extra = {key for key in given - wanted if key.removeprefix("base_model.model.") not in _parts(adapted)}
    if wrong := _some(extra):
        raise InputError(
            f"{adapter.name}: the adapter is of another model than {name}, which has no {wrong}."
        )
    if wrong := _some(wanted - given):
        raise InputError(
            f"{adapter.name}: the adapter is of another model than {name}, or incomplete: no {wrong}."
        )


def _parts(adapted: Any) -> set[str]:  # noqa: ANN401
    return set(adapted.get_base_model().state_dict())


def _some(names: Iterable[str]) -> str:
    found = sorted(names)
    return "" if not found else f"{found[0]}" + (f" and {len(found) - 1} more" if len(found) > 1 else "")


def _probe_logits(model: Any) -> Tensor:  # noqa: ANN401
    """Return the logits of a text of random tokens, shape (tokens, vocabulary), float32."""
    generator = torch.Generator().manual_seed(0)
    size = model.get_input_embeddings().weight.shape[0]
    ids = torch.randint(size, (1, _PROBE_TOKENS), generator=generator)
    return cast(Tensor, model(input_ids=ids.to(model.device), use_cache=False).logits[0].float())


def _check_logits(beside: Tensor, merged: Tensor, adapter: Adapter, dtype: torch.dtype) -> None:
    """Raise an error if the merged model is not the model with the adapter beside it."""
    difference = float((beside - merged).abs().max() / beside.std())
    if not difference <= _TOLERANCES.get(dtype, 0.0):  # also for NaN
        raise InputError(
            f"{adapter.name}: the adapter cannot be merged: logits of the merged model differ from those "
            "with the "
            f"adapter beside it by up to {difference:.2g} standard deviations (with {dtype}). This happens "
            "with an adapter on embeddings that are tied to the unembedding. Merge it yourself and save "
            "the model."
        )
