"""Whether a provider should enforce a schema for a reply (structured output)."""

import re
from typing import Literal

from inspect_ai.model import Model

from misfire.errors import InputError
from misfire.model_calls.hugging_face import is_hugging_face

Structured = Literal["auto", "on", "off"]
"""Whether the provider should enforce the schema of the reply. ``auto``: only for providers that support it
for all current models."""

_STRUCTURED_PROVIDERS = ("openai", "google", "mistral", "grok", "vllm", "sglang")
"""Providers that enforce a schema (Inspect's documentation, "Structured Output"). Anthropic and Groq support
it only for some models and reject the call for others, so they need an explicit ``on``."""

_OLD_OPENAI = re.compile(r"openai/(?:gpt-3\.5|gpt-4(?:-|$)|gpt-4-turbo)")
"""OpenAI models without structured output."""


def uses_structure(structured: Structured, model: Model) -> bool:
    """Check whether a model's provider should enforce the schema, as described for ``Structured``.

    Args:
        structured: The user's choice.
        model: The model.

    Raises:
        InputError: The schema is required, and the provider would silently ignore it.
    """
    if structured == "on" and is_hugging_face(model.api):
        raise InputError(
            f"structured=on: {model} cannot enforce a schema, since transformers has no such decoding. Omit "
            "structured, or serve the model with vLLM, SGLang or llama.cpp."
        )
    name = str(model)
    known = name.partition("/")[0] in _STRUCTURED_PROVIDERS and not _OLD_OPENAI.match(name)
    return structured == "on" or (structured == "auto" and known)
