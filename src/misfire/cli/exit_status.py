"""How the ``misfire`` command ends: its exit status, and output that no terminal's encoding can break."""

import codecs
import contextlib
import os
import sys
import traceback
from typing import Any

import click

MET = 1
"""A condition of ``--fail-if`` is met, or cannot be judged. Nothing else ends with it; raise ``click.exceptions.Exit(MET)`` for it."""

UNUSABLE = 2
"""The input, or the command line, cannot be used."""

CRASHED = 70
"""An error that misfire did not foresee: a fault in misfire, or in what it runs on. (``EX_SOFTWARE`` of BSD's sysexits.)"""

INTERRUPTED = 130
"""Ctrl-C, as shells have it."""

CUT_OFF = 141
"""Who read the output has gone away, as in ``misfire report logs | head -1``; as shells have it."""

_PLAIN = {"−": "-", "–": "-", "…": "...", "“": '"', "”": '"', "’": "'", "×": "x", "·": "|", "→": "->", "Δ": "d", "′": "'", "∞": "inf"}
_HANDLER = "misfire_plain"


class Commands(click.Group):
    """Commands whose exit status says what happened, whichever of them it was.

    Click itself ends with 1 for an interruption, for a pipe that is closed and for some errors, and Python for every unforeseen one; here 1
    is the answer of a gate.
    """

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:  # noqa: ANN401 (click's)
        """Run the command line, and end the process."""
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
        except Exception as error:  # a command's own errors are told by ``invoke``; these are of writing what it said
            status = _crashed(error)
        raise SystemExit(status or 0)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's)
        """Run the command that was typed."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except BrokenPipeError:
            raise SystemExit(_cut_off()) from None
        except SystemExit as ending:
            if ending.code is None or (isinstance(ending.code, int) and ending.code != MET):
                raise
            # of a library: rich, for one, ends with 1 where a pipe is closed
            broken = isinstance(ending.__context__, BrokenPipeError)
            raise SystemExit(_cut_off() if broken else _crashed(ending)) from ending
        except Exception as error:
            from misfire.errors import InputError, as_option  # late: a command's help does without Inspect
            from misfire.inspect_compat.errors import PrerequisiteError

            if not isinstance(error, PrerequisiteError):
                raise SystemExit(_crashed(error)) from error
            told = error.written(as_option) if isinstance(error, InputError) else str(error)
            click.echo(f"misfire: {told}", err=True)
            raise SystemExit(UNUSABLE) from error


def _crashed(error: BaseException) -> int:
    traceback.print_exception(error)
    click.echo(
        f"misfire: an error that was not foreseen ({type(error).__name__}: {error}). It says nothing about your results. Please report it, "
        f"with the lines above. (Exit status {CRASHED}.)",
        err=True,
    )
    return CRASHED


def _cut_off() -> int:
    # what is still in the buffer would break the pipe again when Python ends
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return CUT_OFF


def _accept_any_text(stream: object) -> None:
    """Lets a stream write letters that its encoding lacks: signs in a plain form, others as "?"."""
    codecs.register_error(_HANDLER, _in_plain_form)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors=_HANDLER)


def _in_plain_form(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(letter, "?") for letter in error.object[error.start : error.end]), error.end
