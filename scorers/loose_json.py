"""Finding the JSON objects in a model's text, and reading what they hold at the top level, as tolerantly as is safe.

Models write JSON in many ways: with single, curly or escaped quotes, bare words, Python's ``True``, a trailing or a missing comma, a line
break or an unescaped quotation mark inside a string, comments. This module reads all of these. It never supplies what is not there: an
object that does not end stays marked as open, and one that cannot be read is reported as broken. Only strings, words and booleans at the
top level of an object are returned, because nothing that stands deeper is the object's own answer.

Repairing libraries were tried and are not used (json-repair 0.64, json5 0.17, pyjson5 2.0, dirtyjson 1.0, demjson3 3.0, hjson 3.1).
json-repair invents values: it reads ``{"answer": true false}`` as true, ``{"answer": "yes" "no"}`` as yes, and where a judge quotes
``{"a": false}`` without escapes it puts the quoted value in place of the judge's own. It also hides repeated keys. The others reject most
of what is listed above.

Reading takes time proportional to the length of the text, and no recursion.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Value = str | bool | None
"""A value at the top level: a string (or bare word), a boolean, or None for anything else (null, numbers, lists, objects)."""


@dataclass(frozen=True)
class LooseObject:
    """An object in a text.

    Attributes:
        start: Where it starts: the place of its brace.
        end: Where it ends: the place after its closing brace, or after the part of the text that belongs to it.
        pairs: Its keys and values at the top level, in order, repeated keys included. Of a broken object there are none.
        state: ``closed``: read to its closing brace; ``open``: the text, or its code
            fence, ends before that, and it is well formed so far; ``broken``: it cannot
            be read.
    """

    start: int
    end: int
    pairs: tuple[tuple[str, Value], ...]
    state: Literal["closed", "open", "broken"]

    def values(self, key: str) -> list[Value]:
        """All values of a key, in any capitals."""
        return [value for name, value in self.pairs if name.strip(_AROUND_KEY).casefold() == key]


_AROUND_KEY = " \t\r\n*_:"

_DOUBLE, _SINGLE = '"“”„‟″＂«»', "'‘’‚‛′`"
_QUOTES = _DOUBLE + _SINGLE

# white space, the same written as escapes, and comments
_SPACE = r"(?:[\s\u200b\ufeff]++|\\[nrt](?=[\s\\{}\[\],:\"'])|\\(?=[{}\[\]])|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+"
_GAP = re.compile(_SPACE)
_START = re.compile(rf"\{{(?={_SPACE}(?:\\*+[{_QUOTES}]|[A-Za-z_]\w{{0,60}}\s*+[:=]))")
_FULL_WIDTH = str.maketrans("｛｝［］：，", "{}[]:,")
_BRACE = re.compile(r"[{}]")
_ONLY_BRACES = re.compile(r"[\s}]*+")
_QUOTE = re.compile(rf"(\\*+)([{_QUOTES}])")
_DOUBLED_START = re.compile(r'\{\s*+""\w')
_DOUBLED = re.compile(r'(\\*+)("")')
_WORD = re.compile(r"[*_`]*+([A-Za-z][\w'’-]{0,60})[*_`.!]*+")
_KEY = re.compile(r"[*_]*+([A-Za-z_][\w ]{0,60}?)[*_]*+(?=\s*+[:=])")
_NUMBER = re.compile(r"[-+]?(?:\.?\d[\w.+-]*+|Infinity\b)")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None, "none": None, "nan": None, "infinity": None, "undefined": None}
_ESCAPE = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}

# what shows that a quotation mark ends a string, where strings may hold unescaped ones
_NEXT_KEY = rf"(?:\\*+[{_QUOTES}][\w .*-]{{1,60}}\\*+[{_QUOTES}]|[A-Za-z_]\w{{0,60}})\s*+:"
_KEY_NEXT = re.compile(_NEXT_KEY)
_AFTER_VALUE = {
    "{": re.compile(rf"(?:\s|\\[nrt])*+(?:\}}|[,;](?:\s|\\[nrt])*+(?:\}}|{_NEXT_KEY})|{_NEXT_KEY})"),
    "[": re.compile(rf"(?:\s|\\[nrt])*+(?:\]|,(?:\s|\\[nrt])*+(?:[\[\]{{]|\\*+[{_QUOTES}]|[-\d]|true|false|null))"),
}


def find_objects(text: str) -> Iterator[LooseObject]:
    """The objects of a text that stand in no other object, in order.

    A brace begins an object where a key follows it. An object that can be read as it stands is; else its strings may hold unescaped
    quotation marks, and commas may be missing. If it still cannot be read it is broken, and all up to where its braces balance belongs to
    it, and all that one of the two attempts took for a part of it.

    Args:
        text: Any text.

    Yields:
        The objects.
    """
    text = text.translate(_FULL_WIDTH)
    place = 0
    while start := _START.search(text, place):
        first = _Reader(text, start.start(), tolerant=False).read()
        found = first
        if first.state == "broken":
            found = _Reader(text, start.start(), tolerant=True).read()
        if found is not first and found.state != "closed":
            end = max(_balanced_end(text, start.start()), first.end, found.end)
            found = LooseObject(found.start, end, (), "broken")
        yield found
        place = max(found.end, start.end())


def read_whole(text: str) -> LooseObject | None:
    """The object that a whole text is.

    Args:
        text: Any text.

    Returns:
        The object, if the text holds nothing else but white space.
    """
    stripped = text.strip().translate(_FULL_WIDTH)
    if not _START.match(stripped):
        return None
    found = next(find_objects(stripped))
    return found if found.state == "closed" and found.end == len(stripped) else None


def has_debris(text: str, objects: Sequence[LooseObject], keys: Sequence[str]) -> bool:
    """Whether parts of an object stand loose behind another one, so that nobody knows what belongs to what.

    A judge that quotes an object without escapes leaves such parts: what was quoted seems to end the judge's own object.

    Args:
        text: The text.
        objects: Its objects, as ``find_objects`` gives them.
        keys: The keys that matter.

    Returns:
        True if a closing brace stands behind an object, except right behind it, or one of the keys stands in quotation marks there.
    """
    if not any(found.state == "closed" for found in objects):
        return False
    key = re.compile(rf"[{_QUOTES}](?:{'|'.join(keys)})\\*+[{_QUOTES}]\s*+:", re.IGNORECASE)
    text = text.translate(_FULL_WIDTH)
    depth = 0
    for before, after in zip(objects, [*objects[1:], None], strict=True):
        start, end = before.end, after.start if after else len(text)
        if key.search(text, start, end):
            return True
        for brace in _BRACE.finditer(text, start, end):
            depth += 1 if brace[0] == "{" else -1
            if depth < 0 and not _ONLY_BRACES.fullmatch(text, start, brace.start()):
                return True
            depth = max(depth, 0)
    return False


def _balanced_end(text: str, start: int) -> int:
    depth = 0
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.end()
    return len(text)


class _BrokenError(Exception):
    """What was read is no object in this reading."""


class _OpenError(Exception):
    """The text ends inside the object."""


class _Reader:
    """Reads one object.

    Args:
        text: The text.
        start: Place of the object's brace.
        tolerant: Whether strings may hold unescaped quotation marks, and commas may be missing.
    """

    def __init__(self, text: str, start: int, *, tolerant: bool) -> None:
        self.text, self.start, self.tolerant = text, start, tolerant
        self.place = start + 1
        self.stack = ["{"]
        self.pairs: list[tuple[str, Value]] = []
        self.pending: str | None = None  # a key at the top level whose value is yet to come
        self.quote = _DOUBLED if _DOUBLED_START.match(text, start) else _QUOTE  # doubled as in CSV, or single

    def read(self) -> LooseObject:
        """The object, open or broken where it does not end."""
        state: Literal["closed", "open", "broken"] = "closed"
        try:
            self._members()
        except _BrokenError:
            state = "broken"
        except _OpenError:
            state = "open"
            if self.pending is not None:
                self.pairs.append((self.pending, None))
        pairs = () if state == "broken" else tuple(self.pairs)
        return LooseObject(self.start, self.place, pairs, state)

    def _members(self) -> None:
        """Reads to the closing brace: keys and values, with a stack in place of recursion."""
        key = ""
        awaits_member = True  # false after a value, where a comma or the end must follow
        while self.stack:
            sign = self._next()
            if sign == ("}" if self.stack[-1] == "{" else "]"):
                self.place += 1
                self.stack.pop()
                awaits_member = False
                continue
            if not awaits_member:
                if sign == "," or (self.tolerant and sign == ";"):
                    self.place += 1
                elif not (self.tolerant and self.stack[-1] == "{" and _KEY_NEXT.match(self.text, self.place)):
                    raise _BrokenError
                awaits_member = True
                continue
            if self.stack[-1] == "{":
                key = self._key()
                self.pending = key if len(self.stack) == 1 else None
                sign = self._next()
            if sign in "{[":
                self._own(key, None)
                self.place += 1
                self.stack.append(sign)
                continue
            self._own(key, self._scalar())
            awaits_member = False

    def _next(self) -> str:
        """The next sign after a gap."""
        gap = _GAP.match(self.text, self.place)
        self.place = gap.end() if gap else self.place
        if self.place >= len(self.text) or self.text.startswith("```", self.place):
            raise _OpenError
        return self.text[self.place]

    def _own(self, key: str, value: Value) -> None:
        if len(self.stack) == 1:
            self.pairs.append((key, value))
            self.pending = None

    def _key(self) -> str:
        if self.quote.match(self.text, self.place):
            key = self._string(None)
        elif bare := _KEY.match(self.text, self.place):
            key, self.place = bare[1], bare.end()
        else:
            raise _BrokenError
        sign = self._next()
        if sign != ":" and not (self.tolerant and sign == "="):
            raise _BrokenError
        self.place += 2 if self.text.startswith("=>", self.place) else 1
        return key

    def _scalar(self) -> Value:
        if self.quote.match(self.text, self.place):
            return self._string(_AFTER_VALUE[self.stack[-1]])
        if number := _NUMBER.match(self.text, self.place):
            self.place = number.end()
            return None
        if word := _WORD.match(self.text, self.place):
            self.place = word.end()
            if word.end(1) == len(self.text) and word[1].casefold() not in _WORDS:
                raise _OpenError  # the word may go on
            return _WORDS.get(word[1].casefold(), word[1])
        raise _BrokenError

    def _string(self, follows: re.Pattern[str] | None) -> str:
        """Reads a string.

        Args:
            follows: What must follow its end in the tolerant reading; None if it holds no unescaped quotation mark even there.
        """
        opening = self.quote.match(self.text, self.place)
        assert opening is not None  # noqa: S101 (the callers have looked)
        escapes, quote = opening[1], opening[2]
        ends = (quote,) if quote == '""' or (quote in "\"'`" and not self.tolerant) else tuple(_DOUBLE if quote in _DOUBLE else _SINGLE)
        open_braces, counted = 0, opening.end()
        for found in self.quote.finditer(self.text, opening.end()):
            if found[2] not in ends or not _same_escapes(found[1], escapes):
                continue
            if self.tolerant and follows:
                open_braces += self.text.count("{", counted, found.start()) - self.text.count("}", counted, found.start())
                counted = found.start()
                # a quoted object ends before the string that quotes it
                if open_braces > 0 or not follows.match(self.text, found.end()):
                    continue
            self.place = found.end()
            inside = self.text[opening.end() : found.start() + len(found[1]) - len(escapes)]
            return _unescaped(inside)
        self.place = len(self.text)
        raise _OpenError


def _same_escapes(found: str, opening: str) -> bool:
    """Whether a quotation mark behind some backslashes ends a string that began behind others."""
    if opening:
        return found == opening
    return len(found) % 2 == 0


def _unescaped(inside: str) -> str:
    def one(match: re.Match[str]) -> str:
        if not match[1]:
            return _ESCAPES.get(match[2], match[2])
        # UTF-16, so that characters written as two escapes become one
        return bytes.fromhex(match[1].replace("\\u", "")).decode("utf-16-be", "surrogatepass")

    return _ESCAPE.sub(one, inside)
