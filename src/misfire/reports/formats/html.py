"""A report as one HTML page that needs nothing else: figures, styles and the sorting of tables are inside, and no network is asked."""

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from misfire.reports.document import CONTENT_WARNING, Document
from misfire.reports.drawing.files import Drawing, svg
from misfire.reports.logs.viewer_links import Viewer
from misfire.reports.number_format import plain

if TYPE_CHECKING:
    from jinja2 import Template

_HERE = Path(__file__).parent


def render(report: Document, viewer: Viewer) -> str:
    """The page.

    Args:
        report: What to say.
        viewer: Where samples can be looked at.

    Returns:
        HTML. Every text in it is escaped, and its policy lets the browser run the page's own script alone.
    """
    script, style = (_HERE / "report.js").read_text(encoding="utf-8"), (_HERE / "report.css").read_text(encoding="utf-8")
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

    # what the page says is not known here, so that every value is escaped
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    filters = {"image": _image, "sort_key": _sort_key, "lines": _lines}
    environment.filters.update(filters)  # pyright: ignore[reportUnknownMemberType] (jinja2 leaves the type of its filters open)
    return environment.get_template("report.html")


def _image(drawing: Drawing) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg(drawing)).decode()}"


def _sort_key(value: object) -> str:
    """What the script sorts by: the number in full, or the text; nothing for what is undefined."""
    if isinstance(value, str):
        return plain(value)
    return "" if value is None or value != value else repr(value)  # NaN alone differs from itself


def _lines(text: str) -> str:
    return "\n".join(plain(line) for line in text.splitlines())
