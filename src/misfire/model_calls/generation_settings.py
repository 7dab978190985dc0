"""How a local model writes an answer: which generation settings are in force, what they are from, and why an answer ended.

A model's folder may hold settings of its own in ``generation_config.json``: a repetition penalty, a forbidden n-gram, a temperature.
transformers applies them without a word, also to greedy decoding, where a penalty changes which token is the most likely.
"""

# transformers leaves many types open
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspect_ai.model import GenerateConfig, ModelAPI, StopReason

Settings = dict[str, Any]
"""Generation settings by the names of transformers."""

CHOOSING = frozenset({
    "temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff", "num_beams", "early_stopping",
    "length_penalty", "repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "sequence_bias", "suppress_tokens",
    "begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id", "min_length", "min_new_tokens",
    "exponential_decay_length_penalty", "guidance_scale", "watermarking_config", "renormalize_logits", "remove_invalid_values",
})  # fmt: skip
"""Settings of a ``generation_config.json`` that say which token comes next. The others concern how it is computed, lengths and outputs,
which Inspect sets; they are not applied."""

SAMPLING = frozenset({"temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff"})
"""Those that only matter where tokens are drawn. The others change greedy answers too."""

_TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


@dataclass(frozen=True)
class OwnSettings:
    """What a model's ``generation_config.json`` asks for.

    Attributes:
        choosing: Settings that say which token comes next, where they differ from transformers' defaults.
        ends: Tokens that end an answer; the tokenizer's own is among them.
        padding: The token with which shorter answers of a batch are filled up.
    """

    choosing: Settings
    ends: tuple[int, ...]
    padding: int

    @property
    def altering(self) -> Settings:
        """Those that change greedy answers too."""
        return {name: value for name, value in self.choosing.items() if name not in SAMPLING}


def take_settings(model: Any, tokenizer: Any) -> OwnSettings:  # noqa: ANN401 (any model of Hugging Face's)
    """Take a model's own generation settings off it, so that none is applied unless it is asked for.

    Args:
        model: The model; afterwards its settings are transformers' defaults, with its own special tokens.
        tokenizer: Its tokenizer.

    Returns:
        What it asked for.
    """
    from transformers import GenerationConfig

    own: Settings = model.generation_config.to_dict()
    choosing = _choosing(model.generation_config)
    ends = own.get("eos_token_id")
    listed: list[int] = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in listed:
        listed.append(tokenizer.eos_token_id)
    padding = own.get("pad_token_id")
    padding = listed[0] if padding is None and listed else padding or 0
    tokens = {name: own.get(name) for name in _TOKENS} | {"eos_token_id": listed or None, "pad_token_id": padding}
    model.generation_config = GenerationConfig(**tokens)
    return OwnSettings(choosing, tuple(listed), padding)


def _choosing(settings: Any) -> Settings:  # noqa: ANN401 (a GenerationConfig of transformers)
    """What generation settings say of which token comes next, where they differ from transformers' defaults."""
    own, defaults = settings.to_dict(), settings._get_default_generation_params()
    return {name: own[name] for name in sorted(CHOOSING & own.keys()) if own[name] is not None and own[name] != defaults.get(name)}


def hidden_settings(api: ModelAPI) -> Settings:
    """Settings of a model's own that change even greedy answers, for a provider that applies them without a word (Inspect's ``hf/``).

    Args:
        api: Any provider's model.

    Returns:
        Those by which transformers generate for this provider; none for providers of other kinds, and for ``intervened/``, which has
        taken them off.
    """
    settings = getattr(getattr(api, "model", None), "generation_config", None)
    if not hasattr(settings, "_get_default_generation_params"):
        return {}
    return {name: value for name, value in _choosing(settings).items() if name not in SAMPLING}


def settings_in_force(config: GenerateConfig, own: OwnSettings, *, limit: int, sample: bool, apply_own: bool) -> Settings:
    """All settings by which an answer is written.

    Args:
        config: What was asked for by task and command line.
        own: What the model's folder asks for.
        limit: At most so many tokens are written.
        sample: Whether tokens may be drawn where the temperature allows it.
        apply_own: Whether the model's own settings hold for greedy answers too.

    Returns:
        The arguments for ``generate``. At temperature 0, or where nothing is drawn, the likeliest token is taken and nothing else has a
        say, unless ``apply_own``. Where tokens are drawn the model's own settings hold, except for those that were asked for otherwise.
    """
    drawn = sample and config.temperature != 0
    settings: Settings = {"do_sample": drawn, "max_new_tokens": limit, "num_return_sequences": 1}
    if drawn:
        asked = {"temperature": config.temperature, "top_p": config.top_p, "top_k": config.top_k}
        defaults: Settings = {"temperature": 1.0, "top_p": 1.0, "top_k": 50}
        return settings | defaults | own.choosing | {name: value for name, value in asked.items() if value is not None}
    return settings | (own.altering if apply_own else {})


def warning(own: OwnSettings, *, apply_own: bool) -> str | None:
    """What to say of the settings in a model's folder that change answers other than by drawing; none if there are none."""
    if not own.altering:
        return None
    told = ", ".join(f"{name}={value}" for name, value in own.altering.items())
    if apply_own:
        return f"its generation_config.json sets {told}, which is applied (-M own_settings=true): answers are not the likeliest ones."
    return (
        f"its generation_config.json sets {told}. At temperature 0 this is left out, so that greedy is greedy; where tokens are drawn it "
        "is applied. Other providers apply it always (-M own_settings=true does too)."
    )


@dataclass(frozen=True)
class Written:
    """One answer of a batch.

    Attributes:
        text: Its text, without special tokens.
        tokens: Tokens that were written for it, its end token among them and padding not.
        stop_reason: ``stop`` if it ended by itself, ``max_tokens`` if it was cut off.
    """

    text: str
    tokens: int
    stop_reason: StopReason


def written_answers(rows: Sequence[Sequence[int]], texts: Sequence[str], own: OwnSettings, stops: Sequence[str]) -> list[Written]:
    """What each row of a batch says, and why it ended.

    Args:
        rows: Token ids that were written, all rows padded to the same length.
        texts: The text of each row.
        own: The tokens that end and fill up answers.
        stops: Texts that end an answer.

    Returns:
        For each row its answer. A row without an end token, padding or stop text wrote tokens to the last and was cut off.
    """
    return [_written(row, text, own, stops) for row, text in zip(rows, texts, strict=True)]


def _written(row: Sequence[int], text: str, own: OwnSettings, stops: Sequence[str]) -> Written:
    end = next((place for place, token in enumerate(row) if token in own.ends), None)
    if end is not None:
        return Written(text, end + 1, "stop")
    tokens = len(row)
    while tokens and row[tokens - 1] == own.padding:
        tokens -= 1
    ended = tokens < len(row) or any(stop in text for stop in stops)
    return Written(text, tokens, "stop" if ended else "max_tokens")


def as_logged(settings: Mapping[str, Any], own: OwnSettings, moved: bool) -> dict[str, Any]:
    """The settings in force for a log, with what was left out of those that the model's folder asks for."""
    told: dict[str, Any] = {"generation": {**settings, "eos_token_id": list(own.ends)}}
    if left := {name: value for name, value in own.choosing.items() if settings.get(name) != value}:
        told["generation_config_left_out"] = left
    if moved:
        told["system_message"] = "in the first user message, since the chat template takes none"
    return told
