"""Posterior densities with their credible regions: brown where profiles are blue, and said to be what they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch

from scanengine.figures import _regions as regions
from scanengine.figures import _style as style
from scanengine.figures import _text as text
from scanengine.figures import _words as words
from scanengine.figures._corner import panels
from scanengine.grid.marginals import Marginal
from scanengine.inference.credible import CredibleRegion, credible_intervals, credible_region, fine
from scanengine.inference.intervals import Interval, Intervals
from scanengine.inference.levels import percent

_LINE = "#5c2e00"
_DARKEST, _LIGHTEST, _ONLY = "#c98a4b", "#f6e6d5", "#e3b98c"
_SHADES = LinearSegmentedColormap.from_list("posterior", ["#ffffff", "#8c8c8c"])
_HEIGHT = "posterior density / maximum"
_TOP = 1.08


@style.in_house_style
def density(shown: Marginal, cls: Sequence[float] = (0.90,)) -> Figure:
    """The posterior density of one parameter, its credible intervals shaded and written.

    Raises `InputError` for a bad level, or a marginal of another number of axes.
    """
    levels, (axis,) = style.ordered_levels(cls, 1), shown.axes
    figure = style.new_figure(style.SINGLE_COLUMN_IN, 3.0)
    panel = figure.add_subplot()
    panel.set_ylim(0.0, _draw_line(panel, shown, levels))
    style.scale_axis(panel, "x", [axis], 6)
    panel.set_xlabel(text.label(axis))
    panel.set_ylabel(_HEIGHT)
    handles: list[Artist] = [
        Patch(facecolor=colour, edgecolor="none", label=f"{percent(cl)}: {_intervals(shown, cl)}")
        for colour, cl in zip(_fills(len(levels)), levels, strict=True)
    ]
    style.arrange(panel, 1.9, 0.12, [*_what(levels), *_integrated([shown])], handles)
    return figure


@style.in_house_style
def densities(
    lines: Mapping[str, Marginal], planes: Mapping[tuple[str, str], Marginal], cls: Sequence[float] = (0.90,)
) -> Figure:
    """The posterior density of two parameters in shades of grey with its credible regions; of more, a corner figure.

    `lines` gives the parameters in the order in which they are drawn; `planes` is keyed by pairs of them in that order.
    Raises `InputError` for a bad level.
    """
    levels = style.ordered_levels(cls, 2)
    if len(lines) > 2:
        return panels(
            {name: line.axes[0] for name, line in lines.items()},
            planes,
            lambda panel, x, y: _draw_plane(panel, planes[x, y], levels),
            lambda panel, name: _draw_line(panel, lines[name], levels),
            "posterior / max.",
            _summary(lines, planes.values(), levels),
        )
    (shown,) = planes.values()
    x, y = shown.axes
    figure = style.new_figure(style.SINGLE_COLUMN_IN, 3.0)
    panel = figure.add_subplot()
    handles = _draw_plane(panel, shown, levels)
    style.scale_axis(panel, "x", [x], 6)
    style.scale_axis(panel, "y", [y], 6)
    panel.set_xlabel(text.label(x))
    panel.set_ylabel(text.label(y))
    style.arrange(panel, 2.3, 0.12, [*_what(levels), *_integrated([shown])], handles)
    return figure


@style.in_house_style
def credible(shown: CredibleRegion) -> Figure:
    """One credible region, as it was computed, over the ranges of its own points."""
    figure = style.new_figure(style.SINGLE_COLUMN_IN, 3.0)
    panel = figure.add_subplot()
    path = regions.closed_path([ring for piece in shown.pieces for ring in piece.rings])
    if path is not None:
        panel.add_patch(PathPatch(path, facecolor=_ONLY, edgecolor=_LINE))
        panel.autoscale_view()
    panel.set_xlabel(text.label_of(shown.axes[0]))
    panel.set_ylabel(text.label_of(shown.axes[1]))
    style.arrange(panel, 2.3, 0.12, _what((shown.cl,)), [])
    return figure


def _draw_line(panel: Axes, shown: Marginal, levels: Sequence[float]) -> float:
    """Draw one density relative to its maximum, the ranges of its intervals shaded; return where to end the panel."""
    drawn = fine(shown)
    (x,), height = drawn.values, np.exp(drawn.log)
    for colour, cl in zip(reversed(_fills(len(levels))), reversed(levels), strict=True):
        for lo, hi, *_ in credible_intervals(shown, cl):
            inside = np.concatenate(([lo], x[(x > lo) & (x < hi)], [hi]))
            panel.fill_between(inside, np.interp(inside, x, height), facecolor=colour, edgecolor="none", zorder=0.5)
    panel.plot(x, height, color=_LINE, zorder=2.5)
    return _TOP * float(height.max())


def _draw_plane(panel: Axes, shown: Marginal, levels: Sequence[float]) -> list[Artist]:
    """Draw one density and its regions; return entries of the legend where there are several."""
    drawn = fine(shown)
    mesh = panel.pcolormesh(*drawn.values, np.exp(drawn.log).T, cmap=_SHADES, shading="gouraud", zorder=0.4)
    mesh.set_rasterized(True)
    handles: list[Artist] = []
    for i, cl in enumerate(levels):
        stroke = style.Stroke(_LINE, style.LEVEL_DASHES[i % len(style.LEVEL_DASHES)])
        rings = [ring for piece in credible_region(shown, cl).pieces for ring in piece.rings]
        path = regions.closed_path(rings)
        if path is not None:
            panel.add_patch(
                PathPatch(path, facecolor="none", edgecolor=stroke.colour, linestyle=stroke.dashes, zorder=2.0)
            )
        handles.append(Patch(facecolor="none", edgecolor=_LINE, linestyle=stroke.dashes, label=percent(cl)))
    return handles if len(levels) > 1 else []


def _fills(count: int) -> list[str]:
    """Fill colours of nested intervals, the innermost first and darkest."""
    if count == 1:
        return [_ONLY]
    dark, light = np.array(to_rgb(_DARKEST)), np.array(to_rgb(_LIGHTEST))
    return [to_hex(tuple(dark + (light - dark) * i / (count - 1))) for i in range(count)]


def _what(levels: Sequence[float]) -> list[str]:
    """Say what is drawn."""
    held = ", ".join(percent(cl) for cl in levels)
    return ["Marginal posterior, flat prior within the axes", f"{held} credible, highest density"]


def _integrated(shown: Iterable[Marginal]) -> list[str]:
    """Say what was integrated over."""
    axes = [axis for each in shown for axis in each.axes]
    names = [text.symbol_of(name, axes) for name in dict.fromkeys(n for each in shown for n in each.integrated)]
    lines = [", ".join(names[i : i + 7]) for i in range(0, len(names), 7)]
    return [("integrated over " if i == 0 else "") + line for i, line in enumerate(lines)]


def _intervals(shown: Marginal, cl: float) -> str:
    """Return the credible intervals of a parameter in mathtext."""
    found = credible_intervals(shown, cl)
    ranges = tuple(Interval(lo, hi) for lo, hi, *_ in found)
    return words.limits(Intervals(found.axis, cl, 1, math.nan, ranges), shown.axes[0])


def _summary(lines: Mapping[str, Marginal], planes: Iterable[Marginal], levels: Sequence[float]) -> list[str]:
    """What the empty corner of the figure says."""
    others = ["each integrated over the other parameters"] if any(each.integrated for each in planes) else []
    return [
        *_what(levels),
        *others,
        f"{percent(levels[-1])} credible:",
        *(f"    {_intervals(line, levels[-1])}" for line in lines.values()),
    ]
