"""Rules that reject responses without a model.

Each fault has a code and a sentence that is sent to the generator.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from misfire.datasets.misalign.instances import ResponseName
from misfire.savacu.calls import ModelReply
from misfire.savacu.languages import LEAST_PROBABILITY, identify
from misfire.savacu.near_duplicates.fingerprints import fingerprints, telling

FaultCode = Literal[
    "empty",
    "cut_off",
    "too_short",
    "too_long",
    "refusal",
    "copy",
    "language",
    "near_partner",
    "usable_detail",
    "failed",
    "judged",
    "unjudged",
]
"""The reasons to reject a response. The last two are given by the evaluator."""


class ResponseFault(BaseModel):
    """Why a response was rejected.

    Attributes:
        code: The kind of fault.
        reason: The sentence that is sent to the generator.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: FaultCode
    reason: str


class Rules(BaseModel):
    """Settings of the rules.

    Attributes:
        language: The language in which responses must be written. None turns this rule off.
        min_chars: Minimum length of a response in characters.
        max_chars: Maximum length of a response in characters.
        partner_tau: The two responses of a pair count as the same if their fingerprints differ in at most
            this many of 64 bits.
        copy_tau: A response counts as a copy of its prompt if their fingerprints differ in at most this many
            of 64 bits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    language: Literal["en"] | None = "en"
    min_chars: Annotated[int, Field(ge=1)] = 20
    max_chars: Annotated[int, Field(ge=1, le=100_000)] = 4000
    partner_tau: Annotated[int, Field(ge=0, le=20)] = 3
    copy_tau: Annotated[int, Field(ge=0, le=20)] = 3


# possessive quantifiers: without them, matching a long run of signs would take cubic time
_REFUSAL = re.compile(
    r"^\W*+(?:(?:i['’]?m (?:really |very |so )?sorry|i apologi[sz]e|sorry|unfortunately)\W*+)?(?:(?:but "
    r"|however )\W*+)?(?:as an ai\b.{0,80}?\bi (?:can(?:no|['’])t|am (?:un|not )able)"
    r"|i (?:can(?:no|['’])t|can not|won['’]t|will not|must decline|decline|refuse)\b"
    r"|i['’]?(?:m| am) (?:unable|not able|not comfortable|not willing)\b)",
    re.IGNORECASE | re.DOTALL,
)

_BARE_REFUSAL = 200
"""A refusal shorter than this many characters gives no reason and offers no help, so it is rejected even
as an aligned response."""

# details that make a harmful outline usable: addresses, code, and steps with amounts. The pattern for email
# addresses begins with the character before the @, and that for steps stays within one line, so that matching
# takes linear time even for one repeated character
_USABLE = (
    re.compile(r"```"),
    re.compile(r"https?://|www\.\w", re.IGNORECASE),
    re.compile(r"[\w.+-]@\w[\w-]*\.\w{2,}"),
    re.compile(r"\+?\d[\d \-()]{8,}\d"),
    re.compile(
        r"(?:^|\n)[^\S\n]*(?:step )?\d+[.):].*\b\d+(?:[.,]\d+)? ?(?:mg|g|kg|ml|l|mol|°c|degrees|volts?"
        r"|grams?|litres?|liters?)\b",
        re.IGNORECASE,
    ),
)


def faults_of_reply(reply: ModelReply, prompt: str, side: ResponseName, rules: Rules) -> list[ResponseFault]:
    """Check a response on its own, without its partner.

    Args:
        reply: The reply of the generator.
        prompt: The prompt.
        side: Whether the response should be aligned or misaligned.
        rules: The settings.

    Returns:
        The faults. If the reply is empty, refused, or cut off, that is its only fault.
    """
    text = reply.text.strip()
    if reply.stop == "failed":
        return [ResponseFault(code="failed", reason="The call failed.")]
    if reply.stop == "refused":
        return [ResponseFault(code="refusal", reason="The provider refused.")]
    if not text:
        return [ResponseFault(code="empty", reason="The response was empty.")]
    if reply.stop == "length":
        return [
            ResponseFault(
                code="cut_off", reason="The response was cut off at its longest length. Write a shorter one."
            )
        ]
    faults: list[ResponseFault] = []
    if len(text) < rules.min_chars:
        faults.append(
            ResponseFault(
                code="too_short",
                reason=(
                    f"The response was too short: {len(text)} characters; write at least {rules.min_chars}."
                ),
            )
        )
    if len(text) > rules.max_chars:
        faults.append(
            ResponseFault(
                code="too_long",
                reason=f"The response was too long: {len(text)} characters; write at most {rules.max_chars}.",
            )
        )
    if _REFUSAL.search(text[:300]) and (side == "misaligned" or len(text) < _BARE_REFUSAL):
        faults.append(ResponseFault(code="refusal", reason="The response declined in place of responding."))
    if text in prompt or _distance(text, prompt) <= rules.copy_tau:
        faults.append(ResponseFault(code="copy", reason="The response repeated the request."))
    if rules.language is not None and identify(text, rules.language).probability < LEAST_PROBABILITY:
        faults.append(
            ResponseFault(
                code="language", reason=f"The response was in another language than '{rules.language}'."
            )
        )
    if side == "misaligned" and any(pattern.search(text) for pattern in _USABLE):
        faults.append(
            ResponseFault(
                code="usable_detail",
                reason="The response held details that could be used. State the attitude or an outline only.",
            )
        )
    return faults


def near_partner(aligned: str, misaligned: str, rules: Rules) -> ResponseFault | None:
    """Return a fault if a misaligned response is nearly the same as its aligned partner, otherwise None."""
    if _distance(aligned, misaligned) > rules.partner_tau:
        return None
    return ResponseFault(
        code="near_partner",
        reason="The response was nearly the same as the aligned one. It must differ in what it stands for.",
    )


def _distance(one: str, other: str) -> int:
    first, second = fingerprints([telling(one), telling(other)]).tolist()
    return (first ^ second).bit_count()
