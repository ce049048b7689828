"""Allowed regions of two parameters at a confidence level, from chi2 over two axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import ReducedGrid
from scanengine.grid.shown import Shown
from scanengine.inference import caveats, resolution
from scanengine.inference.levels import delta_chi2, percent, root_delta_chi2
from scanengine.inference.rings import enclosed_area


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
    """Where Delta chi2 <= `level` on a plane: closed pieces, possibly several, and warnings about them."""

    axes: tuple[str, str]
    cl: float
    dof: int
    level: float
    pieces: tuple[Piece, ...]
    warnings: tuple[str, ...] = ()

    @property
    def area(self) -> float:
        """Area of all pieces together, in the product of the axes' units."""
        return sum(piece.area for piece in self.pieces)

    def __repr__(self) -> str:
        return (
            f"Region({', '.join(self.axes)}: {percent(self.cl)} C.L., {self.dof} dof, delta chi2 <= {self.level:.3f}; "
            f"pieces: {len(self.pieces)}, warnings: {len(self.warnings)})"
        )


def region(grid: ReducedGrid, cl: float, dof: int = 2) -> Region:
    """Region of a plane that is allowed at confidence level `cl`, closed along the edges of the grid.

    `grid` has two axes; Delta chi2 counts from `grid.minimum`. The border is interpolated linearly in sqrt(Delta chi2),
    which is itself nearly linear beside a minimum or a band. Infinite chi2 counts as excluded; NaN as unknown: the
    cells around it are left out. Raises `InputError` for a bad `cl` or `dof`, a level
    above what the scan looked for or lost in the rounding of chi2, or a grid that is not a plane.
    """
    level = delta_chi2(cl, dof)
    caveats.check_shape(grid, 2)
    caveats.check_level(grid, cl, level)
    caveats.check_rounding(grid, f"{percent(cl)} region", level)
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
