"""Reduce tiles of a chi2 grid, while they are in cache, to minima over planes and lines and to the global minimum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, load, lowest, minimum, splat, store


@jit
def lower(minima: NDArray[np.float64], row: NDArray[np.float64]) -> None:
    """Set minima to the element-wise minimum of itself and row, passing over NaN in row."""
    blocks = row.size - row.size % LANES
    for i in range(0, blocks, LANES):
        store(minima, i, minimum(load(row, i), load(minima, i)))
    for i in range(blocks, row.size):
        if row[i] < minima[i]:
            minima[i] = row[i]


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
    grid_shape: NDArray[np.int64],
    plane_offsets: NDArray[np.int64],
    planes: NDArray[np.float64],
    line_offsets: NDArray[np.int64],
    lines: NDArray[np.float64],
    best: float,
    best_index: NDArray[np.int64],
) -> float:
    """Lower planes and lines to a tile's chi2 (rows, shape[-1]); return the lowest chi2 of this and earlier tiles.

    The tile's first point has index start (axes,) in the grid of grid_shape (axes,). The plane of axes a < b lies in
    the flat array planes from plane_offsets[a, b] on, b fastest; an empty array asks for none. Of the lines over single
    axes only the last two are lowered, in lines from line_offsets[a] on: with three axes or more the planes hold the
    others. The place of the minimum goes to best_index (axes,); of equal minima the first is kept.

    The tile is worked off in blocks over its last two axes (y, x): a block is reduced to its minima over y, over x and
    over both, and only those are carried to the planes that the outer axes span.
    """
    n = shape.size
    length = shape[n - 1]
    rows = shape[n - 2] if n > 1 else 1
    over_y, over_x = np.empty(length), np.empty(rows)
    index = start.copy()
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
            if n > 1 and planes.size > 0:
                first = plane_offsets[n - 2, n - 1] + (start[n - 2] + y) * grid_shape[n - 1] + start[n - 1]
                lower(planes[first : first + length], row)
        least = smallest(over_x)
        first = line_offsets[n - 1] + start[n - 1]
        lower(lines[first : first + length], over_y)
        if n > 1:
            first = line_offsets[n - 2] + start[n - 2]
            lower(lines[first : first + rows], over_x)
        for a in range(n - 2):
            first = plane_offsets[a, n - 1] + index[a] * grid_shape[n - 1] + start[n - 1]
            lower(planes[first : first + length], over_y)
            first = plane_offsets[a, n - 2] + index[a] * grid_shape[n - 2] + start[n - 2]
            lower(planes[first : first + rows], over_x)
            for b in range(a + 1, n - 2):
                cell = plane_offsets[a, b] + index[a] * grid_shape[b] + index[b]
                planes[cell] = min(planes[cell], least)
        if least < best:
            best = least
            y = place_of(over_x, least)
            if n > 1:
                index[n - 2] = start[n - 2] + y
            index[n - 1] = start[n - 1] + place_of(chi2[block * rows + y], least)
            best_index[:] = index
    return best
