"""Exit status of the ``misfire`` command, and output that works with any terminal encoding."""

import codecs
import contextlib
import os
import sys
import traceback
from typing import Any

import click

MET = 1
"""A condition of ``--fail-if`` is met or cannot be evaluated. No other outcome has this status. Raise
``click.exceptions.Exit(MET)`` for it."""

UNUSABLE = 2
"""The input or the command line is invalid."""

CRASHED = 70
"""An unexpected error in misfire or a library. (``EX_SOFTWARE`` in BSD's sysexits.)"""

INTERRUPTED = 130
"""Interrupted with Ctrl-C, following the convention of shells."""

CUT_OFF = 141
"""The reader of the output has exited, as in ``misfire report logs | head -1``, following the convention of
shells."""

_PLAIN = {
    "−": "-",
    "–": "-",
    "…": "...",
    "“": '"',
    "”": '"',
    "’": "'",
    "×": "x",
    "·": "|",
    "→": "->",
    "Δ": "d",
    "′": "'",
    "∞": "inf",
}
_HANDLER = "misfire_plain"


class Commands(click.Group):
    """A command group that maps each kind of outcome to its own exit status.

    Click itself exits with 1 after an interruption, a closed pipe and some errors, and Python does so after
    any unexpected error. Here, 1 is reserved for conditions of ``--fail-if``.
    """

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:  # noqa: ANN401 (click's)
        """Run the command line and exit."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        for stream in (sys.stdout, sys.stderr):
            _accept_any_text(stream)
        try:
            status = super().main(*args, standalone_mode=False, **extra)
            sys.stdout.flush()
        except click.ClickException as error:
            error.show()
            status = UNUSABLE
        except click.Abort:
            click.echo("misfire: interrupted.", err=True)
            status = INTERRUPTED
        except BrokenPipeError:
            status = _cut_off()
        except (
            Exception
        ) as error:  # ``invoke`` reports the errors of commands; this one occurred while writing the output
            status = _crashed(error)
        raise SystemExit(status or 0)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's)
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except BrokenPipeError:
            raise SystemExit(_cut_off()) from None
        except SystemExit as ending:
            if ending.code is None or (isinstance(ending.code, int) and ending.code != MET):
                raise
            # from a library; for example, rich exits with 1 if a pipe is closed
            broken = isinstance(ending.__context__, BrokenPipeError)
            raise SystemExit(_cut_off() if broken else _crashed(ending)) from ending
        except Exception as error:
            from misfire.errors import (
                InputError,
                as_option,
            )  # imported here so that --help does not need Inspect
            from misfire.inspect_compat.errors import PrerequisiteError

            if not isinstance(error, PrerequisiteError):
                raise SystemExit(_crashed(error)) from error
            message = error.written(as_option) if isinstance(error, InputError) else str(error)
            click.echo(f"misfire: {message}", err=True)
            raise SystemExit(UNUSABLE) from error


def _crashed(error: BaseException) -> int:
    traceback.print_exception(error)
    click.echo(
        f"misfire: an unexpected error occurred ({type(error).__name__}: {error}). It says nothing about "
        f"your results. Please report it together with the lines above. (Exit status {CRASHED}.)",
        err=True,
    )
    return CRASHED


def _cut_off() -> int:
    # otherwise the rest of the buffer would raise the error again when Python exits
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CUT_OFF


def _accept_any_text(stream: object) -> None:
    """Let a stream write characters that its encoding lacks: symbols in a plain form, all others as "?"."""
    codecs.register_error(_HANDLER, _in_plain_form)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_HANDLER)


def _in_plain_form(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end
