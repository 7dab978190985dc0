"""The parts of Inspect's Hugging Face provider (``hf/…``) that ``intervened/…`` is built from.

Importing this module imports torch.
"""

# Inspect's provider has no stub file
# pyright: reportMissingTypeStubs=false

from inspect_ai.model._providers.hf import GenerateInput, HuggingFaceAPI, batched_generate, extract_logprobs
from inspect_ai.model._providers.util import HFHandler

__all__ = ["GenerateInput", "HFHandler", "HuggingFaceAPI", "batched_generate", "extract_logprobs"]
