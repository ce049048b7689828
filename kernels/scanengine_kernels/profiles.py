"""Reduce tiles of a chi2 grid, while they are in cache, to minima over planes and lines and to the global minimum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit, jit_inline
from scanengine_kernels._simd import LANES, load, lowest, minimum, splat, store
from scanengine_kernels.grids import LineMinima, PlaneMinima


@jit
def lower(minima: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    """Set minima to the element-wise minimum of itself and row, passing over NaN in row."""
    blocks = row.size - row.size % LANES
    for i in range(0, blocks, LANES):
        store(minima, i, minimum(load(row, i), load(minima, i)))
    for i in range(blocks, row.size):
        if row[i] < minima[i]:
            minima[i] = row[i]


@jit_inline
def lower_run(minima: NDArray[np.float64], first: int, row: NDArray[np.float64]) -> None:
    """Do as `lower` with as many of minima as there are in the row, from the first on."""
    lower(minima[first : first + row.size], row)


@jit_inline
def place_in_plane(minima: PlaneMinima, a: int, b: int, index: NDArray[np.int64]) -> int:
    """Return where in minima.values the plane of axes a < b has the point of the grid with an index (axes,)."""
    return minima.offsets[a, b] + index[a] * minima.grid_shape[b] + index[b]


@jit
def smallest(row: NDArray[np.float64]) -> float:
    """Return min(row), passing over NaN; inf if there is nothing else."""
    block = splat(np.inf)
    blocks = row.size - row.size % LANES
    for i in range(0, blocks, LANES):
        block = minimum(load(row, i), block)
    least = lowest(block)
    for i in range(blocks, row.size):
        if row[i] < least:
            least = row[i]
    return least


@jit
def place_of(row: NDArray[np.float64], least: float) -> int:
    """Return the first index at which row is its smallest number; what argmin gives is NaN's place, if there is one."""
    for i in range(row.size):
        if row[i] <= least:
            return i
    return 0


@jit
def reduce_tile(
    chi2: NDArray[np.float64],
    shape: NDArray[np.int64],
    start: NDArray[np.int64],
    planes: PlaneMinima,
    lines: LineMinima,
    best: float,
    best_index: NDArray[np.int64],
) -> float:
    """Lower planes and lines to a tile's chi2 (rows, shape[-1]); return the lowest chi2 of this and earlier tiles.

    The tile's first point has the index start (axes,) in their grid. An empty array of planes asks for none. Of the
    lines over single axes only the last two are lowered: with three axes or more the planes hold the others. The place
    of the minimum goes to best_index (axes,); of equal minima the first is kept.

    The tile is worked off in blocks over its last two axes (y, x): a block is reduced to its minima over y, over x and
    over both, and only those are carried to the planes that the outer axes span.
    """
    n = shape.size
    length = shape[n - 1]
    rows = shape[n - 2] if n > 1 else 1
    over_y, over_x = np.empty(length), np.empty(rows)
    index, on_planes, on_lines = start.copy(), planes.values, lines.values
    for block in range(chi2.shape[0] // rows):
        rest = block
        for axis in range(n - 3, -1, -1):
            index[axis] = start[axis] + rest % shape[axis]
            rest //= shape[axis]
        over_y[:] = np.inf
        for y in range(rows):
            row = chi2[block * rows + y]
            over_x[y] = smallest(row)
            lower(over_y, row)
            if n > 1 and on_planes.size > 0:
                index[n - 2] = start[n - 2] + y
                lower_run(on_planes, place_in_plane(planes, n - 2, n - 1, index), row)
        least = smallest(over_x)
        lower_run(on_lines, lines.offsets[n - 1] + start[n - 1], over_y)
        if n > 1:
            index[n - 2] = start[n - 2]
            lower_run(on_lines, lines.offsets[n - 2] + start[n - 2], over_x)
        for a in range(n - 2):
            lower_run(on_planes, place_in_plane(planes, a, n - 1, index), over_y)
            lower_run(on_planes, place_in_plane(planes, a, n - 2, index), over_x)
            for b in range(a + 1, n - 2):
                cell = place_in_plane(planes, a, b, index)
                on_planes[cell] = min(on_planes[cell], least)
        if least < best:
            best = least
            y = place_of(over_x, least)
            best_index[:] = index
            if n > 1:
                best_index[n - 2] = start[n - 2] + y
            best_index[n - 1] = start[n - 1] + place_of(chi2[block * rows + y], least)
    return best
