"""Find JSON objects in a model's text and read their top level, as tolerantly as is safe.

Models write JSON in many ways: with single, curly or escaped quotes, bare words, Python's ``True``, a
trailing or missing comma, a line break or an unescaped quotation mark within a string, or comments. This
module reads all of these but never adds anything: an object that does not end is marked as open, and one that
cannot be read is reported as broken. Only strings, words and booleans at the top level of an object are
returned, because nothing at deeper levels is the object's own answer.

Repair libraries were tried and are not used (json-repair 0.64, json5 0.17, pyjson5 2.0, dirtyjson 1.0,
demjson3 3.0, hjson 3.1). json-repair invents values: it reads ``{"answer": true false}`` as true and
``{"answer": "yes" "no"}`` as yes, and if a judge quotes ``{"a": false}`` without escapes, it replaces the
judge's own value with the quoted one. It also hides repeated keys. The others reject most of the forms listed
above.

Reading takes time proportional to the length of the text and uses no recursion.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Value = str | bool | None
"""A value at the top level: a string (or bare word), a boolean, or None for anything else (null, numbers,
lists, objects)."""


@dataclass(frozen=True)
class LooseObject:
    """An object in a text.

    Attributes:
        start: Index of the opening brace.
        end: Index after the closing brace, or after the part of the text that belongs to the object.
        pairs: Keys and values at the top level, in order, including repeated keys. Empty for a broken object.
        state: ``closed``: read up to its closing brace. ``open``: well formed, but the text or its code fence
            ends before the closing brace. ``broken``: cannot be read.
    """

    start: int
    end: int
    pairs: tuple[tuple[str, Value], ...]
    state: Literal["closed", "open", "broken"]

    def values(self, key: str) -> list[Value]:
        """Return all values of a key, ignoring case."""
        return [value for name, value in self.pairs if name.strip(_AROUND_KEY).casefold() == key]


_AROUND_KEY = " \t\r\n*_:"

_DOUBLE, _SINGLE = '"“”„‟″＂«»', "'‘’‚‛′`"
_QUOTES = _DOUBLE + _SINGLE

# white space, escaped white space, and comments
_SPACE = (
    r"(?:[\s\u200b\ufeff]++|\\[nrt](?=[\s\\{}\[\],:\"'])|\\(?=[{}\[\]])|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)*+"
)
_GAP = re.compile(_SPACE)
# a brace that is followed by a quoted key, or by a bare key with ":" or "="
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
_WORDS: dict[str, Value] = {
    "true": True,
    "false": False,
    "null": None,
    "none": None,
    "nan": None,
    "infinity": None,
    "undefined": None,
}
_ESCAPE = re.compile(r"((?:\\u[0-9a-fA-F]{4})+)|\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}

# what must follow a quotation mark that ends a string, if strings may contain unescaped ones
_NEXT_KEY = rf"(?:\\*+[{_QUOTES}][\w .*-]{{1,60}}\\*+[{_QUOTES}]|[A-Za-z_]\w{{0,60}})\s*+:"
_KEY_NEXT = re.compile(_NEXT_KEY)
_AFTER_VALUE = {
    "{": re.compile(rf"(?:\s|\\[nrt])*+(?:\}}|[,;](?:\s|\\[nrt])*+(?:\}}|{_NEXT_KEY})|{_NEXT_KEY})"),
    "[": re.compile(
        rf"(?:\s|\\[nrt])*+(?:\]|,(?:\s|\\[nrt])*+(?:[\[\]{{]|\\*+[{_QUOTES}]|[-\d]|true|false|null))"
    ),
}


def find_objects(text: str) -> Iterator[LooseObject]:
    """Yield the outermost objects of a text, in order.

    A brace starts an object if a key follows it. If the object cannot be read strictly, it is read again with
    unescaped quotation marks allowed in strings and with missing commas. If that fails too, the object is
    broken. It then includes everything up to the matching closing brace, and everything that either attempt
    considered part of it.
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
    """Return the object that makes up a whole text apart from white space, or None."""
    stripped = text.strip().translate(_FULL_WIDTH)
    if not _START.match(stripped):
        return None
    found = next(find_objects(stripped))
    return found if found.state == "closed" and found.end == len(stripped) else None


def has_loose_parts(text: str, objects: Sequence[LooseObject], keys: Sequence[str]) -> bool:
    """Check for loose parts of an object after another object, which make it unclear what belongs to which.

    A judge that quotes an object without escapes leaves such parts, since the quoted object seems to end the
    judge's own object.

    Args:
        text: The text.
        objects: Its objects, from ``find_objects``.
        keys: The keys that matter.

    Returns:
        True if a closing brace occurs somewhere after an object other than immediately after it, or one of
        the keys occurs there in quotation marks.
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
            # an unmatched closing brace that does not directly follow the object
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
    """The text is not an object in this reading."""


class _OpenError(Exception):
    """The text ends within the object."""


class _Reader:
    """Reads one object.

    Args:
        text: The text.
        start: Index of the object's opening brace.
        tolerant: Whether strings may contain unescaped quotation marks and commas may be missing.
    """

    def __init__(self, text: str, start: int, *, tolerant: bool) -> None:
        self.text, self.start, self.tolerant = text, start, tolerant
        self.place = start + 1
        self.stack = ["{"]
        self.pairs: list[tuple[str, Value]] = []
        self.pending: str | None = None  # a top-level key whose value has not been read yet
        self.quote = (
            _DOUBLED if _DOUBLED_START.match(text, start) else _QUOTE
        )  # quotes doubled as in CSV, or single quotes

    def read(self) -> LooseObject:
        """Return the object. It is open or broken if it does not end."""
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
        """Read keys and values up to the closing brace, with a stack instead of recursion."""
        key = ""
        awaits_member = True  # false after a value, when a comma or the end must follow
        while self.stack:
            sign = self._next()
            # the end of the innermost object or list
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
        """Return the next character after white space and comments."""
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
                raise _OpenError  # the word may be incomplete
            return _WORDS.get(word[1].casefold(), word[1])
        raise _BrokenError

    def _string(self, follows: re.Pattern[str] | None) -> str:
        """Read a string.

        Args:
            follows: What must follow the end of the string in the tolerant reading, or None if the string
                cannot contain unescaped quotation marks.
        """
        opening = self.quote.match(self.text, self.place)
        assert opening is not None  # noqa: S101 (checked by the callers)
        escapes, quote = opening[1], opening[2]
        # in the strict reading, a straight quote must be closed by the same character; otherwise any double
        # (or any single) quote closes the string
        ends = (
            (quote,)
            if quote == '""' or (quote in "\"'`" and not self.tolerant)
            else tuple(_DOUBLE if quote in _DOUBLE else _SINGLE)
        )
        open_braces, counted = 0, opening.end()
        for found in self.quote.finditer(self.text, opening.end()):
            if found[2] not in ends or not _same_escapes(found[1], escapes):
                continue
            if self.tolerant and follows:
                open_braces += self.text.count("{", counted, found.start()) - self.text.count(
                    "}", counted, found.start()
                )
                counted = found.start()
                # an object that is quoted within the string must end before the string does
                if open_braces > 0 or not follows.match(self.text, found.end()):
                    continue
            self.place = found.end()
            # the backslashes before the closing quote that exceed those before the opening quote belong to
            # the content
            inside = self.text[opening.end() : found.start() + len(found[1]) - len(escapes)]
            return _unescaped(inside)
        self.place = len(self.text)
        raise _OpenError


def _same_escapes(found: str, opening: str) -> bool:
    """Check whether a quotation mark after some backslashes can end a string that started after others."""
    if opening:
        return found == opening
    return len(found) % 2 == 0


def _unescaped(inside: str) -> str:
    def one(match: re.Match[str]) -> str:
        if not match[1]:
            return _ESCAPES.get(match[2], match[2])
        # decode as UTF-16, so that a surrogate pair written as two escapes becomes one character
        return bytes.fromhex(match[1].replace("\\u", "")).decode("utf-16-be", "surrogatepass")

    return _ESCAPE.sub(one, inside)
