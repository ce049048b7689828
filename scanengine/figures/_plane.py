"""Allowed regions on the plane of two parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch

from scanengine.figures import _regions as regions
from scanengine.figures import _style as style
from scanengine.figures import _text as text
from scanengine.figures import _words as words
from scanengine.figures._look import Look
from scanengine.figures._style import Curve
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.contours import Region, region


@style.in_house_style
def plane(
    curves: Sequence[Curve | tuple[str, ReducedGrid]],
    cls: Sequence[float] = (0.90,),
    *,
    best_fit: Mapping[str, float] | None = None,
    sm: Mapping[str, float] | None = None,
    dof: int = 2,
    look: Look | None = None,
) -> Figure:
    """Regions of one result at one or more confidence levels, or of several results on one plane.

    `curves` are (label, two-axis grid) over the same two axes: the first is filled, the others are outlines. `best_fit`
    and `sm` (the Standard Model) map axis names to values, and are marked if given. Raises `InputError` for a bad
    level, or results over different axes.
    """
    look = look or Look()
    drawn = [Curve(text.drawable(label), grid) for label, grid in curves]
    x, y = style.common_axes(drawn, 2)
    levels = style.ordered_levels(cls, dof)
    axes = look.axes()
    own = look.stroke(0)
    handles: list[Artist] = list(
        regions.draw_filled(axes, drawn[0].grid, levels, dof, colours=look.fills(len(levels)), line=own.colour)
    )
    empty = words.without_points([curve.grid for curve in drawn], levels[-1]) if dof == 2 else []
    lines = [words.statement(levels, dof), *words.hidden_of(drawn), *empty]
    if len(drawn) > 1:
        handles = [Patch(facecolor=look.fills(len(levels))[0], edgecolor=own.colour, label=drawn[0].label)]
    else:
        lines = [drawn[0].label, *lines] if drawn[0].label else lines
        handles = handles if len(levels) > 1 else []
    handles += regions.draw_undecided(axes, drawn[0].grid, levels, dof)
    for i, curve in enumerate(drawn[1:], start=1):
        stroke = look.stroke(i)
        for j, cl in enumerate(levels):
            # The dashes say whose line it is, so its weight is left to say which level: the lower, the heavier.
            weight = 1.3 - 0.6 * j / max(1, len(levels) - 1)
            regions.draw_outline(axes, region(curve.grid, cl, dof), curve.grid.axes, stroke, weight)
        handles.append(Line2D([], [], color=stroke.colour, linestyle=stroke.dashes, linewidth=1.3, label=curve.label))
    handles += look.add_curves(axes, len(drawn))
    handles += regions.mark(axes, (x.name, y.name), best_fit, sm)
    style.scale_axis(axes, "x", [curve.grid.axes[0] for curve in drawn], 6)
    style.scale_axis(axes, "y", [curve.grid.axes[1] for curve in drawn], 6)
    axes.set_xlabel(text.label(x))
    axes.set_ylabel(text.label(y))
    return look.finish(axes, 2.3, 0.12, lines, handles)


@style.in_house_style
def allowed_region(shown: Region) -> Figure:
    """One region, as it was computed: filled, over the ranges of its own points."""
    figure = style.new_figure(style.SINGLE_COLUMN_IN, 3.0)
    axes = figure.add_subplot()
    path = regions.closed_path([ring for piece in shown.pieces for ring in piece.rings])
    if path is not None:
        axes.add_patch(PathPatch(path, facecolor=style.ONLY_FILL, edgecolor=style.LINE_COLOUR))
        axes.autoscale_view()
    axes.set_xlabel(text.label_of(shown.axes[0]))
    axes.set_ylabel(text.label_of(shown.axes[1]))
    style.arrange(axes, 2.3, 0.12, [words.statement((shown.cl,), shown.dof)], [])
    return figure
