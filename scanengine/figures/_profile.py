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
from scanengine.figures._look import Look
from scanengine.figures._style import Curve
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.intervals import intervals
from scanengine.inference.levels import delta_chi2, percent


@style.in_house_style
def profile(
    curves: Sequence[Curve | tuple[str, ReducedGrid]],
    cls: Sequence[float] = (0.90,),
    *,
    dof: int = 1,
    look: Look | None = None,
) -> Figure:
    """Delta chi2 of one parameter for one or more results, with levels drawn and limits written.

    `curves` are (label, one-axis grid) over the same axis; the allowed intervals of the first are shaded. Raises
    `InputError` for a bad level, or results over different axes.
    """
    look = look or Look()
    drawn = [Curve(text.drawable(label), grid) for label, grid in curves]
    (axis,) = style.common_axes(drawn, 1)
    levels = style.ordered_levels(cls, dof)
    axes = look.axes()
    colours = look.fills(len(levels))
    top = draw_profile(axes, drawn[0].grid, levels, dof, colours, look.stroke(0).colour)
    for cl in levels:
        height = delta_chi2(cl, dof)
        axes.annotate(
            percent(cl), (1.0, height), (3, 0), axes.get_yaxis_transform(), "offset points", va="center", fontsize=7
        )
    handles: list[Artist] = []
    for i, curve in enumerate(drawn):
        stroke = look.stroke(i)
        if i > 0:
            axes.plot(*style.smooth(curve.grid.axes[0], curve.grid.delta_chi2), color=stroke.colour, ls=stroke.dashes)
        handles += _handles(curve, levels, dof, stroke, colours if len(drawn) == 1 else (), look)
    handles += look.add_curves(axes, len(drawn))
    axes.set_ylim(0.0, top)
    style.scale_axis(axes, "x", [curve.grid.axes[0] for curve in drawn], 6)
    axes.set_xlabel(text.label(axis))
    axes.set_ylabel(r"$\Delta\chi^2$")
    lines = [words.statement(levels, dof), *words.hidden_of(drawn)]
    if len(drawn) == 1 and drawn[0].label:
        lines.insert(0, drawn[0].label)
    return look.finish(axes, 1.9, 0.42, lines, handles)


def _handles(
    curve: Curve, levels: Sequence[float], dof: int, stroke: style.Stroke, colours: Sequence[str], look: Look
) -> list[Artist]:
    """Return the entries of a legend for a curve: one for each level by their colours, where it is alone.

    They have the limits, but in axes of the user's own, which may have little room.
    """
    found = [words.limits(intervals(curve.grid, cl, dof), curve.grid.axes[0]) for cl in levels]
    named = [f"{percent(cl)}: {limit}" for cl, limit in zip(levels, found, strict=True)]
    if look.ax is not None:
        found, named = [], [percent(cl) for cl in levels]
    if colours:
        return [Patch(facecolor=c, edgecolor="none", label=n) for c, n in zip(colours, named, strict=True)]
    label = "\n".join([curve.label, *named]) if found else curve.label
    if len(found) == 1 and len(curve.label) <= 20:
        label = f"{curve.label}: {found[0]}"
    return [Line2D([], [], color=stroke.colour, linestyle=stroke.dashes, label=label)]


def draw_profile(
    axes: Axes,
    grid: ReducedGrid,
    cls: Sequence[float],
    dof: int,
    colours: Sequence[str] = (),
    line: str = style.LINE_COLOUR,
) -> float:
    """Draw one profile, its levels and shaded intervals; returns the Delta chi2 at which to end the panel."""
    (axis,) = grid.axes
    colours = colours or style.fills(len(cls))
    for i in reversed(range(len(cls))):
        for lo, hi in intervals(grid, cls[i], dof):
            start, stop = axis.values[0] if lo is None else lo, axis.values[-1] if hi is None else hi
            axes.fill_between(
                [start, stop], delta_chi2(cls[i], dof), facecolor=colours[i], edgecolor="none", zorder=0.5
            )
        axes.axhline(delta_chi2(cls[i], dof), color="0.35", linestyle=(0, (1.0, 1.5)), linewidth=0.8, zorder=1)
    axes.plot(*style.smooth(axis, grid.delta_chi2), color=line, zorder=2.5)
    finite = grid.delta_chi2[np.isfinite(grid.delta_chi2)]
    return max(1.6 * delta_chi2(cls[-1], dof), 1.3 * float(finite.min(initial=np.inf)) if finite.size else 0.0)
