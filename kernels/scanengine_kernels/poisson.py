"""chi2 of a Poisson likelihood on a tensor grid: per bin and point a quadratic, which is the count, and a logarithm.

The counts are contracted variable by variable, all bins side by side, down to a line along the last one. There they are
evaluated in blocks of eight points, relative to the data, x = N / n - 1: chi2 = 2 sum n (x - ln(1 + x)) is the form of
S. Baker and R. D. Cousins, Nucl. Instrum. Meth. 221, 437 (1984), 2 sum (N - n + n ln(n / N)), without its cancellation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scanengine_kernels._jit import jit
from scanengine_kernels._log import where_positive, x_minus_log1p
from scanengine_kernels._simd import LANES, fma, load, maximum, minimum, splat, store
from scanengine_kernels.grids import Grid, Polynomials
from scanengine_kernels.polynomial import contraction, go_to_line


@jit
def fill_line(
    quadratics: NDArray[np.float64], weights: NDArray[np.float64], x: NDArray[np.float64], row: NDArray[np.float64]
) -> None:
    """Set row to chi2 at x, both of whole blocks; the first of quadratics (3, bins + 1 or more) are x of each bin.

    weights (bins,) are 2 n; the quadratic after those of the bins is added as it is. Where a count is zero, or below
    by rounding, chi2 is infinite.
    """
    bins = weights.size
    for first in range(0, x.size, LANES):
        t = load(x, first)
        chi2 = maximum(fma(t, fma(t, quadratics[2, bins], quadratics[1, bins]), quadratics[0, bins]), 0.0)
        least = splat(1.0)
        for b in range(bins):
            excess = fma(t, fma(t, quadratics[2, b], quadratics[1, b]), quadratics[0, b])
            ratio = excess + 1.0
            least = minimum(ratio, least)
            chi2 = fma(weights[b], x_minus_log1p(excess, ratio), chi2)
        store(row, first, where_positive(least, chi2, np.inf))


@jit
def fill_poisson(quadratics: Polynomials, weights: NDArray[np.float64], grid: Grid, chi2: NDArray[np.float64]) -> None:
    """Fill chi2 (lines, shape[-1]) on a tensor grid.

    quadratics, bins + 1 of them rounded up to whole blocks, and weights (bins,) are those of `fill_line`.
    """
    lines = contraction(quadratics, grid)
    on_line, row = lines.levels[grid.shape.size - 1], np.empty(lines.x.size)
    for line in range(chi2.shape[0]):
        go_to_line(lines, line)
        fill_line(on_line, weights, lines.x, row)
        chi2[line] = row[: chi2.shape[1]]
