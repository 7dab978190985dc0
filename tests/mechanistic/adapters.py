"""LoRA adapters for tests."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model


def save_adapter(model: Any, folder: Path, **settings: Any) -> None:
    """A LoRA adapter with random weights, which change the logits a lot."""
    options: dict[str, Any] = {
        "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "o_proj", "up_proj"], "task_type": "CAUSAL_LM",
        "init_lora_weights": False,
    }  # fmt: skip
    torch.manual_seed(1)
    get_peft_model(model, LoraConfig(**options | settings)).save_pretrained(str(folder))
