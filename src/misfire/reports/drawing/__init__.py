"""Drawing: building blocks that every figure shares.

- ``palettes``: colors, markers, and the color scale of rates.
- ``style``: matplotlib settings and text sizes.
- ``pages``: figures and axes placed in inches.
- ``labels``: text on a figure, its width, and where to place it without overlaps.
- ``charts``: axes of rates and rows of estimates.
- ``heat_maps``: heat maps of rates.
- ``files``: a figure with its caption, and its SVG and PNG files.
"""
