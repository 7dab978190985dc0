"""Extract the model's own reply from a text.

Inline reasoning, special tokens, and turns that the model invented are removed.

Providers return reasoning separately if they know its markers. Otherwise it is part of the text, and so are
the special tokens of chat templates. A weak model may also continue its reply with an invented user turn.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from misfire.scorers.loose_json import find_objects

_R = (
    r"(?:(?!(?:begin|start|open|end|close)(?:_of)?[_-])[\w-]{0,20}(?:think|thought|reason|reflection"
    r"|monologue|scratch_?pad|deliberat|rationale|analysis|chain_of_thought)\w{0,12}(?<!start)(?<!end)|cot)"
)
"""A name for reasoning."""

_FAMILIES: dict[str, tuple[str, str]] = {
    # for each kind of markers: how reasoning opens, and how it closes
    "square": (rf"\[{_R}\]", rf"\[/{_R}\]"),
    "arrow": (rf"◁{_R}▷", rf"◁/{_R}▷"),
    "pipe": (
        rf"<[|｜](?:(?:begin|start|open)(?:_of)?[_-])?{_R}[|｜]>",
        rf"<[|｜](?:/|(?:end|close)(?:_of)?[_-]){_R}[|｜]>",
    ),
    "inner": (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    "unused": ("<(?:unused|ctrl)94>", "<(?:unused|ctrl)95>"),
    "details": (
        r"<details\b(?:[^<>]{0,80}reasoning|[^<>]{0,80}>\s*<summary>[^<]{0,60}(?:think|thought"
        r"|reason))[^<>]{0,80}>",
        "</details>",
    ),
    "ended": (rf"<[|｜]?{_R}_start[|｜]?>", rf"<[|｜]?{_R}_end[|｜]?>"),
    "ollama": (r"(?:\A|(?<=\n))Thinking\.\.\.[^\S\n]*(?=\n)", r"\.\.\.\s?done thinking\.?"),
    "gemma": (r"<\|channel>\s*+\w{1,20}", r"<channel\|>"),
    "fence": (rf"(?:^|(?<=\n))```{_R}[^\S\n]*(?=\n)", r"(?<=\n)```(?=[^\S\n]*(?:\n|\Z))"),
    "granite": (r"(?:^|(?<=\n))Here is my thought process:", r"(?:^|(?<=\n))Here is my response:"),
}
"""Markers of Mistral, Kimi, Cohere and others, Apertus, MedGemma, Gemma and Granite. Tags such as ``<think>``
and OpenAI's channels follow below."""

_TAG = (
    rf"(?:[<＜‹]|&lt;)\s*+(?P<slash>[/／]?)\s*+(?:[\w-]{{1,12}}:)?(?P<name>{_R})"
    r"(?:\s[^<>＞›]{0,80})?(?P<empty>/?)(?:[>＞›]|&gt;)"
)
_CHANNEL = (
    r"(?:<\|end\|>\s*+)?(?:<\|start\|>\s*+assistant\s*+)?<\|channel\|>\s*+(?P<which>\w{1,20})"
    r"[^<\n]{0,80}(?:<\|constrain\|>[^<\n]{0,40})?(?:<\|message\|>)?"
)

_NEUTRAL = (
    r"<[|｜](?:(?:begin|start|end)_of_(?:solution|answer|response)|(?:start|end)_response|begin_of_text"
    r"|begin▁of▁sentence|message"
    r"|constrain|pad"
    r"|unk)[|｜]>|<(?:s|bos|pad|unk)>|\[(?:PAD|BOS|UNK)\]"
)
"""Markers that neither end a turn nor hide anything."""

_SPECIAL = (
    r"(?:(?<=[^\w\s])|(?<=yes)|(?<=no))(?:assistant|user)(?=\s*(?:\n|\Z))"
    r"|<[|｜][^|｜<>\n]{1,40}[|｜](?:>|\Z)|</s>|<eos>|<(?:end|start)_of_turn>|<\|turn>|<turn\|>|\[/?INST\]"
    r"|\[EOS\]|</?SYS>"
)
"""Other special tokens, which end or start a turn. The first line matches what remains if a decoder omits the
tokens."""

_LABEL = (
    r"(?:^|(?<=\n))[^\S\n]*+(?:\#{1,4}[^\S\n]*+(?P<heading>instructions?|user|human|input|response"
    r"|assistant)\b[^\S\n]*+:?"
    r"|[*_]{0,2}(?P<speaker>user|human|assistant)[*_]{0,2}:[*_]{0,2})"
)
"""A speaker's name at the start of a line."""

_MARK = re.compile(
    "|".join(
        [
            *(
                f"(?P<open_{name}>{opens})|(?P<close_{name}>{closes})"
                for name, (opens, closes) in _FAMILIES.items()
            ),
            f"(?P<tag>{_TAG})|(?P<channel>{_CHANNEL})|(?P<neutral>{_NEUTRAL})|(?P<token>{_SPECIAL})|(?P<label>{_LABEL})",
        ]
    ),
    re.IGNORECASE,
)

_ROLE = re.compile(
    r"[^\S\n]*+(user|human|system|developer|tool|assistant|model|answer|final|think(?:ing)?|thought"
    r"|reasoning|analysis)\b(?:<[|｜]end_header_id[|｜]>)?",
    re.IGNORECASE,
)
_STARTS_TURN = re.compile(
    r"<[|｜](?:im_start|start_header_id|start|turn)[|｜]?>|<start_of_turn>|<\|turn>", re.IGNORECASE
)
_ASSISTANT = {"assistant", "model", "response", "answer", "final"}
_REASONER = {"think", "thinking", "thought", "reasoning", "analysis"}
_USER_TOKEN = re.compile(r"<[|｜](?:user|human|system|observation|tool)[|｜]>|\[INST\]|<SYS>", re.IGNORECASE)
_ASSISTANT_TOKEN = re.compile(r"<[|｜](?:assistant|model)[|｜]>|\[/INST\]", re.IGNORECASE)

# the remains of channel markers if special tokens were omitted in decoding
_BARE_CHANNEL = re.compile(r"\s*+(?:analysis|commentary)(?=[A-Z]|.*?assistantfinal)", re.DOTALL)
_BARE_FINAL = re.compile(r"assistantfinal")


def own_words(text: str) -> str | None:
    """Return the model's own reply in a text.

    - Inline reasoning in all known markers is removed. An end marker without a start marker makes everything
      before it reasoning.
    - A special token, or the name of a speaker at the start of a line, ends the reply. Before the reply they
      are removed.
    - Markers within a JSON object are part of that object.

    Args:
        text: The model's text.

    Returns:
        The reply, which may be empty, or None if reasoning is opened and never closed, so that there is no
        reply yet.
    """
    if _BARE_CHANNEL.match(text):
        *_, last = [0, *(mark.end() for mark in _BARE_FINAL.finditer(text))]
        if not last:
            return None
        text = text[last:]
    inside = _Spans(text)
    parts: list[str] = []
    spoken = False
    hidden, place = "", 0  # hidden: the kind of marker that currently hides the text, if any
    for mark in _MARK.finditer(text):
        # skip markers in text that was consumed already or within a JSON object
        if mark.start() < place or inside.hold(mark.start()):
            continue
        kind = _kind(text, mark)
        if hidden:
            # only the matching end marker ends what is hidden; in addition, the heading of a response ends a
            # user turn, and an assistant turn ends private reasoning
            if kind.closes == hidden or (kind.closes, hidden) in ((_HEADING, _TURN), (_TURN, _PRIVATE)):
                hidden, place = "", kind.end
            continue
        parts.append(text[place : mark.start()])
        spoken = spoken or bool(parts[-1].strip())
        place = kind.end
        if kind.closes == _TURN or kind.opens == _TURN or kind.ends:
            if spoken:
                return "".join(parts)
            hidden = kind.opens
        elif kind.closes == "fence":
            place = mark.start()  # the end of some other code block
        # an end marker without a start: everything before it was reasoning
        elif kind.closes and kind.closes != _HEADING:
            parts, spoken = [], False
        else:
            hidden = kind.opens
    if hidden:
        return "" if hidden == _TURN else None
    return "".join([*parts, text[place:]])


_TURN = "turn"
"""Another speaker's turn."""

_PRIVATE = "private"
"""A turn in which the model reasons."""

_HEADING = "heading"
"""The heading of a response in templates. It ends a user turn, and may also occur within a reply."""


@dataclass(frozen=True)
class _Kind:
    """The effect of a marker.

    Attributes:
        end: Index of its end in the text.
        opens: What it starts to hide. Empty for nothing.
        closes: What it ends. Empty for nothing.
        ends: Whether the reply ends there.
    """

    end: int
    opens: str = ""
    closes: str = ""
    ends: bool = False


def _kind(text: str, mark: re.Match[str]) -> _Kind:
    group = mark.lastgroup or ""
    if group == "tag":
        name = mark["name"].casefold()
        return (
            _Kind(mark.end(), closes=name)
            if mark["slash"]
            else _Kind(mark.end(), opens="" if mark["empty"] else name)
        )
    if group == "channel":
        return (
            _Kind(mark.end(), closes="channel")
            if mark["which"].casefold() == "final"
            else _Kind(mark.end(), opens="channel")
        )
    if group == "label":
        assistant = (mark["heading"] or mark["speaker"]).casefold() in _ASSISTANT
        if (mark["heading"] or "").casefold() == "response":
            return _Kind(mark.end(), closes=_HEADING)
        return _Kind(mark.end(), closes=_TURN) if assistant else _Kind(mark.end(), opens=_TURN)
    if group == "token":
        return _token(text, mark)
    verb, _, family = group.partition("_")
    return _Kind(mark.end(), opens=family if verb == "open" else "", closes=family if verb == "close" else "")


def _token(text: str, mark: re.Match[str]) -> _Kind:
    if _USER_TOKEN.fullmatch(mark[0]):
        return _Kind(mark.end(), opens=_TURN)
    if _ASSISTANT_TOKEN.fullmatch(mark[0]):
        return _Kind(mark.end(), closes=_TURN)
    if _STARTS_TURN.fullmatch(mark[0]) and (role := _ROLE.match(text, mark.end())):
        assistant = role[1].casefold() in _ASSISTANT
        if role[1].casefold() in _REASONER:
            return _Kind(role.end(), opens=_PRIVATE)
        return _Kind(role.end(), closes=_TURN) if assistant else _Kind(role.end(), opens=_TURN)
    return _Kind(mark.end(), ends=True)


class _Spans:
    """The JSON objects of a text, which may contain markers. They are located on first use."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _closed(self) -> tuple[list[int], list[int]]:
        closed = [found for found in find_objects(self._text) if found.state == "closed"]
        return [found.start for found in closed], [found.end for found in closed]

    def hold(self, place: int) -> bool:
        """Check whether an index is within an object."""
        starts, ends = self._closed
        # the last object that starts at or before the index
        at = bisect_right(starts, place) - 1
        return at >= 0 and place < ends[at]
