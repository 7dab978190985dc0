"""The error that misfire raises for invalid input.

It states where and what the problem is, and what to do about it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.markup import escape

from misfire.inspect_compat.errors import PrerequisiteError

__all__ = ["InputError"]

LONGEST_LINE = 1500
"""Maximum length of a line in an error. Longer lines, which quote long data, are shortened in the middle."""


@dataclass(frozen=True)
class Setting:
    """A parameter that an advice mentions. Each interface formats it in its own way.

    Attributes:
        name: Name of the parameter as in tasks (``bbq_dir``).
        value: The value, or empty if the advice mentions only the parameter.
    """

    name: str
    value: str = ""


def as_task_parameter(setting: Setting) -> str:
    """Format a setting for `inspect eval`, for example ``-T allow_unverified=true``."""
    return f"-T {setting.name}={setting.value}"


def as_option(setting: Setting) -> str:
    """Format a setting for the ``misfire`` command, for example ``--allow-unverified``."""
    option = f"--{setting.name.replace('_', '-')}"
    return option if setting.value in {"", "true"} else f"{option} {setting.value}"


class InputError(PrerequisiteError):
    r"""Input (a file, a row or a parameter) that misfire rejects.

    Inspect shows this kind of error as a message without a traceback, since the fault is in the input and not
    in the program. The message is plain text. Brackets are escaped so that quoted data cannot act as markup
    in Inspect's console, and characters that cannot be printed are written as Python escapes, such as
    ``\x1b``, so that quoted data cannot control a terminal.

    Args:
        message: What is wrong, and where: file, row, field.
        parameter: Name of the parameter with the invalid value, if any.
        advice: What to do about it. Each ``{}`` stands for one of the settings.
        settings: The parameters that the advice mentions.
    """

    def __init__(
        self,
        message: str,
        *,
        parameter: str | None = None,
        advice: str = "",
        settings: Sequence[Setting] = (),
    ) -> None:
        self.message_alone, self.parameter, self.advice, self.settings = (
            message,
            parameter,
            advice,
            tuple(settings),
        )
        self.text = self.written(as_task_parameter)
        """The message and advice as plain text, formatted for `inspect eval`."""
        super().__init__(escape(self.text))

    def written(self, write: Callable[[Setting], str]) -> str:
        """Return the message and advice, formatted for one interface.

        Args:
            write: Formats a setting for that interface.
        """
        advice = self.advice.format(*map(write, self.settings)) if self.advice else ""
        return "\n".join(map(_shown, f"{self.message_alone} {advice}".rstrip(" ").split("\n")))

    def __str__(self) -> str:
        return self.text


def _shown(line: str) -> str:
    # ascii() returns the escape within quotes, which [1:-1] removes
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
    if len(shown) <= LONGEST_LINE:
        return shown
    kept = LONGEST_LINE // 2
    return f"{shown[:kept]} … ({len(shown) - 2 * kept} more characters) … {shown[-kept:]}"
