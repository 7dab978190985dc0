"""Check whether a provider's error means that its moderation stopped the request.

Such an error counts as a refusal.

Inspect treats a few error codes (``content_filter``, ``content_policy_violation``, ``invalid_prompt``) as a
refusal. Other providers use other codes and messages, with status 400, 403, 422 or 451. An evaluation that
drops these as errors loses the answers that a model's provider did not allow.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

CLIENT_STATUSES = frozenset({400, 403, 406, 409, 422, 451})
"""HTTP statuses with which providers report moderation. Errors with other statuses (401, 404, 429, 5xx, …)
never count as a refusal."""

_CODE_FIELDS = frozenset(
    [
        "code",
        "type",
        "status",
        "reason",
        "error_code",
        "errorcode",
        "error_type",
        "status_code",
        "block_reason",
        "blockreason",
    ]
)
_MESSAGE_FIELDS = frozenset(
    [
        "message",
        "msg",
        "error",
        "error_msg",
        "error_message",
        "status_msg",
        "detail",
        "details",
        "description",
    ]
)

_NUMERIC_CODES = frozenset({"1301", "1026", "1027"})
"""Numeric codes: 1301 from Zhipu (GLM), 1026 and 1027 from MiniMax."""


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_CODE = _any_of(
    r"content_?(?:filter|policy|moderat|safety|violat|block|risk|censor)",
    r"moderation|sensitive|censor|guardrail|inappropriate|unsafe_?content|prohibited_?content",
    r"data_?inspection_?failed|responsible_?ai",
    r"(?:policy|safety|usage|guideline)s?_?violation|risk_?(?:detected|control|content)",
    r"(?:prompt|input|output|response|request|content|safety|image|text)_?(?:was_?)?(?:blocked|flagged)"
    r"|blocked_?(?:by|for)_?(?:safety|content)",
    r"(?:bio|cyber)_?policy|^invalid_prompt$|^safety$|^block_?reason_?safety$",
)
"""Matches textual codes such as ``data_inspection_failed``, ``ResponsibleAIPolicyViolation`` and
``sensitive_words_detected``."""

_ABOUT_A_SETTING = _any_of(
    r"(?<!^)invalid|^invalid_(?!prompt$)|unsupported|unknown|missing|not_?found|required|unrecognized"
    r"|unavailable|disabled|quota|rate_?limit"
)
"""Matches codes that mention moderation but report an error in the request itself, such as
``invalid_safety_settings``."""

_CODE_IN_TEXT = re.compile(
    r"DataInspectionFailed|data_inspection_failed|ResponsibleAIPolicyViolation|content_policy_violation"
    r"|PROHIBITED_CONTENT"
    r"|SensitiveContentDetected|SAFETY_CHECK_TYPE|censorship_blocked|sensitive_words?_detected"
)

_THING = r"(?:contents?|prompts?|inputs?|outputs?|requests?|messages?|texts?|responses?|generation|data|it)"
_STOPPED = r"(?:flagged|blocked|filtered|rejected|withheld|stopped|denied|refused)"
_MESSAGE = _any_of(
    rf"\b{_THING}\b[^.]{{0,60}}\b{_STOPPED}\b[^.]{{0,80}}"
    r"\b(?:safety|moderation|content|prohibited|sensitive|unsafe|inappropriate|harmful|polic(?:y|ies)"
    r"|guardrails?|risk|guidelines)\b",
    r"\b(?:safety|moderation|content (?:filter\w*|polic\w+|management)"
    rf"|guardrails?)\b[^.]{{0,60}}\b{_STOPPED}\b[^.]{{0,30}}\b{_THING}\b",
    rf"\b(?:{_STOPPED}|triggered) (?:by|due to|because of|for) [^.]{{0,40}}"
    r"\b(?:safety|moderation|content (?:filter|polic|management)|guardrail)",
    r"\binappropriate content\b|\bcontent exists risk\b|\bprohibited content\b|\bsensitive words?\b"
    r"|\bconsidered high.risk\b",
    r"\b(?:unsafe|sensitive|harmful|toxic) (?:or \w+ )?(?:content|words?|information|material)\b|\b(?:input"
    r"|content|prompt) was flagged\b",
    r"\bviolat\w+\b[^.]{0,60}\b(?:usage|content|safety|use|community|ai) (?:polic(?:y|ies)|guidelines)\b",
    r"\bcontent (?:policy|safety|filter\w*|moderation) (?:violation|block|check failed|triggered)\b",
    r"敏感|违规|不安全|风控|内容安全|内容审核|审核(?:未|不)通过|不当内容",
)
_ABOUT_THE_CALL = _any_of(
    r"\b(?:api.?key|account|subscription|quota|billing|credits?|region|country|countries|organi[sz]ation"
    r"|permission|license)\b",
    r"\b(?:unknown|invalid|unsupported|unrecognized|missing|unexpected) (?:field|parameter|argument|value"
    r"|property|key|model|setting)",
    r"\bextra (?:inputs|fields)\b|\bmodel\b[^.]{0,40}\b(?:not found|does not exist|not available|unavailable"
    r"|unsupported)\b",
)
"""Matches errors about the account or the form of the request. Words about content in such an error are not a
verdict on the content."""

BLOCKED_REASONS = frozenset(
    {
        "sensitive",
        "content_filter",
        "content_filtered",
        "safety",
        "blocked",
        "blocklist",
        "prohibited_content",
        "spii",
        "moderation",
    }
)
"""Stop reasons in a response which mean that moderation stopped the output. Inspect knows only some of them.
"""

_LONGEST = 100_000
"""Maximum number of characters of an error that are examined."""

_DEEPEST = 6
"""Maximum depth to which the body of an error is examined."""


@dataclass(frozen=True)
class Moderated:
    """The verdict of a provider's moderation.

    Attributes:
        message: The provider's message.
        status: The HTTP status, if any.
        code: The code that identifies moderation, if any.
    """

    message: str
    status: int | None
    code: str | None


def moderated(error: BaseException) -> Moderated | None:
    """Return the verdict of a provider's moderation from an error.

    Args:
        error: An error from a model call, or the provider's own error within it.

    Returns:
        The verdict, or None for any other error.
    """
    for one in _chain(error):
        if hasattr(one, "provider_message"):
            # Inspect's wrapper: its text includes the whole request; its cause is the provider's own error
            continue
        status = _status(one)
        if status is not None and status not in CLIENT_STATUSES:
            continue
        if (found := _verdict(one, status)) is not None:
            return found
    return None


def moderated_response(status: int, body: object) -> Moderated | None:
    """Return the verdict of a provider's moderation from an HTTP response, for callers without an exception.

    Args:
        status: The HTTP status.
        body: The body: a JSON value, or text or bytes.

    Returns:
        The verdict, or None for any other response.
    """
    if status not in CLIENT_STATUSES:
        return None
    fields = list(_fields(_json(body) if isinstance(body, str | bytes) else body))
    return _read_fields(fields, [], "", status)


def stop_reasons(response: object) -> Iterator[str]:
    """Yield the stop reasons in a raw response and its choices, in lower case."""
    found = cast("dict[str, Any]", response) if isinstance(response, dict) else {}
    choices = found.get("choices")
    for one in [found, *(cast("list[object]", choices) if isinstance(choices, list) else [])]:
        for key in ("finish_reason", "stop_reason", "native_finish_reason"):
            reason = cast("dict[str, Any]", one).get(key) if isinstance(one, dict) else None
            if isinstance(reason, str):
                yield reason.lower()


def _verdict(error: BaseException, status: int | None) -> Moderated | None:
    fields = list(_fields(_body(error)))
    own_code = getattr(error, "code", None)
    if status is None and not fields and not isinstance(own_code, str):
        return None  # not an error from a provider
    own_codes = [own_code] if isinstance(own_code, str) else []
    return _read_fields(fields, own_codes, str(getattr(error, "message", "") or error), status)


def _read_fields(
    fields: list[tuple[str, str]], own_codes: list[str], own_message: str, status: int | None
) -> Moderated | None:
    """Return the verdict from the fields of an error's body and from the code and message of the error."""
    texts = [text for name, text in fields if name in _MESSAGE_FIELDS]
    # the longest text is the most informative one
    message = max(texts, key=len, default="") or own_message
    codes = [text for name, text in fields if name in _CODE_FIELDS] + own_codes
    for code in codes:
        if code in _NUMERIC_CODES or (_CODE.search(code) and not _ABOUT_A_SETTING.search(code)):
            return Moderated(message, status, code)
    whole = " ".join([*texts, message])[:_LONGEST]
    if (named := _CODE_IN_TEXT.search(whole)) is not None:
        return Moderated(message, status, named[0])
    # an error about a parameter, the account or the form of the request is not a verdict on the content
    if any(name == "param" and text for name, text in fields) or _ABOUT_THE_CALL.search(whole):
        return None
    return Moderated(message, status, None) if _MESSAGE.search(whole) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes. For retried calls, this includes the last error."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        attempt = getattr(one, "last_attempt", None)
        last = attempt.exception() if attempt is not None else None
        waiting += [cause for cause in (last, one.__cause__) if cause is not None]


def _status(error: BaseException) -> int | None:
    for value in (
        getattr(error, "status_code", None),
        getattr(getattr(error, "response", None), "status_code", None),
    ):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    code = getattr(error, "code", None)
    return code if isinstance(code, int) and 100 <= code <= 599 else None


def _body(error: BaseException) -> object:
    """Return the body of the provider's response, if the error contains it."""
    for value in (
        getattr(error, "body", None),
        getattr(error, "details", None),
        getattr(error, "response", None),
    ):
        if isinstance(value, Mapping | list):
            return cast(object, value)
        if isinstance(value, str | bytes) and value:
            return _json(value)
    return None


def _json(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return {"message": text.decode("utf-8", "replace") if isinstance(text, bytes) else text}


def _fields(value: object, name: str = "message", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield the scalar fields of an error's body with their names in lower case."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[Any, object]", value).items():
            yield from _fields(inner, str(key).lower(), depth + 1)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _fields(inner, name, depth + 1)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield name, str(value)[:_LONGEST]
