"""The error that misfire raises for input it cannot use: it says where, what, and what to do about it."""

from inspect_ai._util.error import PrerequisiteError
from rich.markup import escape


class InputError(PrerequisiteError):
    """Input (a file, a row, a parameter) that misfire refuses.

    Inspect shows an error of this family as its message alone, without a traceback, because it is the
    user's input that wants mending and not the program. The message is plain text: brackets in it are
    escaped for Inspect's console, so that quoted data cannot act as console markup.
    """

    def __init__(self, message: str) -> None:
        super().__init__(escape(message))
        self.text = message
        """The message as plain text."""

    def __str__(self) -> str:
        return self.text
