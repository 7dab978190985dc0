"""A figure with its caption, and its SVG and PNG files. The same figure always gives the same bytes."""

# matplotlib's own types leave keyword arguments open
# pyright: reportUnknownMemberType=false

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from misfire.datasets.writing import replaced_file
from misfire.reports.drawing.style import our_settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 160
"""Resolution of PNG files."""


@dataclass(frozen=True)
class Drawing:
    """A figure with its title, caption and alternative text.

    Attributes:
        name: File name without extension.
        title: Heading of the figure.
        caption: What the figure shows, what n is, and how to read it.
        alt: The main numbers, for readers who cannot see the figure.
        figure: The figure.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: "Figure"

    @cached_property
    def svg(self) -> bytes:
        """Content of the figure's SVG file. Its text is stored as text, not as outlines.

        It is encoded once, although a report needs it twice: as a file, and in report.html.
        """
        return _encoded(self, "svg", {"Title": self.title, "Creator": "misfire", "Date": None})


def png(drawing: Drawing) -> bytes:
    """Return the content of the figure's PNG file, at ``DPI`` dots per inch."""
    return _encoded(drawing, "png", {"Title": drawing.title, "Software": None})


def save(drawing: Drawing, folder: Path) -> tuple[Path, Path]:
    """Write a figure as ``<name>.svg`` and ``<name>.png``.

    Args:
        drawing: The figure.
        folder: An existing folder.

    Returns:
        Paths of the SVG file and the PNG file.
    """
    vector, pixels = folder / f"{drawing.name}.svg", folder / f"{drawing.name}.png"
    for path, content in ((vector, drawing.svg), (pixels, png(drawing))):
        with replaced_file(path) as temporary:
            temporary.write_bytes(content)
    return vector, pixels


def _encoded(drawing: Drawing, form: Literal["svg", "png"], metadata: Mapping[str, str | None]) -> bytes:
    with our_settings(), BytesIO() as content:
        drawing.figure.savefig(content, format=form, dpi=DPI, metadata=dict(metadata))
        return content.getvalue()
