"""Sheets of panels: curves, profiles and regions side by side or stacked, under one heading and one legend."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scanengine.errors import InputError
from scanengine.figures import _panel as drawing
from scanengine.figures import _style as style
from scanengine.figures._items import Item, Line, Panel, Points
from scanengine.figures._text import drawable

PANEL_HEIGHT_IN, STACKED_HEIGHT_IN = 2.3, 1.7
MARGIN_IN, GAP_IN = 0.06, 0.12
NARROWEST_IN = 1.2


@style.in_house_style
def sheet(panels: Sequence[Sequence[Panel]], *, heading: Sequence[str] = (), share_x: bool = False) -> Figure:
    """Rows of panels, a column of print wide if there is one in each row and two columns of print wide otherwise.

    The lines of `heading` (levels with their degrees of freedom, conditions) and one legend of all labels stand above.
    With `share_x` the panels of a column have one x axis, and only the lowest carries its numbers. Raises `InputError`
    for rows of unequal length, a panel with nothing to draw, a log axis with nothing positive, a label that stands for
    two looks, or words too long for the width.
    """
    rows = [list(row) for row in panels]
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise InputError(f"A sheet needs rows of equally many panels, found {[len(row) for row in rows]}.")
    limits = [[(drawing.limits(panel, "x"), drawing.limits(panel, "y")) for panel in row] for row in rows]
    if share_x:
        _join_columns(rows, limits)
    columns = len(rows[0])
    figure = style.new_figure(style.SINGLE_COLUMN_IN if columns == 1 else style.DOUBLE_COLUMN_IN, 3.0)
    fills = [getattr(item, "fill", None) for row in rows for panel in row for item in panel.items]
    tones = 1 + max((fill for fill in fills if isinstance(fill, int)), default=0)
    grid = []
    handles: dict[str, tuple[tuple[object, ...], Artist]] = {}
    for i, row in enumerate(rows):
        grid.append([figure.add_axes((0.0, 0.0, 1.0, 1.0)) for _ in row])
        for panel, axes, (x_limits, y_limits) in zip(row, grid[-1], limits[i], strict=True):
            lowest = i == len(rows) - 1 or not share_x
            drawing.scale_axis(axes, "x", panel.x_scale, x_limits)
            drawing.scale_axis(axes, "y", panel.y_scale, y_limits)
            axes.set_title(drawable(panel.title), fontsize=8.5, pad=4.0)
            axes.set(ylabel=drawable(panel.y_label), xlabel=drawable(panel.x_label) if lowest else "")
            if not lowest:
                axes.tick_params(labelbottom=False)
                axes.xaxis.offsetText.set_visible(False)
            drawing.draw_levels(axes, panel.levels)
            for item in panel.items:
                handle = drawing.draw(axes, item, tones)
                known, _ = handles.setdefault(item.label, (_look(item), handle))
                if item.label and known != _look(item):
                    raise InputError(f"The label {item.label!r} stands for two looks; one label, one look.")
    shown = [handle for label, (_, handle) in handles.items() if label]
    stacked = share_x and len(rows) > 1 and columns == 1
    _arrange(
        figure, grid, STACKED_HEIGHT_IN if stacked else PANEL_HEIGHT_IN, [drawable(line) for line in heading], shown
    )
    return figure


def _look(item: Item) -> tuple[object, ...]:
    """What one entry of the legend can stand for: a curve and a border of the same stroke, but not what has markers."""
    marked = isinstance(item, Points) or (isinstance(item, Line) and item.dashes is not None)
    return (type(item) if marked else None, *(getattr(item, name, None) for name in ("stroke", "dashes", "fill")))


def _join_columns(
    rows: Sequence[Sequence[Panel]], limits: list[list[tuple[tuple[float, float], tuple[float, float]]]]
) -> None:
    """Give all panels of a column the x range that holds those of all."""
    for j in range(len(rows[0])):
        if len({row[j].x_scale for row in rows}) > 1:
            raise InputError("Panels that share their x axis need the same x_scale.")
        lo, hi = min(row[j][0][0] for row in limits), max(row[j][0][1] for row in limits)
        for row in limits:
            row[j] = ((lo, hi), row[j][1])


def _arrange(
    figure: Figure, grid: Sequence[Sequence[Axes]], height_in: float, lines: Sequence[str], handles: Sequence[Artist]
) -> None:
    """Put heading and legend above the panels, and the panels as close as their labels allow, all of one size.

    As in `style.arrange` once and for all, without a layout engine.
    """
    width, _ = figure.get_size_inches()
    heading_in, legend = 0.0, None
    if lines or handles:
        for columns in range(max(1, len(handles)), 0, -1):
            legend = style.heading(figure, lines, handles, columns)
            figure.draw_without_rendering()
            box = legend.get_window_extent()
            if box.width <= figure.bbox.width - 0.1 * figure.dpi:
                break
            if columns == 1:
                raise InputError(f"The heading or a label is too long for a figure {width:g} in wide: shorten it.")
            legend.remove()
        heading_in = box.height / figure.dpi + GAP_IN

    rows, columns = len(grid), len(grid[0])
    panel_in = (width - 0.8) / columns
    for _ in range(2):
        # What is written around a panel depends, a little, on how large it is.
        height = 10.0
        figure.set_figheight(height)
        for row in grid:
            for axes in row:
                axes.set_position((0.4, 0.4, panel_in / width, height_in / height))
                drawing.space_ticks(axes)
        figure.draw_without_rendering()
        left, right, below, above = _surroundings(grid, figure.dpi)
        left[0] = max(left[0], 0.55 - MARGIN_IN)
        panel_in = (width - 2 * MARGIN_IN - sum(left) - sum(right) - (columns - 1) * GAP_IN) / columns
    if panel_in < NARROWEST_IN:
        raise InputError("The titles and labels of the panels leave no room for what is drawn: shorten them.")
    height = 2 * MARGIN_IN + heading_in + rows * height_in + sum(above) + sum(below) + (rows - 1) * GAP_IN
    height = math.ceil(20.0 * height) / 20.0
    figure.set_figheight(height)
    top = height - MARGIN_IN - heading_in
    for i, row in enumerate(grid):
        top -= above[i] + height_in
        start = MARGIN_IN
        for j, axes in enumerate(row):
            start += left[j]
            axes.set_position((start / width, top / height, panel_in / width, height_in / height))
            start += panel_in + right[j] + GAP_IN
        top -= below[i] + GAP_IN
    if legend is not None:
        legend.set_bbox_to_anchor((0.5, 1.0 - MARGIN_IN / height), figure.transFigure)
    figure.align_ylabels()


def _surroundings(
    grid: Sequence[Sequence[Axes]], dpi: float
) -> tuple[list[float], list[float], list[float], list[float]]:
    """Inches that labels need left and right of each column, below and above each row, in steps of 1/50 in."""
    left, right = [0.0] * len(grid[0]), [0.0] * len(grid[0])
    below, above = [0.0] * len(grid), [0.0] * len(grid)
    for i, row in enumerate(grid):
        for j, axes in enumerate(row):
            outer, inner = axes.get_tightbbox(), axes.get_window_extent()
            assert outer is not None
            for sides, k, beyond in (
                (left, j, inner.x0 - outer.x0),
                (right, j, outer.x1 - inner.x1),
                (below, i, inner.y0 - outer.y0),
                (above, i, outer.y1 - inner.y1),
            ):
                sides[k] = max(sides[k], math.ceil(50.0 * beyond / dpi) / 50.0)
    return left, right, below, above
