"""The error that misfire raises for input it cannot use: it says where, what, and what to do about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.markup import escape

from misfire.inspect_compat.errors import PrerequisiteError

__all__ = ["InputError"]

LONGEST_LINE = 1500
"""A longer line of an error loses its middle: it quotes data, and data may be any length."""


@dataclass(frozen=True)
class Setting:
    """A parameter that advice names. Each interface writes it in its own way.

    Attributes:
        name: Name of the parameter, as tasks spell it (``bbq_dir``).
        value: The value to give; empty where the advice names the parameter alone.
    """

    name: str
    value: str = ""


def as_task_parameter(setting: Setting) -> str:
    """A setting as `inspect eval` takes it, for example ``-T allow_unverified=true``."""
    return f"-T {setting.name}={setting.value}"


def as_option(setting: Setting) -> str:
    """A setting as the ``misfire`` command takes it, for example ``--allow-unverified``."""
    option = f"--{setting.name.replace('_', '-')}"
    return option if setting.value in {"", "true"} else f"{option} {setting.value}"


class InputError(PrerequisiteError):
    r"""Input (a file, a row, a parameter) that misfire refuses.

    Inspect shows an error of this family as its message alone, without a traceback, because the fault is in the input and not in the
    program. The message is plain text: brackets in it are escaped for Inspect's console, so that quoted data cannot act as console markup.
    Characters that cannot be printed are written as Python writes them, as in ``\x1b``, so that quoted data cannot act on a terminal.

    Args:
        message: What is wrong, and where: file, row, field.
        parameter: Name of the parameter whose value is refused, if it is one.
        advice: What to do about it; each ``{}`` stands for one of the settings.
        settings: The parameters that the advice names.
    """

    def __init__(self, message: str, *, parameter: str | None = None, advice: str = "", settings: Sequence[Setting] = ()) -> None:
        self.message_alone, self.parameter, self.advice, self.settings = message, parameter, advice, tuple(settings)
        self.text = self.written(as_task_parameter)
        """The message with its advice as plain text, in the words of `inspect eval`."""
        super().__init__(escape(self.text))

    def written(self, write: Callable[[Setting], str]) -> str:
        """The message with its advice, in the words of one interface.

        Args:
            write: How that interface writes a setting.
        """
        advice = self.advice.format(*map(write, self.settings)) if self.advice else ""
        return "\n".join(map(_shown, f"{self.message_alone} {advice}".rstrip(" ").split("\n")))

    def __str__(self) -> str:
        return self.text


def _shown(line: str) -> str:
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in line)
    if len(shown) <= LONGEST_LINE:
        return shown
    kept = LONGEST_LINE // 2
    return f"{shown[:kept]} … ({len(shown) - 2 * kept} more characters) … {shown[-kept:]}"
