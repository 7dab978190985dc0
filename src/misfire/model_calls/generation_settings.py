"""Generation settings of local models: which apply, where they come from, and why an answer ended.

A model's folder may contain settings of its own in ``generation_config.json``, such as a repetition penalty,
a forbidden n-gram or a temperature. transformers applies them silently, even in greedy decoding, where a
penalty changes which token is the most likely.
"""

# many transformers functions are untyped
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import GenerateConfig, ModelAPI, StopReason

Settings = dict[str, Any]
"""Generation settings by their names in transformers."""

CHOOSING = frozenset({
    "temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff",
    "num_beams", "early_stopping", "length_penalty", "repetition_penalty", "no_repeat_ngram_size",
    "bad_words_ids", "sequence_bias", "suppress_tokens", "begin_suppress_tokens", "forced_bos_token_id",
    "forced_eos_token_id", "min_length", "min_new_tokens", "exponential_decay_length_penalty",
    "guidance_scale", "watermarking_config", "renormalize_logits", "remove_invalid_values",
})  # fmt: skip
"""Settings in ``generation_config.json`` that affect which token comes next. All others concern computation,
lengths and outputs; Inspect sets these, so they are not applied."""

SAMPLING = frozenset(
    {"temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff"}
)
"""The settings that matter only if tokens are sampled. The others also change greedy answers."""

_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


@dataclass(frozen=True)
class OwnSettings:
    """The settings in a model's ``generation_config.json``.

    Attributes:
        choosing: Settings that affect which token comes next and differ from transformers' defaults.
        ends: Tokens that end an answer, including the tokenizer's own.
        padding: Token that fills up the shorter answers of a batch.
    """

    choosing: Settings
    ends: tuple[int, ...]
    padding: int

    @property
    def altering(self) -> Settings:
        """The settings that also change greedy answers."""
        return {name: value for name, value in self.choosing.items() if name not in SAMPLING}


def take_settings(model: Any, tokenizer: Any) -> OwnSettings:  # noqa: ANN401 (any model of Hugging Face's)
    """Remove a model's own generation settings, so that they apply only on request.

    Args:
        model: The model. Afterward its settings are transformers' defaults, with its own special tokens.
        tokenizer: The model's tokenizer.

    Returns:
        The settings that were removed.
    """
    from transformers import GenerationConfig

    own: Settings = model.generation_config.to_dict()
    choosing = _choosing(model.generation_config)
    ends = own.get("eos_token_id")
    # transformers accepts one token or a list; the tokenizer's own end token is added
    listed: list[int] = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in listed:
        listed.append(tokenizer.eos_token_id)
    padding = own.get("pad_token_id")
    padding = listed[0] if padding is None and listed else padding or 0
    tokens = {name: own.get(name) for name in _TOKENS} | {
        "eos_token_id": listed or None,
        "pad_token_id": padding,
    }
    model.generation_config = GenerationConfig(**tokens)
    return OwnSettings(choosing, tuple(listed), padding)


def _choosing(settings: Any) -> Settings:  # noqa: ANN401 (a GenerationConfig of transformers)
    """Return the settings that affect which token comes next and differ from transformers' defaults."""
    own, defaults = settings.to_dict(), settings._get_default_generation_params()
    return {
        name: own[name]
        for name in sorted(CHOOSING & own.keys())
        if own[name] is not None and own[name] != defaults.get(name)
    }


def hidden_settings(api: ModelAPI) -> Settings:
    """Return a model's own settings that change greedy answers, if its provider applies them silently.

    Inspect's ``hf/`` is such a provider.

    Args:
        api: A model of any provider.

    Returns:
        The settings that transformers applies. Empty for other providers and for ``intervened/``, which
        removes them.
    """
    settings = getattr(getattr(api, "model", None), "generation_config", None)
    if not hasattr(settings, "_get_default_generation_params"):
        return {}
    return {name: value for name, value in _choosing(settings).items() if name not in SAMPLING}


def settings_in_force(
    config: GenerateConfig, own: OwnSettings, *, limit: int, sample: bool, apply_own: bool
) -> Settings:
    """Return all settings for generating an answer.

    Args:
        config: Settings from the task and the command line.
        own: Settings from the model's folder.
        limit: Maximum number of tokens.
        sample: Whether tokens may be sampled if the temperature allows it.
        apply_own: Whether the model's own settings also apply to greedy answers.

    Returns:
        The arguments for ``generate``. At temperature 0, or if ``sample`` is false, the most likely token is
        chosen and no other setting applies, unless ``apply_own`` is true. If tokens are sampled, the model's
        own settings apply unless the request sets them.
    """
    drawn = sample and config.temperature != 0
    settings: Settings = {"do_sample": drawn, "max_new_tokens": limit, "num_return_sequences": 1}
    if drawn:
        asked = {"temperature": config.temperature, "top_p": config.top_p, "top_k": config.top_k}
        defaults: Settings = {"temperature": 1.0, "top_p": 1.0, "top_k": 50}
        return (
            settings
            | defaults
            | own.choosing
            | {name: value for name, value in asked.items() if value is not None}
        )
    return settings | (own.altering if apply_own else {})


def warning(own: OwnSettings, *, apply_own: bool) -> str | None:
    """Return a warning about settings in a model's folder that change greedy answers, or None."""
    if not own.altering:
        return None
    altered = ", ".join(f"{name}={value}" for name, value in own.altering.items())
    if apply_own:
        return (
            f"its generation_config.json sets {altered}, which is applied (-M own_settings=true): answers "
            "are not the most likely ones."
        )
    return (
        f"its generation_config.json sets {altered}. At temperature 0 it is not applied, so that decoding is "
        "greedy. If tokens are sampled, it is. Other providers always apply it (as does -M "
        "own_settings=true)."
    )


@dataclass(frozen=True)
class Written:
    """One answer of a batch.

    Attributes:
        text: The text, without special tokens.
        tokens: Number of tokens that were generated, including the end token but not padding.
        stop_reason: ``stop`` if the answer ended by itself, ``max_tokens`` if it was cut off.
    """

    text: str
    tokens: int
    stop_reason: StopReason


def written_answers(
    rows: Sequence[Sequence[int]], texts: Sequence[str], own: OwnSettings, stops: Sequence[str]
) -> list[Written]:
    """Return the answer in each row of a batch, and why it ended.

    Args:
        rows: The generated token IDs; all rows are padded to the same length.
        texts: The text of each row.
        own: The tokens that end and pad answers.
        stops: Texts that end an answer.

    Returns:
        One answer per row. A row without an end token, padding or stop text was cut off.
    """
    return [_written(row, text, own, stops) for row, text in zip(rows, texts, strict=True)]


def _written(row: Sequence[int], text: str, own: OwnSettings, stops: Sequence[str]) -> Written:
    end = next((place for place, token in enumerate(row) if token in own.ends), None)
    if end is not None:
        return Written(text, end + 1, "stop")
    tokens = len(row)
    # drop the padding at the end of the row
    while tokens and row[tokens - 1] == own.padding:
        tokens -= 1
    ended = tokens < len(row) or any(stop in text for stop in stops)
    return Written(text, tokens, "stop" if ended else "max_tokens")


def as_logged(settings: Mapping[str, Any], own: OwnSettings, moved: bool) -> dict[str, Any]:
    """Return the applied settings for a log, and those of the model's folder that were not applied."""
    metadata: dict[str, Any] = {"generation": {**settings, "eos_token_id": list(own.ends)}}
    if left := {name: value for name, value in own.choosing.items() if settings.get(name) != value}:
        metadata["generation_config_left_out"] = left
    if moved:
        metadata["system_message"] = "in the first user message, since the chat template takes none"
    return metadata
