"""Regions on a panel: filled, as outlines, and the points that are marked on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from scanengine.errors import InputError
from scanengine.figures._style import LEVEL_DASHES, LINE_COLOUR, Stroke, fills
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.inference.contours import Region, region
from scanengine.inference.levels import percent
from scanengine.inference.proven_regions import INSIDE, UNDECIDED, ProvenRegion, proven_region

UNDECIDED_COLOUR, UNDECIDED_HATCH = "0.3", "//////////"


def draw_filled(
    axes: Axes,
    grid: ReducedGrid,
    cls: Sequence[float],
    dof: int,
    width: float = 1.0,
    *,
    colours: Sequence[str] = (),
    line: str = LINE_COLOUR,
) -> list[Patch]:
    """Fill the regions at rising `cls`, the innermost darkest, and outline them; returns the legend's handles."""
    handles = []
    colours = colours or fills(len(cls))
    for i in reversed(range(len(cls))):
        allowed = region(grid, cls[i], dof)
        proven = proven_of(grid, cls[i], dof)
        rings = proven.rings(INSIDE) if proven else [ring for piece in allowed.pieces for ring in piece.rings]
        path = closed_path(rings)
        if path is not None:
            axes.add_patch(PathPatch(path, facecolor=colours[i], edgecolor="none", zorder=1))
        stroke = Stroke(line, LEVEL_DASHES[i % len(LEVEL_DASHES)])
        draw_outline(axes, allowed, grid.axes, stroke, width, zorder=2.0)
        handles.append(
            Patch(
                facecolor=colours[i],
                edgecolor=stroke.colour,
                linestyle=stroke.dashes,
                linewidth=width,
                label=percent(cls[i]),
            )
        )
    return handles[::-1]


def proven_of(grid: ReducedGrid, cl: float, dof: int) -> ProvenRegion | None:
    """Return what is proven of a region, where it was decided at this level."""
    if grid.tiles is None or grid.bounds is None or dof != 2:
        return None
    if not grid.bounds.were_decided_at(cl):
        return None
    names = tuple(axis.name for axis in grid.axes)
    return proven_region(names, cl, grid.tiles, grid.bounds.minimum, dof)


def draw_undecided(axes: Axes, grid: ReducedGrid, cls: Sequence[float], dof: int) -> list[Patch]:
    """Hatch the tiles of which it is not proven on which side of a border they lie; returns the legend's handles."""
    handles = []
    for cl in cls:
        proven = proven_of(grid, cl, dof)
        path = closed_path(proven.rings(UNDECIDED)) if proven else None
        if path is not None:
            drawn, handle = axes.add_patch(PathPatch(path)), Patch(label="undecided")
            for patch in (drawn, handle):
                patch.set(facecolor="none", edgecolor=UNDECIDED_COLOUR, linewidth=0.0, zorder=1.5)
                patch.set(hatch=UNDECIDED_HATCH, hatch_linewidth=0.4)
            handles = [handle]
    return handles


def draw_outline(
    axes: Axes, allowed: Region, grid_axes: Sequence[Axis], stroke: Stroke, width: float, zorder: float = 3.0
) -> None:
    """Draw the border of a region, except where the grid's edge and not chi2 ends it."""
    vertices, codes = [], []
    ends = np.array([[axis.values[0], axis.values[-1]] for axis in grid_axes])
    for piece in allowed.pieces:
        for ring in piece.rings:
            on_edge = (ring == ends[:, 0]) | (ring == ends[:, 1])
            cut = (on_edge[1:] & on_edge[:-1] & (ring[1:] == ring[:-1])).any(axis=1)
            vertices.append(ring)
            codes.append(np.concatenate(([Path.MOVETO], np.where(cut, Path.MOVETO, Path.LINETO))))
    if vertices:
        path = Path(np.concatenate(vertices), np.concatenate(codes))
        axes.add_patch(
            PathPatch(
                path,
                facecolor="none",
                edgecolor=stroke.colour,
                linestyle=stroke.dashes,
                linewidth=width,
                joinstyle="round",
                zorder=zorder,
            )
        )


def mark(
    axes: Axes, names: tuple[str, str], best_fit: Mapping[str, float] | None, sm: Mapping[str, float] | None
) -> list[Line2D]:
    """Mark the best fit and the Standard Model on a plane; returns the legend's handles."""
    handles = []
    for point, what, marker, size in ((sm, "SM", "o", 5.5), (best_fit, "best fit", "x", 4.5)):
        if point is None:
            continue
        missing = [name for name in names if name not in point]
        if missing:
            raise InputError(f"The {what} point has no value for {', '.join(missing)}, which the figure shows.")
        handles += axes.plot(
            [point[names[0]]],
            [point[names[1]]],
            linestyle="none",
            marker=marker,
            markersize=size,
            markerfacecolor="none",
            markeredgecolor="black",
            markeredgewidth=0.9,
            label=what,
            clip_on=False,
            zorder=5,
        )
    return handles


def closed_path(rings: Sequence[FloatArray]) -> Path | None:
    """One path of closed rings of shape (k, 2), or None without rings."""
    if not rings:
        return None
    codes = [[Path.MOVETO, *[Path.LINETO] * (len(ring) - 2), Path.CLOSEPOLY] for ring in rings]
    return Path(np.concatenate(rings), np.concatenate(codes))
