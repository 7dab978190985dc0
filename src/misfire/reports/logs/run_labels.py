"""Labels of runs: the model and the settings that distinguish its runs, without secrets."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from inspect_ai.log import EvalLog


class Labeled(Protocol):
    """The attributes of a run that its label needs, as in ``misfire.reports.logs.runs.LoggedRun``."""

    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def settings(self) -> tuple[tuple[str, str], ...]: ...  # noqa: D102
    @property
    def created(self) -> str: ...  # noqa: D102


_GENERATION = frozenset(
    {
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "seed",
        "system_message",
        "reasoning_effort",
        "reasoning_tokens",
        "effort",
        "verbosity",
    }
    | {"frequency_penalty", "presence_penalty", "stop_seqs", "num_choices", "reasoning_mode", "extra_body"}
)
"""Generation options that may change the answers. The other options concern the transport."""

HARMLESS = frozenset(
    # generation options
    {
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "seed",
        "reasoning_effort",
        "reasoning_tokens",
        "reasoning_mode",
        "effort",
        "verbosity",
    }
    | {"frequency_penalty", "presence_penalty", "num_choices", "epochs"}
    # parameters of misfire's tasks
    | {
        "source",
        "edition",
        "categories",
        "pairs",
        "per_scenario",
        "protocol",
        "parser",
        "controls",
        "cues",
        "placements",
        "positions",
    }
    | {
        "demos",
        "demos_style",
        "mode",
        "split",
        "dimensions",
        "joint",
        "structured",
        "domains",
        "per_domain",
        "per_dimension",
    }
    | {"grader_sample", "skip_invalid", "system", "grader_temperature", "grader_max_tokens", "grader_system"}
    # arguments of misfire's model providers
    | {
        "mar",
        "br",
        "both_wrong",
        "invalid",
        "cue_mar",
        "cue_shift",
        "no_bias",
        "no_bias_stereotyped",
        "blind",
        "blind_stereotyped",
        "slip",
    }
    | {
        "unfounded_yes",
        "coverage",
        "ffr",
        "specialist",
        "joint_loss",
        "misaligned",
        "p_yes",
        "heads",
        "ablation",
        "layers",
    }
    | {"intervention", "adapter"}
    # arguments of Inspect's providers for local models
    | {
        "device",
        "dtype",
        "torch_dtype",
        "batch_size",
        "attn_implementation",
        "enable_thinking",
        "use_chat_template",
        "hidden_states",
    }
    | {
        "quantization",
        "tensor_parallel_size",
        "max_model_len",
        "gpu_memory_utilization",
        "responses_api",
        "reasoning_history",
    }
    # properties of a run that misfire adds
    | {"asked", "grader", "log"}
)
"""Names whose values may be shown. The value of any other name is shown as a short hash."""

NAMING = frozenset({"categories", "domains", "intervention", "adapter", "grader", "asked", "log"})
"""Harmless names whose values are chosen by users. All other values consist of numbers and of words in
``WORDS``."""

WORDS = frozenset(
    {"true", "false", "none", "null", "nan", "inf", "auto", "on", "off", "yes", "no", "all", "any"}
    # effort and verbosity
    | {"minimal", "low", "medium", "high", "xhigh", "max", "last", "standard", "pro", "default"}
    # values of misfire's parameters
    | {
        "bbq",
        "embedded",
        "file",
        "hub",
        "published",
        "repaired",
        "direct",
        "cot",
        "strict",
        "system",
        "user",
        "balanced",
    }
    | {
        "policy",
        "unrelated",
        "fairness",
        "neutral",
        "evidence",
        "stereotyped",
        "contrast",
        "both",
        "prefix",
        "suffix",
    }
    | {"detect", "generate", "train", "validation", "test", "safety", "value", "culture", "zero", "mean"}
    # devices
    | {
        "cpu",
        "cuda",
        "mps",
        "xpu",
        "npu",
        "hpu",
        "tpu",
        "xla",
        "meta",
        "rocm",
        "hip",
        "sequential",
        "balanced_low_0",
    }
    # number types and quantization methods
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
    | {
        "float8_e4m3fn",
        "float8_e5m2",
        "fp8_e4m3",
        "fp8_e5m2",
        "nf4",
        "fp4",
        "mxfp4",
        "4bit",
        "8bit",
        "awq",
        "awq_marlin",
        "gptq",
        "marlin",
    }
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
    # attention implementations
    | {"eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention", "paged"}
)
"""Words that a harmless value may contain, in lowercase. A password may be any other word."""

_WORD = re.compile(r"[^\s,;:+/.()\[\]{}'\"=…%~]+")

_NUMBER = re.compile(r"-?\d{1,10}(e[+-]?\d{1,3})?(-\d{1,10})?|-|l\d{1,4}(h\d{1,4})?", re.IGNORECASE)
"""A number or a part of one, a range, a layer or a head (``L18H0``)."""

CREDENTIAL = re.compile(r"(.*_)?(api_?key|key|token|secret|password|passwd|credentials?)", re.IGNORECASE)
"""Names of arguments that identify the user. They do not distinguish runs, and not even their hash is
shown."""

_PLAIN = re.compile(r"[\w.,:;+\-~/ ()\[\]{}'\"=…%]{0,200}")

_SUSPECT = re.compile(
    r"://|@|\b(bearer|basic|digest)\s|\b(sk|pk|rk|hf|gsk|xai|ghp|gho|glpat|xox[abprs])[-_]\w|\b(AKIA|AIza"
    r"|eyJ)\w|[?&]\w+=|\w{40,}"
    r"|(key|token|secret|passw(or)?d|pwd|pass|sig|signature|auth|authorization|credentials?|cookie"
    r"|session)[\"']?\s*[:=]",
    re.IGNORECASE,
)
"""Content that no harmless value has: a URL, a login, a word that looks like a key, or the name of a
credential before a value."""

LONGEST = 60
"""Maximum number of characters of a value that are shown."""


def settings_of(
    log: EvalLog, besides: Iterable[str], more: Mapping[str, object]
) -> tuple[tuple[str, str], ...]:
    """Return the settings that may distinguish two runs of one model, without anything that may be secret.

    Args:
        log: The log of the run.
        besides: Task parameters to exclude because they are reported elsewhere.
        more: Further settings.

    Returns:
        Names and values. If a name is not known to be harmless, its value is replaced by a short hash, so
        that two runs still differ in it.
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
        (_name(name), shown_value(name, value))
        for name, value in given.items()
        if value is not None and not CREDENTIAL.fullmatch(name)
    )


def shown_value(name: str, value: object) -> str:
    """Return the value of a setting in a form that may be shown.

    Args:
        name: Name of the setting.
        value: Its value.

    Returns:
        The value if ``is_harmless`` is true, otherwise ``#`` and eight hexadecimal digits of its hash.
    """
    text = str(value)
    if not is_harmless(name, value):
        return _hash(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 10]}… {_hash(value)}"


def is_harmless(name: str, value: object) -> bool:
    """Whether a setting may be shown because its name and its value are known to be harmless.

    A value is harmless if it contains nothing that looks like a credential and is a number or consists of
    numbers and known words. Values of names in ``NAMING`` may contain other words.
    """
    text = str(value)
    if name not in HARMLESS or _PLAIN.fullmatch(text) is None or _SUSPECT.search(text):
        return False
    if name in NAMING or isinstance(value, (int, float)):
        return True
    return all(word.lower() in WORDS or _NUMBER.fullmatch(word) for word in _WORD.findall(text))


def labels(
    runs: Sequence[Labeled], names: Mapping[str, str], left_out: Iterable[tuple[str, str]] = ()
) -> list[str]:
    """Return unique labels for the runs of one family.

    A label consists of the model and the settings that distinguish its runs. If the settings are equal, the
    time is added.

    Args:
        runs: The runs.
        names: Short name of each model.
        left_out: Default settings as (name, value). They are omitted. For other values, only the value is
            shown.

    Returns:
        One label per run.
    """
    siblings: defaultdict[str, list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        siblings[run.model].append(place)
    drafts: dict[int, str] = {}
    for group in siblings.values():
        settings = [dict(runs[place].settings) for place in group]
        differing = [
            name
            for name in dict.fromkeys(name for own in settings for name in own)
            if len({own.get(name) for own in settings}) > 1
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
    """Return short names of models without the provider, if they are unambiguous.

    For example, ``openai/gpt-4o`` becomes ``gpt-4o``.
    """
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
    """Return the name of an argument, or its hash if it does not look like a typical name."""
    return name if re.fullmatch(r"[A-Za-z_]\w{0,39}", name) and not _SUSPECT.search(name) else _hash(name)


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return f"#{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
