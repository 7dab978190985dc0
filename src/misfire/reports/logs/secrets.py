"""Remove keys and passwords from texts by others, such as the error messages of providers."""

import re
from collections.abc import Iterable, Mapping
from typing import cast

from inspect_ai.log import EvalLog

from misfire.reports.logs.run_labels import CREDENTIAL, is_harmless

HIDDEN = "[hidden]"
"""The replacement for a secret."""

SHORTEST = 6
"""Values shorter than this are not searched for, because they occur in many texts by chance."""

_NAMES = (
    r"api[_-]?key|access[_-]?key|key|token|sig|signature|secret|password|passwd|pwd|auth|authorization"
    r"|credential|cookie|session"
)

_PATTERNS = (
    # any scheme, and everything after it on the same line
    (
        re.compile(r"(authorization[\"']?\s*[:=]\s*)(?:\"[^\"\n]*\"|'[^'\n]*'|[^\n}\]]+)", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?<=://)[^\s/@]{1,200}@"), "…@"),
    (re.compile(r"\b(bearer|basic)\s+[^\s\"',;)}\]]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # all query parameters of a URL
    (re.compile(r"(?<=[?&])([\w.~-]{1,60})=[^\s&#\"'<>)]+"), rf"\1={HIDDEN}"),
    (
        re.compile(
            rf"([\"']?[\w-]*(?:{_NAMES})[\"']?\s*[:=]\s*)(?!\[hidden\])(?:[\"'][^\"']*[\"']"
            rf"|[^\s\"',;)}}\]]+)",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(?:sk|pk|rk|hf|gsk|xai|ghp|gho|glpat|xox[abprs]|AKIA|AIza|eyJ)[-_]?[\w*.-]{6,}"), HIDDEN),
)
"""Patterns of secrets in the texts of providers and clients."""


def without_secrets(text: str | None, hidden: Iterable[str] = ()) -> str:
    """Remove everything from a text that looks like a key or a password.

    Args:
        text: The text, such as an error message.
        hidden: Values that must not appear in it (``hidden_values``).

    Returns:
        The text with ``[hidden]`` in place of each secret. Empty for None.
    """
    shown = text or ""
    for value in sorted(hidden, key=len, reverse=True):
        shown = shown.replace(value, HIDDEN)
    for pattern, instead in _PATTERNS:
        shown = pattern.sub(instead, shown)
    return shown


def hidden_values(log: EvalLog) -> frozenset[str]:
    """Return the texts in the arguments of a log that are not known to be harmless.

    Args:
        log: The log. Its header is sufficient.

    Returns:
        Texts of at least ``SHORTEST`` characters, including those within lists and mappings, and the words of
        each text.
    """
    spec = log.eval
    roles = spec.model_roles or {}
    configs = [role for own in roles.values() for role in (own if isinstance(own, list) else [own])]
    given: list[tuple[str, object]] = [
        ("base_url", spec.model_base_url),
        *spec.model_args.items(),
        *((name, value) for name, value in spec.task_args.items()),
        *(("extra_body", config.extra_body) for config in (spec.model_generate_config, log.plan.config)),
        *(
            ("extra_headers", config.extra_headers)
            for config in (spec.model_generate_config, log.plan.config)
        ),
        *(
            (name, value)
            for config in configs
            for name, value in (*config.args.items(), ("base_url", config.base_url))
        ),
    ]
    texts = (
        text
        for name, value in given
        if not is_harmless(name, value) or CREDENTIAL.fullmatch(name)
        for text in _texts(value)
    )
    return frozenset(
        part for text in texts for part in (text, *re.split(r"[\s?&=;,@]+", text)) if len(part) >= SHORTEST
    )


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int):  # Inspect reads a key that consists of digits as a number
        yield str(value)
    elif isinstance(value, Mapping):
        for own in cast("Mapping[object, object]", value).values():
            yield from _texts(own)
    elif isinstance(value, (list, tuple, set)):
        for own in cast("list[object]", value):
            yield from _texts(own)
