"""Matplotlib settings of all figures. They apply while a figure is drawn; global settings do not change."""

import warnings
from collections.abc import Generator
from contextlib import contextmanager

from misfire.reports.drawing.palettes import GRAY

POINTS = 8.0
"""Size of most text. No text is smaller."""


@contextmanager
def our_settings() -> Generator[None]:
    """Apply misfire's settings on top of matplotlib's defaults, whatever the user's own settings are."""
    from matplotlib import style

    ours = {
        "font.family": "sans-serif",
        # SVG files name this font. It comes with matplotlib and is wide: a reader's own font fits too.
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": POINTS,
        "axes.titlesize": 9,
        "axes.labelsize": 9,
        "xtick.labelsize": POINTS,
        "ytick.labelsize": POINTS,
        "legend.fontsize": POINTS,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GRAY,
        "hatch.linewidth": 0.7,
        # labels are plain text, even if they contain dollar signs
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "misfire",
    }
    with style.context(["default", ours]), warnings.catch_warnings():
        # PNG files show a box for such a character; in SVG files the reader's own fonts have it
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        yield
