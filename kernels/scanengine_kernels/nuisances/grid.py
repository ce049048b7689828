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
    varying: NDArray[np.int64],
    constant: NDArray[np.float64],
    rows: RowWeights,
    nuisances: Nuisances,
    grid: Grid,
    chi2: NDArray[np.float64],
) -> None:
    """Fill chi2 (lines, shape[-1]) on a tensor grid.

    quadratics are the templates of these numbers, `varying`, each of all rows; `constant` (templates, rows) has those
    that are the same everywhere. Every point is begun from the minima of the three before it on its line, every line
    from the one before.
    """
    K = nuisances.below.size
    number = rows.seen + rows.empty + rows.gaussian
    templates = constant.copy()
    room = new_room(number, K)
    lines = contraction(quadratics, grid)
    x, level, size = lines.x, lines.levels[grid.shape.size - 1], varying.size * number
    line_start, earlier, before, z, start = np.zeros(K), np.zeros(K), np.zeros(K), np.zeros(K), np.zeros(K)
    for line in range(chi2.shape[0]):
        go_to_line(lines, line)
        for point in range(chi2.shape[1]):
            t = x[point]
            for v in range(varying.size):
                q, to = v * number, varying[v] * number
                for r in range(0, number, LANES):
                    bent = fma(t, load(level, 2 * size + q + r), load(level, size + q + r))
                    store(templates, to + r, fma(t, bent, load(level, q + r)))
            if point == 0:
                start[:] = line_start
            elif point == 1:
                start[:] = z
            else:
                a, b, c = x[max(point - 3, 0)], x[point - 2], x[point - 1]
                first, second, third = 0.0, (t - c) / (b - c), (t - b) / (c - b)
                if point > 2:
                    first = (t - b) * (t - c) / ((a - b) * (a - c))
                    second, third = second * (t - a) / (b - a), third * (t - a) / (c - a)
                for k in range(K):
                    start[k] = first * earlier[k] + second * before[k] + third * z[k]
            earlier[:] = before
            before[:] = z
            z[:] = start
            chi2[line, point] = minimise_everywhere(rows, nuisances, templates, z, room)
            if point == 0:
                line_start[:] = z
