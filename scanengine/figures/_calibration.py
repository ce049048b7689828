"""Delta chi2 beside its critical values by pseudo-experiments and those of Wilks' theorem, over one axis or two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch

from scanengine.figures import _regions as regions
from scanengine.figures import _style as style
from scanengine.figures import _text as text
from scanengine.figures import _words as words
from scanengine.grid.calibration import Calibration
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.contours import region
from scanengine.inference.intervals import Interval, Intervals
from scanengine.inference.levels import delta_chi2, percent

_WILKS = style.STROKES[1]
_LEAST_CHI2 = 1.0


@style.in_house_style
def calibration(found: Calibration, cls: Sequence[float] | None = None) -> Figure:
    """Intervals of one parameter with the critical values that give them, or regions of two; beside Wilks' theorem's.

    `cls` are some of the calibration's levels, by default all. Raises InputError for others.
    """
    levels = tuple(sorted({found.known(level) for level in (found.levels if cls is None else cls)}))
    figure = style.new_figure(style.SINGLE_COLUMN_IN, 3.0)
    axes = figure.add_subplot()
    draw, right_in = (_line, 0.42) if len(found.axes) == 1 else (_plane, 0.12)
    lines, handles = draw(axes, found, levels)
    points = " x ".join(str(axis.values.size) for axis in found.axes).replace(" x ", r" $\times$ ")
    how = "all outcomes" if found.is_exact else f"{found.pseudo_experiments:,} pseudo-experiments"
    lines.append(f"{how} at each of {points} points")
    style.arrange(axes, 1.9 if len(found.axes) == 1 else 2.3, right_in, lines, handles)
    return figure


def _line(axes: Axes, found: Calibration, levels: Sequence[float]) -> tuple[list[str], list[Artist]]:
    (axis,) = found.axes
    colours = style.fills(len(levels))
    top = _LEAST_CHI2
    lines: list[str] = []
    handles: list[Artist] = [Line2D([], [], color=style.LINE_COLOUR, label=r"$\Delta\chi^2$ of the data")]
    for i, level in reversed(list(enumerate(levels))):
        critical, wilks = found.of(level), delta_chi2(level, 1)
        top = max(top, 1.5 * wilks, 1.3 * float(critical.max()))
        spans = found.intervals(level)
        for low, high in spans:
            start, stop = axis.values[0] if low is None else low, axis.values[-1] if high is None else high
            axes.axvspan(start, stop, facecolor=colours[i], edgecolor="none", zorder=0.5)
        limit = Intervals(axis.name, level, 1, wilks, tuple(Interval(*span) for span in spans))
        lines.insert(0, f"{percent(level)} C.L.: {words.limits(limit, axis)}")
    for i, level in enumerate(levels):
        critical, wilks = found.of(level), delta_chi2(level, 1)
        dashes = style.LEVEL_DASHES[i % len(style.LEVEL_DASHES)]
        axes.axhline(wilks, color="0.45", linestyle=(0, (1.0, 1.5)), linewidth=0.8, zorder=1)
        right = np.where(found.cut_short(level), np.nan, critical)
        axes.plot(axis.values, right, color=_WILKS.colour, linestyle=dashes, drawstyle="steps-mid", zorder=2)
        axes.annotate(
            percent(level), (1.0, wilks), (3, 0), axes.get_yaxis_transform(), "offset points", va="center", fontsize=7
        )
        label = f"critical, {percent(level)} C.L."
        handles.append(Line2D([], [], color=_WILKS.colour, linestyle=dashes, label=label))
    handles.append(Line2D([], [], color="0.45", linestyle=(0, (1.0, 1.5)), linewidth=0.8, label="Wilks, 1 dof"))
    axes.plot(*style.smooth(axis, found.delta_chi2), color=style.LINE_COLOUR, zorder=2.5)
    axes.set_ylim(0.0, top)
    style.scale_axis(axes, "x", [axis], 6)
    axes.set_xlabel(text.label(axis))
    axes.set_ylabel(r"$\Delta\chi^2$")
    return lines, handles


def _plane(axes: Axes, found: Calibration, levels: Sequence[float]) -> tuple[list[str], list[Artist]]:
    x, y = found.axes
    colours = style.fills(len(levels))
    lines: list[str] = []
    calibrated: list[Artist] = []
    wilks: list[Artist] = []
    how = "all outcomes" if found.is_exact else "pseudo-experiments"
    plain = ReducedGrid(found.axes, found.delta_chi2, 0.0)
    for i, level in reversed(list(enumerate(levels))):
        height = delta_chi2(level, 2)
        dashes = style.LEVEL_DASHES[i % len(style.LEVEL_DASHES)]
        allowed = region(found.scaled(level, height), level, 2)
        path = regions.closed_path([ring for piece in allowed.pieces for ring in piece.rings])
        if path is not None:
            axes.add_patch(PathPatch(path, facecolor=colours[i], edgecolor="none", zorder=1))
        own, other = style.Stroke(style.LINE_COLOUR, dashes), style.Stroke(_WILKS.colour, dashes)
        regions.draw_outline(axes, allowed, found.axes, own, 1.0, zorder=2.0)
        regions.draw_outline(axes, region(plain, level, 2), found.axes, other, 1.0, zorder=3.0)
        name = percent(level)
        calibrated.insert(
            0,
            Patch(facecolor=colours[i], edgecolor=own.colour, linestyle=dashes, label=f"{name}, {how}"),
        )
        wilks.insert(
            0, Line2D([], [], color=other.colour, linestyle=dashes, linewidth=1.0, label=f"{name}, Wilks, 2 dof")
        )
        critical = found.of(level)
        lines.insert(
            0,
            rf"{name} C.L.: critical $\Delta\chi^2 = {critical.min():.2f}$ to ${critical.max():.2f}$ "
            rf"(Wilks, 2 dof: ${height:.2f}$)",
        )
    marks = regions.mark(axes, (x.name, y.name), found.best_fit, None)
    style.scale_axis(axes, "x", [x], 6)
    style.scale_axis(axes, "y", [y], 6)
    axes.set_xlabel(text.label(x))
    axes.set_ylabel(text.label(y))
    return lines, [*calibrated, *wilks, *marks]
