"""The provider ``intervened/<folder or hub id>``: a Hugging Face model with heads ablated or directions taken out, for any Inspect task.

It is Inspect's own provider for Hugging Face models (batches, chat templates, sampling, logprobs) with hooks on the model, and with three
things put right that would spoil a comparison: temperature 0 is greedy, a chat template's begin token is not put twice, and thinking is
off unless asked for.
"""

# Inspect's provider and transformers leave many types open
# pyright: reportMissingTypeStubs=false, reportOptionalMemberAccess=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

from inspect_ai.model import ChatMessage, GenerateConfig, ModelOutput
from inspect_ai.model._providers.hf import HuggingFaceAPI
from inspect_ai.tool import ToolChoice, ToolInfo

from misfire.datasets.paths import user_path
from misfire.datasets.sources import load_pairs
from misfire.errors import InputError
from misfire.mechanistic.ablation import mean_outputs
from misfire.mechanistic.decoder import DTYPES, Decoder
from misfire.mechanistic.heads import parse_heads
from misfire.mechanistic.hooks import Means
from misfire.mechanistic.interventions import (
    Intervention,
    check_intervention,
    checked_ablation,
    intervention_hooks,
    load_intervention,
    parse_layers,
)
from misfire.mechanistic.prompts import probe_prompt

_MEAN_PROMPTS = 64
"""Embedded contrast halves, spread over all scenarios, that means are taken over where no file gives them."""


class IntervenedModel(HuggingFaceAPI):
    """Inspect model provider ``intervened/…``.

    Args:
        model_name: A folder, or an id of the Hugging Face hub.
        base_url: Not used.
        api_key: Token of the hub, if it needs one.
        config: Inspect's.
        heads: Heads to ablate, ``L24H3,L25H7``; ``none`` for the model as it is.
        ablation: ``zero`` or ``mean``; unless told what the file says, or else zero.
        layers: Layers to take the file's direction out of, ``20,21``.
        intervention: File that ``misfire localise`` wrote; its heads are ablated unless ``heads`` or ``layers`` are given.
        dtype: ``float32``, ``bfloat16``, ``float16``, or as the weights are kept.
        enable_thinking: Whether a chat template's thinking mode is on.
        model_args: What Inspect's provider takes: ``device``, ``batch_size``, ``tokenizer``, ``attn_implementation``, …

    Raises:
        InputError: The intervention does not fit the model.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (Inspect's own signature)
        heads: str | list[str] | None = None,
        ablation: str | None = None,
        layers: str | int | list[int] | None = None,
        intervention: str | None = None,
        dtype: str = "auto",
        enable_thinking: bool = False,
        **model_args: Any,  # noqa: ANN401 (Inspect hands on what the user gives)
    ) -> None:
        if heads is None and layers is None and intervention is None:
            raise InputError(
                f"intervened/{model_name}: say what to do to the model: -M heads=L24H3,L25H7 (with -M ablation=mean), or -M "
                "intervention=FILE "
                "as `misfire localise` writes it, with or without -M layers=20,21. -M heads=none leaves it as it is."
            )
        if dtype != "auto" and dtype not in DTYPES:
            raise InputError(f"intervened/{model_name}: -M dtype={dtype} is none of auto, {', '.join(DTYPES)}.")
        # weights that are pickles are not read, as by `misfire localise`
        options = {"use_safetensors": True, "dtype": DTYPES.get(dtype, "auto"), "enable_thinking": enable_thinking} | model_args
        super().__init__(model_name, base_url, api_key, config, **options)
        if self.tokenizer.chat_template and self.use_chat_template is not False:
            self.tokenizer_call_args = {"add_special_tokens": False} | dict(self.tokenizer_call_args or {})
        self.decoder = Decoder(self.model, self.tokenizer, model_name)
        self.intervention = _intervention(self.decoder, heads, ablation, layers, intervention)
        check_intervention(self.decoder, self.intervention)
        self.handles = list(intervention_hooks(self.decoder, self.intervention))
        """The hooks that are on the model."""

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Reply as Inspect's provider does, with the intervention on."""
        if config.temperature == 0:
            config = config.model_copy(update={"temperature": None, "top_p": None, "top_k": None})
            self.do_sample = False
        else:
            self.do_sample = True
        output = await super().generate(input, tools, tool_choice, config)
        return output.model_copy(update={"metadata": (output.metadata or {}) | {"intervention": str(self.intervention)}})


def _intervention(
    decoder: Decoder,
    heads: str | list[str] | None,
    ablation: str | None,
    layers: str | int | list[int] | None,
    file: str | None,
) -> Intervention:
    """What the user asked for; means that no file gives are taken over embedded pairs."""
    given = load_intervention(user_path(file)) if file else Intervention()
    chosen = () if heads in {"none", None} or not heads else parse_heads(heads)
    if heads is None and layers is None:
        chosen = given.heads
    kind = checked_ablation(ablation) if ablation else given.ablation
    decoder.check_heads(chosen)
    means: Means = given.means
    if kind == "mean" and chosen and not means:
        means = _embedded_means(decoder)
    return Intervention(chosen, kind, means, () if layers is None else parse_layers(layers), given.directions, given.fingerprint)


def _embedded_means(decoder: Decoder) -> Means:
    pairs = load_pairs("embedded").pairs
    chosen = pairs[:: max(1, len(pairs) // _MEAN_PROMPTS)]
    return mean_outputs(decoder, [probe_prompt(decoder.tokenizer, pair.contrast.prompt).ids for pair in chosen])
