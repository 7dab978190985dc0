"""Colors and markers of figures.

Colors are those of Okabe and Ito. Whatever differs by color also differs by marker, line or brightness, so
that figures can be read in black and white and by people with color vision deficiency.
"""

# matplotlib's own types leave keyword arguments open
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

VERMILLION, BLUE, GREEN, PURPLE, ORANGE, SKY = (
    "#D55E00",
    "#0072B2",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)
BLACK, GRAY, PALE, BAND = "#000000", "#595959", "#BDBDBD", "#F4F4F4"


@dataclass(frozen=True)
class Look:
    """The appearance of the points of a series.

    Attributes:
        marker: Matplotlib's code of the marker.
        color: Color of the points and of their intervals.
        size: Size of the marker, in points.
        face: Fill color; ``color`` if None.
        edge: Color of the outline; ``color`` if None.
        edge_width: Width of the outline, in points.
    """

    marker: str
    color: str
    size: float = 6
    face: str | None = None
    edge: str | None = None
    edge_width: float = 1

    def points(self, axes: "Axes", xs: Sequence[float], ys: Sequence[float], label: str = "") -> None:
        """Draw points. Points on the edge of the axes are drawn whole.

        Args:
            axes: Axes to draw on.
            xs: Horizontal positions, in data coordinates.
            ys: Vertical positions, in data coordinates.
            label: Name of the series in the legend.
        """
        axes.plot(
            xs,
            ys,
            linestyle="none",
            marker=self.marker,
            color=self.color,
            markersize=self.size,
            markerfacecolor=self.face or self.color,
            markeredgecolor=self.edge or self.color,
            markeredgewidth=self.edge_width,
            clip_on=False,
            zorder=3,
            label=label,
        )


LOOKS = tuple(
    zip(
        (VERMILLION, BLUE, GREEN, BLACK, ORANGE, PURPLE, SKY),
        ("o", "s", "^", "D", "v", "P", "X"),
        ("-", "--", "-.", ":", "-", "--", "-."),
        strict=True,
    )
)
"""Color, marker and line style of each model in a figure; figures cycle through them."""


def shade_of(part: float) -> str:
    """Return the color of a value from 0 (light) to 1 (dark).

    The scale has a single hue, so that the order is visible without color.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return to_hex(colormaps["Blues"](0.04 + 0.96 * part))


def _linear(channel: float) -> float:
    """Linear intensity of an sRGB channel from 0 to 1."""
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def ink_on(part: float) -> str:
    """Return black or white, whichever has the higher contrast on ``shade_of(part)``.

    Contrast is computed from relative luminance as defined in WCAG 2.
    """
    from matplotlib.colors import to_rgb

    red, green, blue = map(_linear, to_rgb(shade_of(part)))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"
