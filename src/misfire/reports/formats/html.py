"""A report as one self-contained HTML page with figures, styles and sortable tables.

The page makes no network requests.
"""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from misfire.reports.document import CONTENT_WARNING, Document
from misfire.reports.drawing.files import Drawing
from misfire.reports.logs.viewer_links import Viewer
from misfire.reports.number_format import plain

if TYPE_CHECKING:
    from jinja2 import Template

_HERE = Path(__file__).parent


def render(report: Document, viewer: Viewer) -> str:
    """Return the report as HTML.

    Args:
        report: The report.
        viewer: Location of the log viewer.

    Returns:
        The page. All text is escaped, and its content security policy allows only the page's own script.
    """
    script, style = (
        (_HERE / "report.js").read_text(encoding="utf-8"),
        (_HERE / "report.css").read_text(encoding="utf-8"),
    )
    return _template().render(
        report=report,
        viewer=viewer,
        warning=CONTENT_WARNING,
        script=script,
        style=style,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


@lru_cache(maxsize=1)
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # the content of the page is not trusted, so every value is escaped
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {"image": _image, "sort_key": _sort_key, "lines": _lines}
    environment.filters.update(filters)  # pyright: ignore[reportUnknownMemberType] (jinja2 does not declare the type of its filters)
    return environment.get_template("report.html")


def _image(drawing: Drawing) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing.svg).decode()}"


def _sort_key(value: object) -> str:
    """Return the sort key of a cell: the number in full, or the text. Empty if undefined."""
    if isinstance(value, str):
        return plain(value)
    return "" if value is None or value != value else repr(value)  # only NaN differs from itself


def _lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.splitlines())
