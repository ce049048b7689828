"""The Delta chi2 profile of one parameter, with its limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scanengine.figures import _style as style
from scanengine.figures import _text as text
from scanengine.figures import _words as words
from scanengine.figures._style import Curve
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.intervals import intervals
from scanengine.inference.levels import delta_chi2, percent


@style.in_house_style
def profile(
    curves: Sequence[Curve | tuple[str, ReducedGrid]], cls: Sequence[float] = (0.90,), *, dof: int = 1
) -> Figure:
    """Delta chi2 of one parameter for one or more results, with levels drawn and limits written.

    `curves` are (label, one-axis grid) over the same axis; the allowed intervals of the first are shaded. Raises
    `InputError` for a bad level, or results over different axes.
    """
    drawn = [Curve(text.drawable(label), grid) for label, grid in curves]
    (axis,) = style.common_axes(drawn, 1)
    levels = style.ordered_levels(cls, dof)
    figure = style.new_figure(style.SINGLE_COLUMN_IN, 3.0)
    axes = figure.add_subplot()
    top = draw_profile(axes, drawn[0].grid, levels, dof)
    for cl in levels:
        height = delta_chi2(cl, dof)
        axes.annotate(
            percent(cl), (1.0, height), (3, 0), axes.get_yaxis_transform(), "offset points", va="center", fontsize=7
        )
    handles: list[Artist] = []
    for i, curve in enumerate(drawn):
        stroke = style.STROKES[i % len(style.STROKES)]
        if i > 0:
            axes.plot(*style.smooth(curve.grid.axes[0], curve.grid.delta_chi2), color=stroke.colour, ls=stroke.dashes)
        found = [words.limits(intervals(curve.grid, cl, dof), curve.grid.axes[0]) for cl in levels]
        if len(drawn) == 1:
            colours = style.fills(len(levels))
            named = [f"{percent(cl)}: {limit}" for cl, limit in zip(levels, found, strict=True)]
            handles += [Patch(facecolor=c, edgecolor="none", label=n) for c, n in zip(colours, named, strict=True)]
        else:
            separate = [f"{percent(cl)}: {limit}" for cl, limit in zip(levels, found, strict=True)]
            short = len(found) == 1 and len(curve.label) <= 20
            label = f"{curve.label}: {found[0]}" if short else "\n".join([curve.label, *separate])
            handles.append(Line2D([], [], color=stroke.colour, linestyle=stroke.dashes, label=label))
    axes.set_ylim(0.0, top)
    style.scale_axis(axes, "x", [curve.grid.axes[0] for curve in drawn], 6)
    axes.set_xlabel(text.label(axis))
    axes.set_ylabel(r"$\Delta\chi^2$")
    lines = [words.statement(levels, dof), *words.hidden_of(drawn)]
    if len(drawn) == 1 and drawn[0].label:
        lines.insert(0, drawn[0].label)
    style.arrange(axes, 1.9, 0.42, lines, handles)
    return figure


def draw_profile(axes: Axes, grid: ReducedGrid, cls: Sequence[float], dof: int) -> float:
    """Draw one profile, its levels and shaded intervals; returns the Delta chi2 at which to end the panel."""
    (axis,) = grid.axes
    colours = style.fills(len(cls))
    for i in reversed(range(len(cls))):
        for lo, hi in intervals(grid, cls[i], dof):
            start, stop = axis.values[0] if lo is None else lo, axis.values[-1] if hi is None else hi
            axes.fill_between(
                [start, stop], delta_chi2(cls[i], dof), facecolor=colours[i], edgecolor="none", zorder=0.5
            )
        axes.axhline(delta_chi2(cls[i], dof), color="0.35", linestyle=(0, (1.0, 1.5)), linewidth=0.8, zorder=1)
    axes.plot(*style.smooth(axis, grid.delta_chi2), color=style.LINE_COLOUR, zorder=2.5)
    finite = grid.delta_chi2[np.isfinite(grid.delta_chi2)]
    return max(1.6 * delta_chi2(cls[-1], dof), 1.3 * float(finite.min(initial=np.inf)) if finite.size else 0.0)
