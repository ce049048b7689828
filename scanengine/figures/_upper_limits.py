"""Upper limits on one parameter against another, as of a coupling against the mass of a mediator."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch, Rectangle

from scanengine.figures import _regions as regions
from scanengine.figures import _style as style
from scanengine.figures import _text as text
from scanengine.figures import _words as words
from scanengine.figures._look import Look
from scanengine.figures._style import Curve
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.contours import Region, region
from scanengine.inference.levels import percent


@style.in_house_style
def upper_limits(
    curves: Sequence[Curve | tuple[str, ReducedGrid]], cls: Sequence[float] = (0.90,), *, look: Look | None = None
) -> Figure:
    """Limits on the second axis of planes against the first, for one or more results, at one or more levels.

    `curves` are (label, two-axis grid) over the same two axes, with chi2 counted from the lowest at each value of the
    first one (`inference.upper_limits.from_lowest_along`), and one degree of freedom. What the first result excludes at
    the highest level is shaded. Raises `InputError` for a bad level, or results over different axes.
    """
    look = look or Look()
    drawn = [Curve(text.drawable(label), grid) for label, grid in curves]
    x, y = style.common_axes(drawn, 2)
    levels = style.ordered_levels(cls, 1)
    axes = look.axes()
    fill = look.fills(2)[-1] if look.colours else style.LIGHTEST_FILL
    # log scales first: what is drawn has its corners on them
    style.scale_axis(axes, "x", [curve.grid.axes[0] for curve in drawn], 6)
    style.scale_axis(axes, "y", [curve.grid.axes[1] for curve in drawn], 6)
    handles: list[Artist] = []
    for i, curve in enumerate(drawn):
        stroke = look.stroke(i)
        for j, cl in enumerate(levels):
            allowed = region(curve.grid, cl, 1)
            if i == 0 and j == len(levels) - 1:
                _shade_excluded(axes, allowed, curve.grid, fill)
            alone = len(drawn) == 1
            dashes = style.LEVEL_DASHES[j % len(style.LEVEL_DASHES)] if alone else stroke.dashes
            # The dashes of several say whose line it is: the weight is left to say which level, as in planes.
            width = 1.3 if alone else 1.3 - 0.6 * j / max(1, len(levels) - 1)
            regions.draw_outline(axes, allowed, curve.grid.axes, style.Stroke(stroke.colour, dashes), width)
            if alone and len(levels) > 1:
                handles.append(
                    Line2D([], [], color=stroke.colour, linestyle=dashes, linewidth=width, label=percent(cl))
                )
        if len(drawn) > 1:
            handles.append(Line2D([], [], color=stroke.colour, linestyle=stroke.dashes, label=curve.label))
    whose = f" by {drawn[0].label}" if len(drawn) > 1 else ""
    handles.append(Patch(facecolor=fill, edgecolor="none", label=f"excluded{whose}"))
    lines = [words.statement(levels, 1), f"from the minimum at each {text.symbol(x)}", *words.hidden_of(drawn)]
    if len(drawn) == 1 and drawn[0].label:
        lines.insert(0, drawn[0].label)
    axes.set_xlabel(text.label(x))
    axes.set_ylabel(text.label(y))
    handles += look.add_curves(axes, len(drawn))
    return look.finish(axes, 2.3, 0.12, lines, handles)


def _shade_excluded(axes: Axes, allowed: Region, grid: ReducedGrid, fill: str) -> None:
    """Shade the grid but for the allowed region."""
    (left, right), (bottom, top) = ((axis.values[0], axis.values[-1]) for axis in grid.axes)
    axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, facecolor=fill, edgecolor="none", zorder=0.5))
    path = regions.closed_path([ring for piece in allowed.pieces for ring in piece.rings])
    if path is not None:
        axes.add_patch(PathPatch(path, facecolor="white", edgecolor="none", zorder=0.6))
