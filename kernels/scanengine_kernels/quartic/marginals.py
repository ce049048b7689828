"""Sums of exp(-chi2 / 2) over a tile whose chi2 is not kept: only planes that matter are evaluated a second time."""

from __future__ import annotations

import numpy as np

from scanengine_kernels._jit import jit
from scanengine_kernels.grids import NEGLIGIBLE, NO_TERMS, Grid, PlaneMinima, Tables, TilePlace, Weights
from scanengine_kernels.marginals import first_exponent, room_for, sum_block
from scanengine_kernels.profiles import smallest
from scanengine_kernels.quartic.grid import fill_quartic
from scanengine_kernels.quartic.profiles import reduce_and_note
from scanengine_kernels.quartic.squares import Squares
from scanengine_kernels.quartic.volumes import volumes_of


@jit
def reduce_and_sum_quartic(
    squares: Squares,
    grid: Grid,
    minima: PlaneMinima,
    at: TilePlace,
    weights: Weights,
    reference: float,
    tables: Tables,
) -> tuple[float, int, int]:
    """Do as `reduce_quartic`, and set tables as `marginals.sum_tile` does; return the exponent of their terms, too."""
    n = grid.shape.size
    depth, block = grid.shape[n - 3], grid.shape[n - 2] * grid.shape[n - 1]
    volumes = volumes_of(grid, 0)
    on_planes = np.empty(volumes * depth)
    lowest, plane = reduce_and_note(squares, grid, at.start, minima, on_planes)
    least = smallest(on_planes)
    exponent = first_exponent(least, reference)
    if exponent == NO_TERMS:
        return lowest, plane, exponent
    highest = min(reference, least) + NEGLIGIBLE
    over, index = room_for(at), np.zeros(n - 2, dtype=np.int64)
    part = Grid(grid.shape.copy(), grid.values.copy())
    part.shape[: n - 3] = 1
    chi2 = np.empty(depth * block)
    for volume in range(volumes):
        first, last = depth, -1
        for k in range(depth):
            if on_planes[volume * depth + k] < highest:
                first, last = min(first, k), k
        if last < 0:
            continue
        rest = volume
        for axis in range(n - 4, -1, -1):
            index[axis] = rest % grid.shape[axis]
            rest //= grid.shape[axis]
            part.values[axis, 0] = grid.values[axis, index[axis]]
        number = last + 1 - first
        part.shape[n - 3] = number
        part.values[n - 3, :number] = grid.values[n - 3, first : last + 1]
        fill_quartic(squares, part, False, chi2[: number * block])
        for k in range(number):
            index[n - 3] = first + k
            sum_block(chi2, k * block, at, index, weights, highest, exponent, tables, over)
    return lowest, plane, exponent
