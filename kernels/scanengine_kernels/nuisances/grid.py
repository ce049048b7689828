"""chi2 minimised over nuisances on a tensor grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, fma, load, store
from scanengine_kernels.grids import Grid, Polynomials
from scanengine_kernels.nuisances.kinks import minimise_everywhere
from scanengine_kernels.nuisances.pulls import Nuisances
from scanengine_kernels.nuisances.room import new_room
from scanengine_kernels.nuisances.rows import RowWeights
from scanengine_kernels.polynomial import contraction, go_to_line


@jit
def fill_profiled(
    quadratics: Polynomials,
    rows: RowWeights,
    nuisances: Nuisances,
    grid: Grid,
    chi2: NDArray[np.float64],
) -> None:
    """Fill chi2 (lines, shape[-1]) on a tensor grid.

    quadratics are the templates, each of all rows. Every point is begun from the minima of the two before it on its
    line, every line from the one before.
    """
    K = nuisances.below.size
    number = rows.seen + rows.empty + rows.gaussian
    columns = quadratics.coefficients.shape[1] // max(number, 1)
    templates = np.empty((columns, number))
    room = new_room(number, K)
    lines = contraction(quadratics, grid)
    x, level, size = lines.x, lines.levels[grid.shape.size - 1], columns * number
    line_start, before, z, start = np.zeros(K), np.zeros(K), np.zeros(K), np.zeros(K)
    for line in range(chi2.shape[0]):
        go_to_line(lines, line)
        for point in range(chi2.shape[1]):
            t = x[point]
            for q in range(0, size, LANES):
                value = fma(t, fma(t, load(level, 2 * size + q), load(level, size + q)), load(level, q))
                store(templates, q, value)
            if point == 0:
                start[:] = line_start
            elif point == 1:
                start[:] = z
            else:
                ratio = (t - x[point - 1]) / (x[point - 1] - x[point - 2])
                for k in range(K):
                    start[k] = z[k] + ratio * (z[k] - before[k])
            before[:] = z
            z[:] = start
            chi2[line, point] = minimise_everywhere(rows, nuisances, templates, z, room)
            if point == 0:
                line_start[:] = z
