"""Pages: figures and axes placed in inches from the top left corner."""

# matplotlib's own types leave keyword arguments open
# pyright: reportUnknownMemberType=false

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN = 0.12
"""Space around a figure, in inches."""

LINE = 0.18
"""Height of a line of text, in inches."""

ROW = 0.34
"""Height of a row of a chart, in inches."""


def new_page(width: float, height: float) -> "tuple[Figure, Axes]":
    """Create an empty figure.

    Args:
        width: Width, in inches.
        height: Height, in inches.

    Returns:
        The figure, and axes that cover it. Coordinates of the axes are inches from the top left corner.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, width), ylim=(height, 0))
    page.set_axis_off()
    return figure, page


def new_axes(figure: "Figure", left: float, top: float, width: float, height: float) -> "Axes":
    """Add axes to a figure. Positions and sizes are in inches, measured from the figure's top left corner."""
    page_width, page_height = figure.get_size_inches()
    bottom = 1 - (top + height) / page_height
    return figure.add_axes((left / page_width, bottom, width / page_width, height / page_height))
