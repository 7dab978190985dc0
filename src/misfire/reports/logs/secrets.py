"""Keeping keys and passwords out of texts that others wrote, as the error messages of providers."""

import re
from collections.abc import Iterable, Mapping
from typing import cast

from inspect_ai.log import EvalLog

from misfire.reports.logs.run_labels import CREDENTIAL, is_harmless

HIDDEN = "[hidden]"
"""What stands in a secret's place."""

SHORTEST = 6
"""A shorter value is not looked for in texts: it stands in many of them by chance."""

_NAMES = r"api[_-]?key|access[_-]?key|key|token|sig|signature|secret|password|passwd|pwd|auth|authorization|credential|cookie|session"

_PATTERNS = (
    # whatever scheme it names, and all that follows it on its line
    (re.compile(r"(authorization[\"']?\s*[:=]\s*)(?:\"[^\"\n]*\"|'[^'\n]*'|[^\n}\]]+)", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(?<=://)[^\s/@]{1,200}@"), "…@"),
    (re.compile(r"\b(bearer|basic)\s+[^\s\"',;)}\]]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # in an address everything that is asked for
    (re.compile(r"(?<=[?&])([\w.~-]{1,60})=[^\s&#\"'<>)]+"), rf"\1={HIDDEN}"),
    (
        re.compile(rf"([\"']?[\w-]*(?:{_NAMES})[\"']?\s*[:=]\s*)(?!\[hidden\])(?:[\"'][^\"']*[\"']|[^\s\"',;)}}\]]+)", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(?:sk|pk|rk|hf|gsk|xai|ghp|gho|glpat|xox[abprs]|AKIA|AIza|eyJ)[-_]?[\w*.-]{6,}"), HIDDEN),
)
"""What secrets look like in the texts of providers and clients."""


def without_secrets(text: str | None, hidden: Iterable[str] = ()) -> str:
    """A text without what looks like a key or a password.

    Args:
        text: The text, as of an error.
        hidden: Values that must not stand in it (``hidden_values``).

    Returns:
        The text with ``[hidden]`` in their place; nothing for none.
    """
    shown = text or ""
    for value in sorted(hidden, key=len, reverse=True):
        shown = shown.replace(value, HIDDEN)
    for pattern, instead in _PATTERNS:
        shown = pattern.sub(instead, shown)
    return shown


def hidden_values(log: EvalLog) -> frozenset[str]:
    """The texts in a log's arguments that are not known to be harmless.

    Args:
        log: The log; its header is enough.

    Returns:
        Texts of at least ``SHORTEST`` characters, those within lists and mappings too, and the words of each.
    """
    spec = log.eval
    roles = spec.model_roles or {}
    configs = [role for own in roles.values() for role in (own if isinstance(own, list) else [own])]
    given: list[tuple[str, object]] = [
        ("base_url", spec.model_base_url),
        *spec.model_args.items(),
        *((name, value) for name, value in spec.task_args.items()),
        *(("extra_body", config.extra_body) for config in (spec.model_generate_config, log.plan.config)),
        *(("extra_headers", config.extra_headers) for config in (spec.model_generate_config, log.plan.config)),
        *((name, value) for config in configs for name, value in (*config.args.items(), ("base_url", config.base_url))),
    ]
    texts = (text for name, value in given if not is_harmless(name, value) or CREDENTIAL.fullmatch(name) for text in _texts(value))
    return frozenset(part for text in texts for part in (text, *re.split(r"[\s?&=;,@]+", text)) if len(part) >= SHORTEST)


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int):  # Inspect reads a key of digits as a number
        yield str(value)
    elif isinstance(value, Mapping):
        for own in cast("Mapping[object, object]", value).values():
            yield from _texts(own)
    elif isinstance(value, (list, tuple, set)):
        for own in cast("list[object]", value):
            yield from _texts(own)
