"""A report as GitHub-flavored Markdown."""

import re
from collections.abc import Iterable

from misfire.reports.document import CONTENT_WARNING, Document, Section
from misfire.reports.logs.viewer_links import Viewer
from misfire.reports.number_format import plain
from misfire.reports.pairs.failures import Failure
from misfire.reports.tables import Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&@-])")


def render(report: Document, viewer: Viewer) -> str:
    """Return the report as Markdown.

    Args:
        report: The report.
        viewer: Location of the log viewer.

    Returns:
        Markdown that refers to the figures in ``figures/``.
    """
    return "\n\n".join(_blocks(report, viewer)) + "\n"


def escape(text: str) -> str:
    """Escape a text for Markdown.

    Args:
        text: Any text.

    Returns:
        One line, for a paragraph or a table cell, with a backslash before each special character.
    """
    return _SPECIAL.sub(r"\\\1", plain(text))


def _blocks(report: Document, viewer: Viewer) -> Iterable[str]:
    yield f"# {escape(report.title)}"
    if report.caveats:
        yield "\n".join(f"> - {escape(line)}" for line in report.caveats)
    for section in report.sections:
        yield from _section(section, viewer)


def _section(section: Section, viewer: Viewer) -> Iterable[str]:
    yield f"## {escape(section.title)}"
    yield from map(escape, section.text)
    for drawing in section.drawings:
        yield f"![{escape(drawing.alt)}](figures/{drawing.name}.png)"
        yield f"**{escape(drawing.title)}.** {escape(drawing.caption)}"
    for table in section.tables:
        yield f"### {escape(table.title)}"
        if table.note:
            yield escape(table.note)
        yield _table(table)
    if section.failures:
        yield f"<details>\n<summary>{CONTENT_WARNING}</summary>"
        yield escape(viewer.advice)
        for failure in section.failures:
            yield from _failure(failure, viewer)
        yield "</details>"


def _table(table: Table) -> str:
    headings = "| " + " | ".join(escape(column.heading) for column in table.columns) + " |"
    rule = (
        "|"
        + "|".join("---" if column.kind in {"text", "time", "flag"} else "---:" for column in table.columns)
        + "|"
    )
    rows = ("| " + " | ".join(escape(text) for _, text in row) + " |" for row in table.rows())
    return "\n".join([headings, rule, *rows])


def _failure(failure: Failure, viewer: Viewer) -> Iterable[str]:
    yield f"#### {escape(failure.pair_id)}: {failure.runs_misfired} of {failure.runs} runs misfire"
    for half, prompt in failure.prompts:
        yield f"{half} half:"
        yield fence(prompt)
        for reply in (reply for reply in failure.replies if reply.half == half):
            yield (
                f"[{escape(reply.run)}]({viewer.link(reply.log, reply.sample_id, reply.epoch)}), "
                f"{reply.outcome}:"
            )
            yield fence(reply.text or "(no text)")


def fence(text: str) -> str:
    """Return a text as a fenced code block that no part of the text can close.

    Args:
        text: Any text.

    Returns:
        The block. Its fence is longer than any run of backticks in the text.
    """
    clean = "\n".join(plain(line) for line in text.splitlines())
    longest = max((len(run) for run in re.findall(r"`+", clean)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}text\n{clean}\n{marks}"
