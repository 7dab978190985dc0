"""The provider ``intervened/<folder or hub id>``: a Hugging Face model with an intervention.

Heads are ablated or directions taken out, for any Inspect task. The provider is Inspect's own provider for
Hugging Face models (batches, chat templates, tools, logprobs) with hooks on the model, and with what would
spoil a comparison put right: temperature 0 is greedy whatever the model's ``generation_config.json`` says, a
chat template's begin token is not put twice, thinking is off unless asked for, a system message that the
template does not take goes into the user message, and an answer that was cut off says so. No code that comes
with a model is run.
"""

# Inspect's provider and transformers leave many types open
# pyright: reportMissingTypeStubs=false, reportOptionalMemberAccess=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportArgumentType=false

import logging
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast, get_args

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Logprobs,
    ModelOutput,
    ModelUsage,
)
from inspect_ai.tool import ToolChoice, ToolInfo
from jinja2 import TemplateError
from torch import Tensor

from misfire.datasets.sources import PairSettings, load_pairs
from misfire.datasets.user_paths import user_path
from misfire.errors import InputError
from misfire.inspect_compat.hugging_face import (
    GenerateInput,
    HFHandler,
    HuggingFaceAPI,
    batched_generate,
    extract_logprobs,
)
from misfire.mechanistic.model.adapters import apply_adapter, find_adapter
from misfire.mechanistic.model.chat import Rendered, rendered, with_instruction
from misfire.mechanistic.model.decoder import DTYPES, Attention, Decoder, tokenizer_folder
from misfire.mechanistic.model.head_names import parse_heads
from misfire.mechanistic.model.hooks import Means, mean_outputs
from misfire.mechanistic.model.interventions import (
    Intervention,
    check_intervention,
    checked_ablation,
    intervention_hooks,
    load_intervention,
    parse_layers,
)
from misfire.mechanistic.model.weights import Weights, explained, find_weights, save_tokenizer
from misfire.mechanistic.prompts import probe_prompt
from misfire.model_calls.generation_settings import (
    Written,
    as_logged,
    settings_in_force,
    take_settings,
    warning,
    written_answers,
)

_MEAN_PROMPTS = 64
"""Embedded contrast halves, spread over all scenarios, that means are taken over where no file gives them."""


_LOGGER = logging.getLogger(__name__)

MODEL_ARGS = frozenset({
    "attn_implementation", "batch_size", "cache_dir", "chat_template", "device", "do_sample", "hidden_states",
    "local_files_only", "low_cpu_mem_usage", "max_memory", "model_path", "offload_folder", "revision",
    "subfolder", "tokenizer", "tokenizer_call_args", "tokenizer_path", "use_chat_template", "variant",
})  # fmt: skip
"""What is handed on to Inspect's provider and to transformers. None of it can have code run or pickles
read."""

_REFUSED = {
    "trust_remote_code": "code that comes with a model is not run",
    "use_safetensors": "weights are read from safetensors files alone, since others can hold code",
}


class IntervenedModel(HuggingFaceAPI):
    """Inspect model provider ``intervened/…``.

    Args:
        model_name: A folder, a GGUF file, or an id of the Hugging Face hub.
        base_url: Not used.
        api_key: Token of the hub, if it needs one.
        config: Inspect's.
        heads: Heads to ablate, ``L24H3,L25H7``; ``none`` for the model as it is.
        ablation: ``zero`` or ``mean``; by default what the file says, otherwise zero.
        layers: Layers to take the file's direction out of, ``20,21``.
        adapter: PEFT adapter to merge into the model: a folder or a hub id.
        intervention: File that ``misfire localise`` wrote; what it says is done unless ``heads`` or
            ``layers`` are given.
        dtype: ``float32``, ``bfloat16``, ``float16``, or as the weights are kept.
        enable_thinking: Whether a chat template's thinking mode is on.
        own_settings: Whether settings of the model's ``generation_config.json`` that change greedy answers (a
            repetition penalty) hold at temperature 0 too.
        model_args: ``MODEL_ARGS``: ``device``, ``batch_size``, ``tokenizer``, ``attn_implementation``, …

    Raises:
        InputError: The intervention or the adapter does not fit the model, an argument is not known, or the
            model cannot be loaded without running code or reading pickles.
    """

    folds_system = True
    """It puts a system message that the template does not take into the user message by itself."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 (Inspect's own signature)
        heads: str | list[str] | None = None,
        ablation: str | None = None,
        layers: str | int | list[str] | list[int] | None = None,
        intervention: str | list[str] | None = None,
        adapter: str | list[str] | None = None,
        dtype: str | None = "auto",
        enable_thinking: bool = False,
        own_settings: bool = False,
        **model_args: Any,  # noqa: ANN401 (Inspect hands on what the user gives)
    ) -> None:
        self.shown_name = f"intervened/{model_name}"
        if heads is None and layers is None and intervention is None and adapter is None:
            raise InputError(
                f"{self.shown_name}: say what to do to the model: -M heads=L24H3,L25H7 (with -M "
                "ablation=mean), or -M intervention=FILE as `misfire localise` writes it, with or without "
                "-M layers=20,21. -M adapter=FOLDER merges a LoRA adapter. -M heads=none leaves it as it is."
            )
        dtype = "auto" if dtype is None else dtype
        if dtype != "auto" and dtype not in DTYPES:
            raise InputError(f"{self.shown_name}: -M dtype={dtype} is none of auto, {', '.join(DTYPES)}.")
        for name, value in (("enable_thinking", enable_thinking), ("own_settings", own_settings)):
            if not isinstance(value, bool):  # pyright: ignore[reportUnnecessaryIsInstance] (the command line gives any type)
                raise InputError(f"{self.shown_name}: -M {name}={value} is neither true nor false.")
        _check_arguments(self.shown_name, model_args)
        found = find_adapter(_one_text(adapter)) if adapter is not None else None
        weights = find_weights(str(model_args.get("model_path") or model_name))
        options = (
            {"attn_implementation": "sdpa"}
            | model_args
            | {"use_safetensors": True, "dtype": DTYPES.get(dtype, "auto"), "model_path": weights.place}
            | weights.model_options
        )
        with (
            self._tokenizer_place(weights, api_key, model_args) as tokenizer,
            explained(self.shown_name, weights),
        ):
            super().__init__(
                model_name,
                base_url,
                api_key,
                config,
                enable_thinking=enable_thinking,
                **options | ({"tokenizer": tokenizer} if tokenizer else {}),
            )
        if found is not None:
            self.model = apply_adapter(self.model, found, model_name)
        if self.tokenizer.chat_template and self.use_chat_template is not False:
            self.tokenizer_call_args = {"add_special_tokens": False} | dict(self.tokenizer_call_args or {})
        self.decoder = Decoder(self.model, self.tokenizer, model_name, found)
        self.intervention = _intervention(self.decoder, heads, ablation, layers, intervention)
        check_intervention(self.decoder, self.intervention)
        self.handles = list(intervention_hooks(self.decoder, self.intervention))
        """The hooks that are on the model."""
        self.own = take_settings(self.model, self.tokenizer)
        self.own_settings = own_settings
        if text := warning(self.own, apply_own=own_settings):
            _LOGGER.warning("%s: %s", self.shown_name, text)

    @contextmanager
    def _tokenizer_place(
        self, weights: Weights, api_key: str | None, given: Mapping[str, Any]
    ) -> Generator[str | None]:
        """The folder with the tokenizer of the revision (subfolder, cache) that the model is of.

        Inspect hands these arguments on for the model alone, and would take the tokenizer, with its chat
        template, of the main branch. That of a GGUF file it does not read: a temporary folder holds it.

        Yields:
            None where none of them is given, or where the user names a tokenizer.
        """
        if any(given.get(name) is not None for name in ("tokenizer", "tokenizer_path")):
            yield None
        elif weights.gguf is None:
            yield self._tokenizer_of_revision(weights.place, api_key, given)
        else:
            with TemporaryDirectory(prefix="misfire-") as folder:
                with explained(self.shown_name, weights):
                    save_tokenizer(weights, Path(folder))
                yield folder

    def _tokenizer_of_revision(self, place: str, api_key: str | None, given: Mapping[str, Any]) -> str | None:
        where = {
            name: given[name]
            for name in ("revision", "cache_dir", "local_files_only", "subfolder")
            if given.get(name) is not None
        }
        if not where:
            return None
        if "revision" in where:
            where["revision"] = str(where["revision"])  # Inspect reads a commit of digits as a number
        try:
            return tokenizer_folder(place, token=api_key, **where)
        except (OSError, ValueError, RuntimeError, ImportError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise InputError(f"{self.shown_name}: the tokenizer cannot be loaded. {reason}") from error

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Reply with the intervention on.

        The log says by which settings, and whether the reply was cut off.
        """
        chat = self._chat(input, tools)
        settings = settings_in_force(
            config,
            self.own,
            limit=config.max_tokens or self.max_tokens() or 2048,
            sample=self.do_sample,
            apply_own=self.own_settings,
        )
        stops = tuple(config.stop_seqs or ())
        response = await batched_generate(
            GenerateInput(
                input=chat.text,
                device=self.model.device,
                tokenizer=partial(
                    self.tokenizer, return_tensors="pt", padding=True, **dict(self.tokenizer_call_args or {})
                ),
                generator=partial(self.model.generate, **settings, **self._outputs(config)),
                decoder=partial(self._written, stops=stops),
                batch_size=self.batch_size or config.max_connections or self.max_connections(),
            )
        )
        written = cast("Written", response.output)  # what our decoder gives
        if response.logprobs is not None:  # of padding there are none
            response = replace(response, logprobs=response.logprobs[: written.tokens])
        handler = HFHandler(self.model_name, self.model_family()) if tools else None
        message = (
            handler.parse_assistant_response(written.text, tools)
            if handler
            else ChatMessageAssistant(content=written.text, model=self.model_name, source="generate")
        )
        logprobs = (
            extract_logprobs(response, config.top_logprobs, self.tokenizer) if config.logprobs else None
        )
        read = len(self.decoder.tokenizer(chat.text, **dict(self.tokenizer_call_args or {}))["input_ids"])
        metadata: dict[str, Any] = {"intervention": str(self.intervention)}
        if self.decoder.adapter is not None:
            metadata["adapter"] = self.decoder.adapter.note
        metadata |= as_logged(settings, self.own, chat.moved)
        return ModelOutput(
            model=self.model_name,
            choices=[
                ChatCompletionChoice(
                    message=message,
                    stop_reason="tool_calls" if message.tool_calls else written.stop_reason,
                    logprobs=Logprobs(content=logprobs) if logprobs is not None else None,
                )
            ],
            usage=ModelUsage(
                input_tokens=read, output_tokens=written.tokens, total_tokens=read + written.tokens
            ),
            time=response.time,
            metadata=metadata
            if response.hidden_states is None
            else metadata | {"hidden_states": response.hidden_states},
        )

    def hf_chat(self, messages: list[ChatMessage], tools: list[ToolInfo]) -> str:
        """The conversation as the model reads it."""
        return self._chat(messages, tools).text

    def _chat(self, messages: list[ChatMessage], tools: list[ToolInfo]) -> Rendered:
        system = [message.text for message in messages if isinstance(message, ChatMessageSystem)]
        user = next((message.text for message in messages if isinstance(message, ChatMessageUser)), "")
        try:
            return rendered(
                partial(super().hf_chat, tools=tools), messages, _folded(messages, system), system, user
            )
        except TemplateError as error:
            raise InputError(
                f"{self.shown_name}: its chat template refuses the conversation ({error})."
            ) from error

    def _outputs(self, config: GenerateConfig) -> dict[str, Any]:
        """What ``generate`` is to give besides tokens, and the texts that end an answer."""
        outputs: dict[str, Any] = {"return_dict_in_generate": True}
        if config.logprobs:
            outputs["output_logits"] = True
        if self.hidden_states is not None:
            outputs["output_hidden_states"] = self.hidden_states
        if config.stop_seqs:
            from transformers.generation.stopping_criteria import StopStringCriteria

            outputs["stopping_criteria"] = [StopStringCriteria(self.tokenizer, config.stop_seqs)]
        return outputs

    def _written(self, sequences: Tensor, stops: Sequence[str]) -> list[Written]:
        """The answers of a batch; the place of Inspect's decoder, which gives their texts alone."""
        texts: list[str] = self.tokenizer.batch_decode(
            sequences, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return written_answers(sequences.tolist(), texts, self.own, stops)


def _folded(messages: Sequence[ChatMessage], system: Sequence[str]) -> list[ChatMessage] | None:
    """The conversation with its system messages at the start of the first user message.

    None if there is no user message.
    """
    others = [message for message in messages if not isinstance(message, ChatMessageSystem)]
    place = next(
        (place for place, message in enumerate(others) if isinstance(message, ChatMessageUser)), None
    )
    if place is None:
        return None
    first = others[place].model_copy(update={"content": with_instruction(system, others[place].text)})
    return [*others[:place], first, *others[place + 1 :]]


def _one_text(value: str | list[str]) -> str:
    """A value as the user wrote it; Inspect splits at commas."""
    return value if isinstance(value, str) else ",".join(value)


def _check_arguments(name: str, given: dict[str, Any]) -> None:
    """Refuse arguments that are not known, and those that would have code run."""
    for argument, reason in _REFUSED.items():
        value = given.pop(argument, None)
        # what says that it is as it is anyway does no harm
        if value is not None and value is not (argument == "use_safetensors"):
            raise InputError(f"{name}: -M {argument}={value} is refused: {reason}. Leave it out.")
    if unknown := sorted(given.keys() - MODEL_ARGS):
        raise InputError(
            f"{name} takes no -M {unknown[0]}. It takes heads, ablation, layers, intervention, "
            "adapter, dtype, "
            f"enable_thinking, own_settings, {', '.join(sorted(MODEL_ARGS))}."
        )
    implementation = given.get("attn_implementation")
    if implementation is not None and implementation not in get_args(Attention):
        # another name may be that of a kernel on the hub, which is code
        raise InputError(
            f"{name}: -M attn_implementation={implementation} is none of {', '.join(get_args(Attention))}."
        )


def _intervention(
    decoder: Decoder,
    heads: str | list[str] | None,
    ablation: str | None,
    layers: str | int | list[str] | list[int] | None,
    file: str | list[str] | None,
) -> Intervention:
    """What the user asked for; means that no file gives are taken over embedded pairs."""
    given = load_intervention(user_path(file)) if file is not None else Intervention()
    if heads is None and layers is None:
        chosen, behind = given.heads, given.layers
        if file is not None and not chosen and not behind:
            raise InputError(
                f"intervention: {user_path(file)} holds no heads and no layers, since `misfire localise` "
                "named no head; its index.html says why. So there is nothing to do to the model. Say what "
                "to try with -M heads=L24H3 or -M layers=20, or run the model as it is with -M heads=none."
            )
    else:
        chosen = () if heads is None else parse_heads(heads)
        behind = () if layers is None else parse_layers(layers)
    kind = checked_ablation(ablation) if ablation is not None else given.ablation
    decoder.check_heads(chosen)
    means: Means = given.means
    if kind == "mean" and chosen and not means:
        means = _embedded_means(decoder)
    return Intervention(chosen, kind, means, behind, given.directions, given.fingerprint)


def _embedded_means(decoder: Decoder) -> Means:
    pairs = load_pairs(PairSettings("embedded")).pairs
    chosen = pairs[:: max(1, len(pairs) // _MEAN_PROMPTS)]
    return mean_outputs(
        decoder, [probe_prompt(decoder.tokenizer, pair.contrast.prompt).ids for pair in chosen]
    )
