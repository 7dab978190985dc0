"""What every figure must keep to, whatever it shows."""

from itertools import pairwise

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from misfire.reports.drawing.files import Drawing


def visible_texts(figure: Figure) -> list[Text]:
    """Every text that is drawn; ticks beyond the end of an axis are not."""
    figure.draw_without_rendering()
    hidden: set[Text] = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not (axes.axison and low <= tick.get_loc() <= high):
                    hidden |= {tick.label1, tick.label2}
            if not axes.axison:
                hidden.add(axis.label)
    return [
        text
        for text in figure.findobj(Text)
        if isinstance(text, Text) and text not in hidden and text.get_visible() and text.get_text().strip()
    ]


def check_layout(drawing: Drawing) -> None:
    """No text is cut off, small, or on another."""
    canvas = FigureCanvasAgg(drawing.figure)
    texts = visible_texts(drawing.figure)
    boxes = [Bbox(text.get_window_extent(canvas.get_renderer())) for text in texts]
    wide, high = drawing.figure.bbox.size
    for text, box in zip(texts, boxes, strict=True):
        assert float(text.get_fontsize()) >= 8
        assert box.x0 >= 0, (drawing.name, text)
        assert box.y0 >= 0, (drawing.name, text)
        assert box.x1 <= wide, (drawing.name, text)
        assert box.y1 <= high, (drawing.name, text)
    # slanted headings are parallel but their boxes overlap; they are separated by the distance of their
    # lines
    level = [index for index, text in enumerate(texts) if text.get_rotation() != 45]
    left, bottom, right, top = np.array([boxes[index].extents for index in level]).T
    across = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    upright = np.minimum.outer(top, top) - np.maximum.outer(bottom, bottom)
    meeting = np.triu(np.minimum(across, upright) >= 1, k=1)
    assert not meeting.any(), (
        drawing.name,
        [(texts[level[a]], texts[level[b]]) for a, b in np.argwhere(meeting)],
    )
    slanted = sorted(box.x0 for text, box in zip(texts, boxes, strict=True) if text.get_rotation() == 45)
    assert all(right - left > 0.2 * drawing.figure.dpi for left, right in pairwise(slanted))
