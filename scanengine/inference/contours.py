"""Allowed regions of two parameters at a confidence level, from chi2 over two axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.borders import Border
from scanengine.grid.profiles import ReducedGrid
from scanengine.grid.shown import Shown
from scanengine.inference import caveats, resolution
from scanengine.inference.levels import delta_chi2, percent, root_delta_chi2
from scanengine.inference.rings import enclosed_area, is_within, signed_area

_SAME_LEVEL = 1e-12


@dataclass(frozen=True, eq=False)
class Piece:
    """One connected piece of a region: rings of shape (k, 2) in the axes' units, first point repeated at the end."""

    outer: FloatArray
    holes: tuple[FloatArray, ...] = ()

    @property
    def rings(self) -> tuple[FloatArray, ...]:
        """The outer ring, then the holes."""
        return (self.outer, *self.holes)

    @property
    def area(self) -> float:
        """Area without the holes, in the product of the axes' units."""
        return enclosed_area(self.rings)


@dataclass(frozen=True, eq=False)
class Region(Shown):
    """Where Delta chi2 <= `level` on a plane: closed pieces, possibly several, and warnings about them.

    Where the border was traced, its points lie within `error` of the true one, a fraction of each axis; where it was
    interpolated between points of a grid, that is None.
    """

    axes: tuple[str, str]
    cl: float
    dof: int
    level: float
    pieces: tuple[Piece, ...]
    warnings: tuple[str, ...] = ()
    error: float | None = None

    @property
    def area(self) -> float:
        """Area of all pieces together, in the product of the axes' units."""
        return sum(piece.area for piece in self.pieces)

    def area_error(self, axes: Sequence[Axis]) -> float | None:
        """Return how far the area may be off for `error` of a border that was traced over these axes; None if not."""
        if self.error is None:
            return None
        lengths = [float(np.ptp(axis.values)) for axis in axes]
        steps = [np.abs(np.diff(ring, axis=0)) for piece in self.pieces for ring in piece.rings]
        return sum(float(self.error * (step[:, 0] * lengths[1] + step[:, 1] * lengths[0]).sum()) for step in steps)

    def __repr__(self) -> str:
        return (
            f"Region({', '.join(self.axes)}: {percent(self.cl)} C.L., {self.dof} dof, delta chi2 <= {self.level:.3f}; "
            f"pieces: {len(self.pieces)}, warnings: {len(self.warnings)})"
        )


def region(grid: ReducedGrid, cl: float, dof: int = 2) -> Region:
    """Region of a plane that is allowed at confidence level `cl`, closed along the edges of the grid.

    `grid` has two axes; Delta chi2 counts from `grid.minimum`. The border is the one that was traced at this level, for
    two degrees of freedom, where there is one. Otherwise it is interpolated linearly in sqrt(Delta chi2),
    which is itself nearly linear beside a minimum or a band. Infinite chi2 counts as excluded; NaN as unknown: the
    cells around it are left out. Raises `InputError` for a bad `cl` or `dof`, a level
    above what the scan looked for or lost in the rounding of chi2, or a grid that is not a plane.
    """
    level = delta_chi2(cl, dof)
    caveats.check_shape(grid, 2)
    caveats.check_level(grid, cl, level)
    caveats.check_rounding(grid, f"{percent(cl)} region", level)
    border = next((each for each in grid.borders if abs(0.01 * each.confidence_level - cl) < _SAME_LEVEL), None)
    if border is not None and border.is_whole and dof == 2:
        return _traced(grid, border, cl, level)
    found = _interpolated(grid, cl, dof, level)
    if border is None or dof != 2:
        return found
    untraced = f"The border of the {percent(cl)} region could not be followed: it is interpolated between points."
    return replace(found, warnings=(*found.warnings, untraced))


def _traced(grid: ReducedGrid, border: Border, cl: float, level: float) -> Region:
    """Return the region within a border that was traced."""
    outer = [ring for ring in border.rings if signed_area(ring) > 0.0]
    holes: list[list[FloatArray]] = [[] for _ in outer]
    for ring in border.rings:
        if signed_area(ring) <= 0.0:
            around = [k for k, each in enumerate(outer) if is_within(ring, each)]
            if around:
                holes[min(around, key=lambda k: signed_area(outer[k]))].append(ring)
    name = f"{percent(cl)} region"
    warnings = caveats.unknown(grid) + caveats.rounded(grid, name, level)
    if not outer:
        warnings.append(caveats.empty(grid, name, level))
    points = np.concatenate([np.empty((0, 2)), *border.rings])
    for axis, x in zip(grid.axes, points.T, strict=True):
        touches = np.zeros(axis.values.size, dtype=np.bool_)
        touches[[0, -1]] = np.any(x == axis.values[0]), np.any(x == axis.values[-1])
        warnings += caveats.edges(axis, touches, name)
    pieces = tuple(Piece(ring, tuple(inner)) for ring, inner in zip(outer, holes, strict=True))
    names = grid.axes[0].name, grid.axes[1].name
    return Region(names, cl, 2, level, pieces, tuple(warnings), border.error)


def _interpolated(grid: ReducedGrid, cl: float, dof: int, level: float) -> Region:
    """Return the region whose border is interpolated between the points of a grid."""
    root = root_delta_chi2(grid, level)
    drawn, pieces = filled(grid.axes, root, math.sqrt(level))
    name = f"{percent(cl)} region"
    inside = root <= math.sqrt(level)
    warnings = caveats.unknown(grid) + caveats.rounded(grid, name, level)
    if not inside.any():
        warnings.append(caveats.empty(grid, name, level))
    for axis, other in zip(grid.axes, (1, 0), strict=True):
        warnings += caveats.edges(axis, np.any(inside, axis=other), name)
    if _borders_on_cut(grid, inside):
        warnings.append(caveats.cut(grid, name))
    warnings += resolution.narrow_pieces(drawn, grid.axes, name)
    return Region((grid.axes[0].name, grid.axes[1].name), cl, dof, level, pieces, tuple(warnings))


def filled(
    axes: Sequence[Axis], heights: FloatArray, highest: float
) -> tuple[list[tuple[FloatArray, ...]], tuple[Piece, ...]]:
    """Return where heights over two axes are not above the highest: rings by grid index, and pieces.

    Heights are interpolated linearly; NaN is unknown.
    """
    from contourpy import FillType, contour_generator

    generator = contour_generator(z=np.ma.masked_invalid(heights.T), fill_type=FillType.OuterOffset)
    # One (points, offsets) pair per piece: points[offsets[i]:offsets[i + 1]] is ring i, and ring 0 the outer one.
    drawn = []
    for points, offsets in zip(*generator.filled(-np.inf, highest), strict=True):
        rings = tuple(np.asarray(points[a:b], dtype=np.float64) for a, b in pairwise(offsets))
        if enclosed_area(rings) > 0.0:
            drawn.append(rings)
    placed = [[np.column_stack([_value(a, i) for a, i in zip(axes, ring.T, strict=True)]) for ring in d] for d in drawn]
    return drawn, tuple(Piece(outer, tuple(holes)) for outer, *holes in placed)


def _borders_on_cut(grid: ReducedGrid, inside: NDArray[np.bool_]) -> bool:
    """Whether chi2 was not looked for at a point beside one that is allowed, also diagonally."""
    if not math.isfinite(grid.delta_chi2_max):
        return False
    near = inside
    for axis in (0, 1):
        padded = np.pad(near, [(int(axis == a),) * 2 for a in (0, 1)])
        n = near.shape[axis]
        near = np.logical_or.reduce([padded.take(range(i, i + n), axis) for i in range(3)])
    return bool(np.any(near & (grid.chi2 == np.inf)))


def _value(axis: Axis, index: FloatArray) -> FloatArray:
    """Axis values at fractional grid indices."""
    nodes = np.arange(axis.values.size)
    if axis.is_log_spaced:
        values: FloatArray = np.exp(np.interp(index, nodes, np.log(axis.values)))
        # exp(log(x)) is not x, and a border along the grid's edge is known by lying on it
        on_edge = (index == 0.0) | (index == nodes[-1])
        return np.where(on_edge, axis.values[np.where(index == 0.0, 0, -1)], values)
    return np.interp(index, nodes, axis.values)
