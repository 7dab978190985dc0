"""What runs are called: the model, and what sets its runs apart, without anything that may be secret."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from inspect_ai.log import EvalLog


class Labelled(Protocol):
    """What a run must say to be told from others; fields as in ``misfire.reports.pairs.runs.Run``."""

    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def settings(self) -> tuple[tuple[str, str], ...]: ...  # noqa: D102
    @property
    def created(self) -> str: ...  # noqa: D102


_GENERATION = frozenset(
    {"temperature", "top_p", "top_k", "max_tokens", "seed", "system_message", "reasoning_effort", "reasoning_tokens", "effort", "verbosity"}
    | {"frequency_penalty", "presence_penalty", "stop_seqs", "num_choices", "reasoning_mode", "extra_body"}
)
"""Options of generation that may change answers; the others are about transport."""

HARMLESS = frozenset(
    # options of generation
    {"temperature", "top_p", "top_k", "max_tokens", "seed", "reasoning_effort", "reasoning_tokens", "reasoning_mode", "effort", "verbosity"}
    | {"frequency_penalty", "presence_penalty", "num_choices", "epochs"}
    # parameters of our tasks
    | {"source", "edition", "categories", "pairs", "per_scenario", "protocol", "parser", "controls", "cues", "placements", "positions"}
    | {"demos", "demos_style", "mode", "split", "dimensions", "joint", "structured", "domains", "per_domain", "per_dimension"}
    | {"grader_sample", "skip_invalid", "system", "grader_temperature", "grader_max_tokens", "grader_system"}
    # arguments of our model providers
    | {"mar", "br", "both_wrong", "invalid", "cue_mar", "cue_shift", "no_bias", "no_bias_stereotyped", "blind", "blind_stereotyped", "slip"}
    | {"unfounded_yes", "coverage", "ffr", "specialist", "joint_loss", "misaligned", "p_yes", "heads", "ablation", "layers"}
    | {"intervention"}
    # arguments of Inspect's providers for models on this machine
    | {"device", "dtype", "torch_dtype", "batch_size", "attn_implementation", "enable_thinking", "use_chat_template", "hidden_states"}
    | {"quantization", "tensor_parallel_size", "max_model_len", "gpu_memory_utilization", "responses_api", "reasoning_history"}
    # what misfire itself says of a run
    | {"asked", "grader", "log"}
)
"""Names whose values may be shown; the value of any other name is shown as a short hash."""

NAMING = frozenset({"categories", "domains", "intervention", "grader", "asked", "log"})
"""Those of them whose values are names that users choose. The texts of all others consist of numbers and of words from ``WORDS``."""

WORDS = frozenset(
    {"true", "false", "none", "null", "nan", "inf", "auto", "on", "off", "yes", "no", "all", "any"}
    # how hard to think, and how much to say
    | {"minimal", "low", "medium", "high", "xhigh", "max", "last", "standard", "pro", "default"}
    # what our parameters say
    | {"bbq", "embedded", "file", "hub", "published", "repaired", "direct", "cot", "strict", "system", "user", "balanced"}
    | {"policy", "unrelated", "fairness", "neutral", "evidence", "stereotyped", "contrast", "both", "prefix", "suffix"}
    | {"detect", "generate", "train", "validation", "test", "safety", "value", "culture", "zero", "mean"}
    # devices
    | {"cpu", "cuda", "mps", "xpu", "npu", "hpu", "tpu", "xla", "meta", "rocm", "hip", "sequential", "balanced_low_0"}
    # types of numbers, and how weights are packed
    | {
        "torch",
        "half",
        "float",
        "double",
        "float16",
        "float32",
        "float64",
        "bfloat16",
        "fp8",
        "fp16",
        "fp32",
        "bf16",
        "int4",
        "int8",
        "uint8",
    }
    | {"float8_e4m3fn", "float8_e5m2", "fp8_e4m3", "fp8_e5m2", "nf4", "fp4", "mxfp4", "4bit", "8bit", "awq", "awq_marlin", "gptq", "marlin"}
    | {
        "gptq_marlin",
        "bitsandbytes",
        "gguf",
        "squeezellm",
        "aqlm",
        "hqq",
        "compressed-tensors",
        "modelopt",
        "torchao",
        "quanto",
        "experts_int8",
    }
    # how attention is computed
    | {"eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention", "paged"}
)
"""Words that a harmless value may hold, in small letters. A password may be any other word."""

_WORD = re.compile(r"[^\s,;:+/.()\[\]{}'\"=…%~]+")

_NUMBER = re.compile(r"-?\d{1,10}(e[+-]?\d{1,3})?(-\d{1,10})?|-|l\d{1,4}(h\d{1,4})?", re.IGNORECASE)
"""A number or a part of one, a range, or a head (``L18H0``) or layer."""

CREDENTIAL = re.compile(r"(.*_)?(api_?key|key|token|secret|password|passwd|credentials?)", re.IGNORECASE)
"""Names of arguments that say who asks; they set no runs apart, and not even their hash is shown."""

_PLAIN = re.compile(r"[\w.,:;+\-~/ ()\[\]{}'\"=…%]{0,200}")

_SUSPECT = re.compile(
    r"://|@|\b(bearer|basic|digest)\s|\b(sk|pk|rk|hf|gsk|xai|ghp|gho|glpat|xox[abprs])[-_]\w|\b(AKIA|AIza|eyJ)\w|[?&]\w+=|\w{40,}"
    r"|(key|token|secret|passw(or)?d|pwd|pass|sig|signature|auth|authorization|credentials?|cookie|session)[\"']?\s*[:=]",
    re.IGNORECASE,
)
"""What no harmless value holds: an address, a login, a word that looks like a key, or the name of a credential before a value."""

LONGEST = 60
"""So many characters of a value are shown."""


def settings_of(log: EvalLog, besides: Iterable[str], more: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """What may set two runs of one model apart, without what may be secret.

    Args:
        log: The run's log.
        besides: Task parameters that are told otherwise.
        more: Further settings.

    Returns:
        Names and values. The value of a name that is not known to be harmless is a short hash, so that two runs still differ in it.
    """
    given: dict[str, object] = {
        **{name: value for name, value in log.eval.task_args.items() if name not in set(besides)},
        **log.eval.model_generate_config.model_dump(include=set(_GENERATION), exclude_none=True),
        **log.plan.config.model_dump(include=set(_GENERATION), exclude_none=True),
        **log.eval.model_args,
        "base_url": log.eval.model_base_url,
        "epochs": log.eval.config.epochs or 1,
        **more,
    }
    return tuple(
        (_name(name), shown_value(name, value)) for name, value in given.items() if value is not None and not CREDENTIAL.fullmatch(name)
    )


def shown_value(name: str, value: object) -> str:
    """A setting's value as it may be shown.

    Args:
        name: The setting.
        value: Its value.

    Returns:
        The value itself if ``is_harmless`` says so. Otherwise ``#`` and eight digits of its hash.
    """
    text = str(value)
    if not is_harmless(name, value):
        return _hash(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 10]}… {_hash(value)}"


def is_harmless(name: str, value: object) -> bool:
    """Whether a setting may be shown: its name is known to be harmless, and so is its value.

    A value is harmless if it looks like no credential and holds none, and is a number or is made of numbers and known words. Values of
    names in ``NAMING`` may hold other words.
    """
    text = str(value)
    if name not in HARMLESS or _PLAIN.fullmatch(text) is None or _SUSPECT.search(text):
        return False
    if name in NAMING or isinstance(value, (int, float)):
        return True
    return all(word.lower() in WORDS or _NUMBER.fullmatch(word) for word in _WORD.findall(text))


def labels(runs: Sequence[Labelled], names: Mapping[str, str], left_out: Iterable[tuple[str, str]] = ()) -> list[str]:
    """Unique labels of the runs of one family: the model, with the settings that set its runs apart, or else their time.

    Args:
        runs: The runs.
        names: Short name of each model.
        left_out: Settings that need no word, as (name, value); of the value alone stands there if it is another.

    Returns:
        A label for each run.
    """
    siblings: defaultdict[str, list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        siblings[run.model].append(place)
    drafts: dict[int, str] = {}
    for group in siblings.values():
        settings = [dict(runs[place].settings) for place in group]
        differing = [
            name for name in dict.fromkeys(name for own in settings for name in own) if len({own.get(name) for own in settings}) > 1
        ]
        own_drafts = [
            _label(names[runs[place].model], {name: own.get(name) for name in differing}, dict(left_out))
            for place, own in zip(group, settings, strict=True)
        ]
        for place, draft in zip(group, own_drafts, strict=True):
            time = runs[place].created[:19].replace("T", " ")
            drafts[place] = draft if own_drafts.count(draft) == 1 else f"{draft} · {time}"
    taken: defaultdict[str, int] = defaultdict(int)
    found: list[str] = []
    for place in range(len(runs)):
        label = drafts[place]
        taken[label] += 1
        found.append(label if taken[label] == 1 else f"{label} #{taken[label]}")
    return found


def short_names(models: Iterable[str]) -> dict[str, str]:
    """Models without their provider, where that is unambiguous: ``openai/gpt-4o`` becomes ``gpt-4o``."""
    short = {model: model.rpartition("/")[2] for model in models}
    return {model: name if list(short.values()).count(name) == 1 else model for model, name in short.items()}


def _label(model: str, differing: Mapping[str, str | None], left_out: Mapping[str, str]) -> str:
    parts = [model]
    for name, value in differing.items():
        if name in left_out:
            parts += [value] if value not in (None, left_out[name]) else []
        else:
            parts.append(f"{name}={value}")
    return " · ".join(parts)


def _name(name: str) -> str:
    """An argument's name, if it is one that a person would give; a hash of it otherwise."""
    return name if re.fullmatch(r"[A-Za-z_]\w{0,39}", name) and not _SUSPECT.search(name) else _hash(name)


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return f"#{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
