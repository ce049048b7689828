"""chi2 minimised over nuisances on a tensor grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels._simd import LANES, fma, load, store
from scanengine_kernels.nuisances.kinks import minimise_everywhere
from scanengine_kernels.nuisances.pulls import Nuisances
from scanengine_kernels.nuisances.room import new_room
from scanengine_kernels.nuisances.rows import RowWeights
from scanengine_kernels.polynomial import contraction, go_to_line


@jit
def fill_profiled(
    quadratics: NDArray[np.float64],
    rows: RowWeights,
    nuisances: Nuisances,
    starts: NDArray[np.int64],
    groups: NDArray[np.int64],
    shape: NDArray[np.int64],
    values: NDArray[np.float64],
    chi2: NDArray[np.float64],
) -> None:
    """Fill chi2 (lines, shape[-1]) on the tensor grid of values (axes, longest): values[a, :shape[a]] of variable a.

    quadratics (monomials of degree two, templates times rows) have starts and groups as in `polynomial`. Every point is
    begun from the minima of the two before it on its line, every line from the one before.
    """
    n = shape.size
    K = nuisances.below.size
    number = rows.seen + rows.empty + rows.gaussian
    columns = quadratics.shape[1] // max(number, 1)
    templates = np.empty((columns, number))
    room = new_room(number, K)
    lines = contraction(quadratics, starts, groups, shape, values)
    level, size = lines.levels[n - 1], columns * number
    line_start, before, z, start = np.zeros(K), np.zeros(K), np.zeros(K), np.zeros(K)
    x = values[n - 1]
    for line in range(chi2.shape[0]):
        go_to_line(lines, line)
        for point in range(shape[n - 1]):
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
