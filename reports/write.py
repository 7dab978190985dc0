"""Writing a report to a folder, in the formats asked for."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

from misfire.errors import InputError
from misfire.reports.canvas import save
from misfire.reports.document import document
from misfire.reports.formats import csv, html, latex, markdown, summary
from misfire.reports.frames import Results
from misfire.reports.viewer import DEFAULT_URL, viewer_of

Format = Literal["md", "csv", "tex", "json", "html"]

FORMATS: tuple[Format, ...] = get_args(Format)
"""``md``: report.md; ``csv`` and ``tex``: a file a table; ``json``: summary.json; ``html``: report.html, which needs no other file."""

_DRAWN: frozenset[Format] = frozenset({"md", "tex", "html"})
"""Formats that go with figures."""


def parse_formats(text: str) -> tuple[Format, ...]:
    """Formats as a user lists them.

    Args:
        text: For example ``md,html``.

    Returns:
        The formats, each once.

    Raises:
        InputError: One is unknown, or there is none.
    """
    names = [name.strip().lower().removeprefix(".") for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise InputError(f"--format: no such format: {', '.join(unknown) or 'none given'}. There are: {', '.join(FORMATS)}.")
    return tuple(known for known in FORMATS if known in names)


def write_report(
    results: Results,
    out: Path,
    *,
    formats: Sequence[Format] = FORMATS,
    published: bool = False,
    examples: int = 10,
    viewer_url: str = DEFAULT_URL,
) -> list[Path]:
    """Write a report.

    Args:
        results: What the logs hold.
        out: The folder; it is made if it is not there, and files of an earlier report in it are replaced.
        formats: Which formats.
        published: Whether the paper's rows stand beside the measured ones.
        examples: How many of the most telling failures to show with their texts.
        viewer_url: Address of `inspect view`, for links to samples.

    Returns:
        The files, in the order in which they were written.

    Raises:
        InputError: The folder cannot be written to.
    """
    wanted = set(formats)
    report = document(
        results, published=published, figures=not wanted.isdisjoint(_DRAWN), examples=examples if wanted & {"md", "html"} else 0
    )
    viewer = viewer_of((run.log for run in (*results.run_set.runs, *results.misalign.run_set.runs)), viewer_url)
    files: dict[str, str] = {}
    if "html" in wanted:
        files["report.html"] = html.render(report, viewer)
    if "md" in wanted:
        files["report.md"] = markdown.render(report, viewer)
    if "json" in wanted:
        files["summary.json"] = summary.render(results, report.caveats, published=published)
    if "csv" in wanted:
        files |= {f"tables/{table.name}.csv": csv.render(table) for table in report.tables}
    if "tex" in wanted:
        files |= {f"tables/{table.name}.tex": latex.render(table) for table in report.tables}
    try:
        written = list(_write(out, files))
        for drawing in report.drawings:
            (out / "figures").mkdir(exist_ok=True)
            written += save(drawing, out / "figures")
    except OSError as error:
        raise InputError(f"{out}: the report cannot be written there ({error.strerror}). Choose another folder by --out.") from error
    return written


def _write(out: Path, files: dict[str, str]) -> Iterable[Path]:
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        yield path
