"""Organisms, and how they are saved: a Hugging Face folder with a file that states the organism's truth."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from misfire.datasets.folders import FolderKind, replaced_folder
from misfire.datasets.pair_files import write_pairs
from misfire.datasets.pairs import Pair
from misfire.errors import InputError
from misfire.mechanistic.model.decoder import Decoder
from misfire.mechanistic.model.head_names import Head
from misfire.mechanistic.organisms.kinds import Kind

TRUTH_FILE, PAIRS_FILE, BASE_FOLDER = "organism.json", "pairs.jsonl", "base"

_FOLDER = FolderKind("organism", re.compile(r"(?!)"), "choose another folder, or remove it first.")


class Truth(BaseModel):
    """Facts about an organism, known by construction.

    Attributes:
        kind: Kind of organism.
        seed: Random seed.
        family: Architecture family.
        heads: Names of the heads through which the fault acts; empty if no head is the cause, and for
            negative controls.
        decoys: Heads whose ablation restores failures, but which do not cause misfiring.
        reads_evidence: Whether its base reads the evidence and thus answers foils correctly too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    seed: int
    family: str
    heads: tuple[str, ...]
    decoys: tuple[str, ...] = ()
    reads_evidence: bool


@dataclass(frozen=True)
class Organism:
    """An organism.

    Attributes:
        decoder: The model that misfires.
        base: The model before it misfired; None for random weights.
        planted: The heads that make it misfire.
        pairs: Its pairs, with controls.
        truth: The facts for ``organism.json``.
    """

    decoder: Decoder
    base: Decoder | None
    planted: tuple[Head, ...]
    pairs: tuple[Pair, ...]
    truth: Truth


def save_organism(organism: Organism, folder: Path) -> None:
    """Write an organism: model and tokenizer, ``base/``, ``pairs.jsonl`` and ``organism.json``.

    The folder is created, and appears only when it is complete.

    Raises:
        InputError: The folder is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty. Choose another folder, or remove it first.")
    with replaced_folder(folder, _FOLDER) as new:
        _save(organism.decoder, new)
        if organism.base is not None:
            _save(organism.base, new / BASE_FOLDER)
        write_pairs(organism.pairs, new / PAIRS_FILE)
        (new / TRUTH_FILE).write_text(organism.truth.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _save(decoder: Decoder, folder: Path) -> None:
    decoder.model.save_pretrained(folder)
    decoder.tokenizer.save_pretrained(folder)


def small_model(family: str, **sizes: Any) -> Any:  # noqa: ANN401 (Hugging Face configuration)
    """Create a model with random weights from the configuration of a family.

    Args:
        family: ``llama`` or ``qwen3``.
        sizes: Options of its configuration.

    Returns:
        The model.
    """
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

    common: dict[str, Any] = {
        "tie_word_embeddings": False,
        "max_position_embeddings": 512,
        "bos_token_id": None,
    }
    match family:
        case "llama":
            return LlamaForCausalLM(LlamaConfig(**common | sizes))
        case "qwen3":
            return Qwen3ForCausalLM(Qwen3Config(**common | sizes))
        case _:
            raise InputError(f"family: '{family}' is not a family of organisms. Choose llama or qwen3.")
