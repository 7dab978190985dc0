"""The error that misfire raises for input it cannot use: it says where, what, and what to do about it."""

from rich.markup import escape

from misfire.inspect_compat.errors import PrerequisiteError

LONGEST_LINE = 1500
"""A longer line of an error loses its middle: it quotes data, and data may be any length."""


class InputError(PrerequisiteError):
    r"""Input (a file, a row, a parameter) that misfire refuses.

    Inspect shows an error of this family as its message alone, without a traceback, because it is the
    user's input that wants mending and not the program. The message is plain text: brackets in it are
    escaped for Inspect's console, so that quoted data cannot act as console markup. Nor can it act on a terminal: whatever cannot be
    printed is written as Python would write it, as in ``\x1b``.
    """

    def __init__(self, message: str) -> None:
        text = "\n".join(map(_shown, message.split("\n")))
        super().__init__(escape(text))
        self.text = text
        """The message as plain text."""

    def __str__(self) -> str:
        return self.text


def _shown(line: str) -> str:
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
    if len(shown) <= LONGEST_LINE:
        return shown
    kept = LONGEST_LINE // 2
    return f"{shown[:kept]} … ({len(shown) - 2 * kept} more characters) … {shown[-kept:]}"
