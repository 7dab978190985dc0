"""Write a report to a folder in the requested formats."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

from misfire.datasets.folders import FolderKind, replaced_folder
from misfire.errors import InputError
from misfire.reports.document import document
from misfire.reports.drawing.files import save
from misfire.reports.formats import csv, html, latex, markdown, summary
from misfire.reports.logs.viewer_links import DEFAULT_URL, viewer_of
from misfire.reports.results import Results

Format = Literal["md", "csv", "tex", "json", "html"]

FORMATS: tuple[Format, ...] = get_args(Format)
"""``md``: report.md. ``csv`` and ``tex``: one file per table. ``json``: summary.json. ``html``: report.html,
which
needs no other file."""

REPORT = FolderKind(
    "report",
    re.compile(
        r"report\.(html|md)|summary\.json|tables/((veto|priming|misalign)_\w+|runs)\.(csv|tex)"
        r"|figures/(misalign_\w+|mar_br_\w+|category_heat_map|scenarios|confusion|protocol_slopes"
        r"|priming_dumbbell|control_differences)\.(svg|png)"
    ),
    "choose another folder with --out, or use --overwrite to replace these files.",
)
"""The folder of a report. The pattern matches the files that versions before 0.2 wrote without a manifest."""

_DRAWN: frozenset[Format] = frozenset({"md", "tex", "html"})
"""Formats that include figures."""


def parse_formats(text: str) -> tuple[Format, ...]:
    """Parse a list of formats.

    Args:
        text: For example ``md,html``.

    Returns:
        The formats, without duplicates.

    Raises:
        InputError: A format is unknown, or there is none.
    """
    names = [name.strip().lower().removeprefix(".") for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise InputError(
            f"--format: no such format: {', '.join(unknown) or 'none given'}. Available: "
            f"{', '.join(FORMATS)}."
        )
    return tuple(known for known in FORMATS if known in names)


def write_report(
    results: Results,
    out: Path,
    *,
    formats: Sequence[Format] = FORMATS,
    published: bool = False,
    examples: int = 10,
    viewer_url: str = DEFAULT_URL,
    overwrite: bool = False,
) -> list[Path]:
    """Write a report to a folder. If writing fails, the folder is left as it was.

    Args:
        results: The results of the logs.
        out: The folder. It is created if it does not exist. An existing report in it is replaced completely,
            and other files are kept.
        formats: The formats.
        published: Whether to include the rows that the paper published.
        examples: Maximum number of failures to show with their texts.
        viewer_url: Address of `inspect view`, for links to samples.
        overwrite: Whether to replace files in the folder that misfire did not write, or that were edited
            since.

    Returns:
        The files, in the order in which they were written.

    Raises:
        InputError: The folder cannot be written to, or it contains files that must not be replaced.
    """
    wanted = set(formats)
    report = document(
        results,
        published=published,
        figures=not wanted.isdisjoint(_DRAWN),
        examples=examples if wanted & {"md", "html"} else 0,
    )
    viewer = viewer_of(
        (run.log for run in (*results.run_set.runs, *results.misalign.run_set.runs)), viewer_url
    )
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
    with replaced_folder(out, REPORT, overwrite=overwrite) as new:
        written = list(_write(new, files))
        for drawing in report.drawings:
            (new / "figures").mkdir(exist_ok=True)
            written += save(drawing, new / "figures")
    return [out / path.relative_to(new) for path in written]


def _write(out: Path, files: dict[str, str]) -> Iterable[Path]:
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        yield path
