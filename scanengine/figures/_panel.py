"""One panel of a sheet: how far its axes go, their ticks, and how each item is drawn."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from scanengine.errors import InputError
from scanengine.figures import _regions as regions
from scanengine.figures import _style as style
from scanengine.figures import _words as words
from scanengine.figures._items import Area, Band, Fill, Item, Line, Panel, Points, Scale
from scanengine.figures._text import drawable
from scanengine.grid.axes import FloatArray
from scanengine.inference.contours import Region

GREY = "0.88"
HATCHES = ("/////", "\\\\\\\\\\", ".....", "xxxxx", "-----", "|||||", "+++++")
MARKERS = ("o", "s", "^", "D", "v", "x", "+")
SHORT = 100.0
"""A log axis whose ends have a smaller ratio would show one or two powers of ten: it has plain numbers instead."""
APART_IN = (0.04, 0.0)
"""The least room between two numbers along x and along y."""
HEIGHTS = {"grey": 0.5, "hatch": 1.5}
"""What lies above what; the tones between the two, the lower the higher, as the inner of nested areas is the lower."""


def limits(panel: Panel, which: Literal["x", "y"]) -> tuple[float, float]:
    """Where an axis of a panel starts and stops; raises `InputError` if neither it nor its items say."""
    scale, told = (panel.x_scale, panel.x_range) if which == "x" else (panel.y_scale, panel.y_range)
    name = panel.title or panel.y_label
    where = f"{which} axis of the panel {name!r}"
    if not panel.items:
        raise InputError(f"The panel {name!r} has nothing to draw.")
    found = _spread(panel, which)
    if scale == "log":
        _check_positive(panel, which, where)
        found = found[found > 0.0]
    lo, hi = told
    if lo is None or hi is None:
        if found.size == 0:
            raise InputError(f"The {where} has nothing to take its range from; give its range, or other items.")
        start, stop = float(found.min()), float(found.max())
        if which == "y" and not _gridded(panel):
            start, stop = _with_margin(start, stop, scale)
        lo, hi = start if lo is None else lo, stop if hi is None else hi
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi) or (scale == "log" and lo <= 0.0):
        above = " above zero" if scale == "log" else ""
        raise InputError(f"The {where} would go from {lo:g} to {hi:g}; give two ends{above} in rising order.")
    return lo, hi


def _check_positive(panel: Panel, which: Literal["x", "y"], where: str) -> None:
    for item in panel.items:
        if isinstance(item, Line | Points) and item.x.size > 0:
            values = item.x if which == "x" else item.y
            if not (values > 0.0).any():
                raise InputError(f"The {where} is a log scale, but {item.label!r} has nothing positive to draw on it.")


def _gridded(panel: Panel) -> list[Area]:
    return [item for item in panel.items if isinstance(item, Area) and item.axes]


def _spread(panel: Panel, which: Literal["x", "y"]) -> FloatArray:
    """All coordinates that an axis should show."""
    column = 0 if which == "x" else 1
    gridded = _gridded(panel)
    if gridded:
        return np.concatenate([area.axes[column].values[[0, -1]] for area in gridded])
    found = [np.empty(0)]
    start, stop = (
        end if end is not None else other for end, other in zip(panel.x_range, (-np.inf, np.inf), strict=True)
    )
    for item in panel.items:
        if isinstance(item, Area):
            found += [ring[:, column] for ring in item.rings]
        elif not isinstance(item, Band):
            shown = np.isfinite(item.x) & np.isfinite(item.y) & (item.x >= start) & (item.x <= stop)
            found.append((item.x if which == "x" else item.y)[shown])
            ends = getattr(item, f"{which}_ends", None)
            if ends is not None:
                found.append(ends[:, shown].ravel())
    if which == "y":
        found.append(np.array([height for height, _ in panel.levels]))
    return np.concatenate(found)


def _with_margin(start: float, stop: float, scale: Scale) -> tuple[float, float]:
    """A little more than what is shown; from zero, if what is shown comes near to it."""
    if scale == "log":
        factor = (stop / start) ** 0.05 if stop > start else 2.0
        return start / factor, stop * factor
    margin = 0.05 * (stop - start) or 0.05 * abs(stop) or 1.0
    return 0.0 if 0.0 <= start <= 0.3 * stop else start - margin, stop + margin


def scale_axis(axes: Axes, which: Literal["x", "y"], scale: Scale, ends: tuple[float, float]) -> None:
    """Scale and limits of one side of a panel, and how its numbers are written."""
    axes.set(**{f"{which}scale": scale, f"{which}lim": ends})
    side = axes.xaxis if which == "x" else axes.yaxis
    if scale == "linear":
        formatter = ScalarFormatter(useOffset=False, useMathText=True)
        formatter.set_powerlimits((-3, 4))
        side.set_major_formatter(formatter)
    elif ends[1] < SHORT * ends[0]:
        side.set_major_formatter(FuncFormatter(lambda value, _: words.number(value, 3)))
        side.set_minor_formatter(NullFormatter())


def space_ticks(axes: Axes) -> None:
    """As many numbers along each side of a panel as stand apart at its present size."""
    figure = axes.get_figure(root=True)
    dpi = 100.0 if figure is None else figure.dpi
    for k, side in enumerate((axes.xaxis, axes.yaxis)):
        start, stop = side.get_view_interval()
        for locator in _locators(side.get_scale(), stop / start if start > 0.0 else np.inf):
            side.set_major_locator(locator)
            boxes = [label.get_window_extent() for label in side.get_majorticklabels() if label.get_text()]
            ends = sorted((box.min[k], box.max[k]) for box in boxes)
            if all(after[0] - before[1] >= APART_IN[k] * dpi for before, after in pairwise(ends)):
                break


def _locators(scale: str, ratio: float) -> list[Locator]:
    """Places for numbers, from many to few; none for a long log axis, whose powers of ten are spaced already."""
    steps = (1, 2, 2.5, 5, 10)
    if scale == "linear":
        return [MaxNLocator(bins, steps=steps) for bins in range(6, 1, -1)]
    if ratio >= SHORT:
        return []
    fewer = (
        [LogLocator(subs=(1.0, 3.0)), LogLocator()] if ratio >= 10.0 else [MaxNLocator(n, steps=steps) for n in (3, 2)]
    )
    return [LogLocator(subs=(1.0, 2.0, 5.0)), *fewer]


def draw_levels(axes: Axes, levels: tuple[tuple[float, str], ...]) -> None:
    """Horizontal dotted lines, with their text to the right of the panel."""
    for height, text in levels:
        axes.axhline(height, color="0.35", linestyle=(0, (1.0, 1.5)), linewidth=0.8, zorder=1.8)
        axes.annotate(
            drawable(text), (1.0, height), (3, 0), axes.get_yaxis_transform(), "offset points", va="center", fontsize=7
        )


def draw(axes: Axes, item: Item, tones: int) -> Artist:
    """Draw an item on a panel whose limits are set, with so many tones on the sheet; returns the legend's handle."""
    match item:
        case Line():
            return _draw_line(axes, item)
        case Points():
            return _draw_points(axes, item)
        case Area():
            return _draw_area(axes, item, tones)
        case Band():
            left, right = axes.get_xlim()
            band = axes.axvspan(max(item.x_lo, left), min(item.x_hi, right))
            for patch in (band, handle := Patch(label=drawable(item.label))):
                _fill(patch, item.fill, 0, tones)
            return handle


def _draw_line(axes: Axes, line: Line) -> Line2D:
    stroke = style.STROKES[line.stroke]
    (drawn,) = axes.plot(
        line.x,
        np.where(np.isfinite(line.y), line.y, np.nan),
        color=stroke.colour,
        linestyle=stroke.dashes if line.dashes is None else style.LEVEL_DASHES[line.dashes],
        label=drawable(line.label),
        zorder=3,
    )
    if line.dashes is not None and line.stroke > 0 and line.x.size > 0:
        # Evenly along the line whatever its points, and elsewhere for every stroke.
        drawn.set(marker=MARKERS[line.stroke], markersize=3.0, markerfacecolor="white", markeredgewidth=0.8)
        drawn.set_markevery((0.05 * line.stroke, 0.25))
    return drawn


def _draw_points(axes: Axes, points: Points) -> Line2D:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    shown = (points.x >= left) & (points.x <= right) & (points.y >= bottom) & (points.y <= top)
    colour = style.STROKES[points.stroke].colour
    if points.x_ends is not None:
        low, high = points.x_ends[:, shown]
        axes.hlines(points.y[shown], low, high, color=colour, linewidth=0.9, zorder=4.9)
    if points.y_ends is not None:
        low, high = points.y_ends[:, shown]
        axes.vlines(points.x[shown], low, high, color=colour, linewidth=0.9, zorder=4.9)
    (drawn,) = axes.plot(
        points.x[shown],
        points.y[shown],
        linestyle="none",
        marker=MARKERS[points.stroke],
        markersize=4.5,
        markerfacecolor="none",
        markeredgecolor=style.STROKES[points.stroke].colour,
        markeredgewidth=0.9,
        label=drawable(points.label),
        clip_on=False,
        zorder=5,
    )
    return drawn


def _draw_area(axes: Axes, area: Area, tones: int) -> Artist:
    path = regions.closed_path(area.rings)
    if path is not None and area.fill is not None:
        filled = axes.add_patch(PathPatch(path))
        _fill(filled, area.fill, area.stroke or 0, tones)
    handle = Patch(label=drawable(area.label))
    if area.fill is not None:
        _fill(handle, area.fill, area.stroke or 0, tones)
    if area.stroke is None:
        return handle
    chosen = style.STROKES[area.stroke]
    stroke = chosen if area.dashes is None else style.Stroke(chosen.colour, style.LEVEL_DASHES[area.dashes])
    width = 1.2 if area.fill is None else 0.8
    if isinstance(area.shape, Region) and area.axes:
        regions.draw_outline(axes, area.shape, area.axes, stroke, width, zorder=2.5)
    elif path is not None:
        border = axes.add_patch(PathPatch(path, facecolor="none", zorder=2.5))
        border.set(edgecolor=stroke.colour, linestyle=stroke.dashes, linewidth=width)
    if area.fill is None:
        return Line2D([], [], color=stroke.colour, linestyle=stroke.dashes, linewidth=width, label=drawable(area.label))
    handle.set(edgecolor=stroke.colour, linestyle=stroke.dashes, linewidth=width)
    return handle


def _fill(patch: Patch, fill: Fill, stroke: int, tones: int) -> None:
    """Fill a patch without a border."""
    patch.set(linewidth=0.0, edgecolor="none")
    if fill == "hatch":
        # Hatching takes the colour of the edge, up to Matplotlib 3.10 always.
        patch.set(facecolor="none", edgecolor=style.STROKES[stroke].colour)
        patch.set(hatch=HATCHES[stroke], hatch_linewidth=0.4, zorder=HEIGHTS[fill])
    elif fill == "grey":
        patch.set(facecolor=GREY, zorder=HEIGHTS[fill])
    else:
        patch.set(facecolor=style.fills(tones)[fill], zorder=1.0 - 0.01 * fill)
